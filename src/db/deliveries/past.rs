//! Deliveries of issues that `daily demo` pretends to have sent.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query},
    domain::ids::{IssueId, NewsletterId, VariantId},
};
use jiff::Timestamp;

/// An issue whose deliveries have ended.
#[derive(Debug, Clone, Copy)]
pub struct PastDeliveries {
    pub issue: IssueId,
    pub newsletter: NewsletterId,
    pub variant: VariantId,
    pub due_at: Timestamp,
    pub finished_at: Timestamp,
    /// One reader in this many didn't get it, because a mailbox was full.
    pub failed_of: i64,
}

/// Adds a delivery for each reader who had confirmed by then. Returns their number.
pub async fn insert_past(tx: &mut Tx, it: &PastDeliveries) -> Result<u64, DbError> {
    let made = query!(
        tx,
        "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, \
         next_attempt_at, attempts, relay, reply_code, enhanced_code, reply_text, finished_at) \
         SELECT $1, $2, r.subscriber_id, r.id, CASE WHEN r.fails THEN 'failed' ELSE 'sent' END, $4, $4, 1, 'mailbox', \
         CASE WHEN r.fails THEN 552 ELSE 250 END, CASE WHEN r.fails THEN '5.2.2' ELSE '2.0.0' END, \
         CASE WHEN r.fails THEN 'The mailbox is full' ELSE 'Accepted' END, $5 \
         FROM (SELECT s.subscriber_id, s.id, (s.id * 7 + $1) % $6 = 0 AS fails FROM subscriptions s \
         WHERE s.newsletter_id = $3 AND s.status = 'active' AND s.confirmed_at <= $4) AS r",
        it.issue,
        it.variant,
        it.newsletter,
        DbTime(it.due_at),
        DbTime(it.finished_at),
        it.failed_of
    )
    .rows_affected()
    .await?;
    query!(
        tx,
        "UPDATE issues SET sent = (SELECT count(*) FROM deliveries WHERE issue_id = $1 AND status = 'sent') \
         WHERE id = $1",
        it.issue
    )
    .execute()
    .await?;
    Ok(made)
}
