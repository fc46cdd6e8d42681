//! What single mails say, one kind a file. It is made when a mail is sent, from the rows it points at; a mail that is no longer
//! wanted or true by then is not sent.

mod already_subscribed;
mod clock;
mod confirmation;
mod feed_notice;
mod goodbye;
mod issue_notice;
mod request;
mod signup_notice;
mod test_issue;
mod welcome;

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails::EmailRecord,
        newsletters::NewsletterRecord,
        operators,
        subscribers::{self, SubscriptionRecord},
        suppressions,
    },
    delivery::context::Context,
    domain::{delivery::email::EmailKind, ids::SubscriptionId, token::Purpose},
    issues::render::masthead,
};
use email_templates::{
    Email, Masthead,
    notice::{self, Matter, Notice},
};
use jiff::Timestamp;

/// A mail ready to be composed, or the reason why it is no longer wanted.
pub(crate) enum Content {
    /// What it says.
    Mail {
        /// In both parts.
        email: Email,
        /// Where a mail program leaves the newsletter with one click.
        unsubscribe_url: Option<String>,
    },
    /// It is not to be sent.
    Unwanted(&'static str),
}

/// What a mail is made from.
struct Making<'a> {
    context: &'a Context,
    mail: &'a EmailRecord,
    newsletter: &'a NewsletterRecord,
    now: Timestamp,
}

impl<'a> Making<'a> {
    fn masthead(&self) -> Masthead<'a> {
        masthead(&self.newsletter.newsletter, self.public_url())
    }

    /// The masthead of a letter to a reader: in the reader's language, if it is known and another one than the newsletter's.
    fn masthead_for(&self, subscription: &'a SubscriptionRecord) -> Masthead<'a> {
        let primary = |tag: &'a str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let masthead = self.masthead();
        let own = subscription.language.as_deref().filter(|own| primary(own) != primary(masthead.language));
        Masthead { language: own.unwrap_or(masthead.language), ..masthead }
    }

    fn public_url(&self) -> &'a str {
        &self.context.settings.http.public_url
    }

    /// Where the links of a reader's own lead: the same token opens both.
    fn own_links(&self, subscription: SubscriptionId) -> OwnLinks {
        let token = self.context.keys.sign(Purpose::Unsubscribe, subscription.0);
        OwnLinks {
            unsubscribe: format!("{}/unsubscribe/{token}", self.public_url()),
            preferences: format!("{}/preferences/{token}", self.public_url()),
        }
    }

    /// A letter to an operator.
    fn letter(&self, matter: Matter<'_>) -> Content {
        let email = notice::render(&Notice {
            masthead: self.masthead(),
            slug: &self.newsletter.newsletter.slug,
            operator: self.mail.recipient.as_str(),
            matter,
        });
        Content::Mail { email, unsubscribe_url: None }
    }
}

/// Where the links of a reader's own lead.
struct OwnLinks {
    unsubscribe: String,
    preferences: String,
}

/// Whether making such a mail writes down what it shows its reader, and so needs a transaction that may write.
pub(crate) const fn writes(kind: EmailKind) -> bool {
    matches!(kind, EmailKind::Welcome)
}

/// Makes what a mail says that was begun.
pub(crate) async fn content(
    context: &Context,
    tx: &mut Tx,
    mail: &EmailRecord,
    newsletter: &NewsletterRecord,
) -> Result<Content, DbError> {
    let making = Making { context, mail, newsletter, now: context.clock.now() };
    if let Some(why) = refusal(tx, mail).await? {
        return Ok(Content::Unwanted(why));
    }
    match mail.kind {
        EmailKind::Test => test_issue::content(&making, tx).await,
        EmailKind::ApprovalWanted | EmailKind::TooFewStories | EmailKind::IssueStopped => {
            issue_notice::content(&making, tx).await
        }
        EmailKind::FeedTrouble => feed_notice::content(&making, tx).await,
        EmailKind::SignupAlarm | EmailKind::SignupCalm => signup_notice::content(&making, tx).await,
        EmailKind::Confirmation
        | EmailKind::ConfirmationReminder
        | EmailKind::AlreadySubscribed
        | EmailKind::Welcome
        | EmailKind::Goodbye
        | EmailKind::DataExport
        | EmailKind::OldAddress
        | EmailKind::NewAddress => {
            let subscription = match mail.subscription_id {
                Some(id) => subscribers::get(tx, id).await?,
                None => None,
            };
            match subscription {
                Some(subscription) => to_reader(&making, tx, &subscription).await,
                None => Ok(Content::Unwanted(GONE)),
            }
        }
    }
}

/// Why a mail is not sent whose rows are not there.
const GONE: &str = "what it was about is gone";

async fn to_reader(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    match making.mail.kind {
        EmailKind::Confirmation | EmailKind::ConfirmationReminder => {
            confirmation::content(making, tx, subscription).await
        }
        EmailKind::AlreadySubscribed => already_subscribed::content(making, tx, subscription).await,
        EmailKind::Welcome => welcome::content(making, tx, subscription).await,
        EmailKind::Goodbye => Ok(goodbye::content(making, subscription)),
        EmailKind::DataExport | EmailKind::OldAddress | EmailKind::NewAddress => {
            request::content(making, tx, subscription).await
        }
        _ => Ok(Content::Unwanted(GONE)),
    }
}

/// Why nobody may mail this address (any more), if so. A test goes wherever an operator sends it.
async fn refusal(tx: &mut Tx, mail: &EmailRecord) -> Result<Option<&'static str>, DbError> {
    if mail.kind == EmailKind::Test {
        return Ok(None);
    }
    if suppressions::reason(tx, &mail.recipient).await?.is_some() {
        return Ok(Some("the address is suppressed"));
    }
    if mail.kind.is_notice() {
        let key = mail.recipient.key();
        if !operators::list(tx).await?.iter().any(|operator| operator.address.key() == key) {
            return Ok(Some("the address is no longer an operator's"));
        }
    }
    Ok(None)
}
