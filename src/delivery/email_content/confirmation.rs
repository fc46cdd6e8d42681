//! The confirmation email and its reminder.

use crate::{
    db::{
        DbError, Tx, newsletters,
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, EmailRequest, promise::PromisedRhythm},
    domain::{delivery::email::EmailKind, subscriber::subscription::SubscriptionStatus, token::Purpose},
};
use email_templates::confirmation::{self, Confirmation, PromisedNewsletter};

pub(super) async fn content(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let Some(id) = request.mail.confirmation_id else {
        return Ok(Content::NotNeeded(crate::delivery::email_content::GONE));
    };
    // One link confirms all newsletters of a signup. The email names those that are still unconfirmed.
    let mut pending_newsletters = Vec::new();
    for part in subscribers::confirmed_together(tx, id).await? {
        let pending = if part.subscription_id == subscription.id {
            Some(subscription.clone())
        } else {
            subscribers::get(tx, part.subscription_id).await?
        };
        let Some(pending) = pending else { continue };
        if pending.status == SubscriptionStatus::Pending
            && part.used_at.is_none()
            && part.expires_at.0 > request.now
        {
            let newsletter = newsletters::get(tx, pending.newsletter_id).await?;
            let rhythm = PromisedRhythm::load(tx, &newsletter).await?;
            pending_newsletters.push((newsletter.newsletter.title, rhythm));
        }
    }
    if pending_newsletters.is_empty() {
        return Ok(Content::NotNeeded("there is nothing left to confirm"));
    }
    let token = request.context.keys.sign(Purpose::Confirm, id.0);
    let render = match request.mail.kind {
        EmailKind::ConfirmationReminder => confirmation::render_reminder,
        _ => confirmation::render,
    };
    let newsletters: Vec<PromisedNewsletter<'_>> = pending_newsletters
        .iter()
        .map(|(title, rhythm)| PromisedNewsletter { title, promise: rhythm.promise() })
        .collect();
    let email = render(&Confirmation {
        masthead: request.masthead_for(subscription),
        confirm_url: &format!("{}/confirm/{token}", request.public_url()),
        expires_in_days: request.context.settings.signup.confirmation_days,
        address: request.mail.recipient.as_str(),
        newsletters: &newsletters,
    });
    Ok(Content::Email { email, unsubscribe_url: None, revision: None })
}
