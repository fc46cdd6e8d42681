//! Readers who take a break.

use crate::support::{
    Engine,
    app::{TestApp, at},
    on_both_engines, on_postgres,
    store::Store,
};
use daily::{
    actions::{
        forget::{Forgetting, forget},
        pause_subscription::pause_subscription,
    },
    db::subscriptions::{self, SubscriptionRecord},
    domain::{
        delivery::DeliveryStatus,
        email_address::EmailAddress,
        newsletter::WhoseClock,
        subscription::SubscriptionStatus::{Active, Paused, Unsubscribed},
        token::Purpose,
    },
};
use jiff::SignedDuration;

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

async fn subscription(app: &TestApp, address: &str) -> SubscriptionRecord {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap().remove(0)
}

async fn page_of(app: &TestApp, address: &str) -> String {
    let id = subscription(app, address).await.id;
    format!("/preferences/{}", app.app.actions.keys.sign(Purpose::Unsubscribe, id.0))
}

async fn post(app: &TestApp, address: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let answer = app.post_form(&page_of(app, address).await, fields).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The dates of the issues that a reader has a copy of.
async fn had(app: &TestApp, address: &str) -> Vec<String> {
    let mut dates = Vec::new();
    for issue in app.issues().await {
        let deliveries = app.deliveries(issue.id).await;
        let sent = |it: &&daily::db::deliveries::ReaderDelivery| it.status == DeliveryStatus::Sent;
        if deliveries.iter().filter(sent).any(|it| it.address == address) {
            dates.push(issue.issue_date);
        }
    }
    dates.sort();
    dates
}

on_both_engines!(
    a_break_ends_with_the_issue_of_its_day,
    a_break_ends_by_itself_where_no_issue_goes_out,
    a_reader_who_ends_the_break_gets_the_next_issue,
    a_break_holds_for_an_issue_that_goes_out_already,
    a_break_of_one_day_holds_for_a_copy_that_comes_after_its_end,
    a_break_follows_the_newsletters_zone_and_clock,
    nothing_is_said_to_be_done_that_was_not,
    readers_on_every_side_of_the_earth_come_back_with_the_same_issue,
    days_out_of_reach_are_refused_and_who_left_has_no_break,
    who_rests_can_be_forgotten_and_can_bounce,
);

async fn a_break_ends_with_the_issue_of_its_day(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.reader(BOB).await;
    let (status, page) = post(&app, ANN, &[("do", "pause"), ("until", "2026-05-03")]).await;
    assert_eq!(status, 200);
    for says in ["until 3 May 2026", "Resume now", "Change the day", "value=\"2026-05-03\""] {
        assert!(page.contains(says), "{says}: {page}");
    }
    assert_eq!(app.status_of(ANN).await, Some(Paused));
    // What is chosen meanwhile is kept, and the break, too.
    let (_, page) = post(&app, ANN, &[("cadence", "weekdays")]).await;
    assert!(page.contains("Saved.") && page.contains("until 3 May 2026"), "{page}");
    post(&app, ANN, &[("cadence", "every_issue")]).await;
    for day in ["02", "03", "04"] {
        app.clock.set(at(&format!("2026-05-{day}T06:30:00Z")));
        app.article(&format!("The news of {day}")).await;
        app.tick().await;
        app.clock.set(at(&format!("2026-05-{day}T07:00:00Z")));
        app.tick().await;
    }
    assert_eq!(had(&app, BOB).await, ["2026-05-02", "2026-05-03", "2026-05-04"]);
    assert_eq!(had(&app, ANN).await, ["2026-05-03", "2026-05-04"]);
    let it = subscription(&app, ANN).await;
    assert_eq!((it.status, it.paused_until), (Active, None));
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed"], "a break is no question of consent");
}

async fn a_break_ends_by_itself_where_no_issue_goes_out(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    post(&app, ANN, &[("do", "pause"), ("until", "2026-05-03")]).await;
    app.clock.set(at("2026-05-02T23:59:59Z"));
    app.tick().await;
    assert_eq!(app.status_of(ANN).await, Some(Paused));
    app.clock.set(at("2026-05-03T00:00:00Z"));
    app.tick().await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

async fn a_reader_who_ends_the_break_gets_the_next_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    post(&app, ANN, &[("do", "pause"), ("until", "2026-08-01")]).await;
    let (status, page) = post(&app, ANN, &[("do", "resume")]).await;
    assert!(status == 200 && page.contains("Welcome back") && !page.contains("Resume now"), "{page}");
    assert_eq!(post(&app, ANN, &[("do", "resume")]).await.0, 200, "twice is once");
    app.article("The news").await;
    app.clock.set(at("2026-05-02T07:00:00Z"));
    app.tick().await;
    assert_eq!(had(&app, ANN).await, ["2026-05-02"]);
}

async fn a_break_holds_for_an_issue_that_goes_out_already(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    app.reader(ANN).await;
    app.reader(BOB).await;
    post(&app, ANN, &[("cadence", "every_issue"), ("time_zone", "America/New_York")]).await;
    app.article("The news").await;
    app.clock.set(at("2026-05-02T07:00:00Z"));
    app.tick().await;
    post(&app, ANN, &[("do", "pause"), ("until", "2026-05-09")]).await;
    app.clock.set(at("2026-05-02T11:00:01Z"));
    app.tick().await;
    app.tick_after(SignedDuration::from_mins(1)).await;
    assert_eq!((had(&app, BOB).await.len(), had(&app, ANN).await.len()), (1, 0));
    let issue = app.issues().await.remove(0);
    let delivery = app.delivery(issue.id, ANN).await;
    assert_eq!(delivery.status, DeliveryStatus::Skipped);
    assert_eq!(delivery.reply_text.as_deref(), Some("the reader paused before it was sent"));
}

async fn a_break_of_one_day_holds_for_a_copy_that_comes_after_its_end(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    for (reader, zone) in [(ANN, "America/Los_Angeles"), (BOB, "Pacific/Auckland")] {
        app.reader(reader).await;
        post(&app, reader, &[("cadence", "every_issue"), ("time_zone", zone), ("send_time", "18:00")]).await;
    }
    post(&app, BOB, &[("cadence", "every_issue"), ("time_zone", "Pacific/Auckland"), ("send_time", "06:00")])
        .await;
    app.article("The news of the second").await;
    app.clock.set(at("2026-05-01T18:00:00Z"));
    app.tick().await;
    assert_eq!(had(&app, BOB).await, ["2026-05-02"]);
    // In the morning of the second Ann takes a break until the third; Bob's issue of the third ends it before hers of the second.
    app.clock.set(at("2026-05-02T14:00:00Z"));
    let issue = app.issues().await.remove(0).id;
    assert_eq!(app.delivery(issue, ANN).await.status, DeliveryStatus::Queued);
    assert_eq!(post(&app, ANN, &[("do", "pause"), ("until", "2026-05-03")]).await.0, 200);
    let delivery = app.delivery(issue, ANN).await;
    assert_eq!(delivery.status, DeliveryStatus::Skipped);
    assert_eq!(delivery.reply_text.as_deref(), Some("the reader paused before it was sent"));
    app.article("The news of the third").await;
    app.clock.set(at("2026-05-02T18:00:00Z"));
    app.tick().await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
    app.clock.set(at("2026-05-03T01:00:01Z"));
    app.tick().await;
    app.clock.set(at("2026-05-04T01:00:01Z"));
    app.tick().await;
    app.tick_after(SignedDuration::from_mins(1)).await;
    assert_eq!(had(&app, ANN).await, ["2026-05-03"]);
}

async fn a_break_follows_the_newsletters_zone_and_clock(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.reader(BOB).await;
    post(&app, BOB, &[("cadence", "every_issue"), ("time_zone", "Pacific/Auckland")]).await;
    let store = app.store().await;
    store.execute("UPDATE subscriptions SET time_zone = 'Pacific/Auckland' WHERE id = (SELECT max(id) FROM subscriptions)").await;
    for reader in [ANN, BOB] {
        post(&app, reader, &[("do", "pause"), ("until", "2026-05-09")]).await;
    }
    let resumes = |zone: &'static str| {
        let micros = store.micros("resumes_at");
        let store = &store;
        async move { store.number(&format!("SELECT {micros} FROM subscriptions WHERE time_zone {zone}")).await }
    };
    let zone = |name: &str| daily::domain::newsletter::parse_time_zone(name).unwrap();
    for (name, clock, ann, bob) in [
        ("Pacific/Honolulu", WhoseClock::Newsletter, "2026-05-09T10:00:00Z", "2026-05-09T10:00:00Z"),
        ("Pacific/Honolulu", WhoseClock::Reader, "2026-05-09T10:00:00Z", "2026-05-08T12:00:00Z"),
        ("Europe/Berlin", WhoseClock::Reader, "2026-05-08T22:00:00Z", "2026-05-08T12:00:00Z"),
    ] {
        app.change_newsletter(|it| (it.time_zone, it.clock) = (zone(name), clock)).await;
        assert_eq!(resumes("IS NULL").await, at(ann).as_microsecond(), "{name} {clock}");
        assert_eq!(resumes("IS NOT NULL").await, at(bob).as_microsecond(), "{name} {clock}");
    }
}

async fn nothing_is_said_to_be_done_that_was_not(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    let (_, page) = post(&app, ANN, &[("do", "resume")]).await;
    assert!(!page.contains("Welcome back"), "{page}");
    let (_, page) = post(&app, ANN, &[("leave", "nothing")]).await;
    assert!(!page.contains("role=\"status\""), "{page}");
}

async fn readers_on_every_side_of_the_earth_come_back_with_the_same_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    let zones = ["Pacific/Kiritimati", "Asia/Tokyo", "Europe/London", "America/New_York", "Pacific/Honolulu"];
    for (number, zone) in zones.iter().enumerate() {
        let reader = format!("reader{number}@example.org");
        app.reader(&reader).await;
        post(&app, &reader, &[("cadence", "every_issue"), ("time_zone", zone)]).await;
        assert_eq!(post(&app, &reader, &[("do", "pause"), ("until", "2026-05-04")]).await.0, 200);
    }
    // Somebody in the middle reads on.
    app.reader(ANN).await;
    let until = at("2026-05-05T20:00:00Z");
    while app.clock.now() < until {
        let hour = app.clock.now().strftime("%d-%H").to_string();
        if hour.ends_with("-00") || hour.ends_with("-12") {
            app.article(&format!("The news of {hour}")).await;
        }
        app.tick_after(SignedDuration::from_mins(30)).await;
    }
    assert_eq!(had(&app, ANN).await, ["2026-05-02", "2026-05-03", "2026-05-04", "2026-05-05"]);
    for (number, zone) in zones.iter().enumerate() {
        let had = had(&app, &format!("reader{number}@example.org")).await;
        assert_eq!(had[..2], ["2026-05-04", "2026-05-05"], "{zone}");
    }
}

async fn days_out_of_reach_are_refused_and_who_left_has_no_break(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    for wrong in ["2026-05-01", "2020-01-01", "2027-06-01", "9999-12-31", "soon", "", "\0", "2026-05-03'--"] {
        let (status, page) = post(&app, ANN, &[("do", "pause"), ("until", wrong)]).await;
        assert_eq!(status, 422, "{wrong}");
        assert!(page.contains("from 2 May 2026 to 2 May 2027"), "{page}");
    }
    assert_eq!(app.status_of(ANN).await, Some(Active));
    post(&app, ANN, &[("do", "pause"), ("until", "2026-05-09")]).await;
    // A signup changes nothing of it.
    app.clock.advance(SignedDuration::from_hours(25));
    app.sign_up(ANN).await;
    app.settle().await;
    assert_eq!(app.status_of(ANN).await, Some(Paused));
    let mail = app.mails_to(ANN).pop().unwrap();
    assert!(
        mail.text().contains("taking a break") && mail.text().contains("/preferences/"),
        "{}",
        mail.text()
    );
    let leave = page_of(&app, ANN).await.replace("preferences", "unsubscribe");
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
    let it = subscription(&app, ANN).await;
    assert_eq!((it.status, it.paused_until), (Unsubscribed, None));
    let (_, page) = post(&app, ANN, &[("do", "pause"), ("until", "2026-05-09")]).await;
    assert!(page.contains("You are not subscribed"), "{page}");
    assert!(!pause_subscription(&app.app.actions, it.id, jiff::civil::date(2026, 5, 9)).await.unwrap());
    app.clock.advance(SignedDuration::from_mins(10));
    app.reader(ANN).await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

async fn who_rests_can_be_forgotten_and_can_bounce(engine: Engine) {
    let app = TestApp::start(engine).await;
    for reader in [ANN, BOB] {
        app.reader(reader).await;
    }
    app.article("The news").await;
    app.send_issue().await;
    let issue = app.issues().await.remove(0).id;
    for reader in [ANN, BOB] {
        post(&app, reader, &[("do", "pause"), ("until", "2026-05-09")]).await;
    }
    let address = EmailAddress::parse(ANN).unwrap();
    assert_eq!(forget(&app.app.actions, &address).await.unwrap(), Forgetting::Done);
    let paused = "SELECT count(*) FROM subscriptions WHERE paused_until IS NOT NULL";
    assert_eq!(app.store().await.number(paused).await, 1, "bob's");
    // The relay's last word about an issue from before the break.
    let delivery = app.delivery(issue, BOB).await.id;
    let mut tx = app.app.db.begin().await.unwrap();
    daily::db::suppressions::add_undeliverable(&mut tx, &[(delivery, BOB)], app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.clock.set(at("2026-05-09T07:00:00Z"));
    app.tick().await;
    let it = subscription(&app, BOB).await;
    assert_eq!(it.status, daily::domain::subscription::SubscriptionStatus::Undeliverable);
    assert_eq!(it.paused_until, None, "who gets nothing any more takes no break");
}

on_postgres!(a_break_takes_what_waits_for_its_reader_before_the_subscription);

/// On PostgreSQL a break and a move of the same reader at the same moment wait in one order.
async fn a_break_takes_what_waits_for_its_reader_before_the_subscription() {
    let app = TestApp::start(Engine::Postgres).await;
    app.reader(ANN).await;
    app.article("The news").await;
    app.send_issue().await;
    let store = app.store().await;
    store.execute("UPDATE deliveries SET status = 'queued', finished_at = NULL").await;
    let Store::Postgres(pool) = &store else { return };
    let mut moving = pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM deliveries FOR UPDATE").execute(&mut *moving).await.unwrap();
    let id = subscription(&app, ANN).await.id;
    let going_on = async {
        app.until_waiting(1).await;
        let free = sqlx::query("SELECT id FROM subscriptions FOR UPDATE NOWAIT").execute(&mut *moving).await;
        moving.rollback().await.unwrap();
        free
    };
    let (paused, free) =
        tokio::join!(pause_subscription(&app.app.actions, id, jiff::civil::date(2026, 5, 9)), going_on);
    assert!(free.is_ok(), "the subscription was taken first");
    assert!(paused.unwrap());
    let skipped = "SELECT count(*) FROM deliveries WHERE reply_text = 'the reader paused before it was sent'";
    assert_eq!(store.number(skipped).await, 1);
}
