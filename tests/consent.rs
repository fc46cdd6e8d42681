//! The ledger of consent: append-only, verifiable, and yet able to forget.

mod tampering;

use self::tampering::{REFUSED, add_unlinked_entries, disarm, remove_entry, tampers};
use crate::support::{Engine, TestApp, on_both_engines};
use daily::{
    actions::privacy::verify_consent::{Verdict, link_consent, verify_consent},
    db::subscribers,
};
use tokio_util::sync::CancellationToken;

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";

/// Returns an app with two readers who have unsubscribed: entries 1, 2 and 3 are Ann's, the next three are Ben's.
async fn two_have_left(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    for address in [ANN, BEN] {
        app.reader(address).await.unsubscribes().await;
    }
    app
}

async fn verdict(app: &TestApp) -> Verdict {
    verify_consent(&app.app.db).await.unwrap()
}

on_both_engines!(
    every_entry_is_linked_and_has_its_address_and_email,
    changes_to_the_ledger_are_refused_or_found_out,
    personal_data_can_be_erased_and_the_chain_holds,
    entries_added_in_bulk_are_linked_later,
);

async fn every_entry_is_linked_and_has_its_address_and_email(engine: Engine) {
    let app = two_have_left(engine).await;
    let found = verdict(&app).await;
    assert_eq!(
        (found.verified, found.subscriptions, found.unlinked, found.broken, found.erased),
        (6, 2, 0, 0, 0)
    );
    assert_eq!(verdict(&app).await.digest, found.digest, "the same ledger, the same digest");
    let ledger = app.store().await.ledger().await;
    let rows: Vec<_> =
        ledger.iter().map(|it| (it.kind.as_str(), it.address.as_deref(), it.confirmation_id)).collect();
    let ann = Some(ANN);
    assert_eq!(
        rows[..3],
        [("requested", ann, Some(1)), ("confirmed", ann, Some(1)), ("unsubscribed", ann, None)]
    );
    app.sign_up("cas@example.org").await;
    app.signups_taken().await;
    assert_ne!(verdict(&app).await.digest, found.digest);
}

async fn changes_to_the_ledger_are_refused_or_found_out(engine: Engine) {
    let app = two_have_left(engine).await;
    let store = app.store().await;
    for refused in REFUSED {
        let error = store.try_to(refused).await.unwrap_err();
        assert!(error.contains("append-only"), "{refused}: {error}");
    }
    disarm(store).await;
    let ben = app.visitor(BEN).subscription().await.id.0;
    for (done, undone, first) in tampers(ben) {
        store.execute(&done).await;
        let found = verdict(&app).await;
        let broken = found.first_broken.unwrap_or_else(|| panic!("not found out: {done}"));
        assert_eq!(
            (broken.event, broken.subscription, found.broken),
            (first, ben, 1),
            "{done}: {}",
            broken.problem
        );
        store.execute(&undone).await;
        assert_eq!(verdict(&app).await.broken, 0, "{undone}");
    }
    let daily = app.program();
    let whole = daily.run(&["consent", "verify"]).await;
    assert!(whole.code == 0 && whole.stdout.contains("6 entries of 2 subscriptions"), "{whole:?}");
    remove_entry(store, 5).await;
    let ended = daily.run(&["--json", "consent", "verify"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.stderr.contains("the first is entry 6 of subscription") && ended.stderr.contains("was removed"),
        "{ended:?}"
    );
    let told = ended.json();
    assert_eq!((&told["broken"], &told["first_broken"]["event"]), (&1.into(), &6.into()));
}

async fn personal_data_can_be_erased_and_the_chain_holds(engine: Engine) {
    let app = two_have_left(engine).await;
    let ann = app.visitor(ANN);
    let digest = verdict(&app).await.digest;
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::erase_evidence(&mut tx, ann.subscription().await.id).await.unwrap();
    tx.commit().await.unwrap();
    let found = verdict(&app).await;
    assert_eq!((found.verified, found.erased, found.broken), (6, 3, 0));
    assert_eq!(found.digest, digest, "a digest that was written down before is still right");
    let ledger = ann.ledger().await;
    assert!(
        ledger
            .iter()
            .all(|it| it.client_address.is_none() && it.user_agent.is_none() && it.source_url.is_none())
    );
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed", "unsubscribed"]);
    tampering::restore_erased_data(app.store().await, 2).await;
    assert_eq!(
        verdict(&app).await.first_broken.map(|it| (it.event, it.problem)),
        Some((2, "what was erased is there again"))
    );
}

async fn entries_added_in_bulk_are_linked_later(engine: Engine) {
    let app = TestApp::start(engine).await;
    let readers = app.readers(600, "example.org").await;
    let store = app.store().await;
    add_unlinked_entries(store).await;
    assert_eq!((verdict(&app).await.unlinked, verdict(&app).await.verified), (1200, 0));
    // Unsubscribing before the links are made links the reader's earlier entries, too.
    app.visitor(&readers[5]).unsubscribes().await;
    assert_eq!((verdict(&app).await.unlinked, verdict(&app).await.verified), (1198, 3));
    // A worker that is asked to stop links no more.
    let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
    stopped.cancel();
    assert_eq!(link_consent(&app.app.actions, &stopped).await.unwrap(), 0);
    assert_eq!(link_consent(&app.app.actions, &stop).await.unwrap(), 1198);
    assert_eq!(link_consent(&app.app.actions, &stop).await.unwrap(), 0);
    let found = verdict(&app).await;
    assert_eq!((found.verified, found.subscriptions, found.unlinked, found.broken), (1201, 600, 0, 0));
    assert_eq!(store.rows_in("consent_backlog").await, 0);
}
