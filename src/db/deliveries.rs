//! Table `deliveries`: one row a reader and issue, in exactly one state.

use super::{DbError, EngineTx, Stamp, Tx, on};
use crate::domain::{
    delivery::{Answer, DeliveryStatus},
    email_address::EmailAddress,
    ids::{DeliveryId, IssueId, NewsletterId, SubscriberId, SubscriptionId, VariantId},
};
use jiff::{SignedDuration, Timestamp};

/// A delivery that a worker holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClaimedDelivery {
    /// The row.
    #[sqlx(try_from = "i64")]
    pub id: DeliveryId,
    /// The subscription it is for.
    #[sqlx(try_from = "i64")]
    pub subscription_id: SubscriptionId,
    /// To whom.
    #[sqlx(try_from = "String")]
    pub address: EmailAddress,
    /// Attempts begun before.
    pub attempts: i64,
    /// When it was first due.
    pub due_at: Stamp,
}

/// A delivery as an operator sees it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct DeliveryRecord {
    /// The issue's date.
    pub issue_date: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: DeliveryStatus,
    /// Attempts begun.
    pub attempts: i64,
    /// The relay that answered last.
    pub relay: Option<String>,
    /// Its reply code.
    pub reply_code: Option<i64>,
    /// Its reply text.
    pub reply_text: Option<String>,
    /// When it came to an end.
    pub finished_at: Option<Stamp>,
}

/// How many deliveries of an issue are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Waiting.
    pub queued: i64,
    /// Held by a worker.
    pub claimed: i64,
    /// In flight.
    pub sending: i64,
    /// Taken by a relay.
    pub sent: i64,
    /// Refused for now.
    pub deferred: i64,
    /// Given up.
    pub failed: i64,
    /// In doubt.
    pub uncertain: i64,
    /// Left before it was sent.
    pub skipped: i64,
}

impl Counts {
    /// All of them.
    pub const fn total(&self) -> i64 {
        self.open() + self.sent + self.failed + self.skipped
    }

    /// Those that are not at their end.
    pub const fn open(&self) -> i64 {
        self.queued + self.claimed + self.sending + self.deferred + self.uncertain
    }
}

/// Makes a delivery for each active, unsuppressed reader of the newsletter, in one statement. Returns how many.
pub async fn fan_out(
    tx: &mut Tx,
    issue: IssueId,
    variant: VariantId,
    newsletter: NewsletterId,
    due_at: Timestamp,
) -> Result<u64, DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, next_attempt_at) \
         SELECT $1, $2, s.subscriber_id, s.id, 'queued', $4, $4 FROM subscriptions s \
         JOIN subscribers r ON r.id = s.subscriber_id WHERE s.newsletter_id = $3 AND s.status = 'active' \
         AND NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.address_key = r.address_key) \
         ORDER BY s.id ON CONFLICT (issue_id, subscriber_id) DO NOTHING"
    )
    .bind(issue.0)
    .bind(variant.0)
    .bind(newsletter.0)
    .bind(Stamp(due_at))
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
    })
}

/// Claims up to `limit` deliveries that are due, for the holder of `claim`, until `claimed_until`.
pub async fn claim(
    tx: &mut Tx,
    issue: IssueId,
    claim: &str,
    claimed_until: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ClaimedDelivery>, DbError> {
    macro_rules! claim {
        ($conn:ident, $lock:literal) => {
            sqlx::query(concat!(
                "UPDATE deliveries SET status = 'claimed', claim = $2, claimed_until = $3 WHERE id IN (SELECT id \
                 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') AND next_attempt_at <= $4 \
                 ORDER BY next_attempt_at, id LIMIT $5 ",
                $lock,
                ")"
            ))
            .bind(issue.0)
            .bind(claim)
            .bind(Stamp(claimed_until))
            .bind(Stamp(now))
            .bind(limit)
            .execute($conn)
            .await?
            .rows_affected()
        };
    }
    let claimed = match tx.by_engine() {
        EngineTx::Sqlite(conn) => claim!(conn, ""),
        EngineTx::Postgres(conn) => claim!(conn, "FOR UPDATE SKIP LOCKED"),
    };
    if claimed == 0 {
        return Ok(Vec::new());
    }
    on!(tx, |conn| {
        sqlx::query_as(
        "SELECT d.id, d.subscription_id, r.address, d.attempts, d.due_at FROM deliveries d \
         JOIN subscribers r ON r.id = d.subscriber_id WHERE d.claim = $1 AND d.status = 'claimed' ORDER BY d.id"
    )
    .bind(claim)
    .fetch_all(conn)
    .await
    })
}

/// What beginning a delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is ours: hand it to a relay.
    Go,
    /// The reader left meanwhile; it is skipped.
    Skipped,
    /// The claim was lost, or the issue was stopped: send nothing.
    Lost,
}

/// Begins a delivery: the fence. Only who still holds the claim, of an issue still going out, to a reader still there, may
/// send.
pub async fn begin(tx: &mut Tx, id: DeliveryId, claim: &str, now: Timestamp) -> Result<Begin, DbError> {
    let begun = on!(tx, |conn| {
        sqlx::query(
        "UPDATE deliveries SET status = 'sending', attempts = attempts + 1 WHERE id = $1 AND claim = $2 \
         AND status = 'claimed' \
         AND EXISTS (SELECT 1 FROM issues i WHERE i.id = deliveries.issue_id AND i.status = 'sending') \
         AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = deliveries.subscription_id AND s.status = 'active')"
    )
    .bind(id.0)
    .bind(claim)
    .execute(conn)
    .await?
    .rows_affected()
    });
    if begun == 1 {
        return Ok(Begin::Go);
    }
    let skipped = on!(tx, |conn| {
        sqlx::query(
        "UPDATE deliveries SET status = 'skipped', claim = NULL, claimed_until = NULL, finished_at = $3, \
         reply_text = 'the reader left before it was sent' WHERE id = $1 AND claim = $2 AND status = 'claimed' \
         AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = deliveries.subscription_id AND s.status <> 'active')"
    )
    .bind(id.0)
    .bind(claim)
    .bind(Stamp(now))
    .execute(conn)
    .await?
    .rows_affected()
    });
    Ok(if skipped == 1 { Begin::Skipped } else { Begin::Lost })
}

/// What follows from a relay's answer for a delivery in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At its end, in this state.
    End(DeliveryStatus),
    /// Refused for now: again at this moment.
    Deferred(Timestamp),
    /// Not the reader's fault: again at this moment, and the attempt does not count.
    Again(Timestamp),
}

/// Records a relay's answer. `false`: the row was lost meanwhile, and nothing is changed.
pub async fn finish(
    tx: &mut Tx,
    id: DeliveryId,
    claim: &str,
    next: Next,
    answer: &Answer,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (status, next_attempt_at, finished_at, uncounted) = match next {
        Next::End(status) => (status, None, (status != DeliveryStatus::Uncertain).then_some(now), 0_i64),
        Next::Deferred(at) => (DeliveryStatus::Deferred, Some(at), None, 0),
        Next::Again(at) => (DeliveryStatus::Queued, Some(at), None, 1),
    };
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE deliveries SET status = $3, next_attempt_at = COALESCE($4, next_attempt_at), finished_at = $5, \
         attempts = attempts - $6, relay = $7, reply_code = $8, reply_text = $9, claim = NULL, claimed_until = NULL \
         WHERE id = $1 AND claim = $2 AND status = 'sending'"
    )
    .bind(id.0)
    .bind(claim)
    .bind(status.as_str())
    .bind(next_attempt_at.map(Stamp))
    .bind(finished_at.map(Stamp))
    .bind(uncounted)
    .bind(&answer.relay)
    .bind(answer.code.map(i64::from))
    .bind(&answer.text)
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    })
}

/// Gives back what a claim holds and has not begun.
pub async fn release(tx: &mut Tx, claim: &str) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE deliveries SET status = 'queued', claim = NULL, claimed_until = NULL \
         WHERE claim = $1 AND status = 'claimed'"
    )
    .bind(claim)
    .execute(conn)
    .await
    .map(drop))
}

/// Ends every lease, of all issues. Returns how many there were.
pub async fn end_leases(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE deliveries SET claimed_until = $1 WHERE status IN ('claimed', 'sending') AND claimed_until > $1"
    )
    .bind(Stamp(now - SignedDuration::from_secs(1)))
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
    })
}

/// Makes good what dead workers left behind: claimed rows wait again, rows in flight are in doubt.
pub async fn recover(tx: &mut Tx, issue: IssueId, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE deliveries SET status = CASE WHEN status = 'claimed' THEN 'queued' ELSE 'uncertain' END, claim = NULL, \
         claimed_until = NULL WHERE issue_id = $1 AND status IN ('claimed', 'sending') AND claimed_until < $2"
    )
    .bind(issue.0)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop)
    })
}

/// Gives up what has waited since before `due_before`: tomorrow's issue is on its way by then.
pub async fn give_up(
    tx: &mut Tx,
    issue: IssueId,
    due_before: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE deliveries SET status = 'failed', finished_at = $3 WHERE issue_id = $1 \
         AND status IN ('queued', 'deferred') AND due_at < $2"
    )
    .bind(issue.0)
    .bind(Stamp(due_before))
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop))
}

/// Lets deliveries in doubt go out again, with the Message-ID they had.
pub async fn retry_uncertain(tx: &mut Tx, issue: IssueId, now: Timestamp) -> Result<u64, DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE deliveries SET status = 'queued', next_attempt_at = $2 WHERE issue_id = $1 AND status = 'uncertain'"
    )
    .bind(issue.0)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
    })
}

/// Settles deliveries in doubt for good, as an operator knows them to have ended. Returns how many.
pub async fn settle_uncertain(
    tx: &mut Tx,
    issue: IssueId,
    status: DeliveryStatus,
    now: Timestamp,
) -> Result<u64, DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE deliveries SET status = $2, finished_at = $3 WHERE issue_id = $1 AND status = 'uncertain'"
    )
    .bind(issue.0)
    .bind(status.as_str())
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected()))
}

/// When an issue next needs a worker: a waiting delivery is due, or the lease of a dead worker's ends.
pub async fn next_due(tx: &mut Tx, issue: IssueId) -> Result<Option<Timestamp>, DbError> {
    let waiting: Option<Stamp> = on!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT min(next_attempt_at) FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred')",
        )
        .bind(issue.0)
        .fetch_one(conn)
        .await?
    });
    let leased: Option<Stamp> = on!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT min(claimed_until) FROM deliveries WHERE issue_id = $1 AND status IN ('claimed', 'sending')",
        )
        .bind(issue.0)
        .fetch_one(conn)
        .await?
    });
    Ok([waiting, leased].into_iter().flatten().min().map(Timestamp::from))
}

/// How many deliveries of an issue are in each state.
pub async fn counts(tx: &mut Tx, issue: IssueId) -> Result<Counts, DbError> {
    let rows: Vec<(String, i64)> = on!(tx, |conn| sqlx::query_as(
        "SELECT status, count(*) FROM deliveries WHERE issue_id = $1 GROUP BY status"
    )
    .bind(issue.0)
    .fetch_all(conn)
    .await?);
    let mut counts = Counts::default();
    for (status, count) in rows {
        let Ok(status) = status.parse::<DeliveryStatus>() else { continue };
        *match status {
            DeliveryStatus::Queued => &mut counts.queued,
            DeliveryStatus::Claimed => &mut counts.claimed,
            DeliveryStatus::Sending => &mut counts.sending,
            DeliveryStatus::Sent => &mut counts.sent,
            DeliveryStatus::Deferred => &mut counts.deferred,
            DeliveryStatus::Failed => &mut counts.failed,
            DeliveryStatus::Uncertain => &mut counts.uncertain,
            DeliveryStatus::Skipped => &mut counts.skipped,
        } = count;
    }
    Ok(counts)
}

/// A reader's latest deliveries, newest issue first.
pub async fn of_subscriber(
    tx: &mut Tx,
    subscriber: SubscriberId,
    limit: i64,
) -> Result<Vec<DeliveryRecord>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
        "SELECT i.issue_date, d.status, d.attempts, d.relay, d.reply_code, d.reply_text, d.finished_at \
         FROM deliveries d JOIN issues i ON i.id = d.issue_id WHERE d.subscriber_id = $1 ORDER BY d.issue_id DESC LIMIT $2"
    )
    .bind(subscriber.0)
    .bind(limit)
    .fetch_all(conn)
    .await
    })
}
