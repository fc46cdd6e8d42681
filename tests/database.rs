//! What both engines must do alike.

use crate::support::{
    app::{TestApp, at},
    on_both_engines,
};
use daily::{
    db::{issues, processes},
    domain::{issue::IssueStatus, schedule::Due},
};
use jiff::SignedDuration;

on_both_engines! {
    async fn moments_come_back_as_they_went_in_and_compare_as_time_does(engine: Engine) {
        let app = TestApp::start(engine).await;
        let newsletter = app.newsletter().await;
        let mut tx = app.app.db.begin().await.unwrap();
        let moments = ["1969-12-31T23:59:59.999999Z", "2026-05-01T07:00:00Z", "2026-05-01T07:00:00.000001Z"];
        for (day, moment) in (1..).zip(moments) {
            let date = jiff::civil::date(2026, 4, day);
            let id = issues::insert(&mut tx, newsletter.id, date, Due::at(at(moment)), IssueStatus::Planned, None, at(moment))
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

    async fn a_transaction_that_is_dropped_leaves_no_trace(engine: Engine) {
        let app = TestApp::start(engine).await;
        let newsletter = app.newsletter().await;
        let mut tx = app.app.db.begin().await.unwrap();
        let now = app.clock.now();
        let date = jiff::civil::date(2026, 4, 1);
        issues::insert(&mut tx, newsletter.id, date, Due::at(now), IssueStatus::Planned, None, now).await.unwrap();
        app.app.actions.queue.enqueue(&mut tx, &daily::queue::Job::PlanIssue { issue: daily::domain::ids::IssueId(1) })
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
        crate::support::eventually("the worker says that it is alive", || async { (alive().await == 1).then_some(()) })
            .await;
        // The worker of this story goes on to beat; this one does so once.
        let mut tx = app.app.db.begin().await.unwrap();
        processes::beat(&mut tx, "another", "worker", app.clock.now()).await.unwrap();
        processes::beat(&mut tx, "a page", "web", app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(alive().await, 2, "a web process is no worker");
        app.clock.advance(processes::DEAD_AFTER + SignedDuration::from_secs(1));
        crate::support::eventually("only the one that beats is left", || async { (alive().await == 1).then_some(()) })
            .await;
    }
}
