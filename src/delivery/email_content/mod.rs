//! The content of single emails, one file per kind. It is made from the current rows when the email is sent;
//! an email that is obsolete by then is not sent.

mod already_subscribed;
mod clock;
mod clock_notice;
mod confirmation;
mod destination_notice;
mod feed_notice;
mod goodbye;
mod issue_notice;
mod promise;
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
    domain::{
        delivery::email::EmailKind, ids::SubscriptionId, issue::revision::Revision,
        subscriber::subscription::is_complaint, token::Purpose,
    },
    issues::render::Letterhead,
};
use email_templates::{
    Email, Masthead,
    notice::{self, Notice, NoticeKind},
};
use jiff::Timestamp;

/// A single email's content, or the reason why it is obsolete.
pub(crate) enum Content {
    Email {
        /// Subject, text and HTML.
        email: Email,
        /// The one-click unsubscribe URL.
        unsubscribe_url: Option<String>,
        /// The revision that a test shows.
        revision: Option<Revision>,
    },
    /// The email must not be sent, for this reason.
    NotNeeded(&'static str),
}

struct EmailRequest<'a> {
    context: &'a Context,
    mail: &'a EmailRecord,
    newsletter: &'a NewsletterRecord,
    letterhead: Letterhead<'a>,
    now: Timestamp,
}

impl EmailRequest<'_> {
    fn masthead(&self) -> Masthead<'_> {
        self.letterhead.masthead()
    }

    /// Returns the masthead for a reader, in the reader's language if it is known and differs from the
    /// newsletter's.
    fn masthead_for<'s>(&'s self, subscription: &'s SubscriptionRecord) -> Masthead<'s> {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let masthead = self.masthead();
        let own = subscription.language.as_deref().filter(|own| primary(own) != primary(masthead.language));
        Masthead { language: own.unwrap_or(masthead.language), ..masthead }
    }

    fn public_url(&self) -> &str {
        &self.context.settings.http.public_url
    }

    /// Returns the reader's own links. Both use the same token.
    fn reader_links(&self, subscription: SubscriptionId) -> ReaderLinks {
        let token = self.context.keys.sign(Purpose::Unsubscribe, subscription.0);
        ReaderLinks {
            unsubscribe: format!("{}/unsubscribe/{token}", self.public_url()),
            preferences: format!("{}/preferences/{token}", self.public_url()),
        }
    }

    fn operator_email(&self, kind: NoticeKind<'_>) -> Content {
        self.operator_email_about(None, kind)
    }

    /// Makes an email that links to a page; without one, to that about its matter.
    fn operator_email_about(&self, page: Option<String>, kind: NoticeKind<'_>) -> Content {
        let page = page.unwrap_or_else(|| self.notice_page());
        let email = notice::render(&Notice {
            masthead: self.masthead(),
            slug: &self.newsletter.newsletter.slug,
            operator: self.mail.recipient.as_str(),
            page: Some(&page),
            kind,
        });
        Content::Email { email, unsubscribe_url: None, revision: None }
    }
}

impl EmailRequest<'_> {
    /// Returns the URL of the page where a revision that was shown can be approved for its set time. The URL is signed.
    fn review_page(&self, shown: i64) -> String {
        let settings = &self.context.settings;
        let url = settings.admin.url(&settings.http.public_url);
        format!("{url}/admin/review/{}", self.context.keys.sign(Purpose::ReviewIssue, shown))
    }

    /// Returns the signed URL of the page about this email's matter.
    fn notice_page(&self) -> String {
        let settings = &self.context.settings;
        let url = settings.admin.url(&settings.http.public_url);
        format!("{url}/admin/notice/{}", self.context.keys.sign(Purpose::Notice, self.mail.id.0))
    }
}

struct ReaderLinks {
    unsubscribe: String,
    preferences: String,
}

/// Whether making the content writes to the database, which needs a writable transaction.
pub(crate) const fn needs_write(kind: EmailKind) -> bool {
    matches!(kind, EmailKind::Welcome)
}

/// Makes the content of an email that was begun.
pub(crate) async fn content(
    context: &Context,
    tx: &mut Tx,
    mail: &EmailRecord,
    newsletter: &NewsletterRecord,
) -> Result<Content, DbError> {
    let letterhead = Letterhead::new(&newsletter.newsletter, &context.settings.http.public_url);
    let request = EmailRequest { context, mail, newsletter, letterhead, now: context.clock.now() };
    if let Some(reason) = skip_reason(tx, mail).await? {
        return Ok(Content::NotNeeded(reason));
    }
    match mail.kind {
        EmailKind::Test => test_issue::content(&request, tx).await,
        EmailKind::ApprovalWanted
        | EmailKind::TooFewStories
        | EmailKind::SetupWanted
        | EmailKind::IssueStopped
        | EmailKind::StoriesDoubtful => issue_notice::content(&request, tx).await,
        EmailKind::FeedTrouble => feed_notice::content(&request, tx).await,
        EmailKind::ClockWasWrong => clock_notice::content(&request, tx).await,
        EmailKind::DestinationHeld => destination_notice::content(&request, tx).await,
        EmailKind::SignupAlarm | EmailKind::SignupCalm => signup_notice::content(&request, tx).await,
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
                Some(subscription) => to_reader(&request, tx, &subscription).await,
                None => Ok(Content::NotNeeded(GONE)),
            }
        }
    }
}

/// The reason for emails whose rows are gone.
const GONE: &str = "its subject no longer exists";

async fn to_reader(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    match request.mail.kind {
        EmailKind::Confirmation | EmailKind::ConfirmationReminder => {
            confirmation::content(request, tx, subscription).await
        }
        EmailKind::AlreadySubscribed => already_subscribed::content(request, tx, subscription).await,
        EmailKind::Welcome => welcome::content(request, tx, subscription).await,
        EmailKind::Goodbye => Ok(goodbye::content(request, subscription)),
        EmailKind::DataExport | EmailKind::OldAddress | EmailKind::NewAddress => {
            request::content(request, tx, subscription).await
        }
        _ => Ok(Content::NotNeeded(GONE)),
    }
}

/// Returns the reason why this address must not be mailed, if any. Tests go to any address. Confirmations go to
/// all but readers who complained, because a signup makes one for a suppressed address only once a month.
async fn skip_reason(tx: &mut Tx, mail: &EmailRecord) -> Result<Option<&'static str>, DbError> {
    if mail.kind == EmailKind::Test {
        return Ok(None);
    }
    let reason = suppressions::reason(tx, &mail.recipient).await?;
    if reason.is_some_and(|reason| mail.kind != EmailKind::Confirmation || is_complaint(&reason)) {
        return Ok(Some("the address is suppressed"));
    }
    if mail.kind.is_notice() {
        let key = mail.recipient.key();
        if !operators::alerted(tx).await?.iter().any(|operator| operator.address.key() == key) {
            return Ok(Some("the address no longer belongs to an operator"));
        }
    }
    Ok(None)
}
