//! A reader confirms a signup.

use super::{Context, mail_reader, set_preferences::follow_clock};
use crate::{
    db::{
        DbError, Tx,
        newsletters::{self, NewsletterRecord},
        subscriptions::{self, ConfirmationRecord, Evidence, SubscriptionRecord},
    },
    domain::{
        consent::ConsentEvent, ids::ConfirmationId, mail::MailKind, subscription::SubscriptionStatus,
        token::Purpose,
    },
};

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
pub async fn confirm(context: &Context, token: &str, evidence: &Evidence) -> Result<Confirmation, DbError> {
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
            "link",
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
