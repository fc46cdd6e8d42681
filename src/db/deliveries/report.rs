//! Reports about an issue's deliveries, for operators.

use crate::{
    db::{DbError, DbTime, Tx, deliveries::receipts, engine::query::query_as},
    domain::{
        delivery::{incoming::IncomingKind, status::DeliveryStatus},
        ids::{DeliveryId, IssueId, SubscriberId, VariantId},
    },
};
use jiff::Timestamp;

/// A delivery and its reader.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ReaderDelivery {
    /// The row, which is part of its Message-ID. `None`: it is folded, and only who got it is known.
    pub id: Option<DeliveryId>,
    /// The reader. The next page begins after this id.
    pub subscriber_id: SubscriberId,
    pub variant_id: VariantId,
    pub address: String,
    pub status: DeliveryStatus,
    pub attempts: i64,
    /// The next attempt, if it waits.
    pub next_attempt_at: DbTime,
    /// The relay that answered last.
    pub relay: Option<String>,
    pub reply_code: Option<i64>,
    /// RFC 3463, such as 5.1.1.
    pub enhanced_code: Option<String>,
    pub reply_text: Option<String>,
    pub finished_at: Option<DbTime>,
    /// The kind of the last report about it that came back by email.
    pub came_back: Option<IncomingKind>,
}

macro_rules! select_deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.subscriber_id, d.variant_id, r.address, \
             CASE WHEN d.begun THEN 'sending' ELSE d.status END AS status, d.attempts, d.next_attempt_at, \
             d.relay, d.reply_code, d.enhanced_code, d.reply_text, d.finished_at, (SELECT b.kind \
             FROM bounces b WHERE b.issue_id = d.issue_id AND b.subscription_id = d.subscription_id \
             AND b.source <> 'relay' ORDER BY b.id DESC LIMIT 1) AS came_back FROM deliveries d \
             JOIN subscribers r ON r.id = d.subscriber_id ",
            $rest
        )
    };
}

/// Returns a page of an issue's deliveries after `after`, in the order their readers first signed up. With a
/// status, only those in it.
pub async fn page(
    tx: &mut Tx,
    issue: IssueId,
    status: Option<DeliveryStatus>,
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<ReaderDelivery>, DbError> {
    let mut rows = page_of_rows(tx, issue, status, after, limit).await?;
    rows.extend(receipts::page(tx, issue, status, after, limit).await?);
    rows.sort_by_key(|it| it.subscriber_id);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows)
}

async fn page_of_rows(
    tx: &mut Tx,
    issue: IssueId,
    status: Option<DeliveryStatus>,
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<ReaderDelivery>, DbError> {
    match status {
        // Each condition on the status is that of an index.
        Some(status @ (DeliveryStatus::Failed | DeliveryStatus::Uncertain | DeliveryStatus::Skipped)) => {
            query_as!(tx, select_deliveries!(
                "WHERE d.issue_id = $1 AND d.status = $4 AND d.status IN ('failed', 'uncertain', 'skipped') \
                 AND d.subscriber_id > $2 ORDER BY d.subscriber_id LIMIT $3"
            ), issue, after, limit, status).fetch_all().await
        }
        Some(DeliveryStatus::Deferred) => query_as!(tx, select_deliveries!(
            "WHERE d.issue_id = $1 AND d.status = 'deferred' AND d.subscriber_id > $2 \
             ORDER BY d.subscriber_id LIMIT $3"
        ), issue, after, limit).fetch_all().await,
        Some(status @ (DeliveryStatus::Claimed | DeliveryStatus::Sending)) => {
            query_as!(
                tx,
                select_deliveries!(
                    "WHERE d.issue_id = $1 AND d.status = 'claimed' AND d.begun = $4 AND d.subscriber_id > $2 \
                     ORDER BY d.subscriber_id LIMIT $3"
                ),
                issue,
                after,
                limit,
                status == DeliveryStatus::Sending
            )
            .fetch_all()
            .await
        }
        Some(status) => query_as!(tx, select_deliveries!(
            "WHERE d.issue_id = $1 AND d.status = $4 AND d.subscriber_id > $2 ORDER BY d.subscriber_id \
             LIMIT $3"
        ), issue, after, limit, status).fetch_all().await,
        None => query_as!(tx, select_deliveries!(
            "WHERE d.issue_id = $1 AND d.subscriber_id > $2 ORDER BY d.subscriber_id LIMIT $3"
        ), issue, after, limit).fetch_all().await,
    }
}

/// Returns a reader's delivery of an issue.
pub async fn get_by_subscriber(
    tx: &mut Tx,
    issue: IssueId,
    subscriber: SubscriberId,
) -> Result<Option<ReaderDelivery>, DbError> {
    let row: Option<ReaderDelivery> = query_as!(
        tx,
        select_deliveries!("WHERE d.issue_id = $1 AND d.subscriber_id = $2"),
        issue,
        subscriber
    )
    .fetch_optional()
    .await?;
    match row {
        Some(row) => Ok(Some(row)),
        None => receipts::get_by_subscriber(tx, issue, subscriber).await,
    }
}

/// How often an answer was given.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct AnswerCount {
    pub status: DeliveryStatus,
    pub relay: Option<String>,
    pub reply_code: Option<i64>,
    pub enhanced_code: Option<String>,
    /// One of the texts.
    pub example: Option<String>,
    pub count: i64,
}

/// Counts the answers to an issue, and the reasons for which deliveries ended without one, most frequent
/// first, at most `limit`. Reads all its deliveries.
pub async fn count_by_answer(tx: &mut Tx, issue: IssueId, limit: i64) -> Result<Vec<AnswerCount>, DbError> {
    query_as!(
        tx,
        "SELECT status, relay, reply_code, enhanced_code, min(example) AS example, \
         CAST(sum(count) AS BIGINT) AS count FROM (SELECT status, relay, reply_code, enhanced_code, \
         min(reply_text) AS example, count(*) AS count FROM deliveries WHERE issue_id = $1 \
         AND (relay IS NOT NULL OR status IN ('failed', 'skipped')) \
         GROUP BY status, relay, reply_code, enhanced_code UNION ALL SELECT status, NULLIF(relay, ''), \
         NULLIF(reply_code, 0), NULLIF(enhanced_code, ''), NULLIF(reason, ''), count FROM delivery_figures \
         WHERE issue_id = $1 AND (relay <> '' OR status = 'skipped')) AS answers \
         GROUP BY status, relay, reply_code, enhanced_code ORDER BY sum(count) DESC, status LIMIT $2",
        issue,
        limit
    )
    .fetch_all()
    .await
}

/// Counts the answers to the deliveries of an issue that were not sent, most frequent first, at most `limit`. Reads
/// these alone, in a small index.
pub async fn count_unsent_by_answer(
    tx: &mut Tx,
    issue: IssueId,
    limit: i64,
) -> Result<Vec<AnswerCount>, DbError> {
    query_as!(
        tx,
        "SELECT status, relay, reply_code, enhanced_code, min(reply_text) AS example, count(*) AS count \
         FROM deliveries WHERE issue_id = $1 AND status IN ('failed', 'uncertain', 'skipped') \
         GROUP BY status, relay, reply_code, enhanced_code ORDER BY count(*) DESC, status LIMIT $2",
        issue,
        limit
    )
    .fetch_all()
    .await
}

/// Counts of the deliveries to one domain.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct DomainCount {
    pub domain: String,
    pub total: i64,
    pub sent: i64,
    /// Waiting deliveries, deferred ones included.
    pub waiting: i64,
    pub deferred: i64,
    pub failed: i64,
}

/// Counts an issue's deliveries by domain, largest first, at most `limit`. Reads all its deliveries.
pub async fn count_by_domain(tx: &mut Tx, issue: IssueId, limit: i64) -> Result<Vec<DomainCount>, DbError> {
    query_as!(
        tx,
        "SELECT domain, CAST(sum(total) AS BIGINT) AS total, CAST(sum(sent) AS BIGINT) AS sent, \
         CAST(sum(waiting) AS BIGINT) AS waiting, CAST(sum(deferred) AS BIGINT) AS deferred, \
         CAST(sum(failed) AS BIGINT) AS failed FROM (SELECT r.domain AS domain, count(*) AS total, \
         count(CASE WHEN d.status = 'sent' THEN 1 END) AS sent, count(CASE \
         WHEN d.status IN ('queued', 'claimed', 'deferred', 'uncertain') THEN 1 END) AS waiting, \
         count(CASE WHEN d.status = 'deferred' THEN 1 END) AS deferred, count(CASE \
         WHEN d.status = 'failed' THEN 1 END) AS failed FROM deliveries d \
         JOIN subscribers r ON r.id = d.subscriber_id WHERE d.issue_id = $1 GROUP BY r.domain UNION ALL \
         SELECT CASE WHEN domain = '' THEN '(other domains)' ELSE domain END, count, CASE \
         WHEN status = 'sent' THEN count ELSE 0 END, 0, 0, 0 FROM domain_figures WHERE issue_id = $1) AS all_of_it \
         GROUP BY domain ORDER BY sum(total) DESC, domain LIMIT $2",
        issue,
        limit
    )
    .fetch_all()
    .await
}

/// A relay or destination domain that asked to slow down.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Slowdown {
    /// `domain NAME` or `relay URL`.
    pub scope: String,
    /// The new rate, in emails per minute.
    pub per_minute: i64,
    pub at: DbTime,
    /// The reply that asked to slow down.
    pub complaint: Option<String>,
}

/// Returns the relays and domains last slowed within a period, latest first, at most `limit`.
pub async fn slowdowns(
    tx: &mut Tx,
    from: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Slowdown>, DbError> {
    query_as!(
        tx,
        "SELECT scope, slowed_to AS per_minute, slowed_at AS at, complaint FROM send_rates \
         WHERE slowed_to IS NOT NULL AND slowed_at BETWEEN $1 AND $2 ORDER BY slowed_at DESC, scope LIMIT $3",
        DbTime(from),
        DbTime(until),
        limit
    )
    .fetch_all()
    .await
}
