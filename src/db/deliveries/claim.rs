//! Taking deliveries under a claim, and giving them back.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as},
        },
    },
    domain::{
        ids::{ClaimId, DeliveryId, IssueId, SubscriptionId, VariantId},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;

/// A delivery that a worker holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    /// The subscription it is for.
    pub subscription_id: SubscriptionId,
    /// What they get.
    pub variant_id: VariantId,
    pub address: EmailAddress,
    /// Attempts begun before.
    pub attempts: i64,
    /// When it was first due.
    pub due_at: DbTime,
    /// When this attempt was due.
    pub next_attempt_at: DbTime,
    /// Its domain, where that one's pace is limited and a permit was got.
    pub throttled_domain: Option<String>,
}

/// Where deliveries are taken from.
#[derive(Debug, Clone, Copy)]
pub enum From<'a> {
    /// Those that nothing limits, from this place on: where the last batch ended. On PostgreSQL the places before it are full
    /// of what was taken already.
    Common(Option<(DbTime, DeliveryId)>),
    /// Those of a domain whose pace is limited.
    Throttled(&'a str),
}

/// Takes up to `limit` deliveries that are due, in the order they became so.
pub async fn claim(
    tx: &mut Tx,
    issue: IssueId,
    claim: ClaimId,
    from: From<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ClaimedDelivery>, DbError> {
    // Each text names the index that serves it.
    macro_rules! claim {
        ($which:literal) => {
            concat!(
                "UPDATE deliveries SET status = 'claimed', claim_id = $2 WHERE id IN (SELECT id \
                 FROM deliveries WHERE issue_id = $1 AND status IN ('queued', 'deferred') \
                 AND next_attempt_at <= $3 AND ",
                $which,
                " ORDER BY next_attempt_at, id LIMIT $4 {skip_locked}) RETURNING id, subscription_id, variant_id, \
                 attempts, due_at, next_attempt_at, throttled_domain, (SELECT r.address FROM subscriptions s \
                 JOIN subscribers r ON r.id = s.subscriber_id WHERE s.id = deliveries.subscription_id) AS address"
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

/// Gives back what a claim holds and has not begun.
pub async fn release(tx: &mut Tx, issue: IssueId, claim: ClaimId) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE deliveries SET status = 'queued', claim_id = NULL WHERE issue_id = $1 AND claim_id = $2 \
         AND status IN ('claimed', 'sending') AND status = 'claimed'",
        issue,
        claim
    )
    .rows_affected()
    .await
}

/// Sets claimed deliveries apart whose domain's pace has become limited.
pub async fn throttle(
    tx: &mut Tx,
    issue: IssueId,
    claim: ClaimId,
    domain: &str,
    ids: &[DeliveryId],
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO throttled_domains (issue_id, domain) VALUES ($1, $2) ON CONFLICT (issue_id, domain) \
         DO NOTHING",
        issue,
        domain
    )
    .execute()
    .await?;
    query!(
        tx,
        "UPDATE deliveries SET status = 'queued', claim_id = NULL, throttled_domain = $2 WHERE id {in $3} \
         AND claim_id = $1 AND status = 'claimed'",
        claim,
        domain,
        DbList(ids)
    )
    .execute()
    .await
}

/// Makes good what workers left behind whose claim is gone: claimed rows wait again, rows in flight are in doubt. These keep
/// their claim's number, so that a worker that was only slow can still say what became of them. On PostgreSQL rows that somebody
/// else writes at this moment are left to the next time: waiting for them could be waiting for each other.
pub async fn recover(tx: &mut Tx, issue: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE deliveries SET claim_id = CASE WHEN status = 'sending' THEN claim_id END, \
         status = CASE WHEN status = 'claimed' THEN 'queued' ELSE 'uncertain' END WHERE id IN (SELECT id \
         FROM deliveries d WHERE d.issue_id = $1 AND d.status IN ('claimed', 'sending') \
         AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.id = d.claim_id) {skip_locked})",
        issue
    )
    .execute()
    .await
}
