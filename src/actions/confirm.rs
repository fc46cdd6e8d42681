//! A reader confirms a signup.

use super::{
    Context, mail_reader,
    set_preferences::follow_clock,
    subscribe::{Signup, SubscribeError, subscribe},
};
use crate::{
    db::{
        DbError, Tx,
        newsletters::{self, NewsletterRecord},
        subscriptions::{self, ConfirmationRecord, Evidence, SubscriptionRecord},
    },
    domain::{
        consent::ConsentEvent, email_address::EmailAddress, ids::ConfirmationId, mail::MailKind,
        signup_proof::is_marked, subscription::SubscriptionStatus, token::Purpose,
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
    },
    /// The button can be pressed.
    Ready {
        /// Of which newsletter.
        newsletter: NewsletterRecord,
        /// For which address.
        address: String,
    },
    /// The reader is in: just now, or since an earlier click.
    Confirmed {
        /// Of which newsletter.
        newsletter: NewsletterRecord,
    },
}

/// Looks at a link without changing anything: mail scanners follow links too.
pub async fn look(context: &Context, token: &str) -> Result<Confirmation, DbError> {
    let mut tx = context.db.read().await?;
    let Some((record, subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(Confirmation::Unknown);
    };
    Ok(judge(context, &record, &subscription, newsletter))
}

/// Confirms: the subscription becomes active, the consent is recorded, and the reader is greeted by mail. A second press says
/// the same as the first, and does nothing.
pub async fn confirm(
    context: &Context,
    token: &str,
    by: ConfirmedBy,
    evidence: &Evidence,
) -> Result<Confirmation, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some((record, subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(Confirmation::Unknown);
    };
    let state = judge(context, &record, &subscription, newsletter.clone());
    if !matches!(state, Confirmation::Ready { .. }) {
        return Ok(state);
    }
    // Both guards are compare-and-set: of two presses at once only one records a consent.
    if subscriptions::use_confirmation(&mut tx, record.id, now).await?
        && subscriptions::activate(&mut tx, subscription.id, now).await?
    {
        subscriptions::record_consent(
            &mut tx,
            subscription.id,
            ConsentEvent::Confirmed,
            by.as_str(),
            evidence,
            now,
        )
        .await?;
        if context.welcome_mail {
            mail_reader(context, &mut tx, MailKind::Welcome, &newsletter, &subscription).await?;
        }
        follow_clock(&mut tx, &newsletter, &subscription, now).await?;
    }
    tx.commit().await?;
    Ok(Confirmation::Confirmed { newsletter })
}

/// Asks for a new link with one that has expired: a signup anew, with the same limits. `None`: the link leads nowhere, or to a
/// page that has more to say.
pub async fn renew(
    context: &Context,
    token: &str,
    evidence: &Evidence,
) -> Result<Option<NewsletterRecord>, SubscribeError> {
    let mut tx = context.db.read().await?;
    let Some((record, subscription, newsletter)) = find(context, &mut tx, token).await? else {
        return Ok(None);
    };
    drop(tx);
    let Confirmation::Expired { newsletter } = judge(context, &record, &subscription, newsletter) else {
        return Ok(None);
    };
    // What is stored was parsed once; rules may have become stricter since.
    let Ok(address) = EmailAddress::parse(&subscription.address) else { return Ok(None) };
    let signup = Signup {
        address,
        newsletter: newsletter.newsletter.slug.clone(),
        method: "renewal",
        time_zone: None,
        evidence: evidence.clone(),
    };
    subscribe(context, &signup).await?;
    Ok(Some(newsletter))
}

/// Whether a link, followed in the browser that keeps this mark, was asked for in that browser.
pub fn asked_here(context: &Context, mark: &str, address: &str) -> bool {
    let within = SignedDuration::from_hours(24 * i64::from(context.confirmation_days));
    EmailAddress::parse(address)
        .is_ok_and(|address| is_marked(&context.keys, mark, &address, within, context.clock.now()))
}

type Found = (ConfirmationRecord, SubscriptionRecord, NewsletterRecord);

async fn find(context: &Context, tx: &mut Tx, token: &str) -> Result<Option<Found>, DbError> {
    let Some(id) = context.keys.verify(Purpose::Confirm, token) else { return Ok(None) };
    let Some(record) = subscriptions::confirmation(tx, ConfirmationId(id)).await? else { return Ok(None) };
    let Some(subscription) = subscriptions::get(tx, record.subscription_id).await? else { return Ok(None) };
    let newsletter = newsletters::get(tx, subscription.newsletter_id).await?;
    Ok(Some((record, subscription, newsletter)))
}

fn judge(
    context: &Context,
    record: &ConfirmationRecord,
    subscription: &SubscriptionRecord,
    newsletter: NewsletterRecord,
) -> Confirmation {
    match subscription.status {
        SubscriptionStatus::Active | SubscriptionStatus::Paused => Confirmation::Confirmed { newsletter },
        SubscriptionStatus::Pending
            if record.used_at.is_none() && record.expires_at.0 > context.clock.now() =>
        {
            Confirmation::Ready { newsletter, address: subscription.address.clone() }
        }
        _ => Confirmation::Expired { newsletter },
    }
}
