//! Sending an issue: answers of relays, pausing, cancelling, the canary and the breaker.

use crate::support::{
    Engine, OPERATOR, TestApp, eventually, on_both_engines,
    outcomes::{assert_all_ended, assert_each_got_one, assert_sent_once},
    smtp_server::{Action, Script, SmtpServer, Step, StepContext},
};
use daily::{
    actions::issue::{
        cancel_issue::cancel_issue, pause_issue::pause_issue, resume_issue::resume_issue,
        send_issue::begin_issue,
    },
    db::issues,
    domain::{
        delivery::{
            relay::RelayUrl,
            status::DeliveryStatus::{Deferred, Failed, Sent},
        },
        ids::IssueId,
        issue::status::IssueStatus,
        subscriber::subscription::SubscriptionStatus::{Active, Undeliverable},
    },
    service::scheduler,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Returns the number of answers that count for an issue since it was begun or resumed.
async fn answered(app: &TestApp, issue: IssueId) -> i64 {
    let mut tx = app.app.db.read().await.unwrap();
    issues::score(&mut tx, issue).await.unwrap().answered
}

/// Waits until no worker has claimed a delivery.
async fn wait_until_idle(app: &TestApp, issue: IssueId) {
    eventually("nothing is in hand", || async {
        let counts = app.counts(issue).await;
        (counts.claimed + counts.sending == 0).then_some(())
    })
    .await;
}

/// Waits until no delivery is open.
async fn wait_until_settled(app: &TestApp, issue: IssueId) {
    eventually("all is settled", || async { (app.counts(issue).await.open() == 0).then_some(()) }).await;
}

on_both_engines!(
    every_answer_is_recorded_and_addresses_that_are_bad_twice_are_suppressed,
    a_delivery_deferred_for_a_day_fails,
    trouble_of_a_relay_counts_against_no_reader_and_the_next_relay_takes_over,
    when_all_relays_are_down_the_issue_waits_and_finishes_when_one_returns,
);

async fn every_answer_is_recorded_and_addresses_that_are_bad_twice_are_suppressed(engine: Engine) {
    let script = Script::accept()
        .refuse("gone@example.org", "550 5.1.1 no such user")
        .refuse("full@example.org", "552 5.2.2 mailbox full")
        .refuse("listed@example.org", "550-5.7.1 we do not like\r\n550 5.7.1 your looks")
        .rule(|at| {
            (at.step == Step::EndOfData && at.recipient == "late@example.org")
                .then(|| Action::reply("554 5.1.1 nobody after all"))
        })
        .rule(|at| {
            (at.step == Step::Rcpt && at.recipient == "busy@example.org" && at.earlier == 0)
                .then(|| Action::reply("450 4.2.0 mailbox busy"))
        });
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    for reader in ["ann", "gone", "full", "listed", "late", "busy"] {
        app.reader_at_once(&format!("{reader}@example.org")).await;
    }
    let issue = app.begin_issue().await;
    app.settle().await;
    let relay = server.url();
    for (reader, status, code, enhanced, text) in [
        ("ann", Sent, 250, Some("2.0.0"), "queued"),
        ("gone", Failed, 550, Some("5.1.1"), "no such user"),
        ("full", Failed, 552, Some("5.2.2"), "mailbox full"),
        ("listed", Failed, 550, Some("5.7.1"), "your looks"),
        ("late", Failed, 554, Some("5.1.1"), "nobody after all"),
        ("busy", Deferred, 450, Some("4.2.0"), "mailbox busy"),
    ] {
        let kept = app.delivery(issue, &format!("{reader}@example.org")).await;
        assert_eq!((kept.status, kept.attempts, kept.reply_code), (status, 1, Some(code)), "{reader}");
        assert_eq!(kept.enhanced_code.as_deref(), enhanced, "{reader}");
        assert_eq!(kept.relay.as_deref(), Some(relay.as_str()), "{reader}");
        assert!(kept.reply_text.unwrap().contains(text), "{reader}");
        assert_eq!(kept.finished_at.is_some(), status != Deferred, "{reader}");
    }
    app.run_due_after(SignedDuration::from_mins(2)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let busy = app.delivery(issue, "busy@example.org").await;
    assert_eq!((busy.status, busy.attempts, busy.reply_code), (Sent, 2, Some(250)));
    assert_all_ended(&app, issue, 6).await;
    for reader in ["gone", "late", "full", "listed", "ann"] {
        let address = format!("{reader}@example.org");
        assert_eq!(app.status_of(&address).await, Some(Active), "once proves nothing: {reader}");
    }
    app.clock.advance(SignedDuration::from_hours(24));
    app.article("The bridge closes").await;
    let next = app.begin_issue().await;
    app.settle().await;
    app.run_due_after(SignedDuration::from_mins(2)).await;
    app.wait_for_status(next, IssueStatus::Sent).await;
    for (reader, standing) in [
        ("gone", Undeliverable),
        ("late", Undeliverable),
        ("full", Active),
        ("listed", Active),
        ("ann", Active),
    ] {
        let address = format!("{reader}@example.org");
        assert_eq!(app.status_of(&address).await, Some(standing), "{reader}");
        assert_eq!(app.suppressed(&address).await.is_some(), standing == Undeliverable, "{reader}");
    }
    assert!(app.suppressed("gone@example.org").await.unwrap().contains("no such user"));
    app.clock.advance(SignedDuration::from_hours(24));
    app.article("The bridge opens again").await;
    let next = app.begin_issue().await;
    app.settle().await;
    let readers: Vec<String> = app.deliveries(next).await.into_iter().map(|it| it.address).collect();
    assert_eq!(readers, ["ann@example.org", "full@example.org", "listed@example.org", "busy@example.org"]);
}

async fn a_delivery_deferred_for_a_day_fails(engine: Engine) {
    let script = Script::accept().refuse("slow@example.org", "450 4.2.1 come back later");
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    app.reader_at_once("ann@example.org").await;
    app.reader_at_once("slow@example.org").await;
    let issue = app.begin_issue().await;
    app.settle().await;
    let begun = app.clock.now();
    let mut delays: Vec<SignedDuration> = Vec::new();
    loop {
        let slow = app.delivery(issue, "slow@example.org").await;
        if slow.status == Failed {
            assert!(delays.len() >= 6, "{delays:?}");
            assert_eq!(slow.attempts, i64::try_from(delays.len()).unwrap() + 1);
            assert_eq!((slow.reply_code, slow.enhanced_code.as_deref()), (Some(450), Some("4.2.1")));
            break;
        }
        assert_eq!(slow.status, Deferred);
        assert_eq!(slow.attempts, i64::try_from(delays.len()).unwrap() + 1);
        assert!(delays.len() < 30, "no end: {delays:?}");
        let next: Timestamp = slow.next_attempt_at.0;
        delays.push(next.duration_since(app.clock.now()));
        // The job waits on the system's clock. After half a minute the scheduler considers it lost.
        app.clock.set(next);
        app.run_due_after(SignedDuration::from_secs(31)).await;
    }
    assert!(app.clock.now().duration_since(begun) < SignedDuration::from_hours(25));
    assert!(delays[..6].windows(2).all(|pair| pair[0] < pair[1]), "they grow: {delays:?}");
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    assert_eq!(app.status_of("slow@example.org").await, Some(Active));
    assert_all_ended(&app, issue, 2).await;
    assert_eq!(server.record().accepted().count(), 1);
}

async fn trouble_of_a_relay_counts_against_no_reader_and_the_next_relay_takes_over(engine: Engine) {
    let say = Action::reply;
    for (what, step, action) in [
        ("a greeting of 554", Step::Greeting, say("554 5.3.2 no service")),
        ("a dropped greeting", Step::Greeting, Action::Drop),
        ("a refused EHLO", Step::Hello, say("421 4.3.2 too busy")),
        ("no TLS", Step::StartTls, say("454 4.7.0 TLS not available")),
        ("421 at MAIL", Step::Mail, say("421 4.3.2 shutting down")),
        ("550 at MAIL", Step::Mail, say("550 5.7.1 sender not welcome")),
        ("421 at RCPT", Step::Rcpt, say("421 4.3.2 shutting down")),
        ("421 at DATA", Step::Data, say("421 4.3.2 shutting down")),
        ("421 after the message", Step::EndOfData, say("421 4.3.2 shutting down")),
        ("a drop at DATA", Step::Data, Action::Drop),
    ] {
        let bad = SmtpServer::start(Script::accept().always(step, action)).await;
        let good = SmtpServer::start(Script::accept()).await;
        let app = TestApp::with_ports(engine, &[bad.port(), good.port()], |settings| {
            if step == Step::StartTls {
                let url = format!("smtp+starttls://127.0.0.1:{}", bad.port());
                settings.relays[0].url = RelayUrl::parse(&url).expect("a relay");
            }
        })
        .await;
        let mut readers = Vec::new();
        for n in 0..3 {
            // Each has its own domain, because a domain that answers 421 to RCPT is throttled.
            readers.extend(app.readers(1, &format!("{n}.example")).await);
        }
        let issue = app.begin_issue().await;
        app.wait_for_status(issue, IssueStatus::Sent).await;
        for delivery in app.deliveries(issue).await {
            assert_eq!((delivery.status, delivery.attempts), (Sent, 1), "{what}: {delivery:?}");
            assert!(delivery.relay.unwrap().ends_with(&good.port().to_string()), "{what}");
        }
        assert_each_got_one(&[bad.record(), good.record()], &readers);
        assert!(bad.record().connections.len() <= 1, "{what}: it is left alone at once");
    }
}

async fn when_all_relays_are_down_the_issue_waits_and_finishes_when_one_returns(engine: Engine) {
    let slow = || Script::accept().always(Step::EndOfData, Action::Delay(Duration::from_millis(10)));
    let (mut first, mut second) = (SmtpServer::start(slow()).await, SmtpServer::start(slow()).await);
    let app = TestApp::with_ports(engine, &[first.port(), second.port()], |settings| {
        settings.relays[0].connections = 3;
        settings.relays[1].connections = 3;
        settings.sending.lease_seconds = 3600;
    })
    .await;
    let (issue, readers) = app.begin_issue_to(120).await;
    first.wait_for(20).await;
    tokio::join!(first.stop(), second.stop());
    wait_until_idle(&app, issue).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sending);
    assert!(
        app.deliveries(issue).await.iter().all(|it| it.status == Sent || it.attempts <= 1),
        "no reader is affected"
    );
    app.run_due_after(SignedDuration::from_secs(90)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sending, "it waits");
    second.start_again().await;
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(2)).await;
    assert_sent_once(&app, issue, &[first.record(), second.record()], &readers).await;
}

/// Begins an issue whose first messages, one on each of four connections, wait for their answers.
async fn held_in_flight(engine: Engine, readers: usize) -> (SmtpServer, TestApp, IssueId, Vec<String>) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app =
        TestApp::with_ports(engine, &[server.port()], |settings| settings.relays[0].connections = 4).await;
    let (issue, readers) = app.begin_issue_to(readers).await;
    server.wait_until(|record| record.on_hold == 4).await;
    (server, app, issue, readers)
}

on_both_engines!(
    a_paused_issue_finishes_messages_in_flight_and_can_be_resumed,
    an_issue_can_be_paused_and_resumed_while_messages_are_in_flight,
    a_pause_at_full_speed_is_exact,
    a_cancelled_issue_skips_the_rest,
    a_delivery_deferred_after_the_cancellation_is_skipped,
    a_planned_issue_can_be_cancelled_but_not_paused,
);

async fn a_paused_issue_finishes_messages_in_flight_and_can_be_resumed(engine: Engine) {
    let (server, app, issue, readers) = held_in_flight(engine, 30).await;
    assert_eq!(pause_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap(), IssueStatus::Paused);
    let before = app.counts(issue).await;
    assert_eq!((before.total(), before.sending, before.sent), (30, 4, 0), "{before:?}");
    server.release();
    wait_until_idle(&app, issue).await;
    app.run_due_after(SignedDuration::from_mins(2)).await;
    let after = app.counts(issue).await;
    assert_eq!((after.total(), after.sent, after.queued), (30, 4, 26), "{after:?}");
    assert_eq!(server.record().begun(), 4, "nothing more was begun");
    let record = app.issue(issue).await;
    assert_eq!(
        (record.status, record.reason.as_deref()),
        (IssueStatus::Paused, Some("paused by an operator"))
    );
    assert_eq!(resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap(), IssueStatus::Sending);
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn an_issue_can_be_paused_and_resumed_while_messages_are_in_flight(engine: Engine) {
    let (server, app, issue, readers) = held_in_flight(engine, 30).await;
    pause_issue(&app.app.actions, &OPERATOR, issue, Some("a typo")).await.unwrap();
    assert_eq!(app.issue(issue).await.reason.as_deref(), Some("a typo"));
    resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap();
    server.release();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_pause_at_full_speed_is_exact(engine: Engine) {
    let script = Script::accept().always(Step::EndOfData, Action::Delay(Duration::from_millis(4)));
    let server = SmtpServer::start(script).await;
    let app =
        TestApp::with_ports(engine, &[server.port()], |settings| settings.relays[0].connections = 8).await;
    let (issue, readers) = app.begin_issue_to(300).await;
    for stop_at in [40, 90, 150] {
        server.wait_for(stop_at).await;
        assert_eq!(pause_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap(), IssueStatus::Paused);
        let at_most = server.record().begun() + 8;
        let during = app.counts(issue).await;
        assert_eq!(during.total(), 300);
        wait_until_idle(&app, issue).await;
        let (record, after) = (server.record(), app.counts(issue).await);
        assert!(record.begun() <= at_most, "{} begun, {at_most} at most", record.begun());
        assert_eq!(i64::try_from(record.accepted().count()).unwrap(), after.sent, "each answer is kept");
        assert_eq!((record.begun(), after.total()), (record.accepted().count(), 300));
        resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap();
    }
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_cancelled_issue_skips_the_rest(engine: Engine) {
    let (server, app, issue, _) = held_in_flight(engine, 30).await;
    assert_eq!(cancel_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap(), IssueStatus::Cancelled);
    let during = app.counts(issue).await;
    assert_eq!((during.total(), during.sending, during.sent), (30, 4, 0), "{during:?}");
    server.release();
    wait_until_settled(&app, issue).await;
    let after = app.counts(issue).await;
    assert_eq!((after.sent, after.skipped), (4, 26), "{after:?}");
    assert_eq!(resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap(), IssueStatus::Cancelled);
    app.run_due_after(SignedDuration::from_mins(10)).await;
    let record = app.issue(issue).await;
    assert_eq!((record.status, server.record().begun()), (IssueStatus::Cancelled, 4));
    assert_all_ended(&app, issue, 30).await;
}

async fn a_delivery_deferred_after_the_cancellation_is_skipped(engine: Engine) {
    let script = Script::accept()
        .rule(|at| (at.step == Step::Rcpt && at.earlier == 0).then_some(Action::Hold))
        .rule(|at| (at.step == Step::EndOfData).then(|| Action::reply("450 4.2.0 not now")));
    let server = SmtpServer::start(script).await;
    let app =
        TestApp::with_ports(engine, &[server.port()], |settings| settings.relays[0].connections = 4).await;
    let (issue, _) = app.begin_issue_to(10).await;
    server.wait_until(|record| record.begun() == 4).await;
    cancel_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    server.release();
    wait_until_settled(&app, issue).await;
    assert_eq!((app.counts(issue).await.skipped, server.record().begun()), (10, 4));
    assert_all_ended(&app, issue, 10).await;
}

async fn a_planned_issue_can_be_cancelled_but_not_paused(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    app.readers(3, "example.org").await;
    let actions = &app.app.actions;
    let tomorrow = "2026-05-02".parse().unwrap();
    let planned = begin_issue(actions, &OPERATOR, &app.newsletter().await, tomorrow).await.unwrap().id;
    assert_eq!(pause_issue(actions, &OPERATOR, planned, None).await.unwrap(), IssueStatus::Planned);
    assert_eq!(resume_issue(actions, &OPERATOR, planned).await.unwrap(), IssueStatus::Planned);
    assert_eq!(
        cancel_issue(actions, &OPERATOR, planned, Some("a holiday")).await.unwrap(),
        IssueStatus::Cancelled
    );
    app.run_due_after(SignedDuration::from_hours(20)).await;
    let record = app.issue(planned).await;
    assert_eq!((record.status, record.reason.as_deref()), (IssueStatus::Cancelled, Some("a holiday")));
    assert!(app.deliveries(planned).await.is_empty());
    assert_eq!(server.record().begun(), 0);
}

on_both_engines!(
    the_canary_goes_first_and_alone,
    two_workers_have_one_canary,
    too_many_refusals_hold_the_issue_until_an_operator_resumes_it,
    refusals_hold_the_issue_at_any_time_and_again_after_a_resume,
    deferrals_and_a_few_refusals_hold_nothing,
    a_short_list_is_not_held_by_its_few_stale_addresses,
);

async fn the_canary_goes_first_and_alone(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 10;
        settings.sending.canary = 5;
    })
    .await;
    let (issue, readers) = app.begin_issue_to(40).await;
    server.wait_until(|record| record.on_hold == 5).await;
    server.pass(4);
    eventually("four answers are kept", || async { (answered(&app, issue).await == 4).then_some(()) }).await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.sending + counts.claimed, counts.queued), (4, 1, 35), "{counts:?}");
    assert_eq!(server.record().begun(), 5, "no other message is begun before the last answer");
    server.pass(1);
    server.wait_until(|record| record.messages.len() == 15).await;
    server.release();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn two_workers_have_one_canary(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        // Each of the workers could have the whole canary in flight.
        settings.relays[0].connections = 16;
        settings.sending.canary = 4;
    })
    .await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(app.another_worker().await);
    }
    // There is more than one batch, so each worker gets a job.
    let (issue, readers) = app.begin_issue_to(600).await;
    let record = server.wait_until(|record| record.on_hold >= 4).await;
    assert_eq!(record.begun(), 4);
    server.pass(3);
    eventually("three answers are kept", || async { (answered(&app, issue).await >= 3).then_some(()) }).await;
    assert_eq!(server.record().begun(), 4);
    server.release();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
    for worker in workers {
        worker.end().await;
    }
}

async fn too_many_refusals_hold_the_issue_until_an_operator_resumes_it(engine: Engine) {
    let refusing = || Script::accept().always(Step::Rcpt, Action::reply("550 5.7.1 not from you"));
    let server = SmtpServer::start(refusing()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        (settings.sending.canary, settings.sending.max_failed_percent) = (20, 20);
    })
    .await;
    let (issue, readers) = app.begin_issue_to(120).await;
    app.wait_for_status(issue, IssueStatus::Held).await;
    wait_until_idle(&app, issue).await;
    assert!(server.record().begun() <= 24, "canary and connections at most: {}", server.record().begun());
    let record = app.issue(issue).await;
    assert!(record.reason.unwrap().contains("were refusals or missing, more than 20 %"));
    let refused = app.counts(issue).await.failed;
    assert!((10..=24).contains(&refused), "{refused}");
    app.run_due_after(SignedDuration::from_hours(1)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Held, "it stays held");
    server.follow(Script::accept());
    resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.failed, counts.sent), (refused, 120 - refused), "who was refused is not asked again");
    let left: Vec<String> =
        app.deliveries(issue).await.into_iter().filter(|it| it.status == Sent).map(|it| it.address).collect();
    assert_each_got_one(&[server.record()], &left);
    assert_all_ended(&app, issue, readers.len()).await;
}

async fn refusals_hold_the_issue_at_any_time_and_again_after_a_resume(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let refuse_from = |first: usize| {
        Script::accept().rule(move |at| {
            let number: usize = at.recipient.trim_start_matches("reader").split('@').next()?.parse().ok()?;
            (at.step == Step::Rcpt && number >= first).then(|| Action::reply("550 5.7.1 enough of you"))
        })
    };
    server.follow(refuse_from(60));
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        (settings.sending.canary, settings.sending.max_failed_percent) = (10, 20);
    })
    .await;
    let (issue, _) = app.begin_issue_to(200).await;
    app.wait_for_status(issue, IssueStatus::Held).await;
    wait_until_idle(&app, issue).await;
    let first = app.counts(issue).await;
    // After 60 accepted, 16 refused are more than a fifth. Messages in flight come on top.
    assert!(first.failed <= 16 + 8, "{first:?}");
    resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap();
    app.wait_for_status(issue, IssueStatus::Held).await;
    wait_until_idle(&app, issue).await;
    let second = app.counts(issue).await;
    assert!(second.failed - first.failed >= 10, "a new score: {second:?}");
    assert!(second.failed - first.failed <= 10 + 8, "{second:?}");
    assert_eq!(second.total(), 200);
    let mut tx = app.app.db.read().await.unwrap();
    let history = issues::history(&mut tx, issue).await.unwrap();
    let states: Vec<_> = history.iter().map(|event| event.status.as_str()).collect();
    assert_eq!(states, ["frozen", "sending", "held", "sending", "held"]);
}

async fn deferrals_and_a_few_refusals_hold_nothing(engine: Engine) {
    let script = Script::accept().always(Step::Rcpt, Action::reply("450 4.2.0 not now"));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        (settings.sending.canary, settings.sending.max_failed_percent) = (10, 20);
    })
    .await;
    let (issue, _) = app.begin_issue_to(40).await;
    app.settle().await;
    let counts = app.counts(issue).await;
    assert_eq!((app.issue(issue).await.status, counts.deferred), (IssueStatus::Sending, 40), "{counts:?}");
    let refuse = |at: &StepContext| {
        let few = (0..9).any(|n| at.recipient == format!("reader{n}@example.org"));
        (at.step == Step::Rcpt && few).then(|| Action::reply("550 5.7.1 never"))
    };
    server.follow(Script::accept().rule(refuse));
    app.clock.advance(SignedDuration::from_mins(2));
    scheduler::run_due(&app.app.jobs).await.unwrap();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_eq!((app.counts(issue).await.failed, app.counts(issue).await.sent), (9, 31));
    assert_all_ended(&app, issue, 40).await;
}

async fn a_short_list_is_not_held_by_its_few_stale_addresses(engine: Engine) {
    let script = Script::accept().always(Step::Rcpt, Action::reply("550 5.1.1 no such user"));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        (settings.sending.canary, settings.sending.max_failed_percent) = (200, 20);
    })
    .await;
    let (issue, _) = app.begin_issue_to(9).await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    assert_eq!(app.counts(issue).await.failed, 9);
    assert_all_ended(&app, issue, 9).await;
}
