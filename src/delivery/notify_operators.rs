//! Telling operators what needs them.

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

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An issue.
    Issue(IssueId),
    /// A feed.
    Feed(FeedId),
    /// The signups as a whole.
    Signups,
}

/// Tells operators that an issue was held or skipped, in the transaction that did it.
pub async fn issue_stopped(
    queue: &Queue,
    tx: &mut Tx,
    issue: IssueId,
    now: Timestamp,
) -> Result<(), DbError> {
    let record = issues::get(tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let newsletter = newsletters::get(tx, record.newsletter_id).await?;
    notify_operators(queue, tx, &newsletter, EmailKind::IssueStopped, About::Issue(issue), now)
        .await
        .map(drop)
}

/// Puts a notice for each operator into the queue, in the caller's transaction. `kind` is one of the notices. Returns how many
/// operators there are: with none, only the log says it.
pub async fn notify_operators(
    queue: &Queue,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    kind: EmailKind,
    about: About,
    now: Timestamp,
) -> Result<usize, DbError> {
    let (issue, feed) = match about {
        About::Issue(issue) => (Some(issue), None),
        About::Feed(feed) => (None, Some(feed)),
        About::Signups => (None, None),
    };
    let mut told = 0;
    for operator in operators::list(tx).await? {
        let domain = newsletter.newsletter.sender_address.domain();
        let mail = NewEmail {
            kind,
            newsletter: newsletter.id,
            recipient: &operator.address,
            subscription: None,
            confirmation: None,
            issue,
            feed,
            message_id: &format!("{}@{domain}", random::hex::<12>()),
        };
        let mail = emails::insert(tx, &mail, now).await?;
        queue.enqueue(tx, &Job::SendMails { mails: vec![mail] }).await?;
        told += 1;
    }
    tracing::warn!(%kind, ?about, told, "operators are told");
    Ok(told)
}
