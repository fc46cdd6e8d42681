//! Readers who ask, by themselves, for everything that is held about them.

use crate::support::{Engine, OPERATOR, app::TestApp, on_both_engines};
use daily::{
    actions::privacy::erase::{Forgetting, forget},
    db::subscribers::{self, data_export},
    domain::{
        subscriber::{email_address::EmailAddress, request::RequestKind},
        token::Purpose,
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const ANN: &str = "ann@example.org";

async fn page(app: &TestApp) -> String {
    let address = EmailAddress::parse(ANN).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    let id = subscribers::of_address(&mut tx, &address).await.unwrap().remove(0).id;
    format!("/preferences/{}", app.app.subscription.keys.sign(Purpose::Unsubscribe, id.0))
}

async fn ask(app: &TestApp) -> reqwest::Response {
    let answer = app.post_form(&page(app).await, &[("do", "data_export")]).await;
    app.settle().await;
    answer
}

fn link(app: &TestApp) -> String {
    app.mails_to(ANN).last().expect("a mail").link("/data-export/")
}

/// All that is held about an address.
async fn export(app: &TestApp, address: &str) -> Value {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    let export = data_export::read(&mut tx, &address, app.clock.now()).await.unwrap().unwrap();
    serde_json::from_str(&export.to_json().unwrap()).unwrap()
}

fn rows<'a>(held: &'a Value, part: &str) -> impl Iterator<Item = &'a Value> {
    held[part].as_array().unwrap().iter()
}

/// A reader who signed up by our own form: what it showed is kept.
async fn reader(app: &TestApp, address: &str) {
    let started = app.form_mark().await;
    app.post_form("/subscribe", &[("email", address), ("started", &started)]).await;
    app.settle().await;
    assert_eq!(app.post(&app.confirmation_link(address)).await.status(), 200);
}

on_both_engines!(
    a_reader_gets_everything_by_a_link_and_a_button,
    it_is_sent_a_few_times_a_day_and_only_to_readers,
    who_has_left_gets_an_export_too_and_who_is_suppressed_no_mail,
    an_export_for_who_has_left_counts_on_the_addresss_limit,
    an_export_says_how_each_end_was_confirmed_but_not_how_a_stranger_did,
    an_export_names_what_a_signup_that_waits_is_for_and_what_was_agreed_to,
    an_export_holds_what_went_to_earlier_addresses,
    old_requests_go_by_themselves,
);

async fn a_reader_gets_everything_by_a_link_and_a_button(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    reader(&app, ANN).await;
    app.reader("bob@example.org").await;
    app.send_issue().await;
    app.post_form(&page(&app).await, &[("cadence", "weekly"), ("language", "de")]).await;
    let answer = ask(&app).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Wir haben Ihnen eine Mail mit einem Link geschickt."));
    let mail = app.mails_to(ANN).pop().unwrap();
    assert!(
        mail.text().contains("Zu meiner Kopie") && !mail.text().contains("/unsubscribe/"),
        "{}",
        mail.text()
    );
    let link = link(&app);
    let shown = app.get(&link).await.text().await.unwrap();
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
    // It is the reader's own: it works twice, for a day.
    assert_eq!(app.post(&link).await.status(), 200);
    app.clock.advance(SignedDuration::from_hours(24));
    for answer in [app.get(&link).await, app.post(&link).await] {
        assert_eq!(answer.status(), 410);
        assert!(answer.text().await.unwrap().contains("Dieser Link ist abgelaufen"));
    }
}

async fn it_is_sent_a_few_times_a_day_and_only_to_readers(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    let before = app.mails_to(ANN).len();
    for status in [200, 200, 200, 429, 429] {
        let answer = ask(&app).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
    }
    assert_eq!(app.mails_to(ANN).len(), before + 3);
    app.clock.advance(SignedDuration::from_hours(9));
    assert_eq!(ask(&app).await.status(), 200);
    let keys = &app.app.subscription.keys;
    let wrong = [
        keys.sign(Purpose::Unsubscribe, 1),
        keys.sign(Purpose::NewAddress, 1),
        keys.sign(Purpose::DataExport, 999),
        "x".into(),
    ];
    for wrong in wrong {
        let url = format!("{}/data-export/{wrong}", app.url);
        assert_eq!(
            (app.get(&url).await.status(), app.post(&url).await.status()),
            (404.try_into().unwrap(), 404.try_into().unwrap())
        );
    }
    let link = link(&app);
    let address = EmailAddress::parse(ANN).unwrap();
    assert_eq!(forget(&app.app.actions, &OPERATOR, &address).await.unwrap(), Forgetting::Done);
    assert_eq!(app.post(&link).await.status(), 404);
    assert_eq!(app.store().await.rows_in("reader_requests").await, 0);
}

async fn who_has_left_gets_an_export_too_and_who_is_suppressed_no_mail(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    let id = app
        .app
        .subscription
        .keys
        .verify(Purpose::Unsubscribe, page(&app).await.rsplit('/').next().unwrap())
        .unwrap();
    let left = page(&app).await.replace("preferences", "unsubscribe");
    app.post(&format!("{}{left}", app.url)).await;
    let shown = app.get(&format!("{}{}", app.url, page(&app).await)).await.text().await.unwrap();
    assert!(shown.contains("You are not subscribed") && shown.contains("value=\"data_export\""), "{shown}");
    let before = app.mails_to(ANN).len();
    for (hours, status) in [(0, 200), (0, 429), (24, 429), (24 * 6, 200), (24 * 6, 429)] {
        app.clock.advance(SignedDuration::from_hours(hours));
        let answer = ask(&app).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
        let said = if status == 200 { "We have sent you a mail" } else { "asked for often enough" };
        assert!(answer.text().await.unwrap().contains(said));
    }
    assert_eq!(app.mails_to(ANN).len(), before + 2);
    app.clock.advance(SignedDuration::from_hours(24));
    ask(&app).await;
    assert_eq!(app.mails_to(ANN).len(), before + 3);
    let text = app.post(&link(&app)).await.text().await.unwrap();
    let held: Value = serde_json::from_str(&text).unwrap();
    let left = rows(&held, "consent").last().unwrap();
    assert_eq!((&left["kind"], &left["method"]), (&json!("unsubscribed"), &json!("link")));
    // Another wish than this one changes nothing.
    let answer = app.post_form(&page(&app).await, &[("do", "resume")]).await;
    assert!(answer.text().await.unwrap().contains("You are not subscribed"));
    // Suppressed: the same answer, no mail.
    app.clock.advance(SignedDuration::from_hours(24 * 7));
    app.suppress(ANN, "complained").await;
    assert!(ask(&app).await.text().await.unwrap().contains("We have sent you a mail"));
    assert_eq!(app.mails_to(ANN).len(), before + 3);
    let address = EmailAddress::parse(ANN).unwrap();
    assert_eq!(forget(&app.app.actions, &OPERATOR, &address).await.unwrap(), Forgetting::Done);
    let gone = app.app.subscription.keys.sign(Purpose::Unsubscribe, id);
    assert_eq!(app.post_form(&format!("/preferences/{gone}"), &[("do", "data_export")]).await.status(), 404);
}

async fn an_export_for_who_has_left_counts_on_the_addresss_limit(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.mails_per_address_per_day = 1).await;
    app.reader(ANN).await;
    let left = page(&app).await.replace("preferences", "unsubscribe");
    app.post(&format!("{}{left}", app.url)).await;
    app.settle().await;
    let before = app.mails_to(ANN).len();
    for (hours, status, mails) in [(0, 429, 0), (24, 200, 1), (17, 429, 1), (7, 200, 2)] {
        app.clock.advance(SignedDuration::from_hours(hours));
        assert_eq!(ask(&app).await.status(), status);
        assert_eq!(app.mails_to(ANN).len(), before + mails);
    }
}

async fn an_export_says_how_each_end_was_confirmed_but_not_how_a_stranger_did(engine: Engine) {
    let app = TestApp::start(engine).await;
    reader(&app, ANN).await;
    let wish = [("do", "address"), ("address", "ann@example.net")];
    app.post_form(&page(&app).await, &wish).await;
    app.settle().await;
    let there = app.mails_to("ann@example.net").pop().unwrap().link("/address/");
    let here = app.mails_to(ANN).pop().unwrap().link("/address/");
    app.client.post(there).header("user-agent", "Stranger/1.0").send().await.unwrap();
    let held = async || export(&app, ANN).await.to_string();
    let told = held().await;
    assert!(told.contains("ann@example.net") && !told.contains("Stranger/1.0"), "{told}");
    // Refused: what was pressed here stands nowhere else.
    app.suppress("ann@example.net", "complained").await;
    app.client.post(here).header("user-agent", "Mine/1.0").send().await.unwrap();
    let told = held().await;
    assert!(told.contains("Mine/1.0") && !told.contains("Stranger/1.0"), "{told}");
    app.store().await.execute("UPDATE reader_requests SET done_at = requested_at").await;
    let told = held().await;
    assert!(told.contains("Mine/1.0") && told.contains("Stranger/1.0"), "{told}");
}

async fn an_export_names_what_a_signup_that_waits_is_for_and_what_was_agreed_to(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_newsletter("weekly", |_| {}).await;
    let store = app.store().await;
    let weekly = store.number("SELECT id FROM newsletters WHERE slug = 'weekly'").await;
    store.execute(&format!("INSERT INTO signups (received_at, address, address_key, newsletters, method, wording, wording_version, try_after) \
        SELECT created_at, '{ANN}', '{ANN}', '[{weekly}]', 'form', 'Yes, please.', 7, {} FROM newsletters WHERE id = {weekly}",
        match engine { Engine::Sqlite => "9000000000000000", Engine::Postgres => "'2100-01-01T00:00:00Z'" })).await;
    let held = export(&app, ANN).await;
    let signup = &held["signups_to_be_processed"][0];
    assert_eq!(signup["newsletters"], "weekly");
    assert_eq!((&signup["wording"], &signup["wording_version"]), (&json!("Yes, please."), &json!(7)));
}

async fn an_export_holds_what_went_to_earlier_addresses(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    let old = EmailAddress::parse("ann@example.net").unwrap();
    reader(&app, old.as_str()).await;
    app.settle().await;
    let wanted = EmailAddress::parse("ann@example.com").unwrap();
    let (now, new) = (app.clock.now(), EmailAddress::parse(ANN).unwrap());
    let mut tx = app.app.db.begin().await.unwrap();
    let own = subscribers::of_address(&mut tx, &old).await.unwrap().remove(0);
    daily::db::subscribers::requests::insert(&mut tx, own.id, RequestKind::Address, &old, Some(&wanted), now)
        .await
        .unwrap();
    subscribers::set_address(&mut tx, own.subscriber_id, &new, now).await.unwrap();
    tx.commit().await.unwrap();
    ask(&app).await;
    let text = app.post(&link(&app)).await.text().await.unwrap();
    let held: Value = serde_json::from_str(&text).unwrap();
    let recipients: Vec<_> = rows(&held, "other_emails").map(|it| (&it["kind"], &it["recipient"])).collect();
    let first = &recipients[recipients.len() - 2..];
    assert_eq!(
        first,
        [(&json!("welcome"), &json!(old.as_str())), (&json!("confirmation"), &json!(old.as_str()))]
    );
    assert_eq!(held["issues_shown_on_welcome"][0]["issue_date"], "2026-05-01");
    assert_eq!(held["consent"][0]["address"], old.as_str());
    let wish = &held["requests"][0];
    assert_eq!((&wish["old_address"], &wish["new_address"]), (&json!(old.as_str()), &json!(wanted.as_str())));
    assert!(wish["old_confirmed_at"].is_null() && wish["new_confirmed_at"].is_null(), "{wish}");
    // The reader of the wanted address learns that it was asked for, and not by whom.
    let told = export(&app, wanted.as_str()).await;
    assert_eq!(rows(&told, "incoming_address_changes").count(), 1);
    assert!(!told.to_string().contains("example.net"), "{told}");
}

async fn old_requests_go_by_themselves(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    ask(&app).await;
    app.tick_after(SignedDuration::from_hours(24 * 30)).await;
    assert_eq!(app.store().await.rows_in("reader_requests").await, 1);
    app.tick_after(SignedDuration::from_hours(25)).await;
    assert_eq!(app.store().await.rows_in("reader_requests").await, 0);
}
