//! An operator has an issue sent again to the readers who missed it.
//!
//! The same deliveries are queued again, so each reader still has one row and one Message-ID, and the fence, the
//! breaker, pause and cancel hold as before. A delivery whose message a relay may have taken once is never among them.

use crate::{
    actions::Context,
    db::{
        DbError, audit,
        deliveries::{self, AnswerCode, MissedAnswer, PORTION},
        engine::processes,
        issues::{self, IssueRecord},
    },
    domain::{
        actor::Actor,
        delivery::resend::{MAX_AGE, may_resend},
        figures::counted,
        ids::{IssueId, SubscriberId},
        issue::status::IssueStatus,
    },
    queue::Job,
};
use jiff::Timestamp;
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    #[error(
        "the issue is {0}; only one that is sent, or going out, can be sent again to those who missed it"
    )]
    Status(IssueStatus),
    #[error("the issue is more than {} days old", MAX_AGE.as_hours() / 24)]
    TooOld,
    #[error("its copies are still being made; try again in a moment")]
    FanningOut,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The failed copies of an issue.
#[derive(Debug, Clone, Default)]
pub struct Missed {
    /// Copies to send again, by the last answer.
    pub answers: Vec<MissedAnswer>,
    /// All failed copies.
    pub failed: i64,
}

impl Missed {
    /// Returns the number of copies to send again.
    pub fn count(&self) -> i64 {
        self.answers.iter().map(|it| it.count).sum()
    }

    /// Returns the number of failed copies that are not sent again.
    pub fn rest(&self) -> i64 {
        (self.failed - self.count()).max(0)
    }
}

/// Fails if an issue can't be sent again.
pub fn check(issue: &IssueRecord, now: Timestamp) -> Result<(), ResendError> {
    if !matches!(issue.status, IssueStatus::Sent | IssueStatus::Sending) {
        return Err(ResendError::Status(issue.status));
    }
    if issue.fanned_out_to.is_some() {
        return Err(ResendError::FanningOut);
    }
    match issue.frozen_at {
        Some(at) if now.duration_since(at.0) <= MAX_AGE => Ok(()),
        _ => Err(ResendError::TooOld),
    }
}

/// Returns which copies of an issue could be sent again.
pub async fn missed(context: &Context, issue: IssueId) -> Result<Missed, DbError> {
    let mut tx = context.db.read().await?;
    let mut codes = deliveries::failed_answers(&mut tx, issue).await?;
    codes.retain(|it| may_resend((it.code != 0).then_some(it.code), it.enhanced.parse().ok()));
    // Most have failed for good, so their readers aren't looked up.
    let answers = match codes.as_slice() {
        [] => Vec::new(),
        codes => deliveries::count_missed(&mut tx, issue, codes).await?,
    };
    let failed = deliveries::counts(&mut tx, issue).await?.failed;
    Ok(Missed { answers, failed })
}

/// Queues up to `most` copies of those who missed an issue again, and continues the issue. Returns their number. Each
/// is queued once, even if it fails again meanwhile. A crash leaves the rest failed.
pub async fn resend_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    most: i64,
) -> Result<i64, ResendError> {
    let record = issues::get(&mut context.db.read().await?, issue).await?.ok_or(DbError::RowNotFound)?;
    check(&record, context.clock.now())?;
    let missed = missed(context, issue).await?;
    let answers: Vec<AnswerCode> = missed
        .answers
        .iter()
        .map(|it| AnswerCode {
            code: it.reply_code.unwrap_or(0),
            enhanced: it.enhanced_code.clone().unwrap_or_default(),
        })
        .collect();
    let (mut total, mut after) = (0, SubscriberId(0));
    while total < most {
        let readers =
            resend_portion(context, actor, issue, &answers, after, (most - total).min(PORTION)).await?;
        let Some(last) = readers.last() else { break };
        after = *last;
        total += i64::try_from(readers.len()).unwrap_or(most);
    }
    Ok(total)
}

async fn resend_portion(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    answers: &[AnswerCode],
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<SubscriberId>, ResendError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    // Deliveries, then subscriptions, then the issue: the order in which answers are recorded.
    let readers = deliveries::requeue_missed(&mut tx, issue, answers, after, now, limit).await?;
    if readers.is_empty() {
        return Ok(readers);
    }
    issues::lock(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    // On an error, nothing of this portion is kept.
    check(&record, now)?;
    if record.status == IssueStatus::Sent {
        let reason = format!("sent again to {} who missed it", counted(readers.len(), "reader"));
        let (from, to) = (IssueStatus::Sent, IssueStatus::Sending);
        issues::advance(&mut tx, issue, from, to, Some(&reason), now).await?;
    }
    if after == SubscriberId(0) {
        // They are tried for a day from now on, and the breaker judges them alone.
        issues::set_resumed(&mut tx, issue, now).await?;
    }
    let entry = audit::Entry {
        actor,
        action: "issue.resend",
        subject: Some(issue.0),
        before: json!({ "status": record.status, "failed": readers.len() }),
        after: json!({ "status": IssueStatus::Sending, "queued": readers.len() }),
    };
    audit::record(&mut tx, entry, now).await?;
    issues::set_woken(&mut tx, issue, now).await?;
    for _ in 0..processes::count_workers(&mut tx, now).await?.max(1) {
        context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
    }
    tx.commit().await?;
    tracing::info!(%issue, readers = readers.len(), "issue sent again to readers who missed it");
    Ok(readers)
}
