//! Single emails: welcomes and goodbyes to readers, and notices to operators.

mod batches;
mod notices;
mod welcomes_and_goodbyes;

use crate::support::{TestApp, at};
use daily::{
    db::issues,
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::{
        delivery::email::{EmailKind, EmailStatus},
        ids::IssueId,
        issue::{schedule::Due, status::IssueStatus},
    },
};
use jiff::SignedDuration;

/// Returns a text with spaces in place of line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asserts that the latest email of a kind was not sent, for this reason.
async fn assert_unwanted(app: &TestApp, kind: EmailKind, why: &str) {
    let mails = app.store().await.emails().await;
    let mail = mails.into_iter().rfind(|mail| mail.kind == kind).expect("an email");
    assert_eq!(mail.status, EmailStatus::Failed, "{mail:?}");
    assert!(mail.reply_text.as_deref().unwrap_or_default().contains(why), "{mail:?}");
}

/// Plans the next issue half an hour before it is due.
async fn planned(app: &TestApp, needs_approval: bool, min_stories: Option<usize>) -> IssueId {
    app.change_newsletter(|it| (it.needs_approval, it.min_stories) = (needs_approval, min_stories)).await;
    let newsletter = app.newsletter().await;
    let due_at = at("2026-05-02T07:00:00Z");
    app.clock.set(due_at - SignedDuration::from_mins(30));
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let date = jiff::civil::date(2026, 5, 2);
    let issue =
        issues::insert(&mut tx, newsletter.id, date, Due::at(due_at), IssueStatus::Planned, None, now).await;
    let issue = issue.unwrap().expect("a new issue");
    tx.commit().await.unwrap();
    daily::jobs::plan_issue::run(&app.app.jobs.issues, &app.app.jobs.feeds, issue).await.unwrap();
    issue
}

/// Alerts operators about an issue, and waits until the workers have sent the emails.
async fn notify(app: &TestApp, kind: EmailKind, issue: IssueId) {
    notify_about(app, kind, NoticeSubject::Issue(issue)).await;
    app.settle().await;
}

async fn notify_about(app: &TestApp, kind: EmailKind, about: NoticeSubject) {
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    notify_operators(&app.app.actions.queue, &mut tx, &newsletter, kind, about, app.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
