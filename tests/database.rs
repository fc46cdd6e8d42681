//! What both engines must do alike.

use crate::support::{
    Engine,
    app::{TestApp, at},
    on_both_engines,
};
use daily::{
    db::{Db, issues, processes, rate_limits, subscriptions},
    domain::{email_address::EmailAddress, issue::IssueStatus, rate_limit::Limit, schedule::Due},
};
use jiff::SignedDuration;
use std::time::Duration;

on_both_engines!(
    moments_come_back_as_they_went_in_and_compare_as_time_does,
    signups_wait_for_nobody_who_only_names_a_reader,
    a_limit_that_somebody_counts_on_is_not_tidied_away,
    a_transaction_that_is_dropped_leaves_no_trace,
    the_consent_ledger_can_only_grow,
    migrations_and_set_up_can_run_again,
    a_silent_process_is_taken_for_dead,
);

async fn moments_come_back_as_they_went_in_and_compare_as_time_does(engine: Engine) {
    let app = TestApp::start(engine).await;
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let moments = ["1969-12-31T23:59:59.999999Z", "2026-05-01T07:00:00Z", "2026-05-01T07:00:00.000001Z"];
    for (day, moment) in (1..).zip(moments) {
        let date = jiff::civil::date(2026, 4, day);
        let id = issues::insert(
            &mut tx,
            newsletter.id,
            date,
            Due::at(at(moment)),
            IssueStatus::Planned,
            None,
            at(moment),
        )
        .await
        .unwrap()
        .unwrap();
        assert_eq!(issues::get(&mut tx, id).await.unwrap().unwrap().due_at.0, at(moment));
    }
    let before = at("2026-05-01T07:00:00Z");
    let due = issues::wake_due(&mut tx, before, before).await.unwrap();
    let mut due: Vec<_> = due.into_iter().map(|(_, _, due)| due.first).filter(|due| *due <= before).collect();
    due.sort();
    assert_eq!(due, [at(moments[0]), at(moments[1])]);
}

async fn signups_wait_for_nobody_who_only_names_a_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let newsletter = app.newsletter().await.id;
    let address = EmailAddress::parse("ann@example.org").unwrap();
    let now = app.clock.now();
    // As an issue that is being fanned out: each of its deliveries names a reader and a subscription.
    let mut wave = match &app.app.db {
        Db::Postgres(pool) => Some(pool.begin().await.unwrap()),
        Db::Sqlite { .. } => None,
    };
    if let Some(wave) = &mut wave {
        for statement in
            ["SELECT id FROM subscribers FOR KEY SHARE", "SELECT id FROM subscriptions FOR KEY SHARE"]
        {
            sqlx::query(statement).execute(&mut **wave).await.unwrap();
        }
    }
    let signup = async {
        let mut tx = app.app.db.begin().await.unwrap();
        let several = subscriptions::subscribers(&mut tx, &[&address], now).await.unwrap();
        assert_eq!(subscriptions::subscriber(&mut tx, &address, now).await.unwrap(), several[0]);
        let standing = subscriptions::standings(&mut tx, &[(several[0], newsletter)], now).await.unwrap()[0];
        let one = subscriptions::subscription(&mut tx, several[0], newsletter, now).await.unwrap();
        assert_eq!((one.id, one.status), (standing.id, standing.status));
        tx.commit().await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(20), signup).await.expect("it waits for nobody");
}

async fn a_limit_that_somebody_counts_on_is_not_tidied_away(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (now, store) = (app.clock.now(), app.store().await);
    store.execute("INSERT INTO rate_limits (key, tat) VALUES ('counted', 1), ('past', 1)").await;
    // SQLite has one writer: there they come one after the other.
    if let Db::Postgres(_) = &app.app.db {
        let mut counting = app.app.db.begin().await.unwrap();
        let limit = Limit { max: 1, window: SignedDuration::from_secs(1) };
        rate_limits::check(&mut counting, &[vec![("counted".into(), limit)]], now).await.unwrap();
        let tidying = async {
            let mut tx = app.app.db.begin().await.unwrap();
            rate_limits::tidy(&mut tx, now).await.unwrap();
            tx.commit().await.unwrap();
        };
        tokio::time::timeout(Duration::from_secs(20), tidying).await.expect("it waits for nobody");
        counting.commit().await.unwrap();
        assert_eq!(store.texts("SELECT key FROM rate_limits").await, ["counted"]);
    }
    let mut tx = app.app.db.begin().await.unwrap();
    rate_limits::tidy(&mut tx, now + SignedDuration::from_secs(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.number("SELECT count(*) FROM rate_limits").await, 0);
}

async fn a_transaction_that_is_dropped_leaves_no_trace(engine: Engine) {
    let app = TestApp::start(engine).await;
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let now = app.clock.now();
    let date = jiff::civil::date(2026, 4, 1);
    issues::insert(&mut tx, newsletter.id, date, Due::at(now), IssueStatus::Planned, None, now)
        .await
        .unwrap();
    app.app
        .actions
        .queue
        .enqueue(&mut tx, &daily::queue::Job::PlanIssue { issue: daily::domain::ids::IssueId(1) })
        .await
        .unwrap();
    drop(tx);
    assert!(app.issues().await.is_empty());
    assert_eq!(daily::queue::depth(&app.app.db).await.unwrap(), 0, "the job went with it");
}

async fn the_consent_ledger_can_only_grow(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.signups_taken().await;
    for statement in ["UPDATE consent_events SET kind = 'confirmed'", "DELETE FROM consent_events"] {
        let error = match &app.app.db {
            daily::db::Db::Sqlite { writer, .. } => sqlx::query(statement).execute(writer).await.unwrap_err(),
            daily::db::Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.unwrap_err(),
        };
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    assert_eq!(app.consent_of("ann@example.org").await, ["requested"]);
}

async fn migrations_and_set_up_can_run_again(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    let again = daily::app::open(&app.app.settings).await.unwrap();
    again.close().await;
    assert!(app.status_of("ann@example.org").await.is_some());
}

async fn a_silent_process_is_taken_for_dead(engine: Engine) {
    let app = TestApp::start(engine).await;
    let alive = || async {
        let mut tx = app.app.db.read().await.unwrap();
        processes::count_workers(&mut tx, app.clock.now()).await.unwrap()
    };
    crate::support::eventually("the worker says that it is alive", || async {
        (alive().await == 1).then_some(())
    })
    .await;
    // The worker of this story goes on to beat; this one does so once.
    let mut tx = app.app.db.begin().await.unwrap();
    processes::beat(&mut tx, "another", "worker", app.clock.now()).await.unwrap();
    processes::beat(&mut tx, "a page", "web", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(alive().await, 2, "a web process is no worker");
    app.clock.advance(processes::DEAD_AFTER + SignedDuration::from_secs(1));
    crate::support::eventually("only the one that beats is left", || async {
        (alive().await == 1).then_some(())
    })
    .await;
}
