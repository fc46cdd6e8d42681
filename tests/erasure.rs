//! Data exports and erasure of readers.

use crate::support::{
    Engine, OPERATOR, TestApp, address, on_both_engines, reader::anything, rows::LedgerRow,
};
use daily::{
    actions::privacy::erase::{ErasureOutcome, erase},
    db::subscribers::data_export,
    domain::{
        import::Outcome,
        newsletter::parse_time_zone,
        subscriber::{preferences::Preferences, sections::Sections, subscription::SubscriptionStatus},
    },
};
use serde_json::Value;

const ANN: &str = "ann@example.org";

async fn held(app: &TestApp, text: &str) -> Option<Value> {
    let mut tx = app.app.db.read().await.unwrap();
    let export = data_export::read(&mut tx, &address(text), app.clock.now()).await.unwrap()?;
    Some(serde_json::from_str(&export.to_json().unwrap()).unwrap())
}

async fn forgotten(app: &TestApp, text: &str) -> ErasureOutcome {
    erase(&app.app.actions, &OPERATOR, &address(text)).await.unwrap()
}

/// Creates a reader with an issue, chosen preferences and a suppression. A relay's answer contains the
/// address.
async fn a_reader_with_a_past(app: &TestApp) {
    app.article("The bridge opens").await;
    let ann = app.visitor(ANN);
    ann.signs_up_with(&[("started", &app.form_token().await)]).await;
    ann.confirms().await;
    app.reader("bob@example.org").await;
    app.send_issue().await;
    app.store().await.set_relays_answer(ANN, "ok, ann@example.org").await;
    let preferences = Preferences {
        sections: Sections::parse("science").unwrap(),
        time_zone: parse_time_zone("Europe/Berlin").ok(),
        ..anything()
    };
    app.set_preferences(&app.newsletter().await, ANN, &preferences).await;
    app.suppress(ANN, "complained: says ann@example.org").await;
}

/// Imports a list with Ann in this status.
async fn import(app: &TestApp, status: &str) -> Outcome {
    let summary = app.import_list(&format!("email,status\nANN@example.org,{status}\n")).await;
    *summary.outcomes.keys().next().unwrap()
}

on_both_engines!(
    a_data_export_has_everything_about_a_reader,
    erasure_leaves_nothing_but_a_hash,
    an_import_does_not_bring_back_an_erased_reader_but_a_signup_does,
    erasure_waits_for_an_email_in_flight,
    an_unprocessed_signup_is_exported_and_erased,
    old_links_of_an_erased_reader_store_nothing,
);

async fn a_data_export_has_everything_about_a_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_reader_with_a_past(&app).await;
    let held = held(&app, "Ann@Example.org").await.unwrap();
    assert!(held["reader"][0]["first_seen_at"].is_string() && held["suppressions"][0]["reason"].is_string());
    let kinds = |part: &str| -> Vec<String> {
        let rows = held[part].as_array().unwrap();
        rows.iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("consent"), ["requested", "confirmed"]);
    assert!(held["consent"][0]["wording"].is_string());
    assert_eq!(held["confirmation_links"].as_array().unwrap().len(), 1);
    assert_eq!(held["issues"].as_array().unwrap().len(), 1);
    let issue = &held["issues"][0];
    assert_eq!((issue["issue_date"].as_str(), issue["status"].as_str()), (Some("2026-05-01"), Some("sent")));
    assert_eq!(kinds("other_emails"), ["confirmation"]);
    let told = held.to_string();
    assert!(!told.contains("bob"), "{told}");
    assert!(self::held(&app, "nobody@example.org").await.is_none());
}

async fn erasure_leaves_nothing_but_a_hash(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_reader_with_a_past(&app).await;
    assert_eq!(forgotten(&app, "nobody@example.org").await, ErasureOutcome::Unknown);
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Done);
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Unknown);
    assert!(held(&app, ANN).await.is_none());
    let store = app.store().await;
    assert_eq!(store.columns_naming("ann@").await, Vec::<String>::new());
    let of_bob = |it: &&LedgerRow| it.address.as_deref() == Some("bob@example.org");
    let ledger = store.ledger().await;
    assert_eq!(ledger.iter().filter(of_bob).filter(|it| it.client_address.is_some()).count(), 2);
    let of_ann: Vec<_> = ledger.iter().filter(|it| it.address.is_none()).map(|it| it.kind.as_str()).collect();
    assert_eq!(of_ann, ["requested", "confirmed", "unsubscribed"], "only that it happened is kept");
    assert!(ledger.iter().all(|it| it.address.is_some() || it.client_address.is_none()));
    let rows = store.subscriptions().await;
    assert!(rows.iter().all(|it| it.time_zone.is_none() && it.sections.is_empty()), "{rows:?}");
    assert_eq!(app.counts(app.latest_issue().await.id).await.sent, 2);
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Active));
    assert!(held(&app, "bob@example.org").await.is_some());
    // A complaint outlives the address.
    assert_eq!(app.suppressed(ANN).await.as_deref(), Some("complained"));
}

async fn an_import_does_not_bring_back_an_erased_reader_but_a_signup_does(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Done);
    for status in ["active", "unsubscribed", "bounced"] {
        assert_eq!(import(&app, status).await, Outcome::Forgotten);
    }
    assert!(held(&app, ANN).await.is_none());
    app.reader(ANN).await;
    assert_eq!(app.status_of(ANN).await, Some(SubscriptionStatus::Active));
    assert_eq!(import(&app, "active").await, Outcome::Known);
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Done);
}

async fn erasure_waits_for_an_email_in_flight(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_reader_with_a_past(&app).await;
    let store = app.store().await;
    store.set_deliveries("sending").await;
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::InFlight);
    // Unsubscribing counts nevertheless.
    assert_eq!(app.status_of(ANN).await, Some(SubscriptionStatus::Unsubscribed));
    store.set_deliveries("sent").await;
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Done);
}

async fn an_unprocessed_signup_is_exported_and_erased(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.store_signup(ANN, app.newsletter().await.id).await;
    let held = held(&app, ANN).await.unwrap();
    assert_eq!(held["signups_to_be_processed"][0]["client_address"], "192.0.2.1");
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Done);
    assert_eq!(app.store().await.rows_in("signups").await, 0);
}

async fn old_links_of_an_erased_reader_store_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let (confirm, leave, preferences) =
        (ann.confirmation_link(), ann.unsubscribe_link().await, ann.preferences().await);
    let id = ann.subscription().await.id;
    assert_eq!(forgotten(&app, ANN).await, ErasureOutcome::Done);
    let before = app.emails().len();
    assert_eq!(app.press(&format!("{confirm}/renew")).await.status, 404);
    assert_eq!(app.press(&confirm).await.status, 404);
    let reason = [("reason", "other"), ("remark", "I am Ann Smith")];
    for fields in [&[("List-Unsubscribe", "One-Click")][..], &reason[..]] {
        let page = app.submit(&leave, fields).await;
        assert!(page.status == 200 && !page.contains("invalid"), "{page}");
    }
    assert!(!app.page(&preferences).await.contains("invalid"));
    assert_eq!(app.sign_up(&format!("forgotten-{}@forgotten.invalid", id.0)).await.status(), 422);
    app.settle().await;
    assert_eq!(app.emails().len(), before);
    let store = app.store().await;
    assert_eq!(store.rows_in("unsubscribe_reasons").await, 0);
    assert!(store.ledger().await.iter().all(|it| it.client_address.is_none()));
    assert!(store.subscriptions().await.iter().all(|it| it.status != "pending"));
}
