//! Readers who move to another address at a bad moment: while an issue is going out to them, or to who they turn out to be; or while
//! something else happens to them.

use crate::{
    moving::{NEW, OLD, ask_of, ledger_holds, moves, moves_of, of, own, press},
    support::{Engine, app::TestApp, on_both_engines, on_postgres},
};
use daily::{
    db::{
        reader_requests,
        subscriptions::{self, Evidence, SubscriptionRecord},
    },
    domain::{
        cadence::Cadence,
        consent::ConsentEvent,
        days::Days,
        email_address::EmailAddress,
        ids::RequestId,
        newsletter::WhoseClock,
        preferences::Preferences,
        sections::Sections,
        subscription::SubscriptionStatus::{Active, Complained, Pending, Unsubscribed},
    },
};
use jiff::{SignedDuration, Timestamp};

/// Both addresses' readers, with the times of day at which the issue comes to them.
async fn two(engine: Engine, old: &str, new: &str) -> TestApp {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    app.add_newsletter("weekly", |it| it.days = Days::parse("sun").unwrap()).await;
    for (address, time) in [(OLD, old), (NEW, new)] {
        app.reader(address).await;
        let page = own(&app, address, "preferences").await;
        assert_eq!(app.post_form(&page, &[("send_time", time), ("time_zone", "UTC")]).await.status(), 200);
    }
    // At seven the issue begins, whenever it comes to these two.
    app.reader("bob@example.org").await;
    app.article("The news").await;
    app
}

async fn at(app: &TestApp, time: &str) {
    app.clock.set(format!("2026-05-02T{time}:00Z").parse::<Timestamp>().unwrap());
    app.tick().await;
    app.tick_after(SignedDuration::from_mins(5)).await;
    assert_eq!(copies(app, "bob@example.org"), 1);
}

/// How many copies of the issue came to an address.
fn copies(app: &TestApp, to: &str) -> usize {
    app.mails_to(to).iter().filter(|it| it.text().contains("The news")).count()
}

async fn subscription(app: &TestApp, address: &str, newsletter: &str) -> SubscriptionRecord {
    of(app, address).await.into_iter().find(|it| it.newsletter == newsletter).unwrap()
}

/// A reader at the old address who gets the weekly newsletter and has left the daily one.
async fn of_the_weekly_alone(app: &TestApp) {
    app.add_newsletter("weekly", |_| {}).await;
    app.reader(OLD).await;
    app.post_form(&own(app, OLD, "preferences").await, &[("join", "weekly")]).await;
    let leave = own(app, OLD, "unsubscribe").await;
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
}

/// Presses the last button while a subscription's leaving is being written down.
async fn press_while_leaving(app: &TestApp, it: &SubscriptionRecord) -> String {
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::hold(&mut tx, &[it.id]).await.unwrap();
    let leaving = async {
        app.until_waiting(1).await;
        assert!(subscriptions::end(&mut tx, it.id, now).await.unwrap());
        let left = ConsentEvent::Unsubscribed;
        subscriptions::record_consent(&mut tx, it.id, left, "one_click", &Evidence::default(), now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    tokio::join!(press(app, OLD), leaving).0
}

on_both_engines!(
    an_issue_that_the_new_address_had_does_not_come_twice,
    an_issue_that_the_old_address_had_does_not_come_twice,
    an_issue_that_both_still_wait_for_comes_once,
    a_copy_that_waits_for_the_new_address_still_comes_where_the_old_one_had_left,
    a_copy_that_waits_for_the_new_address_still_comes_where_the_old_one_had_none_yet,
    a_copy_still_comes_that_had_none_yet_where_the_making_had_passed_the_old_address_by,
    a_copy_that_waits_does_not_keep_the_pace_of_the_provider_that_is_left,
    an_address_that_becomes_another_readers_at_the_moment_of_the_last_press_is_taken_all_the_same,
    a_copy_that_is_made_at_the_moment_of_the_change_comes_to_the_new_address,
    who_leaves_at_the_moment_of_the_last_press_has_left,
    who_leaves_at_the_new_address_at_that_moment_has_left,
    a_double_click_on_the_last_button_says_twice_that_it_is_done,
    a_signup_at_the_new_address_can_still_be_confirmed,
    a_signup_at_the_new_address_that_nobody_confirms_takes_no_proof_of_what_was_confirmed,
    who_complained_at_the_old_address_is_not_covered_up_either,
);

async fn an_issue_that_the_new_address_had_does_not_come_twice(engine: Engine) {
    let app = two(engine, "18:00", "07:00").await;
    at(&app, "07:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    let skipped = "SELECT count(*) FROM deliveries WHERE status = 'skipped' AND reply_text = 'the reader had it at another address'";
    assert_eq!(app.store().await.number(skipped).await, 1);
    ledger_holds(&app).await;
}

async fn an_issue_that_the_old_address_had_does_not_come_twice(engine: Engine) {
    let app = two(engine, "07:00", "18:00").await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (1, 0));
    let skipped = "SELECT count(*) FROM deliveries WHERE status = 'skipped' AND reply_text = 'the reader gets it at another address'";
    assert_eq!(app.store().await.number(skipped).await, 1);
}

async fn an_issue_that_both_still_wait_for_comes_once(engine: Engine) {
    let app = two(engine, "17:00", "18:00").await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    let skipped = "SELECT count(*) FROM deliveries WHERE status = 'skipped' AND reply_text = 'the reader gets it at another address'";
    assert_eq!(
        app.store().await.number(skipped).await,
        1,
        "not left to the fence, which would say that they left"
    );
    at(&app, "17:00").await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_copy_that_waits_for_the_new_address_still_comes_where_the_old_one_had_left(engine: Engine) {
    let app = two(engine, "07:00", "18:00").await;
    app.post_form(&own(&app, OLD, "preferences").await, &[("join", "weekly")]).await;
    let leave = own(&app, OLD, "unsubscribe").await;
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
    at(&app, "07:00").await;
    let weekly = of(&app, OLD).await.into_iter().find(|it| it.newsletter == "weekly").unwrap();
    moves_of(&app, weekly.id, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    let mail = app.mails_to(NEW).into_iter().find(|it| it.text().contains("The news")).unwrap();
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    let daily = of(&app, NEW).await.into_iter().find(|it| it.newsletter == "daily").unwrap();
    assert_eq!(daily.status, Unsubscribed);
    ledger_holds(&app).await;
}

async fn a_copy_that_waits_for_the_new_address_still_comes_where_the_old_one_had_none_yet(engine: Engine) {
    let app = two(engine, "18:00", "18:00").await;
    at(&app, "07:00").await;
    // The making of deliveries has come to one of them only.
    app.store()
        .await
        .execute(
            "DELETE FROM deliveries WHERE subscriber_id = \
        (SELECT id FROM subscribers WHERE address_key = 'ann@example.org')",
        )
        .await;
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_copy_still_comes_that_had_none_yet_where_the_making_had_passed_the_old_address_by(engine: Engine) {
    let app = two(engine, "07:00", "18:00").await;
    app.post_form(&own(&app, OLD, "preferences").await, &[("join", "weekly")]).await;
    let leave = own(&app, OLD, "unsubscribe").await;
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
    at(&app, "07:00").await;
    // The making of deliveries is between the two: it has passed the one that has left, and not come to the other.
    let (old, new) = (subscription(&app, OLD, "daily").await, subscription(&app, NEW, "daily").await);
    assert!(old.id.0 < new.id.0);
    let store = app.store().await;
    store.execute(&format!("DELETE FROM deliveries WHERE subscription_id = {}", new.id)).await;
    store.execute(&format!("UPDATE issues SET status = 'frozen', fanned_out_to = {}", old.id)).await;
    moves_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_copy_that_waits_does_not_keep_the_pace_of_the_provider_that_is_left(engine: Engine) {
    let app = two(engine, "18:00", "18:00").await;
    at(&app, "07:00").await;
    app.store()
        .await
        .execute(
            "UPDATE deliveries SET status = 'deferred', paced = 'example.org' WHERE subscriber_id = \
        (SELECT id FROM subscribers WHERE address_key = 'ann@example.org')",
        )
        .await;
    moves(&app, OLD, NEW).await;
    assert_eq!(app.store().await.number("SELECT count(*) FROM deliveries WHERE paced IS NOT NULL").await, 0);
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn an_address_that_becomes_another_readers_at_the_moment_of_the_last_press_is_taken_all_the_same(
    engine: Engine,
) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    ask_of(&app, subscription(&app, OLD, "daily").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    let (now, new) = (app.clock.now(), EmailAddress::parse(NEW).unwrap());
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::subscriber(&mut tx, &new, now).await.unwrap();
    let appears = async {
        app.until_waiting(1).await;
        tx.commit().await.unwrap();
    };
    let (page, ()) = tokio::join!(press(&app, OLD), appears);
    assert!(page.contains("The address is changed"), "{page}");
    assert_eq!(app.status_of(NEW).await, Some(Active));
    ledger_holds(&app).await;
}

async fn a_copy_that_is_made_at_the_moment_of_the_change_comes_to_the_new_address(engine: Engine) {
    let app = two(engine, "18:00", "18:00").await;
    let weekly = app.add_newsletter("weekly", |_| {}).await;
    let (cadence, sections) = (Cadence::EveryIssue, Sections::ALL);
    let wishes = Preferences { cadence, sections, time_zone: None, send_time: None };
    let eve = "eve@example.org";
    app.reader_of(&weekly, eve, &wishes).await;
    at(&app, "07:00").await;
    moves(&app, eve, NEW).await;
    // The making of deliveries had looked before the change, when the subscription was still the other reader's.
    app.store().await.execute("UPDATE deliveries SET subscriber_id = (SELECT id FROM subscribers WHERE address_key LIKE 'erased-%') \
        WHERE subscriber_id = (SELECT id FROM subscribers WHERE address_key = 'ann@example.net')").await;
    at(&app, "18:00").await;
    assert_eq!(copies(&app, NEW), 1);
}

async fn who_leaves_at_the_moment_of_the_last_press_has_left(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    let it = subscription(&app, OLD, "daily").await;
    ask_of(&app, it.id, OLD, NEW).await;
    press(&app, NEW).await;
    let page = press_while_leaving(&app, &it).await;
    assert!(page.contains("This link works no more"), "{page}");
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(OLD).await, ["requested", "confirmed", "unsubscribed"]);
    ledger_holds(&app).await;
}

async fn who_leaves_at_the_new_address_at_that_moment_has_left(engine: Engine) {
    let app = TestApp::start(engine).await;
    of_the_weekly_alone(&app).await;
    app.reader(NEW).await;
    ask_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    let page = press_while_leaving(&app, &subscription(&app, NEW, "daily").await).await;
    assert!(page.contains("The address is changed"), "{page}");
    let daily = subscription(&app, NEW, "daily").await;
    assert!(daily.status == Unsubscribed && daily.ended_at.is_some(), "{daily:?}");
    ledger_holds(&app).await;
}

async fn a_double_click_on_the_last_button_says_twice_that_it_is_done(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    ask_of(&app, subscription(&app, OLD, "daily").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    // Both presses come to the same row before either has it.
    let mut tx = app.app.db.begin().await.unwrap();
    reader_requests::close(&mut tx, RequestId(1), app.clock.now()).await.unwrap();
    let let_go = async {
        app.until_waiting(2).await;
        tx.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(press(&app, OLD), press(&app, OLD), let_go);
    for page in [first, second] {
        assert!(page.contains("The address is changed"), "{page}");
    }
    assert_eq!(app.consent_of(NEW).await, ["requested", "confirmed", "confirmed", "confirmed"]);
}

async fn a_signup_at_the_new_address_can_still_be_confirmed(engine: Engine) {
    let app = TestApp::start(engine).await;
    of_the_weekly_alone(&app).await;
    app.sign_up(NEW).await;
    app.settle().await;
    let confirm = app.confirmation_link(NEW);
    moves_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    assert_ne!(subscription(&app, NEW, "daily").await.status, Active, "moving confirms nothing");
    assert_eq!(app.post(&confirm).await.status(), 200);
    assert_eq!(subscription(&app, NEW, "daily").await.status, Active);
    ledger_holds(&app).await;
}

async fn a_signup_at_the_new_address_that_nobody_confirms_takes_no_proof_of_what_was_confirmed(
    engine: Engine,
) {
    let app = TestApp::start(engine).await;
    of_the_weekly_alone(&app).await;
    let left = subscription(&app, OLD, "daily").await;
    app.sign_up(NEW).await;
    app.settle().await;
    moves_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    assert_eq!(subscription(&app, NEW, "daily").await.status, Pending);
    app.tick_after(SignedDuration::from_hours(24 * 31)).await;
    let it = subscription(&app, NEW, "daily").await;
    assert_eq!((it.status, it.ended_at, it.confirmed_at), (Unsubscribed, left.ended_at, left.confirmed_at));
    let erased = format!(
        "SELECT count(*) FROM consent_events WHERE address IS NULL AND subscription_id = {}",
        left.id
    );
    assert_eq!(app.store().await.number(&erased).await, 0);
    ledger_holds(&app).await;
}

async fn who_complained_at_the_old_address_is_not_covered_up_either(engine: Engine) {
    let app = TestApp::start(engine).await;
    of_the_weekly_alone(&app).await;
    app.reader(NEW).await;
    app.store()
        .await
        .execute("UPDATE subscriptions SET status = 'complained' WHERE status = 'unsubscribed'")
        .await;
    ask_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    assert!(press(&app, OLD).await.contains("This link works no more"));
    assert_eq!(subscription(&app, OLD, "daily").await.status, Complained);
    assert_eq!(app.status_of(NEW).await, Some(Active));
}

on_postgres!(deliveries_are_made_while_a_reader_is_held);

/// On PostgreSQL an issue's deliveries are made while a reader moves: they only name the reader and the subscription.
async fn deliveries_are_made_while_a_reader_is_held() {
    let app = TestApp::start(Engine::Postgres).await;
    app.reader(OLD).await;
    let reader = subscription(&app, OLD, "daily").await.subscriber_id;
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::hold_readers(&mut tx, &[reader]).await.unwrap();
    for named in ["subscribers", "subscriptions"] {
        app.store().await.execute(&format!("SELECT id FROM {named} FOR KEY SHARE NOWAIT")).await;
    }
    tx.rollback().await.unwrap();
}
