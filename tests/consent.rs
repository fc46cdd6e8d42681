//! The consent ledger is append-only and verifiable, but allows erasure.

use crate::support::{Engine, TestApp, on_both_engines};
use daily::{actions::privacy::verify_consent::link_consent, db::subscribers};
use tokio_util::sync::CancellationToken;

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";

/// Returns an app with two readers who have unsubscribed: entries 1, 2 and 3 are Ann's, the next three are
/// Ben's.
async fn two_have_unsubscribed(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    for address in [ANN, BEN] {
        app.reader(address).await.unsubscribes().await;
    }
    app
}

on_both_engines!(
    every_entry_is_linked_and_has_its_address_and_email,
    changes_to_the_ledger_are_refused_or_found_out,
    an_entry_that_was_slipped_in_is_found_for_ever,
    personal_data_can_be_erased_and_the_chain_holds,
    entries_added_in_bulk_are_linked_later,
);

async fn every_entry_is_linked_and_has_its_address_and_email(engine: Engine) {
    let app = two_have_unsubscribed(engine).await;
    let found = app.verify_ledger().await;
    assert_eq!(
        (found.verified, found.subscriptions, found.unlinked, found.broken, found.erased),
        (6, 2, 0, 0, 0)
    );
    assert_eq!(app.verify_ledger().await.digest, found.digest, "the same ledger, the same digest");
    let ledger = app.store().await.ledger().await;
    let rows: Vec<_> =
        ledger.iter().map(|it| (it.kind.as_str(), it.address.as_deref(), it.confirmation_id)).collect();
    let ann = Some(ANN);
    assert_eq!(
        rows[..3],
        [("requested", ann, Some(1)), ("confirmed", ann, Some(1)), ("unsubscribed", ann, None)]
    );
    app.sign_up("cas@example.org").await;
    app.wait_for_signups().await;
    assert_ne!(app.verify_ledger().await.digest, found.digest);
}

async fn changes_to_the_ledger_are_refused_or_found_out(engine: Engine) {
    let app = two_have_unsubscribed(engine).await;
    let store = app.store().await;
    for (change, answer) in store.tamper_with_ledger().await {
        let error = answer.unwrap_err();
        assert!(error.contains("append-only"), "{change}: {error}");
    }
    store.disarm_ledger().await;
    let ben = app.visitor(BEN).subscription().await.id.0;
    for (entry, column, wrong, right) in [
        (4, "method", Some("json"), Some("form")),
        (5, "kind", Some("requested"), Some("confirmed")),
        (4, "confirmation_id", Some("9"), Some("2")),
        (6, "address", Some("eve@example.org"), Some(BEN)),
        (5, "client_address", None, Some("127.0.0.1")),
        (5, "subscription_id", Some("1"), Some(ben.to_string().as_str())),
    ] {
        store.set_in_ledger(entry, column, wrong).await;
        let found = app.verify_ledger().await;
        let broken = found.first_broken.unwrap_or_else(|| panic!("not found out: {column}"));
        assert_eq!(
            (broken.event, broken.subscription, found.broken),
            (entry, ben, 1),
            "{column}: {}",
            broken.problem
        );
        store.set_in_ledger(entry, column, right).await;
        assert_eq!(app.verify_ledger().await.broken, 0, "{column}");
    }
    let daily = app.program();
    let whole = daily.run(&["consent", "verify"]).await;
    assert!(whole.code == 0 && whole.stdout.contains("6 entries of 2 subscriptions"), "{whole:?}");
    store.remove_from_ledger(5).await;
    let ended = daily.run(&["--json", "consent", "verify"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.stderr.contains("the first is entry 6 of subscription") && ended.stderr.contains("was removed"),
        "{ended:?}"
    );
    let told = ended.json();
    assert_eq!((&told["broken"], &told["first_broken"]["event"]), (&1.into(), &6.into()));
}

async fn an_entry_that_was_slipped_in_is_found_for_ever(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let subscription = ann.subscription().await.id.0;
    app.store().await.slip_into_ledger(subscription).await;
    let found = app.verify_ledger().await;
    let broken = found.first_broken.expect("it is found");
    assert_eq!((broken.event, broken.subscription, found.broken, found.unlinked), (3, subscription, 1, 0));
    // Neither a later entry nor an import of others gives it a link.
    ann.unsubscribes().await;
    let stop = CancellationToken::new();
    link_consent(&app.app.actions, &stop).await.unwrap();
    let found = app.verify_ledger().await;
    assert_eq!((found.verified, found.broken, found.first_broken.map(|it| it.event)), (3, 1, Some(3)));
    let ended = app.program().run(&["consent", "verify"]).await;
    assert!(ended.code == 1 && ended.stderr.contains("no import added it"), "{ended:?}");
}

async fn personal_data_can_be_erased_and_the_chain_holds(engine: Engine) {
    let app = two_have_unsubscribed(engine).await;
    let ann = app.visitor(ANN);
    let digest = app.verify_ledger().await.digest;
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::erase_evidence(&mut tx, ann.subscription().await.id).await.unwrap();
    tx.commit().await.unwrap();
    let found = app.verify_ledger().await;
    assert_eq!((found.verified, found.erased, found.broken), (6, 3, 0));
    assert_eq!(found.digest, digest, "a digest that was written down before is still right");
    let ledger = ann.ledger().await;
    assert!(
        ledger
            .iter()
            .all(|it| it.client_address.is_none() && it.user_agent.is_none() && it.source_url.is_none())
    );
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed", "unsubscribed"]);
    let store = app.store().await;
    store.disarm_ledger().await;
    store.set_in_ledger(2, "client_address", Some("192.0.2.1")).await;
    assert_eq!(
        app.verify_ledger().await.first_broken.map(|it| (it.event, it.problem)),
        Some((2, "an erased part was restored"))
    );
}

async fn entries_added_in_bulk_are_linked_later(engine: Engine) {
    let app = TestApp::start(engine).await;
    let readers = app.readers(600, "example.org").await;
    let store = app.store().await;
    store.add_unlinked_entries().await;
    assert_eq!((app.verify_ledger().await.unlinked, app.verify_ledger().await.verified), (1200, 0));
    // An unsubscribe request before linking links the reader's earlier entries, too.
    app.visitor(&readers[5]).unsubscribes().await;
    assert_eq!((app.verify_ledger().await.unlinked, app.verify_ledger().await.verified), (1198, 3));
    // A worker that was asked to stop links no further entries.
    let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
    stopped.cancel();
    assert_eq!(link_consent(&app.app.actions, &stopped).await.unwrap(), 0);
    assert_eq!(link_consent(&app.app.actions, &stop).await.unwrap(), 1198);
    assert_eq!(link_consent(&app.app.actions, &stop).await.unwrap(), 0);
    let found = app.verify_ledger().await;
    assert_eq!((found.verified, found.subscriptions, found.unlinked, found.broken), (1201, 600, 0, 0));
    assert_eq!(store.rows_in("consent_backlog").await, 0);
}
