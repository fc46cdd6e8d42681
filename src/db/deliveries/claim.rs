//! Claiming deliveries, and releasing them.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
        throttle::send_rates::mark_throttled,
    },
    domain::{
        ids::{ClaimId, DeliveryId, IssueId, SubscriptionId, VariantId},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;

/// A claimed delivery.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    pub subscription_id: SubscriptionId,
    pub variant_id: VariantId,
    pub address: EmailAddress,
    /// Attempts begun before.
    pub attempts: i64,
    /// Messages before that a relay took without an answer.
    pub doubts: i64,
    /// The time it was first due.
    pub due_at: DbTime,
    /// The time this attempt was due.
    pub next_attempt_at: DbTime,
    /// The domain, if sending to it is throttled. The worker has a permit.
    pub throttled_domain: Option<String>,
}

/// The deliveries to claim from.
#[derive(Debug, Clone, Copy)]
pub enum From<'a> {
    /// Deliveries to domains without a limit, after this place, where the last batch ended. On PostgreSQL,
    /// dead versions of claimed rows fill the index before it.
    Common(Option<(DbTime, DeliveryId)>),
    /// Deliveries to a throttled domain.
    Throttled(&'a str),
}

/// Claims up to `limit` due deliveries, in the order they are due.
pub async fn claim(
    tx: &mut Tx,
    issue: IssueId,
    claim: ClaimId,
    from: From<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ClaimedDelivery>, DbError> {
    // Each condition is that of a partial index.
    macro_rules! claim {
        ($which:literal) => {
            concat!(
                "UPDATE deliveries SET status = 'claimed', claim_id = $2 WHERE id IN (SELECT id \
                 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') \
                 AND next_attempt_at <= $3 AND ",
                $which,
                " ORDER BY next_attempt_at, id LIMIT $4 {skip_locked}) RETURNING id, subscription_id, \
                 variant_id, \
                 attempts, doubts, due_at, next_attempt_at, throttled_domain, (SELECT r.address FROM subscriptions s \
                 JOIN subscribers r ON r.id = s.subscriber_id WHERE s.id = deliveries.subscription_id) AS \
                 address"
            )
        };
    }
    let now = DbTime(now);
    let mut claimed: Vec<ClaimedDelivery> = match from {
        From::Common(place) => {
            let (at, id) = place.unwrap_or((DbTime(Timestamp::UNIX_EPOCH), DeliveryId(0)));
            query_as!(
                tx,
                claim!("throttled_domain IS NULL AND (next_attempt_at, id) > ($5, $6)"),
                issue,
                claim,
                now,
                limit,
                at,
                id
            )
            .fetch_all()
            .await?
        }
        From::Throttled(domain) => {
            query_as!(tx, claim!("throttled_domain = $5"), issue, claim, now, limit, domain)
                .fetch_all()
                .await?
        }
    };
    claimed.sort_unstable_by_key(|row| (row.next_attempt_at, row.id));
    Ok(claimed)
}

/// Returns the number of an issue's deliveries that are claimed or in flight.
pub async fn count_claimed(tx: &mut Tx, issue: IssueId) -> Result<i64, DbError> {
    query_scalar!(tx, "SELECT count(*) FROM deliveries WHERE issue_id = $1 AND status = 'claimed'", issue)
        .fetch_one()
        .await
}

/// Releases the deliveries of a claim that are not begun. Returns their number.
pub async fn release(tx: &mut Tx, issue: IssueId, claim: ClaimId) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE deliveries SET status = 'queued', claim_id = NULL WHERE issue_id = $1 AND claim_id = $2 \
         AND status = 'claimed' AND NOT begun",
        issue,
        claim
    )
    .rows_affected()
    .await
}

/// Marks claimed deliveries whose domain is now throttled, and releases them.
pub async fn throttle(
    tx: &mut Tx,
    issue: IssueId,
    claim: ClaimId,
    domain: &str,
    ids: &[DeliveryId],
) -> Result<(), DbError> {
    mark_throttled(tx, issue, &[domain]).await?;
    query!(
        tx,
        "UPDATE deliveries SET status = 'queued', claim_id = NULL, throttled_domain = $2 WHERE id {in $3} \
         AND claim_id = $1 AND status = 'claimed' AND NOT begun",
        claim,
        domain,
        DbList(ids)
    )
    .execute()
    .await
}

/// Recovers deliveries whose claim is gone: claimed rows are queued again, rows in flight become uncertain.
/// Uncertain rows keep the claim's id, so that a worker that was only slow can still record the answer. On
/// PostgreSQL, rows that another transaction has locked are left for the next time, because waiting could
/// deadlock.
pub async fn recover(tx: &mut Tx, issue: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE deliveries SET claim_id = CASE WHEN begun THEN claim_id END, doubted = doubted OR begun, \
         status = CASE WHEN begun THEN 'uncertain' ELSE 'queued' END, begun = FALSE WHERE id IN (SELECT id \
         FROM deliveries d WHERE d.issue_id = $1 AND d.status = 'claimed' \
         AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.id = d.claim_id) {skip_locked})",
        issue
    )
    .execute()
    .await
}
