//! Retention: data about readers is kept only as long as configured.

use crate::support::{DAY, Engine, TestApp, on_both_engines};
use daily::{
    db::{
        engine::leases,
        subscribers::{self, erasure},
    },
    domain::subscriber::subscription::SubscriptionStatus::Active,
    jobs::periodic::apply_retention::{Erased, apply_retention},
};
use jiff::SignedDuration;

on_both_engines!(
    readers_who_unsubscribed_long_ago_and_old_emails_are_erased,
    one_worker_erases_at_a_time,
    erasing_and_counting_use_indexes,
    with_no_limit_everything_is_kept,
);

async fn readers_who_unsubscribed_long_ago_and_old_emails_are_erased(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.retention.left_days = 100;
        settings.retention.mail_days = 10;
    })
    .await;
    app.reader("stays@example.org").await;
    let (left, back) = (app.reader("left@example.org").await, app.reader("back@example.org").await);
    left.unsubscribes().await;
    back.unsubscribes().await;
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap(), Erased::default());
    app.clock.advance(DAY * 11);
    assert_eq!(
        apply_retention(&app.app.jobs.readers).await.unwrap(),
        Erased { emails: 3, ..Erased::default() }
    );
    app.reader("back@example.org").await;
    app.clock.advance(DAY * 90);
    assert_eq!(
        apply_retention(&app.app.jobs.readers).await.unwrap(),
        Erased { readers: 1, emails: 1, ..Erased::default() }
    );
    assert_eq!(app.status_of("left@example.org").await, None);
    assert_eq!(app.status_of("stays@example.org").await, Some(Active));
    assert_eq!(app.status_of("back@example.org").await, Some(Active));
    let store = app.store().await;
    assert_eq!(store.rows_in("erased_addresses").await, 1);
    assert_eq!(store.columns_naming("left@").await, Vec::<String>::new());
    let kept = store.subscriptions().await.into_iter().filter(|it| it.erased_at.is_some());
    let kept: Vec<_> = kept.map(|it| it.ended_at.is_some()).collect();
    assert_eq!(kept, [true], "the statistics keep the end of the subscription");
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap(), Erased::default(), "and not again");
}

async fn one_worker_erases_at_a_time(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.retention.mail_days = 1).await;
    app.reader("ann@example.org").await;
    app.clock.advance(DAY * 2);
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(leases::acquire(&mut tx, "retention", "another", now, now + DAY).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap(), Erased::default());
    // The other worker has died.
    app.clock.advance(DAY + SignedDuration::from_secs(1));
    assert_eq!(
        apply_retention(&app.app.jobs.readers).await.unwrap(),
        Erased { emails: 1, ..Erased::default() }
    );
    assert!(!app.store().await.leases().await.contains(&"retention".to_owned()));
}

async fn erasing_and_counting_use_indexes(engine: Engine) {
    let app = TestApp::start(engine).await;
    let now = ["now()", "now()", "0", "500"];
    for (statement, values, index) in [
        (erasure::ERASE_MAILS, ["1"; 4], "mails_by_subscription"),
        (erasure::LEFT_UNTIL, now, "subscriptions_ended"),
        (subscribers::COUNT_LEFT, ["now()", "NULL", "", ""], "subscriptions_left"),
    ] {
        let plan = app.store().await.query_plan(statement, values).await;
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
    }
}

async fn with_no_limit_everything_is_kept(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.retention.left_days = 0;
        settings.retention.mail_days = 0;
    })
    .await;
    app.reader("left@example.org").await.unsubscribes().await;
    app.clock.advance(DAY * 10_000);
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap(), Erased::default());
    assert!(app.status_of("left@example.org").await.is_some());
}
