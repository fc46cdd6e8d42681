//! Deliveries that failed and may be sent again: their readers certainly don't have them.
//!
//! A doubted delivery never counts. Nor does one whose reader has left, paused, joined again or is suppressed since,
//! or whose issue is folded.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        engine::query::{json_rows, query, query_as},
    },
    domain::ids::{IssueId, SubscriberId, SubscriptionId},
};
use jiff::Timestamp;

/// Failed deliveries to readers who could get them, whose last answer is among `$2`.
macro_rules! missed {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM deliveries d WHERE d.issue_id = $1 AND d.status = 'failed' \
             AND d.status IN ('failed', 'uncertain', 'skipped') AND NOT d.doubted \
             AND EXISTS (SELECT 1 FROM {rows $2} AS a WHERE CAST(a.value ->> 'code' AS BIGINT) = \
             COALESCE(d.reply_code, 0) AND a.value ->> 'enhanced' = COALESCE(d.enhanced_code, '')) \
             AND EXISTS (SELECT 1 FROM issues i WHERE i.id = d.issue_id AND i.folded_at IS NULL) \
             AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = d.subscription_id \
             AND s.subscriber_id = d.subscriber_id AND s.status = 'active' \
             AND (s.confirmed_at IS NULL OR s.confirmed_at <= d.due_at)) \
             AND NOT EXISTS (SELECT 1 FROM suppressions x JOIN subscribers r ON r.address_key = x.address_key \
             WHERE r.id = d.subscriber_id)",
            $rest
        )
    };
}

/// The codes of an answer. 0 and an empty text: none.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct AnswerCode {
    pub code: i64,
    pub enhanced: String,
}

/// How many failed with the same last answer.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct MissedAnswer {
    pub reply_code: Option<i64>,
    pub enhanced_code: Option<String>,
    /// One of the texts.
    pub example: Option<String>,
    pub count: i64,
}

/// Returns the last answers of an issue's failed deliveries, each once.
pub async fn failed_answers(tx: &mut Tx, issue: IssueId) -> Result<Vec<AnswerCode>, DbError> {
    query_as!(
        tx,
        "SELECT DISTINCT COALESCE(reply_code, 0) AS code, COALESCE(enhanced_code, '') AS enhanced FROM deliveries \
         WHERE issue_id = $1 AND status = 'failed' AND status IN ('failed', 'uncertain', 'skipped') AND NOT doubted",
        issue
    )
    .fetch_all()
    .await
}

/// Counts an issue's failed deliveries to readers who could get them, by the last answer if it is one of these, most
/// frequent first.
pub async fn count_missed(
    tx: &mut Tx,
    issue: IssueId,
    answers: &[AnswerCode],
) -> Result<Vec<MissedAnswer>, DbError> {
    query_as!(
        tx,
        missed!(
            "SELECT d.reply_code, d.enhanced_code, min(d.reply_text) AS example, count(*) AS count",
            " GROUP BY d.reply_code, d.enhanced_code ORDER BY count(*) DESC, d.reply_code, d.enhanced_code"
        ),
        issue,
        json_rows(answers)?
    )
    .fetch_all()
    .await
}

/// Queues up to `limit` of an issue's failed deliveries again whose last answer was one of these, after a reader.
/// Returns their readers in order. Their Message-IDs stay the same.
pub async fn requeue_missed(
    tx: &mut Tx,
    issue: IssueId,
    answers: &[AnswerCode],
    after: SubscriberId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<SubscriberId>, DbError> {
    let rows: Vec<(SubscriberId, SubscriptionId)> = query_as!(
        tx,
        concat!(
            "UPDATE deliveries SET status = 'queued', next_attempt_at = $5, finished_at = NULL, claim_id = NULL, \
             throttled_domain = NULL WHERE id IN (",
            missed!(
                "SELECT d.id",
                " AND d.subscriber_id > $3 ORDER BY d.subscriber_id LIMIT $4 {skip_locked}"
            ),
            ") RETURNING subscriber_id, subscription_id"
        ),
        issue,
        json_rows(answers)?,
        after,
        limit,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    let subscriptions: Vec<SubscriptionId> = rows.iter().map(|(_, subscription)| *subscription).collect();
    cohorts::forget(tx, &subscriptions).await?;
    let mut readers: Vec<SubscriberId> = rows.into_iter().map(|(reader, _)| reader).collect();
    readers.sort_unstable();
    Ok(readers)
}

/// Makes up to `limit` failed deliveries of an issue doubted, because the database was restored and they may have been
/// sent again since. Returns their number.
pub async fn doubt_failed(tx: &mut Tx, issue: IssueId, limit: i64) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE deliveries SET doubted = TRUE WHERE id IN (SELECT id FROM deliveries WHERE issue_id = $1 \
         AND status = 'failed' AND status IN ('failed', 'uncertain', 'skipped') AND NOT doubted LIMIT $2 {skip_locked})",
        issue,
        limit
    )
    .rows_affected()
    .await
}
