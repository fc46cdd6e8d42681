//! Readers who ask what is held about them, and who ask to be forgotten.

use crate::support::{Engine, app::TestApp, on_both_engines};
use daily::{
    actions::{
        forget::{Forgetting, forget},
        import_subscribers::{Import, import_subscribers},
    },
    db::{
        signups::{self, NewSignup},
        subscriptions::{self, Held},
        suppressions,
    },
    domain::{
        email_address::EmailAddress,
        import::{Dates, LayoutOptions, Outcome},
        signup_wording::signup_wording,
        subscription::SubscriptionStatus,
        token::Purpose,
    },
};
use jiff::tz::TimeZone;
use std::io::Cursor;

const ANN: &str = "ann@example.org";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

async fn held(app: &TestApp, text: &str) -> Option<Held> {
    subscriptions::held(&mut app.app.db.read().await.unwrap(), &address(text)).await.unwrap()
}

async fn forgotten(app: &TestApp, text: &str) -> Forgetting {
    forget(&app.app.actions, &address(text)).await.unwrap()
}

/// A reader who has had an issue, chose something, and is suppressed after a relay said their address.
async fn a_reader_with_a_past(app: &TestApp) {
    app.article("The bridge opens").await;
    let started = app.form_mark().await;
    app.post_form("/subscribe", &[("email", ANN), ("started", &started)]).await;
    app.settle().await;
    assert_eq!(app.post(&app.confirmation_link(ANN)).await.status(), 200);
    app.reader("bob@example.org").await;
    app.send_issue().await;
    let store = app.store().await;
    store
        .execute(
            "UPDATE deliveries SET reply_text = 'ok, ann@example.org' WHERE subscriber_id = \
        (SELECT id FROM subscribers WHERE address_key = 'ann@example.org')",
        )
        .await;
    store.execute("UPDATE subscriptions SET time_zone = 'Europe/Berlin', sections = 'science' WHERE subscriber_id = \
        (SELECT id FROM subscribers WHERE address_key = 'ann@example.org')").await;
    store.execute("INSERT INTO suppressions (address_key, reason, created_at) \
        SELECT address_key, 'complained: says ann@example.org', created_at FROM subscribers WHERE address_key = 'ann@example.org'").await;
}

async fn import(app: &TestApp, status: &str) -> Outcome {
    let import = Import {
        newsletter: app.newsletter().await.id,
        file_name: "list.csv".into(),
        layout: LayoutOptions::default(),
        encoding: None,
        dates: Dates { format: None, zone: TimeZone::UTC, now: app.clock.now() },
        dry_run: false,
    };
    let list = Cursor::new(format!("email,status\nANN@example.org,{status}\n"));
    let summary = import_subscribers(&app.app.actions, list, import, |_| Ok(())).await.unwrap();
    *summary.outcomes.keys().next().unwrap()
}

on_both_engines!(
    a_reader_is_told_everything_that_is_held,
    a_forgotten_reader_leaves_no_trace_but_a_hash,
    no_import_brings_a_forgotten_reader_back_but_they_can_come_back,
    a_mail_in_flight_is_waited_for,
    a_signup_that_is_still_to_be_taken_is_held_and_can_be_forgotten,
    the_ledger_lets_go_of_nothing_else,
);

async fn a_reader_is_told_everything_that_is_held(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_reader_with_a_past(&app).await;
    let held = held(&app, "Ann@Example.org").await.unwrap();
    assert!(held.known_since.is_some() && held.suppressed.is_some());
    let kinds: Vec<_> = held.subscriptions[0].consent.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["requested", "confirmed"]);
    assert!(held.subscriptions[0].consent[0].wording.is_some());
    assert_eq!(held.subscriptions[0].confirmation_links.len(), 1);
    assert_eq!(held.issues.len(), 1);
    assert_eq!((held.issues[0].issue_date.as_str(), held.issues[0].status.as_str()), ("2026-05-01", "sent"));
    assert_eq!(held.mails.iter().map(|it| it.kind.as_str()).collect::<Vec<_>>(), ["confirmation"]);
    let told = serde_json::to_string(&held).unwrap();
    assert!(!told.contains("bob"), "{told}");
    assert!(self::held(&app, "nobody@example.org").await.is_none());
}

async fn a_forgotten_reader_leaves_no_trace_but_a_hash(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_reader_with_a_past(&app).await;
    assert_eq!(forgotten(&app, "nobody@example.org").await, Forgetting::Unknown);
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Done);
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Unknown);
    assert!(held(&app, ANN).await.is_none());
    let store = app.store().await;
    // No column of text of these tables has the address any more.
    for (table, columns) in [
        ("subscribers", "address || address_key"),
        ("suppressions", "address_key || reason"),
        ("mails", "recipient || COALESCE(reply_text, '')"),
        ("deliveries", "COALESCE(reply_text, '')"),
        (
            "consent_events",
            "COALESCE(address, '') || COALESCE(source_url, '') || COALESCE(client_address, '')",
        ),
        ("forgotten", "print || COALESCE(reason, '')"),
    ] {
        let count = format!("SELECT count(*) FROM {table} WHERE lower({columns}) LIKE '%ann@%'");
        assert_eq!(store.number(&count).await, 0, "{table}");
    }
    let kept = "SELECT count(*) FROM consent_events WHERE client_address IS NOT NULL";
    assert_eq!(store.number(kept).await, 2, "bob's");
    let of_ann = "SELECT count(*) FROM consent_events e JOIN subscriptions s ON s.id = e.subscription_id \
        JOIN subscribers r ON r.id = s.subscriber_id WHERE r.forgotten_at IS NOT NULL";
    assert_eq!(store.number(of_ann).await, 3, "that somebody asked, confirmed and left is still there");
    assert_eq!(
        store
            .number("SELECT count(*) FROM subscriptions WHERE time_zone IS NOT NULL OR sections <> ''")
            .await,
        0
    );
    assert_eq!(store.number("SELECT count(*) FROM deliveries WHERE status = 'sent'").await, 2);
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Active));
    assert!(held(&app, "bob@example.org").await.is_some());
    // A complaint outlives the address.
    let reason = suppressions::reason(&mut app.app.db.read().await.unwrap(), &address(ANN)).await.unwrap();
    assert_eq!(reason.as_deref(), Some("complained"));
}

async fn no_import_brings_a_forgotten_reader_back_but_they_can_come_back(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Done);
    for status in ["active", "unsubscribed", "bounced"] {
        assert_eq!(import(&app, status).await, Outcome::Forgotten);
    }
    assert!(held(&app, ANN).await.is_none());
    app.reader(ANN).await;
    assert_eq!(app.status_of(ANN).await, Some(SubscriptionStatus::Active));
    assert_eq!(import(&app, "active").await, Outcome::Known);
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Done);
}

async fn a_mail_in_flight_is_waited_for(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_reader_with_a_past(&app).await;
    let store = app.store().await;
    store.execute("UPDATE deliveries SET status = 'sending'").await;
    assert_eq!(forgotten(&app, ANN).await, Forgetting::InFlight);
    // They have left all the same.
    assert_eq!(app.status_of(ANN).await, Some(SubscriptionStatus::Unsubscribed));
    store.execute("UPDATE deliveries SET status = 'sent'").await;
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Done);
}

async fn a_signup_that_is_still_to_be_taken_is_held_and_can_be_forgotten(engine: Engine) {
    let app = TestApp::start(engine).await;
    let newsletter = app.newsletter().await;
    let signup = NewSignup {
        address: &address(ANN),
        newsletters: &[newsletter.id],
        method: "form",
        language: Some("de"),
        time_zone: None,
        wording: Some(signup_wording(Some("de"))),
        evidence: &subscriptions::Evidence { client_address: Some("192.0.2.1".into()), ..Default::default() },
        is_held: false,
    };
    let mut tx = app.app.db.begin().await.unwrap();
    signups::insert(&mut tx, &[signup], app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let held = held(&app, ANN).await.unwrap();
    assert_eq!(held.signups[0].client_address.as_deref(), Some("192.0.2.1"));
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Done);
    assert_eq!(app.store().await.number("SELECT count(*) FROM signups").await, 0);
}

async fn the_ledger_lets_go_of_nothing_else(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    let change = |what: &'static str| {
        let db = app.app.db.clone();
        async move {
            let statement = format!("UPDATE consent_events SET {what}");
            match &db {
                daily::db::Db::Sqlite { writer, .. } => {
                    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(writer).await.map(drop)
                }
                daily::db::Db::Postgres(pool) => {
                    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(pool).await.map(drop)
                }
            }
        }
    };
    for what in [
        "kind = 'confirmed'",
        "client_address = '192.0.2.1'",
        "client_address = NULL, user_agent = NULL, source_url = NULL, kind = 'unsubscribed'",
        "client_address = NULL, user_agent = NULL, source_url = NULL, wording = 'Nothing.'",
    ] {
        let error = change(what).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{what}: {error}");
    }
}

on_both_engines!(old_links_of_a_forgotten_reader_keep_nothing_new);

async fn old_links_of_a_forgotten_reader_keep_nothing_new(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    let confirm = app.confirmation_link(ANN);
    let id =
        subscriptions::of_address(&mut app.app.db.read().await.unwrap(), &address(ANN)).await.unwrap()[0].id;
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, id.0);
    assert_eq!(forgotten(&app, ANN).await, Forgetting::Done);
    let before = app.mails().len();
    assert_eq!(app.post(&format!("{confirm}/renew")).await.status(), 404);
    assert_eq!(app.post(&confirm).await.status(), 404);
    let leave = format!("/unsubscribe/{token}");
    let reason = [("reason", "other"), ("remark", "I am Ann Smith")];
    for fields in [&[("List-Unsubscribe", "One-Click")][..], &reason[..]] {
        let answer = app.post_form(&leave, fields).await;
        assert_eq!(answer.status(), 200);
        assert!(!answer.text().await.unwrap().contains("invalid"));
    }
    assert_eq!(
        app.get(&format!("{}/preferences/{token}", app.url))
            .await
            .text()
            .await
            .unwrap()
            .matches("invalid")
            .count(),
        0
    );
    assert_eq!(app.sign_up(&format!("forgotten-{}@forgotten.invalid", id.0)).await.status(), 422);
    app.settle().await;
    assert_eq!(app.mails().len(), before);
    let store = app.store().await;
    assert_eq!(store.number("SELECT count(*) FROM leaving_reasons").await, 0);
    assert_eq!(store.number("SELECT count(*) FROM consent_events WHERE client_address IS NOT NULL").await, 0);
    assert_eq!(store.number("SELECT count(*) FROM subscriptions WHERE status = 'pending'").await, 0);
}
