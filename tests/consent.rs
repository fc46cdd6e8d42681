//! The ledger of consent: whole, verifiable, and still able to forget.

use crate::support::{Engine, app::TestApp, command::Environment, on_both_engines};
use daily::{
    actions::verify_consent::{Verdict, link_consent, verify_consent},
    db::{DatabaseUrl, Db, subscriptions},
    domain::{email_address::EmailAddress, ids::SubscriptionId, token::Purpose},
};
use tokio_util::sync::CancellationToken;

async fn id_of(app: &TestApp, address: &str) -> SubscriptionId {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap()[0].id
}

/// Signs up, confirms and leaves.
async fn comes_and_goes(app: &TestApp, address: &str) {
    app.reader(address).await;
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, id_of(app, address).await.0);
    assert_eq!(app.post(&format!("{}/unsubscribe/{token}", app.url)).await.status(), 200);
}

async fn verdict(app: &TestApp) -> Verdict {
    verify_consent(&app.app.db).await.unwrap()
}

/// What somebody with the database's password can do.
async fn run(app: &TestApp, statement: &str) -> Result<(), sqlx::Error> {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    match &app.app.db {
        Db::Sqlite { writer, .. } => sqlx::query(statement).execute(writer).await.map(drop),
        Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.map(drop),
    }
}

/// Takes away what keeps the tables append-only.
async fn disarm(app: &TestApp) {
    let statements: &[&str] = match app.app.db {
        Db::Sqlite { .. } => &[
            "DROP TRIGGER consent_events_are_not_changed",
            "DROP TRIGGER consent_events_are_not_removed",
            "DROP TRIGGER consent_chain_is_not_changed",
            "DROP TRIGGER consent_chain_is_not_removed",
        ],
        Db::Postgres(_) => &[
            "DROP TRIGGER consent_events_are_append_only ON consent_events",
            "DROP TRIGGER consent_chain_is_append_only ON consent_chain",
        ],
    };
    for statement in statements {
        run(app, statement).await.unwrap();
    }
}

on_both_engines!(
    every_entry_is_linked_and_says_which_address_and_which_mail,
    whoever_changes_the_ledger_is_found_out,
    what_is_personal_can_be_erased_and_the_chain_holds,
    entries_that_were_added_otherwise_get_their_links_later,
);

async fn every_entry_is_linked_and_says_which_address_and_which_mail(engine: Engine) {
    let app = TestApp::start(engine).await;
    comes_and_goes(&app, "ann@example.org").await;
    comes_and_goes(&app, "ben@example.org").await;
    let found = verdict(&app).await;
    assert_eq!(
        (found.verified, found.subscriptions, found.unlinked, found.broken, found.erased),
        (6, 2, 0, 0, 0)
    );
    assert_eq!(verdict(&app).await.digest, found.digest, "the same ledger, the same digest");
    let query = "SELECT kind, address, confirmation_id FROM consent_events ORDER BY id LIMIT 3";
    let rows: Vec<(String, Option<String>, Option<i64>)> = match &app.app.db {
        Db::Sqlite { writer, .. } => sqlx::query_as(query).fetch_all(writer).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(query).fetch_all(pool).await.unwrap(),
    };
    let ann = Some("ann@example.org".to_owned());
    assert_eq!(
        rows,
        [
            ("requested".into(), ann.clone(), Some(1)),
            ("confirmed".into(), ann.clone(), Some(1)),
            ("unsubscribed".into(), ann, None),
        ]
    );
    app.sign_up("cas@example.org").await;
    app.signups_taken().await;
    assert_ne!(verdict(&app).await.digest, found.digest);
}

async fn whoever_changes_the_ledger_is_found_out(engine: Engine) {
    let app = TestApp::start(engine).await;
    comes_and_goes(&app, "ann@example.org").await;
    comes_and_goes(&app, "ben@example.org").await;
    for refused in [
        "UPDATE consent_chain SET chain = ''",
        "UPDATE consent_chain SET salt = 'x'",
        "DELETE FROM consent_chain",
        "UPDATE consent_events SET client_address = '192.0.2.1'",
        "UPDATE consent_events SET address = NULL, client_address = NULL, user_agent = NULL, source_url = NULL, method = 'x'",
    ] {
        let error = run(&app, refused).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{refused}: {error}");
    }
    disarm(&app).await;
    let ben = id_of(&app, "ben@example.org").await.0;
    // What is done, how it is undone, and the entry that is named: 4, 5 and 6 are Ben's.
    let keep = "UPDATE consent_events SET";
    for (done, undone, first) in [
        (format!("{keep} method = 'json' WHERE id = 4"), format!("{keep} method = 'form' WHERE id = 4"), 4),
        (
            format!("{keep} kind = 'requested' WHERE id = 5"),
            format!("{keep} kind = 'confirmed' WHERE id = 5"),
            5,
        ),
        (
            format!("{keep} confirmation_id = 9 WHERE id = 4"),
            format!("{keep} confirmation_id = 2 WHERE id = 4"),
            4,
        ),
        (
            format!("{keep} address = 'eve@example.org' WHERE id = 6"),
            format!("{keep} address = 'ben@example.org' WHERE id = 6"),
            6,
        ),
        (
            format!("{keep} client_address = NULL WHERE id = 5"),
            format!("{keep} client_address = '127.0.0.1' WHERE id = 5"),
            5,
        ),
        (
            format!("{keep} subscription_id = 1 WHERE id = 5"),
            format!("{keep} subscription_id = {ben} WHERE id = 5"),
            5,
        ),
    ] {
        run(&app, &done).await.unwrap();
        let found = verdict(&app).await;
        let broken = found.first_broken.unwrap_or_else(|| panic!("not found out: {done}"));
        assert_eq!(
            (broken.event, broken.subscription, found.broken),
            (first, ben, 1),
            "{done}: {}",
            broken.problem
        );
        run(&app, &undone).await.unwrap();
        assert_eq!(verdict(&app).await.broken, 0, "{undone}");
    }
    let daily = match &app.app.settings.database {
        DatabaseUrl::Sqlite(_) => Environment::in_folder(app.app.settings.data_folder.as_path(), None),
        DatabaseUrl::Postgres(url) => {
            Environment::in_folder(app.app.settings.data_folder.as_path(), Some(url))
        }
    };
    let whole = daily.run(&["consent", "verify"]).await;
    assert!(whole.code == 0 && whole.stdout.contains("6 entries of 2 subscriptions"), "{whole:?}");
    run(&app, "DELETE FROM consent_chain WHERE event_id = 5").await.unwrap();
    run(&app, "DELETE FROM consent_events WHERE id = 5").await.unwrap();
    let ended = daily.run(&["--json", "consent", "verify"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.stderr.contains("the first is entry 6 of subscription") && ended.stderr.contains("was removed"),
        "{ended:?}"
    );
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&told["broken"], &told["first_broken"]["event"]), (&1.into(), &6.into()));
}

async fn what_is_personal_can_be_erased_and_the_chain_holds(engine: Engine) {
    let app = TestApp::start(engine).await;
    comes_and_goes(&app, "ann@example.org").await;
    comes_and_goes(&app, "ben@example.org").await;
    let id = id_of(&app, "ann@example.org").await;
    let digest = verdict(&app).await.digest;
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::erase_evidence(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    let found = verdict(&app).await;
    assert_eq!((found.verified, found.erased, found.broken), (6, 3, 0));
    assert_eq!(found.digest, digest, "a digest that was written down before is still right");
    let mut tx = app.app.db.read().await.unwrap();
    let history = subscriptions::consent_history(&mut tx, id).await.unwrap();
    assert!(
        history
            .iter()
            .all(|it| it.client_address.is_none() && it.user_agent.is_none() && it.source_url.is_none())
    );
    assert_eq!(
        history.iter().map(|it| it.kind.as_str()).collect::<Vec<_>>(),
        ["requested", "confirmed", "unsubscribed"]
    );
    drop(tx);
    disarm(&app).await;
    run(&app, "UPDATE consent_events SET client_address = '192.0.2.1' WHERE id = 2").await.unwrap();
    assert_eq!(
        verdict(&app).await.first_broken.map(|it| (it.event, it.problem)),
        Some((2, "what was erased is there again"))
    );
}

async fn entries_that_were_added_otherwise_get_their_links_later(engine: Engine) {
    let app = TestApp::start(engine).await;
    let readers = app.readers(600, "example.org").await;
    let at = match app.app.db {
        Db::Sqlite { .. } => "1700000000000000",
        Db::Postgres(_) => "TIMESTAMPTZ '2023-11-14'",
    };
    let import = format!(
        "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, source_url) \
         SELECT id, 'confirmed', {at}, 'import', 'https://old.example/list' FROM subscriptions"
    );
    run(&app, &import).await.unwrap();
    run(&app, &import).await.unwrap();
    let backlog =
        "INSERT INTO consent_backlog (after_event, up_to_event) SELECT 0, max(id) FROM consent_events";
    run(&app, backlog).await.unwrap();
    assert_eq!((verdict(&app).await.unlinked, verdict(&app).await.verified), (1200, 0));
    // Who leaves before the links are made gets the earlier ones, too.
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, id_of(&app, &readers[5]).await.0);
    assert_eq!(app.post(&format!("{}/unsubscribe/{token}", app.url)).await.status(), 200);
    assert_eq!((verdict(&app).await.unlinked, verdict(&app).await.verified), (1198, 3));
    // Who is asked to end does no more.
    let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
    stopped.cancel();
    assert_eq!(link_consent(&app.app.actions, &stopped).await.unwrap(), 0);
    assert_eq!(link_consent(&app.app.actions, &stop).await.unwrap(), 1198);
    assert_eq!(link_consent(&app.app.actions, &stop).await.unwrap(), 0);
    let found = verdict(&app).await;
    assert_eq!((found.verified, found.subscriptions, found.unlinked, found.broken), (1201, 600, 0, 0));
    assert_eq!(app.store().await.number("SELECT count(*) FROM consent_backlog").await, 0);
}
