//! Sends single emails: confirmations, welcomes, notices. `delivery::email_content` writes their content.

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails::{self, Attempt, EmailRecord},
        newsletters::{self, NewsletterRecord},
    },
    delivery::{
        context::Context,
        email_content::{self, Content},
    },
    domain::{
        delivery::{bounce_address::Returned, status::Answer},
        ids::{EmailId, NewsletterId},
        issue::revision::Revision,
    },
    mail::{self, ComposeError, MessageTemplate, Recipient, SendError, SendResult, answer_of},
    queue::{Job, JobFailure},
};
use email_templates::Email;
use futures_util::{FutureExt as _, future::join_all};
use jiff::Timestamp;
use lettre::{AsyncTransport as _, address::Envelope};
use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Emails of one job that are begun, loaded and sent together.
const CONCURRENCY: usize = 32;
/// After this time a job starts no more emails and leaves the rest to another job. The queue's time limit is
/// meant for a single email.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);

/// Sends each email that is due and not being sent, and records the answers. Emails are independent: one that
/// fails or takes long does not hold up the others.
pub async fn run(context: &Context, emails: &[EmailId]) -> Result<(), JobFailure> {
    let started = Instant::now();
    let mut waiting = emails;
    let mut result = Ok(());
    while let Some((batch, rest)) = waiting.split_at_checked(CONCURRENCY.min(waiting.len()))
        && !batch.is_empty()
        && !context.stop.is_cancelled()
        && started.elapsed() < BEGIN_WITHIN
    {
        waiting = rest;
        result = send_batch(context, batch).await.and(result);
    }
    // If this fails, the scheduler wakes the emails later.
    requeue(context, waiting).await?;
    result
}

/// Sends emails at the same time. One transaction loads the contents of all of them.
async fn send_batch(context: &Context, ids: &[EmailId]) -> Result<(), JobFailure> {
    let started_at = context.clock.now();
    let mut result: Result<(), JobFailure> = Ok(());
    let mut mails = Vec::new();
    for begun in join_all(ids.iter().map(|id| context.email_recorder.begin(*id))).await {
        match begun {
            Ok(mail) => mails.extend(mail),
            Err(error) => result = Err(error.into()),
        }
    }
    let mut loaded = load_contents(context, &mails).await;
    let sends = mails.into_iter().map(|mail| {
        let own = loaded.remove(&mail.id);
        // A panic must not cancel the other emails.
        AssertUnwindSafe(send_one(context, mail, own, started_at)).catch_unwind()
    });
    for sent in join_all(sends).await {
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => result = Err(error),
            Err(_panic) => result = Err("sending an email panicked".into()),
        }
    }
    result
}

/// Enqueues another job for emails that were not begun.
async fn requeue(context: &Context, emails: &[EmailId]) -> Result<(), DbError> {
    if emails.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    context.queue.enqueue_all(&mut tx, &Job::send_emails(emails)).await?;
    tx.commit().await
}

type Loaded = (Arc<NewsletterRecord>, Content);

/// Loads the contents of emails that only read, in one transaction. Leaves out the others, and those for
/// which the database or the content fails: each of them is loaded alone.
async fn load_contents(context: &Context, mails: &[EmailRecord]) -> HashMap<EmailId, Loaded> {
    let (mut loaded, mut newsletters) = (HashMap::new(), HashMap::new());
    if mails.len() < 2 {
        return loaded;
    }
    let Ok(mut tx) = context.db.read().await else { return loaded };
    for mail in mails.iter().filter(|mail| !email_content::needs_write(mail.kind)) {
        let loading = AssertUnwindSafe(load_content_in(context, &mut tx, mail, &mut newsletters));
        // PostgreSQL accepts no statement after one that failed.
        let Ok(Ok(one)) = loading.catch_unwind().await else { break };
        loaded.insert(mail.id, one);
    }
    loaded
}

type Newsletters = HashMap<NewsletterId, Arc<NewsletterRecord>>;

async fn load_content_in(
    context: &Context,
    tx: &mut Tx,
    mail: &EmailRecord,
    known: &mut Newsletters,
) -> Result<Loaded, DbError> {
    let newsletter = if let Some(newsletter) = known.get(&mail.newsletter_id) {
        newsletter.clone()
    } else {
        let newsletter = Arc::new(newsletters::get(tx, mail.newsletter_id).await?);
        known.insert(mail.newsletter_id, newsletter.clone());
        newsletter
    };
    let draft = email_content::content(context, tx, mail, &newsletter).await?;
    Ok((newsletter, draft))
}

async fn send_one(
    context: &Context,
    mail: EmailRecord,
    loaded: Option<Loaded>,
    started_at: Timestamp,
) -> Result<(), JobFailure> {
    let id = mail.id;
    let (newsletter, draft) = match loaded {
        Some(loaded) => loaded,
        None => load_content(context, &mail).await?,
    };
    let now = context.clock.now();
    if now.duration_since(started_at) > context.settings.sending.lease() * 3 / 4 {
        // The lease may be over, and another worker may be sending the email.
        tracing::warn!(email = %id, "leaving an email to the next attempt: its lease may have expired, because the database is slow");
        return Ok(());
    }
    let outcome = match draft {
        Content::NotNeeded(why) => Err(SendError::Failed(Answer::new("", None, why))),
        Content::Email { email, unsubscribe_url, revision } => {
            if let Some(revision) = &revision {
                let mut tx = context.db.begin().await?;
                emails::set_revision(&mut tx, id, revision).await?;
                tx.commit().await?;
            }
            match compose(context, &newsletter, &mail, &email, unsubscribe_url.as_deref(), revision.as_ref())
            {
                Ok(message) => {
                    let sender = context.settings.sending.envelope_sender(
                        &context.keys,
                        Returned::Email(id),
                        &newsletter.newsletter.sender_address,
                    );
                    let envelope = mail::envelope(&sender, &mail.recipient);
                    // No transaction is open while the relay answers.
                    send(context, mail.attempt(), &envelope, &message).await
                }
                Err(error) => Err(SendError::Failed(Answer::new("", None, &error.to_string()))),
            }
        }
    };
    let (kind, to, code) = (mail.kind, mail.recipient.masked(), answer_of(&outcome).code);
    match outcome {
        // The mailer has already logged the relay's problem.
        Err(SendError::RelayFailure(_)) => {
            tracing::debug!(email = %id, %kind, to, "email waits for a relay");
        }
        Ok(_) => tracing::info!(email = %id, %kind, to, code, "email sent"),
        _ => tracing::warn!(email = %id, %kind, to, code, "email not sent"),
    }
    // In its own task, so that the answer is recorded even if this job is cancelled.
    let recording = context.background_tasks.spawn(context.email_recorder.clone().finish(mail, outcome));
    Ok(recording.await?)
}

/// Composes and signs a single email.
fn compose(
    context: &Context,
    newsletter: &NewsletterRecord,
    mail: &EmailRecord,
    email: &Email,
    unsubscribe_url: Option<&str>,
    revision: Option<&Revision>,
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
        feedback_id: &newsletter.feedback_id(mail.kind.as_str(), mail.issue_id),
        auto_submitted: mail.kind.auto_submitted(),
        revision,
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

/// Loads the newsletter and the content of one email.
async fn load_content(context: &Context, mail: &EmailRecord) -> Result<Loaded, DbError> {
    // Only some kinds write to the database. The others need no write transaction.
    let needs_write = email_content::needs_write(mail.kind);
    let mut tx = if needs_write { context.db.begin().await? } else { context.db.read().await? };
    let loaded = load_content_in(context, &mut tx, mail, &mut HashMap::new()).await?;
    if needs_write {
        tx.commit().await?;
    }
    Ok(loaded)
}

/// Sends an email, and renews its lease while the relay takes its time.
async fn send(context: &Context, attempt: Attempt, envelope: &Envelope, message: &[u8]) -> SendResult {
    let renew_lease = async {
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
                tracing::warn!(email = %attempt.email, %error, "could not renew an email's lease; retrying");
            }
        }
    };
    if let Some(relay) = context.mailer.preferred() {
        context.throttle.debit(relay).await;
    }
    tokio::select! {
        outcome = context.mailer.send_raw(envelope, message) => outcome,
        never = renew_lease => never,
    }
}
