//! A reader confirms a signup.

use crate::{
    actions::{
        mail_reader,
        signup::context::SignupContext,
        signup::{
            request::{Proof, Signup, SubscribeError},
            subscribe::subscribe,
        },
        subscription::set_preferences::follow_clock,
    },
    db::{
        DbError, Tx,
        newsletters::{self, NewsletterRecord},
        subscribers::{self, ConfirmationRecord, Evidence, SubscriptionRecord},
    },
    domain::{
        delivery::email::EmailKind,
        ids::ConfirmationId,
        signup::form_token::is_bound_browser,
        subscriber::{consent::ConsentEvent, email_address::EmailAddress, subscription::SubscriptionStatus},
        token::Purpose,
    },
};
use jiff::SignedDuration;

/// How a reader confirmed, as the ledger names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmedBy {
    /// With the button on the page that the link leads to.
    Button,
    /// By following the link in the browser that had signed up.
    SameBrowser,
}

impl ConfirmedBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Button => "link",
            Self::SameBrowser => "same_browser",
        }
    }
}

/// What a confirmation link leads to.
#[derive(Debug, Clone)]
pub enum Confirmation {
    /// Not a link of ours, or altered on the way.
    Unknown,
    /// The link is too old, or the reader has left since; signing up again gets a new one.
    Expired {
        /// Of which newsletter.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
    },
    /// The button can be pressed.
    Ready {
        /// The newsletter that the mail came from.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
        /// What the reader gets: the titles of all that the link confirms.
        titles: String,
        /// For which address.
        address: EmailAddress,
    },
    /// The reader is in: just now, or since an earlier click.
    Confirmed {
        /// The newsletter that the mail came from.
        newsletter: NewsletterRecord,
        /// The reader's language, if it is known.
        language: Option<String>,
        /// What the reader gets.
        titles: String,
    },
}

/// Looks at a link without changing anything: mail scanners follow links too.
pub async fn look(context: &SignupContext, token: &str) -> Result<Confirmation, DbError> {
    let mut tx = context.db.read().await?;
    let asked = find(context, &mut tx, token).await?;
    Ok(judge(context, &asked))
}

/// Confirms: all that the link confirms becomes active, the consent is recorded, and the reader is greeted by one mail. A second press
/// says the same as the first, and does nothing.
pub async fn confirm(
    context: &SignupContext,
    token: &str,
    by: ConfirmedBy,
    evidence: &Evidence,
) -> Result<Confirmation, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let mut asked = find(context, &mut tx, token).await?;
    if !matches!(judge(context, &asked), Confirmation::Ready { .. }) {
        return Ok(judge(context, &asked));
    }
    let mut to_greet = context.welcome_email;
    for it in asked.iter_mut().filter(|it| is_open(context, it)) {
        // Both guards are compare-and-set: of two presses at once only one records a consent.
        if subscribers::use_confirmation(&mut tx, it.record.id, now).await?
            && subscribers::activate(&mut tx, it.subscription.id, now).await?
        {
            let (event, by) = (ConsentEvent::Confirmed, by.as_str());
            subscribers::record_consent(&mut tx, it.subscription.id, event, by, evidence, now).await?;
            if std::mem::take(&mut to_greet) {
                mail_reader(
                    &context.queue,
                    &mut tx,
                    EmailKind::Welcome,
                    &it.newsletter,
                    &it.subscription,
                    now,
                )
                .await?;
            }
            follow_clock(&mut tx, &it.newsletter, &it.subscription, now).await?;
            it.subscription.status = SubscriptionStatus::Active;
        } else {
            // Somebody was quicker: the other press, or who ended or erased it. The page says what has become of it.
            let now_is = subscribers::for_link(&mut tx, it.subscription.id).await?;
            it.subscription.status = now_is.map_or(SubscriptionStatus::Unsubscribed, |it| it.status);
            it.record.used_at.get_or_insert(now.into());
        }
    }
    tx.commit().await?;
    Ok(judge(context, &asked))
}

/// Asks for a new link with one that has expired: a signup anew, with the same limits. `None`: the link leads nowhere, or to a
/// page that has more to say.
pub async fn renew(
    context: &SignupContext,
    token: &str,
    evidence: &Evidence,
) -> Result<Option<(NewsletterRecord, Option<String>)>, SubscribeError> {
    let mut tx = context.db.read().await?;
    let asked = find(context, &mut tx, token).await?;
    drop(tx);
    let (Confirmation::Expired { newsletter, .. }, Some(first)) = (judge(context, &asked), asked.first())
    else {
        return Ok(None);
    };
    let signup = Signup {
        address: first.subscription.address.clone(),
        newsletters: asked.iter().map(|it| it.newsletter.newsletter.slug.clone()).collect(),
        method: "renewal",
        language: first
            .subscription
            .language
            .clone()
            .or_else(|| Some(newsletter.newsletter.language.clone())),
        wording: None,
        time_zone: None,
        evidence: evidence.clone(),
        proof: Proof::NotRequired,
    };
    subscribe(context, signup).await?;
    Ok(Some((newsletter, first.subscription.language.clone())))
}

/// Whether a link, followed in the browser that keeps this mark, was asked for in that browser.
pub fn asked_here(context: &SignupContext, mark: &str, address: &EmailAddress) -> bool {
    let within = SignedDuration::from_hours(24 * i64::from(context.confirmation_days));
    is_bound_browser(&context.keys, mark, address, within, context.clock.now())
}

/// One of the things that a link confirms.
struct Asked {
    record: ConfirmationRecord,
    subscription: SubscriptionRecord,
    newsletter: NewsletterRecord,
}

/// All that a link confirms, first what its mail came from. Nothing: it is no link of ours.
async fn find(context: &SignupContext, tx: &mut Tx, token: &str) -> Result<Vec<Asked>, DbError> {
    let Some(id) = context.keys.verify(Purpose::Confirm, token) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for record in subscribers::confirmed_together(tx, ConfirmationId(id)).await? {
        let Some(subscription) = subscribers::for_link(tx, record.subscription_id).await? else { continue };
        let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
        found.push(Asked { record, subscription, newsletter });
    }
    Ok(found)
}

/// Whether one of them is still to be confirmed, and can be. A link from before the subscription moved has expired: it is in a mailbox
/// that may be somebody else's now, and its page names the address.
fn is_open(context: &SignupContext, it: &Asked) -> bool {
    it.subscription.status == SubscriptionStatus::Pending
        && it.record.used_at.is_none()
        && it.record.expires_at.0 > context.clock.now()
        && it.subscription.moved_at.is_none_or(|moved| it.record.created_at > moved)
}

fn judge(context: &SignupContext, asked: &[Asked]) -> Confirmation {
    let Some(first) = asked.first() else { return Confirmation::Unknown };
    let (newsletter, language) = (first.newsletter.clone(), first.subscription.language.clone());
    let titles = |which: &dyn Fn(&Asked) -> bool| {
        let titles: Vec<&str> =
            asked.iter().filter(|it| which(it)).map(|it| it.newsletter.newsletter.title.as_str()).collect();
        titles.join(", ")
    };
    let is_in = |it: &Asked| {
        matches!(it.subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Paused)
    };
    if asked.iter().any(|it| is_open(context, it)) {
        let address = first.subscription.address.clone();
        Confirmation::Ready { newsletter, language, titles: titles(&|it| is_open(context, it)), address }
    } else if asked.iter().any(is_in) {
        Confirmation::Confirmed { newsletter, language, titles: titles(&is_in) }
    } else {
        Confirmation::Expired { newsletter, language }
    }
}
