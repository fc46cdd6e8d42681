//! A clock that was wrong once puts nothing off.

use crate::{
    feeds::{add, start},
    support::{
        Engine, at, on_both_engines,
        site::{feed, item, respond},
    },
};
use daily::domain::{delivery::email::EmailKind, issue::status::IssueStatus};
use jiff::SignedDuration;
use wiremock::MockServer;

const ANN: &str = "ann@example.org";
const DESK: &str = "desk@courier.example";

on_both_engines!(a_scheduler_that_ran_years_ahead_is_recovered_from,);

async fn a_scheduler_that_ran_years_ahead_is_recovered_from(engine: Engine) {
    let app = start(engine).await;
    let site = MockServer::start().await;
    let items =
        item("The morning story", &format!("{}/morning", site.uri()), "Fri, 01 May 2026 05:00:00 GMT");
    respond(&site, "/feed", feed(&items)).await;
    app.reader(ANN).await;
    app.add_operator(DESK).await;
    add(&app, &format!("{}/feed", site.uri())).await;
    app.run_due().await;
    let polls = async || site.received_requests().await.unwrap().len();
    let today = app.clock.now();

    app.run_due_at("2031-03-01T06:45:00Z").await;
    app.run_due().await;
    let ahead = app.issues().await;
    assert!(ahead.iter().any(|it| it.status == IssueStatus::Planned), "it plans the issue of that day");
    assert!(polls().await >= 2, "it polls the feed");

    app.clock.set(today);
    app.run_due_twice().await;
    let planned_ahead = app.issues().await.into_iter().find(|it| it.due_at.0 == at("2031-03-01T07:00:00Z"));
    let reason = planned_ahead.unwrap();
    assert_eq!(reason.status, IssueStatus::Skipped);
    assert_eq!(reason.reason.as_deref(), Some("it was planned while the clock was wrong"));
    assert_eq!(app.count_emails(EmailKind::ClockWasWrong).await, 1);
    let mails = app.emails_to(DESK);
    let notice = mails.iter().find(|mail| mail.subject().contains("clock was wrong")).unwrap();
    assert!(notice.text().contains("1 March 2031, 06:45"), "{}", notice.text());

    let before = polls().await;
    app.run_due_after(SignedDuration::from_mins(61)).await;
    app.run_due().await;
    assert!(polls().await > before, "the feed is polled again");
    app.run_due_at("2026-05-02T06:30:00Z").await;
    app.run_due().await;
    app.run_due_at("2026-05-02T07:00:00Z").await;
    app.run_due().await;
    assert!(app.visitor(ANN).last_email().text().contains("The morning story"));
    assert_eq!(app.count_emails(EmailKind::ClockWasWrong).await, 1, "operators are told once");
}
