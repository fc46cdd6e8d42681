//! Behavior that both engines share.

use crate::support::{
    Engine, TestApp, address, at, eventually, in_time,
    locks::{RowLocks, Strength},
    on_both_engines,
};
use daily::{
    db::{Db, engine::processes, issues, rate_limits, subscribers},
    domain::{
        ids::IssueId,
        issue::{schedule::Due, status::IssueStatus},
        rate_limit::Limit,
    },
    queue::{self, Job},
};
use jiff::{SignedDuration, Timestamp, civil::date};

on_both_engines!(
    times_round_trip_and_compare_as_time_does,
    signups_do_not_wait_for_a_fan_out,
    a_limit_in_use_is_not_deleted,
    a_transaction_that_is_dropped_leaves_no_trace,
    migrations_and_setup_can_run_again,
    a_silent_process_counts_as_dead,
);

async fn times_round_trip_and_compare_as_time_does(engine: Engine) {
    let app = TestApp::start(engine).await;
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let moments = ["1969-12-31T23:59:59.999999Z", "2026-05-01T07:00:00Z", "2026-05-01T07:00:00.000001Z"];
    for (day, moment) in (1..).zip(moments) {
        let (date, due) = (date(2026, 4, day), Due::at(at(moment)));
        let id = issues::insert(&mut tx, newsletter.id, date, due, IssueStatus::Planned, None, due.first);
        let id = id.await.unwrap().unwrap();
        assert_eq!(issues::get(&mut tx, id).await.unwrap().unwrap().due_at.0, at(moment));
    }
    let before = at("2026-05-01T07:00:00Z");
    let due = issues::wake_due(&mut tx, before, before).await.unwrap();
    let mut due: Vec<_> = due.into_iter().map(|(_, _, due)| due.first).filter(|due| *due <= before).collect();
    due.sort();
    assert_eq!(due, [at(moments[0]), at(moments[1])]);
}

async fn signups_do_not_wait_for_a_fan_out(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let newsletter = app.newsletter().await.id;
    let (address, now) = (address("ann@example.org"), app.clock.now());
    // Fanning out does the same: each delivery refers to a reader and a subscription.
    let _wave =
        RowLocks::hold(app.store().await, Strength::KeyShare, &["subscribers", "subscriptions"]).await;
    let signup = async {
        let mut tx = app.app.db.begin().await.unwrap();
        let several = subscribers::subscribers(&mut tx, &[&address], now).await.unwrap();
        assert_eq!(subscribers::subscriber(&mut tx, &address, now).await.unwrap(), several[0]);
        let standing =
            subscribers::subscriptions(&mut tx, &[(several[0], newsletter)], now).await.unwrap()[0];
        let one = subscribers::subscription(&mut tx, several[0], newsletter, now).await.unwrap();
        assert_eq!((one.id, one.status), (standing.id, standing.status));
        tx.commit().await.unwrap();
    };
    in_time(signup).await;
}

async fn a_limit_in_use_is_not_deleted(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (now, store) = (app.clock.now(), app.store().await);
    for key in ["counted", "past"] {
        store.use_up_limit(key, Timestamp::UNIX_EPOCH).await;
    }
    // SQLite has one writer, so there the two can't meet.
    if let Db::Postgres(_) = &app.app.db {
        let mut counting = app.app.db.begin().await.unwrap();
        let limit = Limit { max: 1, window: SignedDuration::from_secs(1) };
        rate_limits::check(&mut counting, &[vec![("counted".into(), limit)]], now).await.unwrap();
        let tidying = async {
            let mut tx = app.app.db.begin().await.unwrap();
            rate_limits::tidy(&mut tx, now).await.unwrap();
            tx.commit().await.unwrap();
        };
        in_time(tidying).await;
        counting.commit().await.unwrap();
        assert_eq!(store.rate_limits().await, ["counted"]);
    }
    let mut tx = app.app.db.begin().await.unwrap();
    rate_limits::tidy(&mut tx, now + SignedDuration::from_secs(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.rows_in("rate_limits").await, 0);
}

async fn a_transaction_that_is_dropped_leaves_no_trace(engine: Engine) {
    let app = TestApp::start(engine).await;
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let now = app.clock.now();
    let date = date(2026, 4, 1);
    issues::insert(&mut tx, newsletter.id, date, Due::at(now), IssueStatus::Planned, None, now)
        .await
        .unwrap();
    let job = Job::PlanIssue { issue: IssueId(1) };
    app.app.actions.queue.enqueue(&mut tx, &job).await.unwrap();
    drop(tx);
    assert!(app.issues().await.is_empty());
    assert_eq!(queue::depth(&app.app.db).await.unwrap(), 0, "the job went with it");
}

async fn migrations_and_setup_can_run_again(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    let again = daily::app::open(&app.app.settings).await.unwrap();
    again.close().await;
    assert!(app.status_of("ann@example.org").await.is_some());
}

async fn a_silent_process_counts_as_dead(engine: Engine) {
    let app = TestApp::start(engine).await;
    let alive = || async {
        let mut tx = app.app.db.read().await.unwrap();
        processes::count_workers(&mut tx, app.clock.now()).await.unwrap()
    };
    eventually("the worker says that it is alive", || async { (alive().await == 1).then_some(()) }).await;
    // The story's own worker keeps its heartbeat. This one has a single heartbeat.
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "another", "worker", app.clock.now()).await.unwrap();
    processes::heartbeat(&mut tx, "a page", "web", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(alive().await, 2, "a web process is no worker");
    app.clock.advance(processes::DEAD_AFTER + SignedDuration::from_secs(1));
    eventually("only the one that beats is left", || async { (alive().await == 1).then_some(()) }).await;
}
