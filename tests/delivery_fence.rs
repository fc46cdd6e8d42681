//! Claims, leases and the fence: no two workers send an issue to the same reader.

use crate::support::{
    Engine, OPERATOR, TestApp, eventually, on_both_engines,
    outcomes::{assert_all_ended, assert_sent_once, copies},
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::issue::{cancel_issue::cancel_issue, pause_issue::pause_issue},
    app::App,
    db::deliveries::{self, From, claims},
    delivery::recorder::{BeginOutcome, Recorder},
    domain::{
        delivery::status::{Answer, DeliveryStatus},
        ids::{ClaimId, DeliveryId, IssueId},
        issue::status::IssueStatus,
    },
    jobs::deliver_issue,
    service::recovery::recover,
    settings::Uncertain,
};
use jiff::SignedDuration;
use std::time::Duration;

/// Starts an issue to this many readers, and leaves it waiting for a relay that is down.
async fn waiting_issue(
    engine: Engine,
    readers: usize,
    hold: bool,
) -> (SmtpServer, TestApp, IssueId, Vec<String>) {
    let mut server = SmtpServer::start(Script::accept()).await;
    server.stop().await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.sending.uncertain = if hold { Uncertain::Hold } else { Uncertain::Retry };
    })
    .await;
    let (issue, readers) = app.begin_issue_to(readers).await;
    app.settle().await;
    assert_eq!(app.counts(issue).await.queued, i64::try_from(readers.len()).unwrap());
    (server, app, issue, readers)
}

/// Claims some deliveries for a worker that dies, with a lease of two minutes.
async fn claim_deliveries(app: &TestApp, issue: IssueId, count: i64) -> (ClaimId, Vec<DeliveryId>) {
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let claim = claims::open(&mut tx, issue, "another", now + SignedDuration::from_mins(2)).await.unwrap();
    let taken = deliveries::claim(&mut tx, issue, claim, From::Common(None), now, count).await.unwrap();
    tx.commit().await.unwrap();
    (claim, taken.into_iter().map(|delivery| delivery.id).collect())
}

async fn begin(app: &TestApp, issue: IssueId, claim: ClaimId, ids: &[DeliveryId]) -> deliveries::Begun {
    let mut tx = app.app.db.begin().await.unwrap();
    let begun = deliveries::begin(&mut tx, issue, claim, ids, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    begun
}

async fn answer(app: &TestApp, claim: ClaimId, id: DeliveryId) -> bool {
    let finish = deliveries::Finish {
        id,
        claim,
        address_key: "reader0@example.org".into(),
        next: deliveries::Next::End(DeliveryStatus::Sent),
        answer: Answer::new("smtp://slow.example:25", Some(250), "2.0.0 queued at last"),
        at: app.clock.now(),
    };
    let mut tx = app.app.db.begin().await.unwrap();
    let kept = deliveries::finish(&mut tx, &[&finish]).await.unwrap();
    tx.commit().await.unwrap();
    kept.contains(&id)
}

on_both_engines!(
    deliveries_begun_by_a_dead_worker_are_uncertain_and_its_others_are_sent,
    deliveries_begun_by_a_dead_worker_are_sent_again_once,
    a_worker_that_is_alone_takes_over_at_once,
    a_reader_unsubscribed_after_the_claim_is_skipped_and_a_stopped_issue_begins_nothing,
    workers_share_an_issue_and_never_both_send_to_one_reader,
    a_stalled_worker_that_loses_its_lease_in_mid_send_repeats_nothing,
    with_retry_only_messages_in_flight_at_the_loss_of_a_lease_are_repeated,
);

async fn deliveries_begun_by_a_dead_worker_are_uncertain_and_its_others_are_sent(engine: Engine) {
    let (mut server, app, issue, _) = waiting_issue(engine, 6, true).await;
    let (claim, taken) = claim_deliveries(&app, issue, 4).await;
    assert_eq!(begin(&app, issue, claim, &taken[..2]).await.go.len(), 2);
    assert_eq!(begin(&app, issue, claim, &taken[..2]).await.go.len(), 0, "twice is once");
    server.start_again().await;
    // While the lease lasts, the others are sent and the claimed ones are left alone.
    eventually("the others go out", || async {
        app.run_due_after(SignedDuration::from_millis(200)).await;
        (app.counts(issue).await.sent == 2).then_some(())
    })
    .await;
    let during = app.counts(issue).await;
    assert_eq!((during.claimed, during.sending, during.uncertain), (2, 2, 0), "{during:?}");
    app.clock.advance(SignedDuration::from_mins(3));
    eventually("its lease ends", || async {
        app.run_due_after(SignedDuration::from_secs(31)).await;
        (app.counts(issue).await.sent == 4).then_some(())
    })
    .await;
    let after = app.counts(issue).await;
    assert_eq!((after.claimed, after.sending, after.uncertain), (0, 0, 2), "{after:?}");
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sending, "doubts keep it open");
    // The worker was only slow. It has lost the deliveries that it had not begun, but its answers decide
    // those in doubt.
    let late = begin(&app, issue, claim, &taken[2..]).await;
    assert!(late.go.is_empty() && late.skipped.is_empty(), "{late:?}");
    assert!(answer(&app, claim, taken[0]).await, "its late answer settles a doubt");
    assert!(!answer(&app, ClaimId(claim.0 + 1000), taken[1]).await, "an answer under another claim does not");
    assert!(!answer(&app, claim, taken[2]).await, "nor about what it had not begun");
    assert!(answer(&app, claim, taken[1]).await);
    app.run_due_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    assert_all_ended(&app, issue, 6).await;
    assert_eq!(server.record().accepted().count(), 4);
}

async fn deliveries_begun_by_a_dead_worker_are_sent_again_once(engine: Engine) {
    let (mut server, app, issue, readers) = waiting_issue(engine, 6, false).await;
    let (claim, taken) = claim_deliveries(&app, issue, 4).await;
    begin(&app, issue, claim, &taken[..2]).await;
    server.start_again().await;
    app.clock.advance(SignedDuration::from_mins(3));
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    assert!(!answer(&app, claim, taken[0]).await, "its answer comes too late");
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
    assert_eq!(app.deliveries(issue).await[0].attempts, 2, "the one in doubt counts");
}

async fn a_worker_that_is_alone_takes_over_at_once(engine: Engine) {
    let (mut server, app, issue, readers) = waiting_issue(engine, 6, false).await;
    let (claim, taken) = claim_deliveries(&app, issue, 4).await;
    begin(&app, issue, claim, &taken[..2]).await;
    server.start_again().await;
    recover(&app.app.jobs.delivery).await.unwrap();
    let begun = app.clock.now();
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_millis(200)).await;
    assert!(app.clock.now().duration_since(begun) < SignedDuration::from_mins(2), "before the lease's end");
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_reader_unsubscribed_after_the_claim_is_skipped_and_a_stopped_issue_begins_nothing(engine: Engine) {
    let (_server, app, issue, _) = waiting_issue(engine, 6, false).await;
    let (claim, taken) = claim_deliveries(&app, issue, 6).await;
    let reader = app.visitor("reader0@example.org");
    app.end_subscription(&reader.subscription().await).await;
    let begun = begin(&app, issue, claim, &taken[..2]).await;
    assert_eq!((begun.go.len(), begun.skipped.len()), (1, 1), "{begun:?}");
    assert_eq!(app.delivery(issue, reader.address).await.status, DeliveryStatus::Skipped);
    // The recorder, as connection tasks use it.
    let recorder = {
        let jobs = &app.app.jobs;
        Recorder::start(
            app.app.db.clone(),
            app.clock.clone(),
            jobs.delivery.queue.clone(),
            app.app.settings.sending.breaker(),
            jobs.delivery.throttle.clone(),
            app.app.metrics.clone(),
        )
    };
    assert_eq!(recorder.begin(issue, claim, taken[2]).await, BeginOutcome::Started);
    assert_eq!(recorder.begin(issue, ClaimId(claim.0 + 1000), taken[3]).await, BeginOutcome::Lost);
    pause_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    assert_eq!(recorder.begin(issue, claim, taken[3]).await, BeginOutcome::Lost);
    cancel_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    assert_eq!(recorder.begin(issue, claim, taken[3]).await, BeginOutcome::Lost);
    assert!(begin(&app, issue, claim, &taken).await.go.is_empty());
    // Answers about messages in flight are still recorded.
    assert!(answer(&app, claim, taken[1]).await && answer(&app, claim, taken[2]).await);
    app.settle().await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.skipped), (2, 4), "{counts:?}");
    assert_all_ended(&app, issue, 6).await;
}

async fn workers_share_an_issue_and_never_both_send_to_one_reader(engine: Engine) {
    let script = Script::accept().always(Step::EndOfData, Action::Delay(Duration::from_millis(2)));
    let server = SmtpServer::start(script).await;
    let app =
        TestApp::with_ports(engine, &[server.port()], |settings| settings.relays[0].connections = 4).await;
    let readers = app.readers(900, "example.org").await;
    // The workers don't know of each other, so each uses all connections and claims as many deliveries as it
    // can.
    let others: Vec<App> = vec![app.another().await, app.another().await];
    let issue = app.begin_issue().await;
    app.wait_for_status(issue, IssueStatus::Sending).await;
    let working: Vec<_> = others
        .iter()
        .map(|other| {
            let context = other.jobs.delivery.clone();
            tokio::spawn(async move {
                deliver_issue::run(&context, issue).await.map_err(|error| error.to_string())
            })
        })
        .collect();
    for work in working {
        work.await.unwrap().unwrap();
    }
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_millis(10)).await;
    let record = server.record();
    assert!(record.most_open > 4, "they did work at the same time");
    assert_sent_once(&app, issue, &[record], &readers).await;
}

async fn a_stalled_worker_that_loses_its_lease_in_mid_send_repeats_nothing(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 5;
        settings.sending.uncertain = Uncertain::Hold;
    })
    .await;
    let (issue, readers) = app.begin_issue_to(60).await;
    server.wait_until(|record| record.on_hold == 5).await;
    server.follow(Script::accept());
    let other = app.another().await;
    app.clock.advance(SignedDuration::from_mins(2));
    deliver_issue::run(&other.jobs.delivery, issue).await.unwrap();
    let during = app.counts(issue).await;
    assert_eq!((during.uncertain, during.sent, during.open()), (5, 55, 5), "{during:?}");
    server.release();
    eventually("the late answers settle the doubts", || async {
        (app.counts(issue).await.sent == 60).then_some(())
    })
    .await;
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn with_retry_only_messages_in_flight_at_the_loss_of_a_lease_are_repeated(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app =
        TestApp::with_ports(engine, &[server.port()], |settings| settings.relays[0].connections = 5).await;
    let (issue, readers) = app.begin_issue_to(60).await;
    let held = server.wait_until(|record| record.on_hold == 5).await;
    let in_flight: Vec<String> = held.messages.iter().map(|message| message.recipients[0].clone()).collect();
    server.follow(Script::accept());
    let other = app.another().await;
    app.clock.advance(SignedDuration::from_mins(2));
    deliver_issue::run(&other.jobs.delivery, issue).await.unwrap();
    server.release();
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    eventually("the late ones are answered", || async {
        (server.record().accepted().count() == 65).then_some(())
    })
    .await;
    // `copies` checks that the Message-ID is the same.
    let copies = copies(&[server.record()]);
    assert_eq!(copies.len(), readers.len());
    for (reader, copies) in copies {
        assert_eq!(copies.accepted, 1 + usize::from(in_flight.contains(&reader)), "{reader}");
    }
    assert_all_ended(&app, issue, 60).await;
}
