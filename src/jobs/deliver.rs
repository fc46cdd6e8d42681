//! Delivering an issue: batches of readers under a claim, one connection a batch.

use super::{Context, freeze_issue::token_place};
use crate::{
    db::{
        DbError,
        deliveries::{self, Begin, ClaimedDelivery, Next},
        issues::{self, IssueRecord},
        newsletters::{self, NewsletterRecord},
        variants::{self, VariantRecord},
    },
    domain::{
        delivery::{Answer, DeliveryStatus},
        ids::IssueId,
        issue::IssueStatus,
        retry,
        token::Purpose,
    },
    mail::{
        Outcome, Outgoing, Session,
        compose::{ComposeError, Draft, compose},
    },
    queue::{Job, JobFailure},
    random,
};
use email_templates::Email;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Readers claimed at a time.
pub const BATCH: i64 = 100;
/// How long a job works before it hands its rest on.
const WORK_FOR: SignedDuration = SignedDuration::from_secs(30);
/// How long to wait before keeping an answer is tried again.
const RECORD_AGAIN_AFTER: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];
/// Room between the end of a claim and the longest a job may use it.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// An issue as its deliveries need it.
struct Mailing {
    issue: IssueRecord,
    newsletter: NewsletterRecord,
    variant: VariantRecord,
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nothing more is due now.
    Empty,
    /// Its time is over, or the process is asked to end: the rest can go on at once.
    Full,
    /// No relay can be reached, or the issue was stopped.
    Stuck,
}

/// Delivers what is due of an issue, for a while; then enqueues a successor for the rest, or closes the issue.
pub async fn run(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    let Some(mailing) = load(context, issue).await? else { return Ok(()) };
    let until = context.clock.now() + WORK_FOR;
    let mut session = context.mailer.session();
    let turn = work(context, &mailing, &mut session, until).await;
    session.close().await;
    hand_on(context, issue, turn?).await
}

async fn load(context: &Context, issue: IssueId) -> Result<Option<Mailing>, DbError> {
    let mut tx = context.db.read().await?;
    let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(None) };
    if record.status != IssueStatus::Sending {
        return Ok(None);
    }
    let newsletter = newsletters::get(&mut tx, record.newsletter_id).await?;
    let variant = variants::of_issue(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    Ok(Some(Mailing { issue: record, newsletter, variant }))
}

async fn work(
    context: &Context,
    mailing: &Mailing,
    session: &mut Session,
    until: Timestamp,
) -> Result<Turn, JobFailure> {
    let issue = mailing.issue.id;
    // A claim outlives a job's time and the mail it may have in hand at its end.
    let lease = WORK_FOR + context.rules.hand_over_limit + LEASE_MARGIN;
    loop {
        let now = context.clock.now();
        let claim = random::hex::<16>();
        let mut tx = context.db.begin().await?;
        deliveries::recover(&mut tx, issue, now).await?;
        if !context.rules.hold_uncertain {
            deliveries::retry_uncertain(&mut tx, issue, now).await?;
        }
        deliveries::give_up(&mut tx, issue, now - retry::GIVE_UP_AFTER, now).await?;
        let batch = deliveries::claim(&mut tx, issue, &claim, now + lease, now, BATCH).await?;
        issues::set_woken(&mut tx, issue, now).await?;
        tx.commit().await?;
        if batch.is_empty() {
            return Ok(Turn::Empty);
        }
        let turn = deliver_batch(context, mailing, session, &batch, &claim, until).await;
        if !matches!(turn, Ok(Turn::Empty)) {
            let mut tx = context.db.begin().await?;
            deliveries::release(&mut tx, &claim).await?;
            tx.commit().await?;
            return turn;
        }
    }
}

/// Works through a batch; `Empty`: it is done and there is time for another.
async fn deliver_batch(
    context: &Context,
    mailing: &Mailing,
    session: &mut Session,
    batch: &[ClaimedDelivery],
    claim: &str,
    until: Timestamp,
) -> Result<Turn, JobFailure> {
    for delivery in batch {
        if context.stop.is_cancelled() || context.clock.now() >= until {
            return Ok(Turn::Full);
        }
        if !deliver_one(context, mailing, session, delivery, claim).await? {
            return Ok(Turn::Stuck);
        }
    }
    Ok(Turn::Empty)
}

/// Delivers to one reader. `false`: stop for now, no relay can be reached or the claim is lost.
async fn deliver_one(
    context: &Context,
    mailing: &Mailing,
    session: &mut Session,
    delivery: &ClaimedDelivery,
    claim: &str,
) -> Result<bool, JobFailure> {
    let message = message(context, mailing, delivery);
    let mut tx = context.db.begin().await?;
    let begin = deliveries::begin(&mut tx, delivery.id, claim, context.clock.now()).await?;
    tx.commit().await?;
    match begin {
        Begin::Go => {}
        Begin::Skipped => return Ok(true),
        Begin::Lost => return Ok(false),
    }
    // No transaction is open while talking to the relay.
    let outcome = match message {
        Ok(message) => {
            let sender = &mailing.newsletter.newsletter.sender_address;
            session.send(&Outgoing { sender, recipient: &delivery.address, message: &message }).await
        }
        Err(error) => Outcome::Failed(Answer::new("", None, &error.to_string())),
    };
    record(context, delivery, claim, &outcome).await?;
    Ok(!matches!(outcome, Outcome::RelayTrouble(_)))
}

/// Keeps the relay's answer. A database that fails for a moment must not make a mail that was sent one in doubt.
async fn record(
    context: &Context,
    delivery: &ClaimedDelivery,
    claim: &str,
    outcome: &Outcome,
) -> Result<(), DbError> {
    let now = context.clock.now();
    let next = next(outcome, delivery, now, context.rules.hold_uncertain);
    let mut pauses = RECORD_AGAIN_AFTER.into_iter();
    loop {
        let recorded = async {
            let mut tx = context.db.begin().await?;
            let kept = deliveries::finish(&mut tx, delivery.id, claim, next, outcome.answer(), now).await?;
            tx.commit().await?;
            Ok(kept)
        };
        match (recorded.await, pauses.next()) {
            (Ok(kept), _) => {
                let (to, code) = (delivery.address.masked(), outcome.answer().code);
                if kept {
                    tracing::debug!(delivery = %delivery.id, to, code, ?next, "delivery");
                } else {
                    tracing::warn!(delivery = %delivery.id, to, code, ?next, "an answer came after its lease was lost");
                }
                return Ok(());
            }
            (Err(error), None) => return Err(error),
            (Err(error), Some(pause)) => {
                tracing::warn!(delivery = %delivery.id, %error, "an answer could not be kept yet");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn message(
    context: &Context,
    mailing: &Mailing,
    delivery: &ClaimedDelivery,
) -> Result<Vec<u8>, ComposeError> {
    let newsletter = &mailing.newsletter.newsletter;
    let token = context.keys.sign(Purpose::Unsubscribe, delivery.subscription_id.0);
    let place = token_place(&mailing.issue.message_key);
    let email = Email {
        subject: mailing.variant.subject.clone(),
        preheader: String::new(),
        html: mailing.variant.html.replace(&place, &token),
        text: mailing.variant.text.replace(&place, &token),
    };
    let message_id =
        format!("{}.{}@{}", mailing.issue.message_key, delivery.id, newsletter.sender_address.domain());
    let unsubscribe_url = format!("{}/unsubscribe/{token}", context.rules.public_url);
    compose(&Draft {
        newsletter,
        recipient: &delivery.address,
        email: &email,
        message_id: &message_id,
        date: mailing.issue.frozen_at.map_or(mailing.issue.due_at.0, |at| at.0),
        unsubscribe_url: Some(&unsubscribe_url),
        automatic: false,
    })
}

fn next(outcome: &Outcome, delivery: &ClaimedDelivery, now: Timestamp, hold_uncertain: bool) -> Next {
    match outcome {
        Outcome::Sent(_) => Next::End(DeliveryStatus::Sent),
        Outcome::Failed(_) => Next::End(DeliveryStatus::Failed),
        Outcome::InDoubt(_) if hold_uncertain => Next::End(DeliveryStatus::Uncertain),
        // In doubt: a second copy with the same Message-ID is better than none, but not at once.
        Outcome::Deferred(_) | Outcome::InDoubt(_) => {
            match retry::next_attempt(delivery.attempts + 1, delivery.due_at.0, now) {
                Some(at) => Next::Deferred(at),
                None => Next::End(DeliveryStatus::Failed),
            }
        }
        Outcome::RelayTrouble(_) => Next::Again(now),
    }
}

/// Enqueues what comes next for an issue: another batch now or later, or the end.
async fn hand_on(context: &Context, issue: IssueId, turn: Turn) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let counts = deliveries::counts(&mut tx, issue).await?;
    if counts.open() == 0 {
        if issues::advance(&mut tx, issue, IssueStatus::Sending, IssueStatus::Sent, None, now).await? {
            tracing::info!(%issue, sent = counts.sent, failed = counts.failed, skipped = counts.skipped, "issue sent");
        }
    } else if turn == Turn::Full {
        context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        issues::set_woken(&mut tx, issue, now).await?;
    } else if let Some(due) = deliveries::next_due(&mut tx, issue).await? {
        let at = if due <= now { now + retry::relay_wait(now.duration_since(due)) } else { due };
        context.queue.enqueue_at(&mut tx, &Job::Deliver { issue }, at).await?;
        // The sweep only helps when this job is lost.
        issues::set_woken(&mut tx, issue, at).await?;
    }
    tx.commit().await?;
    Ok(())
}
