//! An issue is sent again to the readers who missed it: who gets a copy, and who never does.

use crate::support::{
    Engine, OPERATOR, TestApp,
    mailbox::Mail,
    on_both_engines,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::{
        issue::{
            cancel_issue::cancel_issue,
            pause_issue::pause_issue,
            resend_issue::{self, Missed, ResendError, resend_issue},
            resolve_issue::{Resolution, resolve_issue},
            resume_issue::resume_issue,
        },
        operator::arm::arm,
    },
    db::{
        audit,
        deliveries::{self, From, claims},
        installation, issues,
    },
    domain::{
        delivery::status::{Answer, DeliveryStatus},
        ids::IssueId,
        issue::{days::Days, status::IssueStatus},
    },
    jobs::deliver_issue,
    settings::Uncertain,
};
use jiff::SignedDuration;

on_both_engines!(
    readers_whose_copies_were_refused_get_one_and_others_none,
    copies_that_a_relay_may_have_taken_are_never_sent_again,
    only_recent_issues_of_a_database_that_was_not_restored_are_sent_again,
    an_issue_that_is_stopped_on_its_second_way_stays_sent,
);

const FULL: &str = "552 5.2.2 the mailbox is full";

/// Refuses some readers, each for a reason of its own.
fn refusing() -> Script {
    Script::accept()
        .refuse("full@example.org", FULL)
        .refuse("blocked@example.org", "554 5.7.1 blocked")
        .refuse("dead@example.org", "550 5.1.1 no such user")
        .refuse("vague@example.org", "550 no")
        .refuse("left@example.org", FULL)
        .refuse("paused@example.org", FULL)
        .refuse("barred@example.org", FULL)
}

async fn missed(app: &TestApp, issue: IssueId) -> Missed {
    resend_issue::missed(&app.app.actions, issue).await.unwrap()
}

async fn resend(app: &TestApp, issue: IssueId) -> Result<i64, ResendError> {
    resend_issue(&app.app.actions, &OPERATOR, issue, 1_000).await
}

/// Sends an issue that the relay refuses to some of its readers.
async fn refused_issue(engine: Engine) -> (SmtpServer, TestApp, IssueId) {
    let server = SmtpServer::start(refusing()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    for name in ["ann", "full", "blocked", "dead", "vague", "left", "paused", "barred"] {
        app.reader_at_once(&format!("{name}@example.org")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let issue = app.latest_issue().await.id;
    assert_eq!((app.counts(issue).await.sent, app.counts(issue).await.failed), (1, 7));
    (server, app, issue)
}

async fn readers_whose_copies_were_refused_get_one_and_others_none(engine: Engine) {
    let (server, app, issue) = refused_issue(engine).await;
    app.visitor("left@example.org").unsubscribes().await;
    app.visitor("paused@example.org").pauses_until("2026-06-01").await;
    app.suppress("barred@example.org", "complaint").await;
    server.follow(Script::accept());
    let found = missed(&app, issue).await;
    assert_eq!((found.count(), found.rest(), found.answers.len()), (2, 5, 2), "{found:?}");
    assert_eq!(resend(&app, issue).await.unwrap(), 2);
    app.wait_for_status(issue, IssueStatus::Sent).await;
    app.settle().await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.failed, counts.total()), (3, 5, 8), "{counts:?}");
    let record = server.record();
    let reached: Vec<&str> = record.accepted().flat_map(|it| &it.recipients).map(String::as_str).collect();
    assert_eq!(reached.len(), 3, "each has one: {reached:?}");
    let newsletter = app.newsletter().await.newsletter;
    for address in ["full@example.org", "blocked@example.org"] {
        let message = record.accepted().find(|it| it.recipients == [address]).expect("a copy");
        let id = app.delivery(issue, address).await.id.unwrap();
        let expected = app.issue(issue).await.message_id(id, &newsletter.sender_address);
        let mail = Mail::parse(&message.data);
        assert_eq!(mail.header("Message-ID"), Some(format!("<{expected}>").as_str()), "it stays the same");
    }
    let mut tx = app.app.db.read().await.unwrap();
    let history = issues::history(&mut tx, issue).await.unwrap();
    let reasons: Vec<&str> = history.iter().filter_map(|it| it.reason.as_deref()).collect();
    assert_eq!(reasons, ["sent again to 2 readers who missed it"]);
    let entries = audit::for_subject(&mut tx, "issue.resend", issue.0).await.unwrap();
    assert_eq!((entries.len(), &entries[0].after["queued"]), (1, &2.into()));
    drop(tx);
    assert_eq!(resend(&app, issue).await.unwrap(), 0, "nobody is left");
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let ended = app.counts(issue).await;
    assert_eq!((ended.sent, ended.failed), (3, 5));
}

async fn copies_that_a_relay_may_have_taken_are_never_sent_again(engine: Engine) {
    let mut server = SmtpServer::start(Script::accept()).await;
    server.stop().await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.sending.uncertain = Uncertain::Hold;
    })
    .await;
    // No other issue is due meanwhile.
    app.change_newsletter(|it| it.days = Days::parse("wed").unwrap()).await;
    let (issue, _) = app.begin_issue_to(3).await;
    app.settle().await;
    // One worker hands two messages over. It never learns of the first, and gives up the second without an answer.
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let claim = claims::open(&mut tx, issue, "another", now + SignedDuration::from_mins(2)).await.unwrap();
    let taken = deliveries::claim(&mut tx, issue, claim, From::Common(None), now, 2).await.unwrap();
    let ids: Vec<_> = taken.iter().map(|it| it.id).collect();
    assert_eq!(deliveries::begin(&mut tx, issue, claim, &ids, now).await.unwrap().go.len(), 2);
    let finish = deliveries::Finish {
        id: ids[1],
        claim,
        address_key: taken[1].address.key(),
        next: deliveries::Next::End(DeliveryStatus::Failed),
        answer: Answer::new("smtp://slow.example:25", None, "the connection broke after the message"),
        at: now,
    };
    assert_eq!(deliveries::finish(&mut tx, &[&finish]).await.unwrap().len(), 1);
    claims::expire_all(&mut tx).await.unwrap();
    deliveries::recover(&mut tx, issue).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((app.counts(issue).await.uncertain, app.counts(issue).await.failed), (1, 1));
    // The third is given up after a day without a relay.
    app.clock.advance(SignedDuration::from_hours(25));
    deliver_issue::run(&app.app.jobs.delivery, issue).await.unwrap();
    assert_eq!(app.counts(issue).await.failed, 2);
    resolve_issue(&app.app.actions, &OPERATOR, issue, Resolution::Failed, None).await.unwrap();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    let found = missed(&app, issue).await;
    assert_eq!((found.count(), found.failed), (1, 3), "{found:?}");
    server.start_again().await;
    assert_eq!(resend(&app, issue).await.unwrap(), 1);
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    assert_eq!(server.record().messages.len(), 1);
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.failed), (1, 2), "{counts:?}");
}

async fn only_recent_issues_of_a_database_that_was_not_restored_are_sent_again(engine: Engine) {
    let (server, app, issue) = refused_issue(engine).await;
    let (actions, grace) = (&app.app.actions, app.app.settings.schedule.margins().grace);
    assert_eq!(missed(&app, issue).await.count(), 5);
    assert_eq!(resend_issue(actions, &OPERATOR, issue, 2).await.unwrap(), 2, "only as many as were shown");
    app.wait_for_status(issue, IssueStatus::Sent).await;
    server.follow(Script::accept());
    app.clock.advance(SignedDuration::from_hours(7 * 24 + 1));
    let late = resend(&app, issue).await;
    assert!(matches!(late, Err(ResendError::TooOld)), "{late:?}");
    app.clock.advance(SignedDuration::from_hours(-2));
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(installation::disarm(&mut tx, "restored", app.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    arm(actions, &OPERATOR, grace).await.unwrap().expect("it was disarmed");
    assert_eq!(missed(&app, issue).await.count(), 0, "they may have got it after the backup");
    assert_eq!(resend(&app, issue).await.unwrap(), 0);
    assert_eq!(server.record().accepted().count(), 1);
    // Nor is an issue that somebody has stopped.
    let mut tx = app.app.db.begin().await.unwrap();
    issues::advance(&mut tx, issue, IssueStatus::Sent, IssueStatus::Sending, None, app.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    pause_issue(actions, &OPERATOR, issue, None).await.unwrap();
    let stopped = resend(&app, issue).await;
    assert!(matches!(stopped, Err(ResendError::Status(IssueStatus::Paused))), "{stopped:?}");
    resume_issue(actions, &OPERATOR, issue).await.unwrap();
}

async fn an_issue_that_is_stopped_on_its_second_way_stays_sent(engine: Engine) {
    let (server, app, issue) = refused_issue(engine).await;
    server.follow(Script::accept().always(Step::EndOfData, Action::Hold));
    assert_eq!(resend(&app, issue).await.unwrap(), 5);
    server.wait_until(|record| record.on_hold == 1).await;
    let status = cancel_issue(&app.app.actions, &OPERATOR, issue, Some("a wrong picture")).await.unwrap();
    assert_eq!(status, IssueStatus::Cancelled);
    server.release();
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.skipped, counts.failed), (2, 4, 2), "{counts:?}");
    assert_eq!(server.record().accepted().count(), 2);
    assert!(app.page("/issues/2026-05-01?newsletter=daily").await.contains("The bridge opens"));
}
