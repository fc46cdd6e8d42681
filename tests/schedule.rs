//! The schedule: each issue is sent once, at its time, whatever happens to the processes.

use crate::support::{Engine, TestApp, at, on_both_engines};
use daily::{
    domain::{delivery::email::EmailKind, issue::status::IssueStatus, newsletter::parse_send_time},
    service::scheduler,
};
use jiff::{SignedDuration, civil::date};

const ANN: &str = "ann@example.org";

on_both_engines!(
    an_issue_is_planned_ahead_and_sent_at_its_time,
    many_schedulers_make_one_issue,
    a_late_start_sends_once_within_the_grace,
    an_issue_missed_for_too_long_is_recorded_and_not_sent,
    the_scheduler_replaces_a_lost_job,
    changing_the_time_moves_a_planned_issue_and_never_sends_at_once,
);

async fn an_issue_is_planned_ahead_and_sent_at_its_time(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.run_due_at("2026-05-02T05:59:59Z").await;
    assert!(app.issues().await.is_empty(), "nothing before it is planned");
    app.clock.set(at("2026-05-02T06:00:00Z"));
    app.article("The early story").await;
    app.run_due().await;
    assert_eq!(app.issues().await[0].status, IssueStatus::Planned);
    app.clock.set(at("2026-05-02T06:30:00Z"));
    app.article("The late story").await;
    app.run_due_at("2026-05-02T06:59:59Z").await;
    assert_eq!(app.emails_to(ANN).len(), 1, "nothing before its time");
    app.run_due_at("2026-05-02T07:00:00Z").await;
    let issues = app.issues().await;
    assert_eq!((issues.len(), issues[0].status), (1, IssueStatus::Sent));
    assert_eq!(issues[0].date(), date(2026, 5, 2));
    let mail = app.visitor(ANN).last_email();
    assert!(mail.text().contains("The early story") && mail.text().contains("The late story"));
    for _ in 0..5 {
        app.run_due_after(SignedDuration::from_mins(7)).await;
    }
    assert_eq!(app.issues().await.len(), 1);
    assert_eq!(app.emails_to(ANN).len(), 2);
}

async fn many_schedulers_make_one_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.article("The bridge opens").await;
    app.clock.set(at("2026-05-02T07:00:00Z"));
    let ticks = (0..6).map(|_| scheduler::run_due(&app.app.jobs));
    for run_due in futures_util::future::join_all(ticks).await {
        run_due.unwrap();
    }
    app.settle().await;
    assert_eq!(app.issues().await.len(), 1);
    assert_eq!(app.emails_to(ANN).len(), 2, "the confirmation and one issue");
}

async fn a_late_start_sends_once_within_the_grace(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.article("The bridge opens").await;
    app.run_due_at("2026-05-02T12:59:00Z").await;
    app.run_due_after(SignedDuration::from_mins(2)).await;
    let issues = app.issues().await;
    assert_eq!((issues.len(), issues[0].status), (1, IssueStatus::Sent));
    assert_eq!(app.emails_to(ANN).len(), 2);
}

async fn an_issue_missed_for_too_long_is_recorded_and_not_sent(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.article("The bridge opens").await;
    app.run_due_at("2026-05-03T13:01:00Z").await;
    let issues = app.issues().await;
    let seen: Vec<_> = issues.iter().map(|it| (it.date(), it.status)).collect();
    assert_eq!(seen, [(date(2026, 5, 3), IssueStatus::Skipped), (date(2026, 5, 2), IssueStatus::Skipped)]);
    assert!(issues[0].reason.as_deref().unwrap().contains("missed"));
    assert_eq!(app.emails_to(ANN).len(), 1);
}

async fn the_scheduler_replaces_a_lost_job(engine: Engine) {
    let app = TestApp::start(engine).await;
    // The worker has started, and has recovered the work of earlier ones.
    app.visitor(ANN).signs_up().await;
    // An email without a job, as if the process had died before enqueuing one.
    app.insert_email(EmailKind::Test, "op@example.org", None).await;
    app.article("The bridge opens").await;
    app.run_due_after(SignedDuration::from_secs(10)).await;
    assert!(app.emails_to("op@example.org").is_empty(), "its job might still run");
    app.run_due_after(SignedDuration::from_secs(30)).await;
    assert_eq!(app.emails_to("op@example.org").len(), 1);
}

async fn changing_the_time_moves_a_planned_issue_and_never_sends_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.article("The bridge opens").await;
    let set = async |time: &str| {
        app.change_newsletter(|it| it.send_time = parse_send_time(time).unwrap()).await;
    };
    // It is noon on a day without an issue, and this morning is within the grace period.
    set("11:00").await;
    app.run_due().await;
    assert!(app.issues().await.is_empty(), "no issue for today");
    app.run_due_at("2026-05-02T10:30:00Z").await;
    assert_eq!(app.issues().await[0].due_at.0, at("2026-05-02T11:00:00Z"));
    set("10:00").await;
    app.run_due().await;
    assert_eq!(app.issues().await[0].due_at.0, at("2026-05-02T11:00:00Z"), "the new time is past");
    set("12:00").await;
    assert_eq!(app.issues().await[0].due_at.0, at("2026-05-02T12:00:00Z"));
    assert_eq!(app.emails_to(ANN).len(), 1);
    app.run_due_at("2026-05-02T12:00:00Z").await;
    assert_eq!(app.emails_to(ANN).len(), 2);
}
