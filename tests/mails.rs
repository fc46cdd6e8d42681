//! Single mails: the greeting and the goodbye of readers, and what operators are told.

mod greetings;
mod notices;
mod together;

use crate::support::app::TestApp;
use daily::{
    actions::{
        add_operator::{Added, add_operator},
        set_newsletter::set_newsletter,
    },
    db::{Db, DbError, issues, mails, mails::MailRecord, subscriptions},
    domain::{
        email_address::EmailAddress,
        ids::{FeedId, IssueId, MailId, SubscriptionId},
        issue::IssueStatus,
        mail::{MailKind, MailStatus},
        schedule::Due,
        token::Purpose,
    },
    jobs::notify_operators::{About, notify_operators},
};
use jiff::SignedDuration;

/// A text as if it had no line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn sql(app: &TestApp, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    let run = match &app.app.db {
        Db::Sqlite { writer, .. } => sqlx::query(statement).execute(writer).await.map(drop),
        Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.map(drop),
    };
    run.expect("a statement");
}

/// How many issues welcomes have shown.
async fn welcomed(app: &TestApp) -> i64 {
    let count = "SELECT count(*) FROM welcomes";
    match &app.app.db {
        Db::Sqlite { writer, .. } => sqlx::query_scalar(count).fetch_one(writer).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(count).fetch_one(pool).await.unwrap(),
    }
}

async fn all_mails(app: &TestApp) -> Vec<MailRecord> {
    let mut tx = app.app.db.read().await.unwrap();
    let mut found = Vec::new();
    while let Some(mail) = mails::get(&mut tx, MailId(i64::try_from(found.len()).unwrap() + 1)).await.unwrap()
    {
        found.push(mail);
    }
    found
}

/// The latest mail of a kind was not sent, for this reason.
async fn assert_unwanted(app: &TestApp, kind: MailKind, why: &str) {
    let mail = all_mails(app).await.into_iter().rfind(|mail| mail.kind == kind).expect("a mail");
    assert_eq!(mail.status, MailStatus::Failed, "{mail:?}");
    assert!(mail.reply_text.as_deref().unwrap_or_default().contains(why), "{mail:?}");
}

async fn subscription(app: &TestApp, address: &str) -> SubscriptionId {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap()[0].id
}

/// The link to leave, as any of a reader's mails has it.
async fn leaving_link(app: &TestApp, address: &str) -> String {
    let id = subscription(app, address).await;
    format!("{}/unsubscribe/{}", app.url, app.app.actions.keys.sign(Purpose::Unsubscribe, id.0))
}

/// Leaves as a mail program does (RFC 8058).
async fn one_click(app: &TestApp, address: &str) {
    let link = leaving_link(app, address).await;
    let answer = app.client.post(link).body("List-Unsubscribe=One-Click").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    app.settle().await;
}

async fn add(app: &TestApp, address: &str) {
    let address = EmailAddress::parse(address).unwrap();
    assert_eq!(add_operator(&app.app.actions, &address).await.unwrap(), Added::New);
}

/// The next issue, planned, half an hour before it is due.
async fn planned(app: &TestApp, needs_approval: bool, min_stories: Option<usize>) -> IssueId {
    let newsletter = app.newsletter().await;
    set_newsletter(&app.app.actions, newsletter.id, |it| {
        (it.needs_approval, it.min_stories) = (needs_approval, min_stories);
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let due_at = crate::support::app::at("2026-05-02T07:00:00Z");
    app.clock.advance(due_at.duration_since(app.clock.now()) - SignedDuration::from_mins(30));
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let date = jiff::civil::date(2026, 5, 2);
    let issue =
        issues::insert(&mut tx, newsletter.id, date, Due::at(due_at), IssueStatus::Planned, None, now).await;
    let issue = issue.unwrap().expect("a new issue");
    tx.commit().await.unwrap();
    daily::jobs::plan_issue::run(&app.app.jobs, issue).await.unwrap();
    issue
}

async fn notify(app: &TestApp, kind: MailKind, issue: IssueId) {
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    notify_operators(&app.app.jobs, &mut tx, &newsletter, kind, About::Issue(issue)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn notify_feed(app: &TestApp, feed: FeedId) {
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let about = About::Feed(feed);
    notify_operators(&app.app.jobs, &mut tx, &newsletter, MailKind::FeedTrouble, about).await.unwrap();
    tx.commit().await.unwrap();
    app.settle().await;
}
