//! Tables `issues`, `issue_stories` and `issue_events`: issues, their stories and their history.

mod candidates;
mod edits;
mod follow;
mod groups;
pub mod heartbeats;
mod lost;
mod progress;
pub mod revisions;
mod sender;
mod stories;
pub mod variants;
mod waking;
pub mod welcomes;

pub use candidates::{candidates, mark_carried, mark_places, past_variants, planned_at};
pub use edits::{
    IssueWords, StoryEdit, edits, release, set_approved, set_edited, set_issue_words, set_picture, set_place,
    set_wish, set_words, undo,
};
pub use follow::follow_clock;
pub use groups::{WaveRecord, fan_out_again, insert_group, insert_wave, set_fanned_out, unserved, waves};
pub use lost::{lost_until, set_lost, wait_for_send};
pub use progress::{
    Answers, IssueEvent, add_answers, frozen_since, history, lock, score, set_resumed, was_sent,
};
pub use sender::{restore_sender, set_sender};
pub use stories::{KeptPlan, StoryRecord, kept_plan, set_plan, stories};
pub use waking::{
    PlanAgain, next_planned_due, outdated, reset_woken, sending, set_at_rest, set_reminded,
    set_told_revision, set_waits_for, set_woken, unapproved, wake_due,
};

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::{DeliveryId, IssueId, NewsletterId},
        issue::{revision::Revision, schedule::Due, status::IssueStatus},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::{Timestamp, civil::Date};

#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct IssueRecord {
    pub id: IssueId,
    pub newsletter_id: NewsletterId,
    /// The date on the newsletter's clock.
    pub issue_date: DbDate,
    pub status: IssueStatus,
    /// When the first readers are due.
    pub due_at: DbTime,
    /// The last choice of stories.
    pub planned_at: Option<DbTime>,
    pub frozen_at: Option<DbTime>,
    /// When nothing was left to do.
    pub closed_at: Option<DbTime>,
    /// The random part of its Message-IDs.
    #[serde(skip)]
    pub message_key: String,
    /// Why it was skipped, paused or held.
    pub reason: Option<String>,
    /// The number of its readers, once it is frozen.
    pub recipients: i64,
    /// Answers from relays since it was begun or last resumed.
    pub answered: i64,
    /// The permanent refusals among these.
    pub refused: i64,
    /// When an operator last resumed it.
    pub resumed_at: Option<DbTime>,
    /// An operator's own subject line.
    pub subject: Option<String>,
    /// An operator's own preheader.
    pub preheader: Option<String>,
    /// An operator's note above the stories, in Markdown.
    pub note: Option<String>,
    pub approved_at: Option<DbTime>,
    /// The revision that an operator approved. `None`: the approval named none.
    pub approved_revision: Option<Revision>,
    /// When operators were told that it waits for them.
    pub reminded_at: Option<DbTime>,
    /// When the last readers are due. `None`: all are due at once.
    pub last_due_at: Option<DbTime>,
    /// The last subscription whose delivery was made. `None` before the fan-out and after it.
    #[serde(skip)]
    pub fanned_out_to: Option<i64>,
    /// The operator's decision it needs: `approval`, or about too few `stories`.
    pub waits_for: Option<String>,
    /// An operator made it due for all readers at once.
    pub at_once: bool,
    /// It was begun after its time, and goes out only when an operator sends it.
    pub by_hand: bool,
    /// An operator let it go out although not everything is set up.
    pub anyway: bool,
    /// The number of changes that an operator or the schedule made.
    #[serde(skip)]
    pub version: i64,
}

impl IssueRecord {
    pub fn date(&self) -> Date {
        self.issue_date.0
    }

    /// Returns when its readers are due.
    pub fn due(&self) -> Due {
        Due { first: self.due_at.0, last: self.last_due_at.unwrap_or(self.due_at).0 }
    }

    /// Returns the Message-ID (RFC 5322 section 3.6.4) of a delivery, without angle brackets, as relays log
    /// it.
    pub fn message_id(&self, delivery: DeliveryId, sender: &EmailAddress) -> String {
        format!("{}.{delivery}@{}", self.message_key, sender.domain())
    }
}

macro_rules! select_issue {
    ($rest:literal) => {
        concat!(
            "SELECT id, newsletter_id, issue_date, status, due_at, planned_at, frozen_at, closed_at, \
             message_key, reason, recipients, answered, refused, resumed_at, subject, preheader, note, \
             approved_at, approved_revision, reminded_at, last_due_at, fanned_out_to, waits_for, at_once, by_hand, anyway, \
             version FROM issues ",
            $rest
        )
    };
}

/// Returns the issue with this id.
pub async fn get(tx: &mut Tx, id: IssueId) -> Result<Option<IssueRecord>, DbError> {
    query_as!(tx, select_issue!("WHERE id = $1"), id).fetch_optional().await
}

/// Returns the issue of a date.
pub async fn get_by_date(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
) -> Result<Option<IssueRecord>, DbError> {
    query_as!(tx, select_issue!("WHERE newsletter_id = $1 AND issue_date = $2"), newsletter, DbDate(date))
        .fetch_optional()
        .await
}

/// Returns a page of a newsletter's issues dated before `before`, latest first.
pub async fn page(
    tx: &mut Tx,
    newsletter: NewsletterId,
    before: Date,
    limit: i64,
) -> Result<Vec<IssueRecord>, DbError> {
    query_as!(
        tx,
        select_issue!("WHERE newsletter_id = $1 AND issue_date < $2 ORDER BY issue_date DESC LIMIT $3"),
        newsletter,
        DbDate(before),
        limit
    )
    .fetch_all()
    .await
}

/// Returns the issue that an operator means without naming a date: one being sent or stopped, else the latest
/// past planning, else the latest.
pub async fn current(tx: &mut Tx, newsletter: NewsletterId) -> Result<Option<IssueRecord>, DbError> {
    query_as!(tx, select_issue!(
        "WHERE newsletter_id = $1 ORDER BY CASE WHEN status IN ('frozen', 'sending', 'paused', 'held') THEN \
         0 WHEN status = 'planned' THEN 2 ELSE 1 END, issue_date DESC LIMIT 1"
    ), newsletter).fetch_optional().await
}

/// Returns the issues that an operator must resume, oldest first, at most `limit`.
pub async fn stopped(tx: &mut Tx, limit: i64) -> Result<Vec<IssueRecord>, DbError> {
    query_as!(tx, select_issue!("WHERE status IN ('paused', 'held') ORDER BY due_at, id LIMIT $1"), limit)
        .fetch_all()
        .await
}

/// Returns the issues that are not finished: begun ones, and planned ones that are due by `now`.
pub async fn open(tx: &mut Tx) -> Result<Vec<IssueRecord>, DbError> {
    query_as!(
        tx,
        select_issue!(
            "WHERE status IN ('planned', 'frozen', 'sending', 'paused', 'held') ORDER BY due_at, id"
        )
    )
    .fetch_all()
    .await
}

/// Returns the issues that are going out or were stopped, of one newsletter or all, oldest first. There are a few.
pub async fn under_way(tx: &mut Tx, newsletter: Option<NewsletterId>) -> Result<Vec<IssueRecord>, DbError> {
    query_as!(
        tx,
        select_issue!(
            "WHERE status IN ('frozen', 'sending', 'paused', 'held') AND newsletter_id = COALESCE($1, newsletter_id) \
             ORDER BY due_at, id LIMIT 20"
        ),
        newsletter
    )
    .fetch_all()
    .await
}

/// Returns the dates from `from` on that have an issue.
pub async fn dates_from(tx: &mut Tx, newsletter: NewsletterId, from: Date) -> Result<Vec<Date>, DbError> {
    let dates: Vec<DbDate> = query_scalar!(
        tx,
        "SELECT issue_date FROM issues WHERE newsletter_id = $1 AND issue_date >= $2 ORDER BY issue_date",
        newsletter,
        DbDate(from)
    )
    .fetch_all()
    .await?;
    Ok(dates.into_iter().map(|date| date.0).collect())
}

/// Begins the issue of a date. Returns `None` if the date has one already, so there is one issue per date.
pub async fn insert(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    due: Due,
    status: IssueStatus,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Option<IssueId>, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO issues (newsletter_id, issue_date, status, due_at, last_due_at, created_at, \
         message_key, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (newsletter_id, issue_date) DO NOTHING RETURNING id",
        newsletter,
        DbDate(date),
        status,
        DbTime(due.first),
        due.last_of_many().map(DbTime),
        DbTime(now),
        crate::random::hex::<8>(),
        reason
    )
    .fetch_optional()
    .await
}

/// Returns a newsletter's planned issues: one or two.
pub async fn planned(tx: &mut Tx, newsletter: NewsletterId) -> Result<Vec<IssueRecord>, DbError> {
    query_as!(tx, select_issue!("WHERE newsletter_id = $1 AND status = 'planned'"), newsletter)
        .fetch_all()
        .await
}

/// Makes a planned issue due now for all its readers.
pub async fn set_at_once(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET due_at = $2, last_due_at = NULL, at_once = $3, version = version + 1, \
         waits_for = NULLIF(waits_for, 'send') WHERE id = $1 AND status = 'planned'",
        id,
        DbTime(now),
        true
    )
    .execute()
    .await
}

/// Makes a planned issue wait until an operator sends it. Its grace period begins now.
pub async fn set_by_hand(tx: &mut Tx, id: IssueId, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET due_at = $2, last_due_at = NULL, by_hand = $3, planned_at = NULL, \
         version = version + 1 WHERE id = $1 AND status = 'planned'",
        id,
        DbTime(now),
        true
    )
    .execute()
    .await
}

/// Lets a planned issue go out although not everything is set up.
pub async fn set_anyway(tx: &mut Tx, id: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET anyway = $2, waits_for = NULLIF(waits_for, 'setup') WHERE id = $1 AND status = 'planned'",
        id,
        true
    )
    .execute()
    .await
}

/// Changes when a planned issue is due.
pub async fn set_due(tx: &mut Tx, id: IssueId, due: Due) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET due_at = $2, last_due_at = $3, version = version + 1 WHERE id = $1 \
         AND status = 'planned'",
        id,
        DbTime(due.first),
        due.last_of_many().map(DbTime)
    )
    .execute()
    .await
}

/// Extends a planned issue's due times to `moment`. Changes nothing if the issue is due already.
pub async fn stretch_due(tx: &mut Tx, id: IssueId, moment: Timestamp, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET due_at = CASE WHEN $2 < due_at THEN $2 ELSE due_at END, last_due_at = CASE \
         WHEN $2 > COALESCE(last_due_at, due_at) THEN $2 \
         WHEN $2 < due_at THEN COALESCE(last_due_at, due_at) ELSE last_due_at END WHERE id = $1 \
         AND status = 'planned' AND due_at > $3",
        id,
        DbTime(moment),
        DbTime(now)
    )
    .execute()
    .await
}

/// Returns the issues dated `from` or later that were skipped for this reason.
pub async fn skipped_for(
    tx: &mut Tx,
    newsletter: NewsletterId,
    from: Date,
    reason: &str,
) -> Result<Vec<IssueRecord>, DbError> {
    query_as!(
        tx,
        select_issue!("WHERE newsletter_id = $1 AND issue_date >= $2 AND status = 'skipped' AND reason = $3"),
        newsletter,
        DbDate(from),
        reason
    )
    .fetch_all()
    .await
}

/// Returns the planned issues that were created after `now`, which only a wrong clock does. At most 1,000.
pub async fn planned_in_future(tx: &mut Tx, now: Timestamp) -> Result<Vec<IssueId>, DbError> {
    query_scalar!(
        tx,
        "SELECT id FROM issues WHERE status = 'planned' AND created_at > $1 ORDER BY id LIMIT 1000",
        DbTime(now)
    )
    .fetch_all()
    .await
}

/// Moves an issue from one status to another and adds that to its history. Returns `false` if its status was
/// not `from`.
pub async fn advance(
    tx: &mut Tx,
    id: IssueId,
    from: IssueStatus,
    to: IssueStatus,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let moved = query!(
        tx,
        "UPDATE issues SET status = $3, reason = $4, frozen_at = CASE \
         WHEN $3 = 'frozen' THEN $5 ELSE frozen_at END, closed_at = CASE \
         WHEN $3 IN ('sent', 'skipped', 'cancelled') THEN $5 END WHERE id = $1 AND status = $2",
        id,
        from,
        to,
        reason,
        DbTime(now)
    )
    .rows_affected()
    .await?;
    if moved == 0 {
        return Ok(false);
    }
    query!(
        tx,
        "INSERT INTO issue_events (issue_id, status, reason, occurred_at) VALUES ($1, $2, $3, $4)",
        id,
        to,
        reason,
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|_| true)
}
