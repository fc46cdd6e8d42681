//! Telling operators what needs them.

use super::Context;
use crate::{
    db::{
        DbError, Tx,
        mails::{self, NewMail},
        newsletters::NewsletterRecord,
        operators,
    },
    domain::{
        email_address::EmailAddress,
        ids::{FeedId, IssueId},
        mail::MailKind,
    },
    queue::Job,
    random,
};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An issue.
    Issue(IssueId),
    /// A feed.
    Feed(FeedId),
}

/// Puts a notice for each operator into the queue, in the caller's transaction. `kind` is one of the notices. Returns how many
/// operators there are: with none, only the log says it.
pub async fn notify_operators(
    context: &Context,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    kind: MailKind,
    about: About,
) -> Result<usize, DbError> {
    let now = context.clock.now();
    let (issue, feed) = match about {
        About::Issue(issue) => (Some(issue), None),
        About::Feed(feed) => (None, Some(feed)),
    };
    let mut told = 0;
    for operator in operators::list(tx).await? {
        let Ok(recipient) = EmailAddress::parse(&operator.address) else { continue };
        let domain = newsletter.newsletter.sender_address.domain();
        let mail = NewMail {
            kind,
            newsletter: newsletter.id,
            recipient: &recipient,
            subscription: None,
            confirmation: None,
            issue,
            feed,
            message_id: &format!("{}@{domain}", random::hex::<12>()),
        };
        let mail = mails::insert(tx, &mail, now).await?;
        context.queue.enqueue(tx, &Job::SendMail { mail }).await?;
        told += 1;
    }
    tracing::warn!(%kind, ?about, told, "operators are told");
    Ok(told)
}
