//! Faults of relays, connections and the database while an issue is being sent. In the end, the records match
//! the messages that the server received.

use crate::support::{
    Engine, TestApp, eventually, in_time,
    locks::WriteLock,
    on_both_engines, on_postgres,
    outcomes::{assert_all_ended, assert_each_got_one, assert_sent_once, copies},
    postgres_cluster::Cluster,
    smtp_server::{Action, Script, SmtpServer, Step, StepContext},
};
use daily::{
    app::App,
    clock::Clock,
    db::{DatabaseUrl, Db},
    domain::{
        delivery::status::DeliveryStatus::{Failed, Sent},
        ids::IssueId,
        issue::status::IssueStatus,
    },
    queue::{self, Handler, Job, Workers},
    service::scheduler,
    settings::{Settings, Uncertain},
};
use jiff::SignedDuration;
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const READERS: usize = 80;

/// Sets several connections, and a lease that no jump of the clock ends.
fn busy(settings: &mut Settings) {
    settings.relays[0].connections = 5;
    settings.sending.lease_seconds = 360_000;
    settings.sending.max_failed_percent = 100;
}

/// Begins an issue to readers in domains of ten each, so that throttling one domain does not slow down all of
/// them.
async fn begin(app: &TestApp) -> (IssueId, Vec<String>) {
    let mut readers = Vec::new();
    for n in 0..READERS / 10 {
        readers.extend(app.readers(10, &format!("{n}.example")).await);
    }
    (app.begin_issue().await, readers)
}

/// Starts a relay with a script, a spare one, and an app that uses both.
async fn with_spare(
    engine: Engine,
    script: Script,
    change: impl FnOnce(&mut Settings),
) -> (SmtpServer, SmtpServer, TestApp) {
    let (server, spare) = (SmtpServer::start(script).await, SmtpServer::start(Script::accept()).await);
    let app = TestApp::with_ports(engine, &[server.port(), spare.port()], change).await;
    (server, spare, app)
}

/// Returns a pseudo-random number that is always the same for this step.
fn chance(seed: u64, at: &StepContext, of: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, at.step, at.recipient, at.earlier).hash(&mut hasher);
    hasher.finish() % of
}

on_both_engines!(
    greylisted_readers_get_the_issue_once,
    a_clock_that_jumps_gives_nobody_up,
    random_answers_lead_every_delivery_to_one_end,
    connections_that_break_before_or_in_the_message_lose_nothing,
    connections_that_break_after_the_message_repeat_it_with_the_same_message_id,
    with_hold_uncertain_deliveries_are_not_repeated,
    a_relay_that_never_answers_gets_each_message_three_times_at_most,
    a_relay_that_never_answers_has_the_issue_held,
    a_slow_server_gets_everything_once,
    one_message_that_hangs_delays_no_other,
    a_relay_that_restarts_gets_everything,
);

async fn greylisted_readers_get_the_issue_once(engine: Engine) {
    let script = Script::accept().first(1, Step::Rcpt, Action::reply("451 4.2.0 greylisted, come back"));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], busy).await;
    let (issue, readers) = begin(&app).await;
    app.settle().await;
    assert_eq!(app.counts(issue).await.deferred, 80);
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
    assert!(app.deliveries(issue).await.iter().all(|it| it.attempts == 2));
}

async fn a_clock_that_jumps_gives_nobody_up(engine: Engine) {
    let script = Script::accept().first(1, Step::Rcpt, Action::reply("451 4.2.0 greylisted, come back"));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], busy).await;
    let (issue, readers) = begin(&app).await;
    app.settle().await;
    assert_eq!(app.counts(issue).await.deferred, 80);
    app.clock.jump(SignedDuration::from_hours(72));
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_relay_that_never_answers_gets_each_message_three_times_at_most(engine: Engine) {
    let script = Script::accept().always(Step::EndOfData, Action::Drop);
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], busy).await;
    let (issue, readers) = app.begin_issue_to(3).await;
    eventually("all wait for an operator", || async {
        app.clock.advance(SignedDuration::from_secs(31));
        scheduler::run_due(&app.app.jobs).await.ok()?;
        (app.counts(issue).await.uncertain == 3).then_some(())
    })
    .await;
    app.run_due_after(SignedDuration::from_mins(10)).await;
    let copies = copies(&[server.record()]);
    assert_eq!(copies.len(), readers.len());
    assert!(copies.values().all(|it| it.arrived == 3), "{copies:?}");
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sending);
}

async fn a_relay_that_never_answers_has_the_issue_held(engine: Engine) {
    let script = Script::accept().always(Step::EndOfData, Action::Drop);
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        busy(settings);
        settings.sending.max_failed_percent = 20;
    })
    .await;
    let (issue, _) = app.begin_issue_to(12).await;
    app.run_due_until(issue, IssueStatus::Held, SignedDuration::from_secs(31)).await;
    let held = app.issue(issue).await;
    assert!(held.reason.unwrap().contains("refusals or missing"));
}

async fn random_answers_lead_every_delivery_to_one_end(engine: Engine) {
    for seed in [1, 2] {
        let script = Script::accept().rule(move |at| {
            let answer = |text: &str| Some(Action::reply(text));
            match (at.step, chance(seed, at, 40)) {
                (Step::Rcpt | Step::Data | Step::EndOfData, 0..=3) => answer("450 4.3.0 not now"),
                (Step::Rcpt, 4) => answer("550 5.1.1 never"),
                (Step::EndOfData, 5) => answer("554 5.6.0 no"),
                (Step::EndOfData, 6) => answer("421 4.3.2 going down"),
                (Step::Data, 7) => answer("554 5.5.0 no"),
                (Step::Mail, 8) => answer("451 4.3.0 sorry"),
                _ => None,
            }
        });
        let (server, spare, app) = with_spare(engine, script, busy).await;
        let (issue, _) = begin(&app).await;
        app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
        assert_all_ended(&app, issue, READERS).await;
        let (mut sent, mut failed) = (Vec::new(), 0);
        for delivery in app.deliveries(issue).await {
            match delivery.status {
                Sent => sent.push(delivery.address),
                Failed => failed += 1,
                other => panic!("{other}"),
            }
        }
        assert!(failed > 0 && sent.len() > 40, "seed {seed}: {failed} failed");
        assert_each_got_one(&[server.record(), spare.record()], &sent);
    }
}

async fn connections_that_break_before_or_in_the_message_lose_nothing(engine: Engine) {
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Body] {
        let script = Script::accept().rule(move |at| {
            (at.step == step && at.earlier == 0 && chance(3, at, 12) == 0).then_some(Action::Drop)
        });
        let (server, spare, app) = with_spare(engine, script, busy).await;
        let (issue, readers) = begin(&app).await;
        app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
        assert_sent_once(&app, issue, &[server.record(), spare.record()], &readers).await;
        // A short message may fit into the buffers completely. The sender can't know whether it arrived, so
        // it tries once more.
        let most = if step == Step::Body { 2 } else { 1 };
        assert!(app.deliveries(issue).await.iter().all(|it| it.attempts <= most), "{step:?}");
    }
}

async fn connections_that_break_after_the_message_repeat_it_with_the_same_message_id(engine: Engine) {
    let drops = |at: &StepContext| at.step == Step::EndOfData && at.earlier == 0 && chance(5, at, 10) == 0;
    let script = Script::accept().rule(move |at| drops(at).then_some(Action::Drop));
    let (server, spare, app) = with_spare(engine, script, busy).await;
    let (issue, readers) = begin(&app).await;
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    let records = [server.record(), spare.record()];
    let copies = copies(&records);
    let repeated = copies.values().filter(|it| it.arrived > 1).count();
    let dropped = records[0].messages.iter().filter(|message| !message.accepted).count();
    assert!(dropped > 0);
    assert_eq!((repeated, copies.len()), (dropped, readers.len()), "none but the dropped ones");
    assert!(copies.values().all(|it| it.accepted == 1 && it.arrived <= 2), "{copies:?}");
    assert_all_ended(&app, issue, READERS).await;
}

async fn with_hold_uncertain_deliveries_are_not_repeated(engine: Engine) {
    let script = Script::accept()
        .rule(|at| (at.step == Step::EndOfData && chance(5, at, 10) == 0).then_some(Action::Drop));
    let (server, spare, app) = with_spare(engine, script, |settings| {
        busy(settings);
        settings.sending.uncertain = Uncertain::Hold;
    })
    .await;
    let (issue, readers) = begin(&app).await;
    eventually("all have gone out once", || async {
        app.clock.advance(SignedDuration::from_secs(31));
        scheduler::run_due(&app.app.jobs).await.ok()?;
        let counts = app.counts(issue).await;
        (counts.sent + counts.uncertain == 80).then_some(())
    })
    .await;
    app.run_due_after(SignedDuration::from_hours(2)).await;
    let records = [server.record(), spare.record()];
    let copies = copies(&records);
    assert!(copies.len() == readers.len() && copies.values().all(|it| it.arrived == 1), "{copies:?}");
    let dropped = records[0].messages.iter().filter(|message| !message.accepted).count();
    assert_eq!(app.counts(issue).await.uncertain, i64::try_from(dropped).unwrap());
}

async fn a_slow_server_gets_everything_once(engine: Engine) {
    let delay = |at: &StepContext| Duration::from_millis(chance(6, at, 20));
    let script = Script::accept().rule(move |at| Some(Action::Delay(delay(at))));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], busy).await;
    let (issue, readers) = begin(&app).await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn one_message_that_hangs_delays_no_other(engine: Engine) {
    let script = Script::accept()
        .rule(|at| {
            (at.step == Step::EndOfData && at.recipient == "reader0@0.example").then_some(Action::Hold)
        })
        .rule(|at| {
            (at.step == Step::Rcpt && at.recipient == "reader1@0.example" && at.earlier == 0)
                .then(|| Action::reply("450 4.2.0 not now"))
        });
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], busy).await;
    let (issue, readers) = begin(&app).await;
    eventually("all but two are through", || async { (app.counts(issue).await.sent == 78).then_some(()) })
        .await;
    app.clock.advance(SignedDuration::from_mins(2));
    eventually("the deferred one has its turn", || async {
        (app.counts(issue).await.sent == 79).then_some(())
    })
    .await;
    assert_eq!(server.record().on_hold, 1);
    server.release();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_relay_that_restarts_gets_everything(engine: Engine) {
    let script = Script::accept().always(Step::EndOfData, Action::Delay(Duration::from_millis(5)));
    let mut server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], busy).await;
    let (issue, readers) = begin(&app).await;
    server.wait_for(25).await;
    server.stop().await;
    server.start_again().await;
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    let copies = copies(&[server.record()]);
    assert!(copies.len() == READERS && copies.values().all(|it| it.accepted == 1), "{copies:?}");
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

/// Stops the database server while an issue is being sent, and restarts it.
async fn the_database_restarts(stop: &[&str], start: Option<&[&str]>) {
    let database = tokio::task::spawn_blocking(|| Cluster::start("fsync = off")).await.unwrap();
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(Engine::Sqlite, &[server.port()], |settings| {
        busy(settings);
        settings.database.url = DatabaseUrl::Postgres(database.url("postgres"));
    })
    .await;
    let (issue, readers) = begin(&app).await;
    server.pass(30);
    // Thirty are sent, and five are in flight.
    server.wait_until(|record| record.messages.len() == 35).await;
    database.control(stop).await;
    if start.is_some() {
        // The answers arrive while the database is down, and the recorder keeps them.
        server.release();
        server.wait_for(35).await;
    }
    if let Some(start) = start {
        database.control(start).await;
    }
    server.release();
    eventually("the issue is sent", || async {
        app.clock.advance(SignedDuration::from_secs(5));
        scheduler::run_due(&app.app.jobs).await.ok()?;
        (app.issue(issue).await.status == IssueStatus::Sent).then_some(())
    })
    .await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
    assert!(app.deliveries(issue).await.iter().all(|it| it.attempts == 1), "each was begun once");
}

on_postgres!(a_crash_of_the_database_server_in_mid_send_loses_and_repeats_nothing);

async fn a_crash_of_the_database_server_in_mid_send_loses_and_repeats_nothing() {
    the_database_restarts(&["restart", "-m", "immediate"], None).await;
}

on_postgres!(answers_while_the_database_server_is_down_are_recorded_later);

async fn answers_while_the_database_server_is_down_are_recorded_later() {
    the_database_restarts(&["stop", "-m", "fast"], Some(&["start"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_lock_of_another_process_on_sqlite_only_costs_time() {
    let script = Script::accept().always(Step::EndOfData, Action::Delay(Duration::from_millis(5)));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(Engine::Sqlite, &[server.port()], busy).await;
    let (issue, readers) = begin(&app).await;
    server.wait_for(20).await;
    let DatabaseUrl::Sqlite(file) = &app.app.settings.database.url else { panic!("SQLite") };
    let lock = WriteLock::hold(file).await;
    // Nothing more is recorded as begun, but answers for begun messages are recorded.
    let counts = app.counts(issue).await;
    let begun = usize::try_from(counts.sent + counts.sending).unwrap();
    server.wait_for(begun).await;
    assert_eq!(server.record().begun(), begun, "no message without its record");
    lock.release().await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetcher_that_waits_for_the_database_does_not_block_the_last_job() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::defaults().unwrap();
    settings.database.url = DatabaseUrl::Sqlite(folder.path().join("daily.db"));
    settings.data.folder = folder.path().to_owned();
    let daily = App::start(settings, Clock::system()).await.unwrap();
    let Db::Sqlite { writer, .. } = &daily.db else { unreachable!("the story is SQLite's") };
    let (stop, db, ended) = (CancellationToken::new(), daily.db.clone(), Arc::new(Mutex::new(None)));
    let begun = Arc::new(Notify::new());
    let handler: Handler = {
        let (stop, begun, ended) = (stop.clone(), begun.clone(), ended.clone());
        Arc::new(move |_| {
            let (stop, begun, ended, db) = (stop.clone(), begun.clone(), ended.clone(), db.clone());
            Box::pin(async move {
                begun.notify_one();
                stop.cancelled().await;
                // Every job records its result in this way.
                let recorded = in_time(async { db.begin().await?.commit().await }).await;
                *ended.lock().unwrap() = Some(recorded.is_ok());
                Ok(())
            })
        })
    };
    let workers = Workers {
        db: daily.db.clone(),
        queue: daily.jobs.delivery.queue.clone(),
        handler,
        metrics: daily.metrics.clone(),
        job_timeout: Duration::from_mins(1),
        delivery_concurrency: 1,
    };
    let running = tokio::spawn(workers.run(stop.clone(), Duration::from_mins(1)));
    let mut tx = daily.db.begin().await.unwrap();
    daily.jobs.delivery.queue.enqueue(&mut tx, &Job::ProcessSignups).await.unwrap();
    tx.commit().await.unwrap();
    begun.notified().await;
    // Another process holds the write lock. A job fetcher waits for the lock, and uses the only connection
    // that can write.
    let DatabaseUrl::Sqlite(path) = &daily.settings.database.url else {
        unreachable!("the story is SQLite's")
    };
    let lock = WriteLock::hold(path).await;
    eventually("the fetcher waits with the connection", || async { (writer.num_idle() == 0).then_some(()) })
        .await;
    stop.cancel();
    lock.release().await;
    running.await.unwrap();
    assert_eq!(*ended.lock().unwrap(), Some(true), "the job could record its result");
    assert_eq!(queue::depth(&daily.db).await.unwrap(), 0, "the queue knows that it has ended");
}
