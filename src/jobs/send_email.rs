//! Sending single mails: a confirmation, a welcome, a notice. What they say is made in `mail_content`.

use crate::{
    db::{
        DbError,
        deliveries::emails::{self, Attempt, EmailRecord},
        newsletters::{self, NewsletterRecord},
    },
    delivery::{
        context::Context,
        email_content::{self, Content},
    },
    domain::{delivery::status::Answer, ids::EmailId},
    mail::{self, ComposeError, MessageTemplate, Recipient, SendError, SendResult, answer_of},
    queue::{Job, JobFailure},
};
use email_templates::Email;
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lettre::{AsyncTransport as _, address::Envelope};
use std::{panic::AssertUnwindSafe, pin::pin, time::Duration};

/// Mails of one job on their way at once.
const AT_ONCE: usize = 4;
/// A job that has taken longer begins no more mails: another one goes on. The queue's time limit is one mail's.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);

/// Sends mails, each if it is due and nobody else is sending it, and records the answers. One that can't be sent now, or takes long,
/// does not keep the others: what is not begun soon is handed on.
pub async fn run(context: &Context, mails: &[EmailId]) -> Result<(), JobFailure> {
    let mut waiting = mails.iter().copied();
    let mut under_way = FuturesUnordered::new();
    let mut result = Ok(());
    let mut time_is_up = pin!(async {
        tokio::select! {
            () = context.stop.cancelled() => {}
            () = tokio::time::sleep(BEGIN_WITHIN) => {}
        }
    });
    let mut may_begin = !context.stop.is_cancelled();
    loop {
        while may_begin
            && under_way.len() < AT_ONCE
            && let Some(mail) = waiting.next()
        {
            // One that panics must not cut off those beside it.
            under_way.push(AssertUnwindSafe(one(context, mail)).catch_unwind());
        }
        // Where that fails the sweep finds them: those under way must not be cut off for it.
        if !may_begin && let Err(error) = hand_on(context, waiting.by_ref().collect()).await {
            result = Err(error.into());
        }
        tokio::select! {
            sent = under_way.next() => match sent {
                None => return result,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => result = Err(error),
                Some(Err(_panic)) => result = Err("it panicked".into()),
            },
            () = &mut time_is_up, if may_begin => may_begin = false,
        }
    }
}

/// Leaves mails that were not begun to another job.
async fn hand_on(context: &Context, mails: Vec<EmailId>) -> Result<(), DbError> {
    if mails.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    context.queue.enqueue_all(&mut tx, &Job::send_all(&mails)).await?;
    tx.commit().await
}

async fn one(context: &Context, id: EmailId) -> Result<(), JobFailure> {
    let asked_at = context.clock.now();
    let Some(mail) = context.email_recorder.begin(id).await? else { return Ok(()) };
    let (newsletter, made) = content(context, &mail).await?;
    let now = context.clock.now();
    if now.duration_since(asked_at) > context.settings.sending.lease() * 3 / 4 {
        // Whoever finds the lease over may send it.
        tracing::warn!(mail = %id, "a mail is left to the next attempt: the database was slower than its lease");
        return Ok(());
    }
    let outcome = match made {
        Content::NotNeeded(why) => Err(SendError::Failed(Answer::new("", None, why))),
        Content::Email { email, unsubscribe_url } => {
            match compose(context, &newsletter, &mail, &email, unsubscribe_url.as_deref()) {
                Ok(message) => {
                    let envelope = mail::envelope(&newsletter.newsletter.sender_address, &mail.recipient);
                    // No transaction is open while talking to the relay.
                    send(context, mail.attempt(), &envelope, &message).await
                }
                Err(error) => Err(SendError::Failed(Answer::new("", None, &error.to_string()))),
            }
        }
    };
    let (kind, to, code) = (mail.kind, mail.recipient.masked(), answer_of(&outcome).code);
    match outcome {
        // The mailer has said what is wrong with the relay.
        Err(SendError::RelayFailure(_)) => {
            tracing::debug!(mail = %id, %kind, to, "single mail waits for a relay");
        }
        Ok(_) => tracing::info!(mail = %id, %kind, to, code, "single mail sent"),
        _ => tracing::warn!(mail = %id, %kind, to, code, "single mail not sent"),
    }
    // A task of its own: the answer is kept even where this job is cut off.
    let keeping = context.background_tasks.spawn(context.email_recorder.clone().finish(mail, outcome));
    Ok(keeping.await?)
}

/// Composes and signs a single email.
fn compose(
    context: &Context,
    newsletter: &NewsletterRecord,
    mail: &EmailRecord,
    email: &Email,
    unsubscribe_url: Option<&str>,
) -> Result<Vec<u8>, ComposeError> {
    let newsletter = &newsletter.newsletter;
    let template = MessageTemplate::new(&mail::Content {
        newsletter,
        subject: &email.subject,
        language: &email.language,
        text: &email.text,
        html: &email.html,
        placeholder: None,
        message_key: &mail.message_id,
        date: mail.created_at.0,
        one_click: unsubscribe_url.is_some(),
        auto_submitted: mail.kind.auto_submitted(),
    })?;
    // The unsubscribe link ends with the token.
    let token = unsubscribe_url.and_then(|url| url.rsplit('/').next());
    let mailto =
        context.settings.sending.unsubscribe_mailto.as_ref().zip(token).map(|(it, token)| it.url(token));
    let recipient = Recipient {
        address: &mail.recipient,
        message_id: &mail.message_id,
        unsubscribe_url,
        unsubscribe_mailto: mailto.as_deref(),
        token: token.unwrap_or_default(),
    };
    let mut message = Vec::with_capacity(email.text.len() + email.html.len() + 4096);
    let signers = context.dkim.for_sender(&newsletter.sender_address);
    template.write(&recipient, &signers, context.clock.now(), &mut message)?;
    Ok(message)
}

/// What a mail says, and in whose name.
async fn content(context: &Context, mail: &EmailRecord) -> Result<(NewsletterRecord, Content), DbError> {
    // The writer is asked for only where what is shown is written down.
    let writes = email_content::needs_write(mail.kind);
    let mut tx = if writes { context.db.begin().await? } else { context.db.read().await? };
    let newsletter = newsletters::get(&mut tx, mail.newsletter_id).await?;
    let made = email_content::content(context, &mut tx, mail, &newsletter).await?;
    if writes {
        tx.commit().await?;
    }
    Ok((newsletter, made))
}

/// Hands a mail over, and keeps up its lease for as long as the relay takes.
async fn send(context: &Context, attempt: Attempt, envelope: &Envelope, message: &[u8]) -> SendResult {
    let keep_up = async {
        loop {
            tokio::time::sleep(context.settings.sending.lease().unsigned_abs() / 4).await;
            let renewed = async {
                let mut tx = context.db.begin().await?;
                emails::renew(&mut tx, attempt, context.clock.now() + context.settings.sending.lease())
                    .await?;
                tx.commit().await
            };
            if let Err(error) = renewed.await {
                let error: DbError = error;
                tracing::warn!(mail = %attempt.email, %error, "a lease could not be renewed yet");
            }
        }
    };
    if let Some(relay) = context.mailer.preferred() {
        context.throttle.debit(relay).await;
    }
    tokio::select! {
        outcome = context.mailer.send_raw(envelope, message) => outcome,
        never = keep_up => never,
    }
}
