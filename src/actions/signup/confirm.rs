//! A reader confirms a signup.

use crate::{
    actions::{
        enqueue_email,
        signup::context::SignupContext,
        signup::{
            request::{Proof, Signup, SubscribeError},
            subscribe::subscribe,
        },
        subscription::set_preferences::follow_clock,
    },
    db::{
        DbError, Tx, bounces,
        newsletters::{self, NewsletterRecord},
        subscribers::{self, ConfirmationRecord, Evidence, SubscriptionRecord},
    },
    domain::{
        delivery::email::EmailKind,
        ids::{ConfirmationId, SubscriptionId},
        signup::form_token::is_bound_browser,
        subscriber::{consent::ConsentEvent, email_address::EmailAddress, subscription::SubscriptionStatus},
        token::Purpose,
    },
};
use jiff::SignedDuration;

/// The way a reader confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmedBy {
    /// By the button on the link's page.
    Button,
    /// By following the link in the browser that signed up.
    SameBrowser,
}

impl ConfirmedBy {
    /// The name in the ledger.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Button => "link",
            Self::SameBrowser => "same_browser",
        }
    }
}

/// The state of a confirmation link.
#[derive(Debug, Clone)]
pub enum ConfirmationLink {
    /// The link is invalid.
    Unknown,
    /// The link is too old, or the reader has unsubscribed since. A new signup gets a new link.
    Expired { newsletter: NewsletterRecord, language: Option<String> },
    /// The signup can be confirmed.
    Ready {
        /// The newsletter that the email came from.
        newsletter: NewsletterRecord,
        language: Option<String>,
        /// The titles of all newsletters that the link confirms.
        titles: String,
        address: EmailAddress,
    },
    /// The signup was confirmed, now or before.
    Confirmed {
        /// The newsletter that the email came from.
        newsletter: NewsletterRecord,
        language: Option<String>,
        /// The titles of the newsletters that the reader gets.
        titles: String,
        /// The subscription to the newsletter of the email, or to another one that was confirmed.
        subscription: SubscriptionId,
    },
}

/// Returns the state of a link and changes nothing, because mail scanners follow links too.
pub async fn inspect_link(context: &SignupContext, token: &str) -> Result<ConfirmationLink, DbError> {
    let mut tx = context.db.read().await?;
    let signups = find(context, &mut tx, token).await?;
    Ok(link_state(context, &signups))
}

/// Activates all subscriptions that the link confirms, records the consent, and enqueues one welcome email. A
/// second press returns the same and changes nothing.
pub async fn confirm(
    context: &SignupContext,
    token: &str,
    by: ConfirmedBy,
    evidence: &Evidence,
) -> Result<ConfirmationLink, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let mut signups = find(context, &mut tx, token).await?;
    if !matches!(link_state(context, &signups), ConfirmationLink::Ready { .. }) {
        return Ok(link_state(context, &signups));
    }
    let mut needs_welcome = context.welcome_email;
    let mut confirmed = 0;
    for it in signups.iter_mut().filter(|it| is_open(context, it)) {
        // Both updates are compare-and-set, so that only one of two simultaneous presses records consent.
        if subscribers::use_confirmation(&mut tx, it.record.id, now).await?
            && subscribers::activate(&mut tx, it.subscription.id, now).await?
        {
            let key = it.subscription.address.key();
            bounces::forgive(&mut tx, &[key], "the reader confirmed").await?;
            let (event, by) = (ConsentEvent::Confirmed, by.as_str());
            subscribers::record_consent(&mut tx, it.subscription.id, event, by, evidence, now).await?;
            if std::mem::take(&mut needs_welcome) {
                enqueue_email(
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
            confirmed += 1;
        } else {
            // Another request has confirmed, ended or erased it meanwhile. The page shows the current status.
            let current = subscribers::for_link(&mut tx, it.subscription.id).await?;
            it.subscription.status = current.map_or(SubscriptionStatus::Unsubscribed, |it| it.status);
            it.record.used_at.get_or_insert(now.into());
        }
    }
    tx.commit().await?;
    context.metrics.count_confirmations(confirmed);
    Ok(link_state(context, &signups))
}

/// Renews an expired link by a new signup, with the same limits. `None` if the link is not an expired one.
pub async fn renew(
    context: &SignupContext,
    token: &str,
    evidence: &Evidence,
) -> Result<Option<(NewsletterRecord, Option<String>)>, SubscribeError> {
    let mut tx = context.db.read().await?;
    let signups = find(context, &mut tx, token).await?;
    drop(tx);
    let (ConfirmationLink::Expired { newsletter, .. }, Some(first)) =
        (link_state(context, &signups), signups.first())
    else {
        return Ok(None);
    };
    let signup = Signup {
        address: first.subscription.address.clone(),
        newsletters: signups.iter().map(|it| it.newsletter.newsletter.slug.clone()).collect(),
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

/// Returns whether the browser with this cookie signed up the address.
pub fn signed_up_in_this_browser(context: &SignupContext, cookie: &str, address: &EmailAddress) -> bool {
    let within = SignedDuration::from_hours(24 * i64::from(context.confirmation_days));
    is_bound_browser(&context.keys, cookie, address, within, context.clock.now())
}

/// One of the signups that a link confirms.
struct PendingSignup {
    record: ConfirmationRecord,
    subscription: SubscriptionRecord,
    newsletter: NewsletterRecord,
}

/// Returns the signups that a link confirms. The first is that of the email's newsletter. Empty if the link
/// is invalid.
async fn find(context: &SignupContext, tx: &mut Tx, token: &str) -> Result<Vec<PendingSignup>, DbError> {
    let Some(id) = context.keys.verify(Purpose::Confirm, token) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for record in subscribers::confirmed_together(tx, ConfirmationId(id)).await? {
        let Some(subscription) = subscribers::for_link(tx, record.subscription_id).await? else { continue };
        let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
        found.push(PendingSignup { record, subscription, newsletter });
    }
    Ok(found)
}

/// Returns whether a signup can be confirmed. A link older than a change of address has expired, because the
/// old mailbox may be someone else's now, and the link's page shows the new address.
fn is_open(context: &SignupContext, it: &PendingSignup) -> bool {
    it.subscription.status == SubscriptionStatus::Pending
        && it.record.used_at.is_none()
        && it.record.expires_at.0 > context.clock.now()
        && it.subscription.moved_at.is_none_or(|moved| it.record.created_at > moved)
}

fn link_state(context: &SignupContext, signups: &[PendingSignup]) -> ConfirmationLink {
    let Some(first) = signups.first() else { return ConfirmationLink::Unknown };
    let (newsletter, language) = (first.newsletter.clone(), first.subscription.language.clone());
    let titles = |filter: &dyn Fn(&PendingSignup) -> bool| {
        let titles: Vec<&str> = signups
            .iter()
            .filter(|it| filter(it))
            .map(|it| it.newsletter.newsletter.title.as_str())
            .collect();
        titles.join(", ")
    };
    let is_subscribed = |it: &PendingSignup| {
        matches!(it.subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Paused)
    };
    if signups.iter().any(|it| is_open(context, it)) {
        let address = first.subscription.address.clone();
        ConfirmationLink::Ready { newsletter, language, titles: titles(&|it| is_open(context, it)), address }
    } else if let Some(first) = signups.iter().find(|it| is_subscribed(it)) {
        let subscription = first.subscription.id;
        ConfirmationLink::Confirmed { newsletter, language, titles: titles(&is_subscribed), subscription }
    } else {
        ConfirmationLink::Expired { newsletter, language }
    }
}
