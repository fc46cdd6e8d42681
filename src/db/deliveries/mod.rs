//! Table `deliveries`: one row per reader and issue, in exactly one state.

mod claim;
pub mod claims;
pub mod emails;
mod fan_out;
pub mod fold;
mod groups;
mod missed;
mod past;
pub mod receipts;
mod record;
mod report;
mod settle;

pub use claim::{ClaimedDelivery, From, claim, count_claimed, recover, release, throttle};
pub use fan_out::{FanOut, Portion, fan_out, forget_beyond};
pub use groups::{Past, groups};
pub use missed::{AnswerCode, MissedAnswer, count_missed, doubt_failed, failed_answers, requeue_missed};
pub use past::{PastDeliveries, insert_past};
pub use record::{Begun, Finish, Next, begin, finish, skip_paused};
pub use report::{
    AnswerCount, DomainCount, ReaderDelivery, Slowdown, count_by_answer, count_by_domain,
    count_unsent_by_answer, slowdowns,
};
pub use settle::{
    PORTION, Remaining, UNCERTAIN, count_open, count_uncertain, doubt_open, give_up, next_due, remaining,
    retry_uncertain, settle_uncertain, skip_open,
};

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        delivery::{receipt::Receipts, status::DeliveryStatus},
        ids::{IssueId, SubscriberId},
    },
};
use std::cmp::Reverse;

/// A delivery as an operator sees it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct DeliveryRecord {
    /// The next page begins before this id.
    #[serde(skip)]
    pub issue_id: IssueId,
    /// The newsletter's short name.
    pub newsletter: String,
    pub issue_date: DbDate,
    pub status: DeliveryStatus,
    pub attempts: i64,
    /// The relay that answered last.
    pub relay: Option<String>,
    pub reply_code: Option<i64>,
    /// RFC 3463, such as 5.1.1.
    pub enhanced_code: Option<String>,
    pub reply_text: Option<String>,
    pub finished_at: Option<DbTime>,
}

/// The number of an issue's deliveries in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub queued: i64,
    /// Claimed by a worker, and not begun.
    pub claimed: i64,
    pub sending: i64,
    /// Accepted by a relay.
    pub sent: i64,
    /// Refused for now, to be tried again.
    pub deferred: i64,
    pub failed: i64,
    pub uncertain: i64,
    /// Not sent, for example because the reader unsubscribed before.
    pub skipped: i64,
}

impl Counts {
    /// Returns the number of all deliveries.
    pub const fn total(&self) -> i64 {
        self.open() + self.sent + self.failed + self.skipped
    }

    /// Returns the number of unfinished deliveries.
    pub const fn open(&self) -> i64 {
        self.queued + self.claimed + self.sending + self.deferred + self.uncertain
    }
}

/// Updates PostgreSQL's statistics after a large fan-out, before it plans queries about the rows. SQLite
/// needs no statistics here.
pub async fn analyze(tx: &mut Tx) -> Result<(), DbError> {
    if tx.is_only_writer() {
        return Ok(());
    }
    query!(tx, "ANALYZE deliveries").execute().await
}

/// Counts an issue's deliveries in each state, in small indexes. Of an issue that is under way, the sent ones are kept
/// as a count and the rest waits. Of one that is over, those that still wait are few, and the rest is sent.
pub async fn counts(tx: &mut Tx, issue: IssueId) -> Result<Counts, DbError> {
    let rows: Vec<(String, i64)> = query_as!(
        tx,
        "SELECT 'deferred', count(*) FROM deliveries WHERE issue_id = $1 AND status = 'deferred' UNION ALL \
         SELECT CASE WHEN begun THEN 'sending' ELSE 'claimed' END, count(*) \
         FROM deliveries WHERE issue_id = $1 AND status = 'claimed' GROUP BY begun UNION ALL \
         SELECT status, count(*) FROM deliveries WHERE issue_id = $1 \
         AND status IN ('failed', 'uncertain', 'skipped') GROUP BY status UNION ALL \
         SELECT status, CAST(COALESCE(sum(count), 0) AS BIGINT) FROM delivery_figures WHERE issue_id = $1 \
         AND status = 'skipped' GROUP BY status UNION ALL SELECT 'recipients', recipients FROM issues \
         WHERE id = $1 UNION ALL SELECT 'sent', sent FROM issues WHERE id = $1 \
         AND status IN ('planned', 'frozen', 'sending', 'paused', 'held')",
        issue
    )
    .fetch_all()
    .await?;
    let (mut counts, mut recipients, mut sent) = (Counts::default(), 0, None);
    for (what, count) in rows {
        match what.as_str() {
            "deferred" => counts.deferred = count,
            "claimed" => counts.claimed = count,
            "sending" => counts.sending = count,
            "failed" => counts.failed = count,
            "uncertain" => counts.uncertain = count,
            "skipped" => counts.skipped += count,
            "sent" => sent = Some(count),
            _ => recipients = count,
        }
    }
    let rest = recipients - counts.open() - counts.failed - counts.skipped;
    counts.queued = match sent {
        Some(sent) => (rest - sent).max(0),
        None => count_waiting(tx, issue).await? - counts.deferred,
    };
    counts.sent = rest - counts.queued;
    Ok(counts)
}

/// Counts the deliveries of an issue that wait, in the indexes that workers claim them by.
async fn count_waiting(tx: &mut Tx, issue: IssueId) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT (SELECT count(*) FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') \
         AND throttled_domain IS NULL) + (SELECT count(*) FROM deliveries WHERE issue_id = $1 \
         AND status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL)",
        issue
    )
    .fetch_one()
    .await
}

/// Returns a page of an issue's deliveries after `after`, in the order their readers first signed up. With a
/// status, only those in it. Folded deliveries are among them.
pub async fn page(
    tx: &mut Tx,
    issue: IssueId,
    status: Option<DeliveryStatus>,
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<ReaderDelivery>, DbError> {
    let mut rows = report::page_of_rows(tx, issue, status, after, limit).await?;
    rows.extend(receipts::page(tx, issue, status, after, limit).await?);
    rows.sort_by_key(|it| it.subscriber_id);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows)
}

/// Returns a reader's delivery of an issue, folded or not.
pub async fn get_by_subscriber(
    tx: &mut Tx,
    issue: IssueId,
    subscriber: SubscriberId,
) -> Result<Option<ReaderDelivery>, DbError> {
    match report::row_of_subscriber(tx, issue, subscriber).await? {
        Some(row) => Ok(Some(row)),
        None => receipts::get_by_subscriber(tx, issue, subscriber).await,
    }
}

/// Returns a reader's deliveries, the newest issue first, or a page of those before an issue.
pub async fn for_subscriber(
    tx: &mut Tx,
    subscriber: SubscriberId,
    before: Option<IssueId>,
    limit: i64,
) -> Result<Vec<DeliveryRecord>, DbError> {
    let before = before.unwrap_or(IssueId(i64::MAX));
    let mut records: Vec<DeliveryRecord> = query_as!(
        tx,
        "SELECT i.id AS issue_id, n.slug AS newsletter, i.issue_date, CASE WHEN d.begun THEN 'sending' \
         ELSE d.status END AS status, d.attempts, d.relay, d.reply_code, d.enhanced_code, d.reply_text, \
         d.finished_at FROM deliveries d JOIN issues i ON i.id = d.issue_id \
         JOIN newsletters n ON n.id = i.newsletter_id \
         WHERE d.subscriber_id = $1 AND d.issue_id < $2 ORDER BY d.issue_id DESC LIMIT $3",
        subscriber,
        before,
        limit
    )
    .fetch_all()
    .await?;
    let folded = receipts::for_subscriber(tx, subscriber, before, limit).await?;
    records.extend(folded.into_iter().filter_map(|it| {
        let (_, status) = Receipts::parse_entry(&it.entry)?;
        Some(DeliveryRecord {
            issue_id: it.issue_id,
            newsletter: it.newsletter,
            issue_date: it.issue_date,
            status,
            attempts: 1,
            relay: None,
            reply_code: None,
            enhanced_code: None,
            reply_text: None,
            finished_at: None,
        })
    }));
    records.sort_by_key(|it| Reverse(it.issue_id));
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(records)
}
