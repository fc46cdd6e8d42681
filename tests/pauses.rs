//! Readers who pause their subscription.

use crate::support::{
    Engine, OPERATOR, TestApp, address, at,
    locks::{RowLocks, Strength},
    on_both_engines, on_postgres,
    reader::anything,
};
use daily::{
    actions::{
        privacy::erase::{ErasureOutcome, erase},
        subscription::pause_subscription::pause_subscription,
    },
    db::{
        deliveries::ReaderDelivery,
        suppressions::{self, BouncedAddress},
    },
    domain::{
        delivery::status::DeliveryStatus,
        ids::IssueId,
        newsletter::{SendClock, parse_time_zone},
        subscriber::{
            preferences::Preferences,
            subscription::SubscriptionStatus::{Active, Paused, Undeliverable, Unsubscribed},
        },
    },
};
use jiff::{SignedDuration, civil::date};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

/// Returns the dates of the issues that were sent to a reader.
async fn issue_dates(app: &TestApp, address: &str) -> Vec<String> {
    let mut dates = Vec::new();
    for issue in app.issues().await {
        let deliveries = app.deliveries(issue.id).await;
        let sent = |it: &&ReaderDelivery| it.status == DeliveryStatus::Sent;
        if deliveries.iter().filter(sent).any(|it| it.address == address) {
            dates.push(issue.issue_date.to_string());
        }
    }
    dates.sort();
    dates
}

async fn assert_skipped(app: &TestApp, issue: IssueId) {
    let delivery = app.delivery(issue, ANN).await;
    assert_eq!(delivery.status, DeliveryStatus::Skipped);
    assert_eq!(delivery.reply_text.as_deref(), Some("the reader paused before it was sent"));
}

on_both_engines!(
    a_pause_ends_with_the_issue_of_its_day,
    a_pause_ends_by_itself_on_a_day_without_an_issue,
    a_reader_who_resumes_gets_the_next_issue,
    a_pause_holds_for_an_issue_that_is_being_sent,
    a_pause_of_one_day_holds_for_an_email_due_after_its_end,
    a_pause_follows_the_newsletters_zone_and_clock,
    the_page_confirms_only_changes_that_were_made,
    readers_in_every_time_zone_resume_with_the_same_issue,
    dates_out_of_range_are_refused_and_unsubscribed_readers_have_no_pause,
    a_paused_reader_can_be_erased_and_can_bounce,
);

async fn a_pause_ends_with_the_issue_of_its_day(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, _) = (app.reader(ANN).await, app.reader(BOB).await);
    let page = ann.pauses_until("2026-05-03").await;
    assert_eq!(page.status, 200);
    for says in ["until 3 May 2026", "Resume now", "Change the date", "value=\"2026-05-03\""] {
        assert!(page.contains(says), "{says}: {page}");
    }
    assert_eq!(app.status_of(ANN).await, Some(Paused));
    // Choices during a pause are saved, and keep the pause.
    let page = ann.chooses(&[("cadence", "weekdays")]).await;
    assert!(page.contains("Saved.") && page.contains("until 3 May 2026"), "{page}");
    ann.chooses(&[("cadence", "every_issue")]).await;
    for day in ["02", "03", "04"] {
        app.clock.set(at(&format!("2026-05-{day}T06:30:00Z")));
        app.article(&format!("The news of {day}")).await;
        app.run_due().await;
        app.run_due_at(&format!("2026-05-{day}T07:00:00Z")).await;
    }
    assert_eq!(issue_dates(&app, BOB).await, ["2026-05-02", "2026-05-03", "2026-05-04"]);
    assert_eq!(issue_dates(&app, ANN).await, ["2026-05-03", "2026-05-04"]);
    let it = ann.subscription().await;
    assert_eq!((it.status, it.paused_until), (Active, None));
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed"], "a pause is no question of consent");
}

async fn a_pause_ends_by_itself_on_a_day_without_an_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    ann.pauses_until("2026-05-03").await;
    app.run_due_at("2026-05-02T23:59:59Z").await;
    assert_eq!(app.status_of(ANN).await, Some(Paused));
    app.run_due_at("2026-05-03T00:00:00Z").await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

async fn a_reader_who_resumes_gets_the_next_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    ann.pauses_until("2026-08-01").await;
    let page = ann.resumes().await;
    assert!(page.status == 200 && page.contains("Welcome back") && !page.contains("Resume now"), "{page}");
    assert_eq!(ann.resumes().await.status, 200, "twice is once");
    app.article("The news").await;
    app.run_due_at("2026-05-02T07:00:00Z").await;
    assert_eq!(issue_dates(&app, ANN).await, ["2026-05-02"]);
}

async fn a_pause_holds_for_an_issue_that_is_being_sent(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    let (ann, _) = (app.reader(ANN).await, app.reader(BOB).await);
    ann.chooses(&[("cadence", "every_issue"), ("time_zone", "America/New_York")]).await;
    app.article("The news").await;
    app.run_due_at("2026-05-02T07:00:00Z").await;
    ann.pauses_until("2026-05-09").await;
    app.run_due_at("2026-05-02T11:00:01Z").await;
    app.run_due_after(SignedDuration::from_mins(1)).await;
    assert_eq!((issue_dates(&app, BOB).await.len(), issue_dates(&app, ANN).await.len()), (1, 0));
    assert_skipped(&app, app.latest_issue().await.id).await;
}

async fn a_pause_of_one_day_holds_for_an_email_due_after_its_end(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    let (ann, bob) = (app.reader(ANN).await, app.reader(BOB).await);
    for (reader, zone, time) in [(ann, "America/Los_Angeles", "18:00"), (bob, "Pacific/Auckland", "06:00")] {
        reader.chooses(&[("cadence", "every_issue"), ("time_zone", zone), ("send_time", time)]).await;
    }
    app.article("The news of the second").await;
    app.run_due_at("2026-05-01T18:00:00Z").await;
    assert_eq!(issue_dates(&app, BOB).await, ["2026-05-02"]);
    // Ann pauses until the third in the morning of the second. Bob's issue of the third ends her pause before
    // her issue of the second.
    app.clock.set(at("2026-05-02T14:00:00Z"));
    let issue = app.latest_issue().await.id;
    assert_eq!(app.delivery(issue, ANN).await.status, DeliveryStatus::Queued);
    assert_eq!(ann.pauses_until("2026-05-03").await.status, 200);
    assert_skipped(&app, issue).await;
    app.article("The news of the third").await;
    app.run_due_at("2026-05-02T18:00:00Z").await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
    app.run_due_at("2026-05-03T01:00:01Z").await;
    app.run_due_at("2026-05-04T01:00:01Z").await;
    app.run_due_after(SignedDuration::from_mins(1)).await;
    assert_eq!(issue_dates(&app, ANN).await, ["2026-05-03"]);
}

async fn a_pause_follows_the_newsletters_zone_and_clock(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.reader(ANN).await, app.reader(BOB).await);
    let auckland = Preferences { time_zone: parse_time_zone("Pacific/Auckland").ok(), ..anything() };
    app.set_preferences(&app.newsletter().await, BOB, &auckland).await;
    for reader in [ann, bob] {
        reader.pauses_until("2026-05-09").await;
    }
    let store = app.store().await;
    for (name, clock, ann, bob) in [
        ("Pacific/Honolulu", SendClock::Newsletter, "2026-05-09T10:00:00Z", "2026-05-09T10:00:00Z"),
        ("Pacific/Honolulu", SendClock::Reader, "2026-05-09T10:00:00Z", "2026-05-08T12:00:00Z"),
        ("Europe/Berlin", SendClock::Reader, "2026-05-08T22:00:00Z", "2026-05-08T12:00:00Z"),
    ] {
        app.change_newsletter(|it| (it.time_zone, it.clock) = (parse_time_zone(name).unwrap(), clock)).await;
        assert_eq!(store.resumes_at(ANN).await, at(ann), "{name} {clock}");
        assert_eq!(store.resumes_at(BOB).await, at(bob), "{name} {clock}");
    }
}

async fn the_page_confirms_only_changes_that_were_made(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let page = ann.resumes().await;
    assert!(!page.contains("Welcome back"), "{page}");
    let page = ann.leaves("nothing").await;
    assert!(!page.contains("role=\"status\""), "{page}");
}

async fn readers_in_every_time_zone_resume_with_the_same_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    let zones = ["Pacific/Kiritimati", "Asia/Tokyo", "Europe/London", "America/New_York", "Pacific/Honolulu"];
    for (number, zone) in zones.iter().enumerate() {
        let reader = format!("reader{number}@example.org");
        let reader = app.reader(&reader).await;
        reader.chooses(&[("cadence", "every_issue"), ("time_zone", zone)]).await;
        assert_eq!(reader.pauses_until("2026-05-04").await.status, 200);
    }
    // Ann, in the newsletter's zone, does not pause.
    app.reader(ANN).await;
    let until = at("2026-05-05T20:00:00Z");
    while app.clock.now() < until {
        let hour = app.clock.now().strftime("%d-%H").to_string();
        if hour.ends_with("-00") || hour.ends_with("-12") {
            app.article(&format!("The news of {hour}")).await;
        }
        app.run_due_after(SignedDuration::from_mins(30)).await;
    }
    assert_eq!(issue_dates(&app, ANN).await, ["2026-05-02", "2026-05-03", "2026-05-04", "2026-05-05"]);
    for (number, zone) in zones.iter().enumerate() {
        let had = issue_dates(&app, &format!("reader{number}@example.org")).await;
        assert_eq!(had[..2], ["2026-05-04", "2026-05-05"], "{zone}");
    }
}

async fn dates_out_of_range_are_refused_and_unsubscribed_readers_have_no_pause(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    for wrong in ["2026-05-01", "2020-01-01", "2027-06-01", "9999-12-31", "soon", "", "\0", "2026-05-03'--"] {
        let page = ann.pauses_until(wrong).await;
        assert_eq!(page.status, 422, "{wrong}");
        assert!(page.contains("from 2 May 2026 to 2 May 2027"), "{page}");
    }
    assert_eq!(app.status_of(ANN).await, Some(Active));
    ann.pauses_until("2026-05-09").await;
    // A signup does not change the pause.
    app.clock.advance(SignedDuration::from_hours(25));
    ann.signs_up().await;
    assert_eq!(app.status_of(ANN).await, Some(Paused));
    let text = ann.last_email().text();
    assert!(text.contains("you’ve paused it") && text.contains("/preferences/"), "{text}");
    ann.unsubscribes().await;
    let it = ann.subscription().await;
    assert_eq!((it.status, it.paused_until), (Unsubscribed, None));
    let page = ann.pauses_until("2026-05-09").await;
    assert!(page.contains("You’re not subscribed"), "{page}");
    assert!(!pause_subscription(&app.app.actions, it.id, date(2026, 5, 9)).await.unwrap());
    app.clock.advance(SignedDuration::from_mins(10));
    app.reader(ANN).await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

async fn a_paused_reader_can_be_erased_and_can_bounce(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.reader(ANN).await, app.reader(BOB).await);
    app.article("The news").await;
    app.send_issue().await;
    for reader in [ann, bob] {
        reader.pauses_until("2026-05-09").await;
    }
    assert_eq!(erase(&app.app.actions, &OPERATOR, &address(ANN)).await.unwrap(), ErasureOutcome::Done);
    let rows = app.store().await.subscriptions().await;
    assert_eq!(rows.iter().filter(|it| it.paused_until.is_some()).count(), 1, "bob's");
    // A bounce comes late, about an issue from before the pause.
    let mut tx = app.app.db.begin().await.unwrap();
    let bounced =
        BouncedAddress { address_key: BOB.into(), reason: "undeliverable: 550".into(), issue: None };
    suppressions::add_bounced(&mut tx, &[bounced], app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.run_due_at("2026-05-09T07:00:00Z").await;
    let it = bob.subscription().await;
    assert_eq!(it.status, Undeliverable);
    assert_eq!(it.paused_until, None, "nothing is sent to this address any more, so nothing is paused");
}

on_postgres!(a_pause_locks_deliveries_before_the_subscription);

/// On PostgreSQL a pause and an address change of the same reader acquire their locks in the same order.
async fn a_pause_locks_deliveries_before_the_subscription() {
    let app = TestApp::start(Engine::Postgres).await;
    let ann = app.reader(ANN).await;
    app.article("The news").await;
    let issue = app.send(&app.newsletter().await).await;
    let store = app.store().await;
    store.set_deliveries("queued").await;
    let mut moving = RowLocks::hold(store, Strength::Update, &["deliveries"]).await.expect("PostgreSQL");
    let id = ann.subscription().await.id;
    let going_on = async {
        app.wait_for_lock_waits(1).await;
        let is_free = moving.can_take("subscriptions").await;
        moving.release().await;
        is_free
    };
    let (paused, is_free) =
        tokio::join!(pause_subscription(&app.app.actions, id, date(2026, 5, 9)), going_on);
    assert!(is_free, "the subscription was locked first");
    assert!(paused.unwrap());
    assert_skipped(&app, issue).await;
}
