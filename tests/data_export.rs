//! Data exports that readers request themselves.

use crate::support::{Engine, OPERATOR, TestApp, address, on_both_engines, reader::Reader};
use daily::{
    actions::privacy::erase::{ErasureOutcome, erase},
    db::subscribers::{self, data_export, requests},
    domain::{signup_wording::signup_wording, subscriber::request::RequestKind, token::Purpose},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Response;
use serde_json::{Value, json};

const ANN: &str = "ann@example.org";

/// Requests a data export on the preferences page.
async fn asks(ann: &Reader<'_>, app: &TestApp) -> Response {
    let answer = app.post_form(&ann.preferences().await, &[("do", "data_export")]).await;
    app.settle().await;
    answer
}

/// Returns the link in the latest email.
fn link(ann: &Reader<'_>) -> String {
    ann.last_email().link("/data-export/")
}

async fn forgets(app: &TestApp) {
    assert_eq!(erase(&app.app.actions, &OPERATOR, &address(ANN)).await.unwrap(), ErasureOutcome::Done);
}

/// Returns the data export of an address.
async fn export(app: &TestApp, of: &str) -> Value {
    let mut tx = app.app.db.read().await.unwrap();
    let export = data_export::read(&mut tx, &address(of), app.clock.now()).await.unwrap().unwrap();
    serde_json::from_str(&export.to_json().unwrap()).unwrap()
}

fn rows<'a>(held: &'a Value, part: &str) -> impl Iterator<Item = &'a Value> {
    held[part].as_array().unwrap().iter()
}

/// Creates a reader through our own form, whose consent wording is recorded.
async fn reader<'a>(app: &'a TestApp, address: &'a str) -> Reader<'a> {
    let reader = app.visitor(address);
    reader.signs_up_with(&[("started", &app.form_token().await)]).await;
    reader.confirms().await;
    reader
}

on_both_engines!(
    a_reader_gets_everything_by_a_link_and_a_button,
    an_export_is_sent_a_few_times_a_day_and_only_to_readers,
    an_unsubscribed_reader_gets_an_export_and_a_suppressed_one_no_email,
    an_export_for_an_unsubscribed_reader_uses_the_addresss_limit,
    an_export_says_how_each_end_was_confirmed_but_not_how_a_stranger_did,
    an_export_names_the_newsletter_and_wording_of_an_unprocessed_signup,
    an_export_holds_what_went_to_earlier_addresses,
    old_requests_are_deleted,
);

async fn a_reader_gets_everything_by_a_link_and_a_button(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    let ann = reader(&app, ANN).await;
    app.reader("bob@example.org").await;
    app.send_issue().await;
    ann.chooses(&[("cadence", "weekly"), ("language", "de")]).await;
    let answer = asks(&ann, &app).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Wir haben Ihnen eine E-Mail mit einem Link geschickt."));
    let mail = ann.last_email();
    assert!(
        mail.text().contains("Meine Daten herunterladen") && !mail.text().contains("/unsubscribe/"),
        "{}",
        mail.text()
    );
    let link = link(&ann);
    let shown = app.page(&link).await;
    assert!(
        shown.contains("Herunterladen") && !shown.contains("192.0.2") && !shown.contains("confirmed"),
        "{shown}"
    );
    let file = app.post(&link).await;
    assert_eq!(file.status(), 200);
    let header = |name: &str| file.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("content-disposition"), "attachment; filename=\"data-export.json\"");
    assert_eq!(header("cache-control"), "no-store");
    let text = file.text().await.unwrap();
    assert!(
        text.starts_with("{\n  \"address\": \"ann@example.org\",\n  \"exported_at\": \"2026-05-01T"),
        "{text}"
    );
    assert!(!text.contains("bob"), "{text}");
    let held: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(held["subscriptions"][0]["cadence"], "weekly");
    let methods: Vec<_> = rows(&held, "consent").map(|it| (&it["kind"], &it["method"])).collect();
    assert_eq!(methods, [(&json!("requested"), &json!("form")), (&json!("confirmed"), &json!("link"))]);
    let requested = &held["consent"][0];
    assert!(requested["wording"].is_string() && requested["wording_version"].is_i64(), "{requested}");
    assert_eq!(requested["confirmation_link"], held["confirmation_links"][0]["confirmation_link"]);
    let issue = &held["issues"][0];
    assert_eq!((&issue["issue_date"], &issue["attempts"]), (&json!("2026-05-01"), &json!(1)));
    for at in [&requested["occurred_at"], &issue["due_at"], &held["reader"][0]["first_seen_at"]] {
        assert!(at.as_str().unwrap().parse::<Timestamp>().is_ok(), "{at}");
    }
    assert_eq!(held["requests"][0]["kind"], "data_export");
    // The reader's own link works twice, for a day.
    assert_eq!(app.post(&link).await.status(), 200);
    app.clock.advance(SignedDuration::from_hours(24));
    for answer in [app.get(&link).await, app.post(&link).await] {
        assert_eq!(answer.status(), 410);
        assert!(answer.text().await.unwrap().contains("Dieser Link ist abgelaufen"));
    }
}

async fn an_export_is_sent_a_few_times_a_day_and_only_to_readers(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let before = ann.emails().len();
    for status in [200, 200, 200, 429, 429] {
        let answer = asks(&ann, &app).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
    }
    assert_eq!(ann.emails().len(), before + 3);
    app.clock.advance(SignedDuration::from_hours(9));
    assert_eq!(asks(&ann, &app).await.status(), 200);
    let keys = &app.app.subscription.keys;
    let wrong = [
        keys.sign(Purpose::Unsubscribe, 1),
        keys.sign(Purpose::NewAddress, 1),
        keys.sign(Purpose::DataExport, 999),
        "x".into(),
    ];
    for wrong in wrong {
        let url = format!("/data-export/{wrong}");
        assert_eq!((app.page(&url).await.status, app.press(&url).await.status), (404, 404));
    }
    let link = link(&ann);
    forgets(&app).await;
    assert_eq!(app.post(&link).await.status(), 404);
    assert_eq!(app.store().await.rows_in("reader_requests").await, 0);
}

async fn an_unsubscribed_reader_gets_an_export_and_a_suppressed_one_no_email(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let preferences = ann.preferences().await;
    ann.unsubscribes().await;
    let shown = ann.opens_preferences().await;
    assert!(shown.contains("You’re not subscribed") && shown.contains("value=\"data_export\""), "{shown}");
    let before = ann.emails().len();
    for (hours, status) in [(0, 200), (0, 429), (24, 429), (24 * 6, 200), (24 * 6, 429)] {
        app.clock.advance(SignedDuration::from_hours(hours));
        let answer = asks(&ann, &app).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
        let said = if status == 200 { "We’ve sent you an email" } else { "Too many requests" };
        assert!(answer.text().await.unwrap().contains(said));
    }
    assert_eq!(ann.emails().len(), before + 2);
    app.clock.advance(SignedDuration::from_hours(24));
    asks(&ann, &app).await;
    assert_eq!(ann.emails().len(), before + 3);
    let held: Value = serde_json::from_str(&app.press(&link(&ann)).await).unwrap();
    let left = rows(&held, "consent").last().unwrap();
    assert_eq!((&left["kind"], &left["method"]), (&json!("unsubscribed"), &json!("link")));
    // Other buttons of the page do nothing.
    assert!(ann.resumes().await.contains("You’re not subscribed"));
    // A suppressed address gets the same answer, but no email.
    app.clock.advance(SignedDuration::from_hours(24 * 7));
    app.suppress(ANN, "complained").await;
    assert!(asks(&ann, &app).await.text().await.unwrap().contains("We’ve sent you an email"));
    assert_eq!(ann.emails().len(), before + 3);
    forgets(&app).await;
    assert_eq!(app.submit(&preferences, &[("do", "data_export")]).await.status, 404);
}

async fn an_export_for_an_unsubscribed_reader_uses_the_addresss_limit(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.mails_per_address_per_day = 1).await;
    let ann = app.reader(ANN).await;
    ann.unsubscribes().await;
    let before = ann.emails().len();
    for (days, status, mails) in [(0, 429, 0), (1, 200, 1), (7, 200, 2)] {
        app.clock.advance(SignedDuration::from_hours(24 * days));
        assert_eq!(asks(&ann, &app).await.status(), status);
        assert_eq!(ann.emails().len(), before + mails);
        // The export has used up the limit, so a signup causes no email.
        ann.signs_up().await;
        assert_eq!(ann.emails().len(), before + mails);
    }
}

async fn an_export_says_how_each_end_was_confirmed_but_not_how_a_stranger_did(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = reader(&app, ANN).await;
    ann.asks_for_address("ann@example.net").await;
    app.visitor("ann@example.net").agrees_with("Stranger/1.0").await;
    let held = async || export(&app, ANN).await.to_string();
    let told = held().await;
    assert!(told.contains("ann@example.net") && !told.contains("Stranger/1.0"), "{told}");
    // The request is refused, so nothing about it is stored elsewhere.
    app.suppress("ann@example.net", "complained").await;
    ann.agrees_with("Mine/1.0").await;
    let told = held().await;
    assert!(told.contains("Mine/1.0") && !told.contains("Stranger/1.0"), "{told}");
    app.store().await.carry_out_requests().await;
    let told = held().await;
    assert!(told.contains("Mine/1.0") && told.contains("Stranger/1.0"), "{told}");
}

async fn an_export_names_the_newsletter_and_wording_of_an_unprocessed_signup(engine: Engine) {
    let app = TestApp::start(engine).await;
    let weekly = app.add_newsletter("weekly", |_| {}).await.id;
    app.store_signup(ANN, weekly).await;
    let held = export(&app, ANN).await;
    let (signup, wording) = (&held["signups_to_be_processed"][0], signup_wording(Some("de")));
    assert_eq!(signup["newsletters"], "weekly");
    assert_eq!(
        (&signup["wording"], &signup["wording_version"]),
        (&json!(wording.text), &json!(wording.version))
    );
}

async fn an_export_holds_what_went_to_earlier_addresses(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    let (old, new, wanted) = ("ann@example.net", address(ANN), address("ann@example.com"));
    reader(&app, old).await;
    app.settle().await;
    let own = app.visitor(old).subscription().await;
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    requests::insert(&mut tx, own.id, RequestKind::Address, &address(old), Some(&wanted), now).await.unwrap();
    subscribers::set_address(&mut tx, own.subscriber_id, &new, now).await.unwrap();
    tx.commit().await.unwrap();
    let ann = app.visitor(ANN);
    asks(&ann, &app).await;
    let held: Value = serde_json::from_str(&app.press(&link(&ann)).await).unwrap();
    let recipients: Vec<_> = rows(&held, "other_emails").map(|it| (&it["kind"], &it["recipient"])).collect();
    let first = &recipients[recipients.len() - 2..];
    assert_eq!(first, [(&json!("welcome"), &json!(old)), (&json!("confirmation"), &json!(old))]);
    assert_eq!(held["issues_shown_on_welcome"][0]["issue_date"], "2026-05-01");
    assert_eq!(held["consent"][0]["address"], old);
    let wish = &held["requests"][0];
    assert_eq!((&wish["old_address"], &wish["new_address"]), (&json!(old), &json!(wanted.as_str())));
    assert!(wish["old_confirmed_at"].is_null() && wish["new_confirmed_at"].is_null(), "{wish}");
    // The reader of the requested address learns of the request, but not whose it was.
    let told = export(&app, wanted.as_str()).await;
    assert_eq!(rows(&told, "incoming_address_changes").count(), 1);
    assert!(!told.to_string().contains("example.net"), "{told}");
}

async fn old_requests_are_deleted(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    asks(&ann, &app).await;
    app.run_due_after(SignedDuration::from_hours(24 * 30)).await;
    assert_eq!(app.store().await.rows_in("reader_requests").await, 1);
    app.run_due_after(SignedDuration::from_hours(25)).await;
    assert_eq!(app.store().await.rows_in("reader_requests").await, 0);
}
