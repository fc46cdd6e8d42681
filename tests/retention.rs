//! What is held about readers is kept as long as is configured, and no longer.

use crate::support::{Engine, app::TestApp, on_both_engines, store::Store};
use daily::{
    db::{forgotten, subscriptions, turns},
    domain::{email_address::EmailAddress, subscription::SubscriptionStatus::Active, token::Purpose},
    jobs::retain::{Retained, retain},
};
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn leaves(app: &TestApp, address: &str) {
    let address = EmailAddress::parse(address).unwrap();
    let found = subscriptions::of_address(&mut app.app.db.read().await.unwrap(), &address).await.unwrap();
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, found[0].id.0);
    assert_eq!(app.post_form(&format!("/unsubscribe/{token}"), &[]).await.status(), 200);
}

on_both_engines!(
    who_left_long_ago_is_forgotten_and_old_mails_are_erased,
    of_several_workers_one_erases_at_a_time,
    forgetting_and_counting_readers_goes_through_nobody_elses_rows,
    with_no_limit_everything_stays,
);

async fn who_left_long_ago_is_forgotten_and_old_mails_are_erased(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.retention.left = Some(DAY * 100);
        settings.retention.mails = Some(DAY * 10);
    })
    .await;
    for address in ["stays@example.org", "left@example.org", "back@example.org"] {
        app.reader(address).await;
    }
    leaves(&app, "left@example.org").await;
    leaves(&app, "back@example.org").await;
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default());
    app.clock.advance(DAY * 11);
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained { readers: 0, mails: 3 });
    app.reader("back@example.org").await;
    app.clock.advance(DAY * 90);
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained { readers: 1, mails: 1 });
    assert_eq!(app.status_of("left@example.org").await, None);
    assert_eq!(app.status_of("stays@example.org").await, Some(Active));
    assert_eq!(app.status_of("back@example.org").await, Some(Active));
    let store = app.store().await;
    assert_eq!(store.number("SELECT count(*) FROM forgotten").await, 1);
    assert_eq!(store.number("SELECT count(*) FROM consent_events WHERE address LIKE 'left@%'").await, 0);
    let kept = "SELECT count(*) FROM subscriptions WHERE erased_at IS NOT NULL AND ended_at IS NOT NULL";
    assert_eq!(store.number(kept).await, 1, "that they left still counts, and is not looked at again");
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default(), "and not again");
}

async fn of_several_workers_one_erases_at_a_time(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.retention.mails = Some(DAY)).await;
    app.reader("ann@example.org").await;
    app.clock.advance(DAY * 2);
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(turns::take(&mut tx, "retain", "another", now, now + DAY).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default());
    // It fell silent.
    app.clock.advance(DAY + SignedDuration::from_secs(1));
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained { readers: 0, mails: 1 });
    assert_eq!(app.store().await.number("SELECT count(*) FROM turns WHERE name = 'retain'").await, 0);
}

async fn forgetting_and_counting_readers_goes_through_nobody_elses_rows(engine: Engine) {
    let app = TestApp::start(engine).await;
    // Each with what PostgreSQL takes in the place of what is bound.
    let (one, now) = (["1", "1", "1", "1"], ["now()", "now()", "0", "500"]);
    for (statement, bound, index) in [
        (forgotten::ERASE_MAILS, one, "mails_by_subscription"),
        (forgotten::LEFT_UNTIL, now, "subscriptions_ended"),
        (subscriptions::COUNT_LEFT, ["now()", "NULL", "", ""], "subscriptions_left"),
    ] {
        let plan = match app.store().await {
            Store::Sqlite(pool) => {
                let rows: Vec<(i64, i64, i64, String)> =
                    sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
                        .fetch_all(&pool)
                        .await
                        .unwrap();
                rows.into_iter().map(|row| row.3).collect::<Vec<_>>()
            }
            Store::Postgres(pool) => {
                // With a handful of rows it would rather read them all.
                let mut tx = pool.begin().await.unwrap();
                sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *tx).await.unwrap();
                let statement = (1..).zip(bound).fold(statement.to_owned(), |text, (place, value)| {
                    text.replace(&format!("${place}"), value)
                });
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {statement}")))
                    .fetch_all(&mut *tx)
                    .await
                    .unwrap()
            }
        };
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
    }
}

async fn with_no_limit_everything_stays(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.retention.left = None;
        settings.retention.mails = None;
    })
    .await;
    app.reader("left@example.org").await;
    leaves(&app, "left@example.org").await;
    app.clock.advance(DAY * 10_000);
    assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default());
    assert!(app.status_of("left@example.org").await.is_some());
}
