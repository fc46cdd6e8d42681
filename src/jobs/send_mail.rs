//! Sending a single mail: a confirmation, a welcome, a notice. What it says is made in `mail_content`.

use super::{
    Context,
    mail_content::{self, Content},
};
use crate::{
    db::{
        DbError, mails,
        mails::{Attempt, MailRecord},
        newsletters,
    },
    domain::{delivery::Answer, ids::MailId, mail::MailStatus, retry},
    mail::{
        Outcome, Outgoing, Priority,
        compose::{Draft, compose},
    },
    queue::{Job, JobFailure},
    random,
};
use std::time::Duration;

/// How long to wait before keeping an answer is tried again.
const RECORD_AGAIN_AFTER: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// Sends a mail if it is due and nobody else is sending it, and records the answer.
pub async fn run(context: &Context, id: MailId) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(mail) = mails::begin(&mut tx, id, now, now + context.rules.lease).await? else {
        return Ok(());
    };
    let newsletter = newsletters::get(&mut tx, mail.newsletter_id).await?;
    let made = mail_content::content(context, &mut tx, &mail, &newsletter).await?;
    tx.commit().await?;

    let outcome = match made {
        Content::Unwanted(why) => Outcome::Failed(Answer::new("", None, why)),
        Content::Mail { email, unsubscribe_url } => {
            // The link to leave ends with the token.
            let token = unsubscribe_url.as_deref().and_then(|url| url.rsplit('/').next());
            let mailto =
                context.rules.unsubscribe_mailto.as_ref().zip(token).map(|(it, token)| it.url(token));
            let composed = compose(&Draft {
                newsletter: &newsletter.newsletter,
                recipient: &mail.recipient,
                email: &email,
                personal: &[],
                message_id: &mail.message_id,
                date: mail.created_at.0,
                unsubscribe_url: unsubscribe_url.as_deref(),
                unsubscribe_mailto: mailto.as_deref(),
                auto_submitted: mail.kind.auto_submitted(),
                signers: &context.dkim.for_sender(&newsletter.newsletter.sender_address),
                now,
            });
            match composed {
                Ok(message) => {
                    let sender = &newsletter.newsletter.sender_address;
                    // No transaction is open while talking to the relay.
                    let outgoing = Outgoing { sender, recipient: &mail.recipient, message: &message };
                    send(context, mail.attempt(), &outgoing).await
                }
                Err(error) => Outcome::Failed(Answer::new("", None, &error.to_string())),
            }
        }
    };
    let (kind, to, code) = (mail.kind, mail.recipient.masked(), outcome.answer().code);
    match outcome {
        // The mailer has said what is wrong with the relay.
        Outcome::RelayTrouble(_) => tracing::debug!(mail = %id, %kind, to, "single mail waits for a relay"),
        Outcome::Sent(_) => tracing::info!(mail = %id, %kind, to, code, "single mail sent"),
        _ => tracing::warn!(mail = %id, %kind, to, code, "single mail not sent"),
    }
    // A database that fails for a moment must not make a mail that was sent one in doubt.
    let mut pauses = RECORD_AGAIN_AFTER.into_iter();
    loop {
        match (record(context, &mail, &outcome).await, pauses.next()) {
            (Ok(()), _) => return Ok(()),
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(pause)) => {
                tracing::warn!(mail = %id, %error, "an answer could not be kept yet");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Hands a mail over, and keeps up its lease for as long as the relay takes.
async fn send(context: &Context, attempt: Attempt, outgoing: &Outgoing<'_>) -> Outcome {
    let keep_up = async {
        loop {
            tokio::time::sleep(context.rules.lease.unsigned_abs() / 4).await;
            let renewed = async {
                let mut tx = context.db.begin().await?;
                mails::renew(&mut tx, attempt, context.clock.now() + context.rules.lease).await?;
                tx.commit().await
            };
            if let Err(error) = renewed.await {
                let error: DbError = error;
                tracing::warn!(mail = %attempt.mail, %error, "a lease could not be renewed yet");
            }
        }
    };
    if let Some(relay) = context.mailer.preferred() {
        context.governor.spend(relay).await;
    }
    tokio::select! {
        outcome = context.mailer.send(Priority::Single, outgoing) => outcome,
        never = keep_up => never,
    }
}

async fn record(context: &Context, mail: &MailRecord, outcome: &Outcome) -> Result<(), DbError> {
    let now = context.clock.now();
    let answer = outcome.answer();
    let first_due = mail.created_at.0;
    let next = match outcome {
        Outcome::Sent(_) | Outcome::Failed(_) => None,
        _ if now.duration_since(first_due) >= retry::GIVE_UP_AFTER => None,
        // In doubt: a second copy with the same Message-ID is better than none, but not at once.
        Outcome::Deferred(_) | Outcome::InDoubt(_) => {
            retry::next_attempt(mail.attempts, first_due, now, random::fraction())
        }
        Outcome::RelayTrouble(_) => Some(now + retry::relay_wait(now.duration_since(first_due))),
    };
    let mut tx = context.db.begin().await?;
    let kept;
    match next {
        None => {
            let sent = matches!(outcome, Outcome::Sent(_));
            let status = if sent { MailStatus::Sent } else { MailStatus::Failed };
            kept = mails::finish(&mut tx, mail.attempt(), status, answer, now).await?;
        }
        Some(at) => {
            let counts = !matches!(outcome, Outcome::RelayTrouble(_));
            kept = mails::postpone(&mut tx, mail.attempt(), answer, at, counts).await?;
            context.queue.enqueue_at(&mut tx, &Job::SendMail { mail: mail.id }, at).await?;
        }
    }
    if !kept {
        tracing::warn!(mail = %mail.id, "an answer came after its lease was lost");
    }
    tx.commit().await
}
