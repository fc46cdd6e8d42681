//! Emails to operators about matters that need a decision.

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails::{self, NewEmail},
        issues,
        newsletters::{self, NewsletterRecord},
        operators,
    },
    domain::{
        delivery::email::EmailKind,
        ids::{FeedId, IssueId},
    },
    queue::{Job, Queue},
    random,
};
use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeSubject {
    Issue(IssueId),
    Feed(FeedId),
    Signups,
    Clock,
    Destinations,
}

/// Notifies operators that an issue was held or skipped, in the same transaction.
pub async fn issue_stopped(
    queue: &Queue,
    tx: &mut Tx,
    issue: IssueId,
    now: Timestamp,
) -> Result<(), DbError> {
    about_issue(queue, tx, EmailKind::IssueStopped, issue, now).await
}

/// Notifies operators that the pages of a frozen issue's stories were gone or doubtful, in the same
/// transaction.
pub async fn stories_doubtful(
    queue: &Queue,
    tx: &mut Tx,
    issue: IssueId,
    now: Timestamp,
) -> Result<(), DbError> {
    about_issue(queue, tx, EmailKind::StoriesDoubtful, issue, now).await
}

async fn about_issue(
    queue: &Queue,
    tx: &mut Tx,
    kind: EmailKind,
    issue: IssueId,
    now: Timestamp,
) -> Result<(), DbError> {
    let record = issues::get(tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let newsletter = newsletters::get(tx, record.newsletter_id).await?;
    notify_operators(queue, tx, &newsletter, kind, NoticeSubject::Issue(issue), now).await.map(drop)
}

/// Enqueues a notice for each operator in the caller's transaction. `kind` must be a notice. Returns the
/// number of operators; if there are none, the log is the only trace.
pub async fn notify_operators(
    queue: &Queue,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    kind: EmailKind,
    about: NoticeSubject,
    now: Timestamp,
) -> Result<usize, DbError> {
    let (issue, feed) = match about {
        NoticeSubject::Issue(issue) => (Some(issue), None),
        NoticeSubject::Feed(feed) => (None, Some(feed)),
        NoticeSubject::Signups | NoticeSubject::Clock | NoticeSubject::Destinations => (None, None),
    };
    let mut notified = 0;
    for operator in operators::alerted(tx).await? {
        let domain = newsletter.newsletter.sender_address.domain();
        let email = NewEmail {
            kind,
            newsletter: newsletter.id,
            recipient: &operator.address,
            subscription: None,
            confirmation: None,
            issue,
            feed,
            message_id: &format!("{}@{domain}", random::hex::<12>()),
        };
        let email = emails::insert(tx, &email, now).await?;
        queue.enqueue(tx, &Job::SendEmails { emails: vec![email] }).await?;
        notified += 1;
    }
    tracing::warn!(%kind, ?about, notified, "operators notified");
    Ok(notified)
}
