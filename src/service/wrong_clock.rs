//! Recovers from a clock that was ahead once: moments that it stored would put off work for years.

use crate::{
    db::{DbError, Tx, engine::scheduler_clock, issues, newsletters},
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::{delivery::email::EmailKind, issue::status::IssueStatus},
    jobs::context::IssueContext,
};
use jiff::{SignedDuration, Timestamp};

/// Differences up to this are normal between machines.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(10);
/// How exactly the time of a scheduler's run is recorded. A record per run would be a write per run.
const PRECISION: SignedDuration = SignedDuration::from_mins(1);
/// Operators are told about a wrong clock at most this often.
const TELL_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Compares the clock with that of earlier runs. If a scheduler ran in what is now the future, corrects what
/// it stored and tells operators.
pub async fn run(context: &IssueContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let recorded = scheduler_clock::get(tx).await?;
    let Some(recorded) = recorded else { return scheduler_clock::set_seen(tx, now).await };
    let seen = recorded.seen_at.0;
    if seen <= now + TOLERANCE {
        return if seen + PRECISION <= now { scheduler_clock::set_seen(tx, now).await } else { Ok(()) };
    }
    tracing::error!(
        showed = %seen,
        %now,
        "a scheduler's clock was ahead; correcting what it stored. Check that all clocks are synchronized"
    );
    for issue in issues::planned_in_future(tx, now).await? {
        let reason = Some("it was planned while the clock was wrong");
        issues::advance(tx, issue, IssueStatus::Planned, IssueStatus::Skipped, reason, now).await?;
    }
    scheduler_clock::correct(tx, recorded.seen_at, now).await?;
    let is_told = recorded.corrected_at.is_some_and(|at| at.0 <= now && now < at.0 + TELL_AGAIN_AFTER);
    if let (false, Some(newsletter)) = (is_told, newsletters::list(tx).await?.first()) {
        notify_operators(&context.queue, tx, newsletter, EmailKind::ClockWasWrong, NoticeSubject::Clock, now)
            .await?;
    }
    Ok(())
}
