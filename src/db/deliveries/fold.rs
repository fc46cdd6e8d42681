//! Tables `delivery_figures` and `domain_figures`: folds the ended deliveries of an issue into receipts and figures.
//!
//! Copies that failed or came back keep their rows in `deliveries`, and are in no receipt.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        deliveries::receipts::{load_to_change, save},
        engine::query::{json_rows, query, query_as, query_scalar},
    },
    domain::{
        delivery::{receipt::Receipts, status::DeliveryStatus},
        ids::{IssueId, NewsletterId, SubscriberId, VariantId},
    },
};
use jiff::{Timestamp, fmt::serde::timestamp::microsecond};
use serde::Serialize;
use std::collections::BTreeMap;

/// Destination domains with figures of their own. Readers of the others count together.
const DOMAINS: i64 = 100;
/// Copies below which a domain has no figures of its own, because it may be one person's.
const FEW: i64 = 3;

/// An issue whose deliveries can be folded.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Foldable {
    pub issue: IssueId,
    pub newsletter: NewsletterId,
    /// The last subscriber whose delivery is folded. `None`: folding has not begun.
    pub folded_to: Option<i64>,
}

/// Returns the oldest issue that was closed before a time and is not wholly folded.
pub async fn next_to_fold(tx: &mut Tx, closed_before: Timestamp) -> Result<Option<Foldable>, DbError> {
    query_as!(
        tx,
        "SELECT id AS issue, newsletter_id AS newsletter, folded_to FROM issues \
         WHERE status IN ('sent', 'cancelled') AND closed_at < $1 AND frozen_at IS NOT NULL \
         AND fanned_out_to IS NULL AND (folded_at IS NULL OR folded_to IS NOT NULL) ORDER BY closed_at, id \
         LIMIT 1",
        DbTime(closed_before)
    )
    .fetch_optional()
    .await
}

/// Begins to fold an issue. From now on its variants are in no cohort's past, and its readers' pasts are
/// looked up in rows and receipts.
pub async fn begin(
    tx: &mut Tx,
    issue: IssueId,
    newsletter: NewsletterId,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET folded_at = $2, folded_to = 0 WHERE id = $1", issue, DbTime(now))
        .execute()
        .await?;
    let variants: Vec<VariantId> =
        query_scalar!(tx, "SELECT id FROM issue_variants WHERE issue_id = $1", issue).fetch_all().await?;
    cohorts::remove_past(tx, newsletter, &variants).await
}

#[derive(sqlx::FromRow)]
struct Folded {
    subscriber_id: SubscriberId,
    number: i64,
    variant_id: VariantId,
    domain: String,
    due_at: DbTime,
    status: DeliveryStatus,
    relay: Option<String>,
    reply_code: Option<i64>,
    enhanced_code: Option<String>,
    reason: Option<String>,
}

/// Deliveries that count together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
struct Figure {
    variant: VariantId,
    #[serde(with = "microsecond::required")]
    due: Timestamp,
    status: &'static str,
    /// The relay's name, or nothing.
    relay: String,
    /// The relay's reply code, or 0.
    code: i64,
    /// The enhanced status code, or nothing.
    enhanced: String,
    /// Why they were skipped.
    reason: String,
}

#[derive(Serialize)]
struct FigureRow<'a> {
    #[serde(flatten)]
    figure: &'a Figure,
    count: i64,
}

#[derive(Serialize)]
struct DomainRow<'a> {
    domain: &'a str,
    status: &'static str,
    count: i64,
}

/// Folds the ended deliveries of the next 4,096 subscriber ids into a receipt and figures. Returns their
/// number, or `None` if none was left and the issue is folded.
pub async fn fold_portion(tx: &mut Tx, issue: IssueId, after: i64) -> Result<Option<usize>, DbError> {
    let next: Option<i64> = query_scalar!(
        tx,
        "SELECT min(subscriber_id) FROM deliveries WHERE issue_id = $1 AND subscriber_id > $2",
        issue,
        after
    )
    .fetch_one()
    .await?;
    let Some(next) = next else {
        finish(tx, issue).await?;
        return Ok(None);
    };
    let chunk = Receipts::chunk_of(SubscriberId(next));
    let last = Receipts::last_of(chunk).0;
    let mut receipts = load_to_change(tx, issue, chunk).await?;
    // Copies that came back keep their rows, as failed ones do.
    let rows: Vec<Folded> = query_as!(
        tx,
        "DELETE FROM deliveries WHERE issue_id = $1 AND subscriber_id > $2 AND subscriber_id <= $3 \
         AND status IN ('sent', 'skipped') AND NOT EXISTS (SELECT 1 FROM bounces b \
         WHERE b.issue_id = deliveries.issue_id AND b.subscription_id = deliveries.subscription_id) \
         RETURNING subscriber_id, variant_id, COALESCE((SELECT v.number FROM issue_variants v \
         WHERE v.id = deliveries.variant_id), 0) AS number, COALESCE((SELECT r.domain FROM subscribers r \
         WHERE r.id = deliveries.subscriber_id), '') AS domain, due_at, status, relay, reply_code, \
         enhanced_code, CASE WHEN status = 'skipped' THEN reply_text END AS reason",
        issue,
        next - 1,
        last
    )
    .fetch_all()
    .await?;
    let (mut figures, mut domains) = (BTreeMap::<Figure, i64>::new(), BTreeMap::new());
    for row in &rows {
        receipts.set(row.subscriber_id, row.number, row.status);
        let status = row.status.as_str();
        let figure = Figure {
            variant: row.variant_id,
            due: row.due_at.0,
            status,
            relay: row.relay.clone().unwrap_or_default(),
            code: row.reply_code.unwrap_or_default(),
            enhanced: row.enhanced_code.clone().unwrap_or_default(),
            reason: row.reason.clone().unwrap_or_default(),
        };
        *figures.entry(figure).or_default() += 1;
        *domains.entry((row.domain.as_str(), status)).or_default() += 1;
    }
    save(tx, issue, chunk, &receipts).await?;
    add_figures(tx, issue, &figures, &domains).await?;
    query!(tx, "UPDATE issues SET folded_to = $2 WHERE id = $1", issue, last).execute().await?;
    Ok(Some(rows.len()))
}

async fn add_figures(
    tx: &mut Tx,
    issue: IssueId,
    figures: &BTreeMap<Figure, i64>,
    domains: &BTreeMap<(&str, &'static str), i64>,
) -> Result<(), DbError> {
    let figures: Vec<FigureRow<'_>> =
        figures.iter().map(|(figure, count)| FigureRow { figure, count: *count }).collect();
    query!(
        tx,
        "INSERT INTO delivery_figures (issue_id, variant_id, due_at, status, relay, reply_code, enhanced_code, \
         reason, count) SELECT $1, CAST(value ->> 'variant' AS BIGINT), {micros value ->> 'due'}, \
         value ->> 'status', value ->> 'relay', CAST(value ->> 'code' AS BIGINT), value ->> 'enhanced', \
         value ->> 'reason', CAST(value ->> 'count' AS BIGINT) FROM {rows $2} WHERE true \
         ON CONFLICT (issue_id, variant_id, due_at, status, relay, reply_code, enhanced_code, reason) \
         DO UPDATE SET count = delivery_figures.count + excluded.count",
        issue,
        json_rows(&figures)?
    )
    .execute()
    .await?;
    let domains: Vec<DomainRow<'_>> =
        domains.iter().map(|((domain, status), count)| DomainRow { domain, status, count: *count }).collect();
    query!(
        tx,
        "INSERT INTO domain_figures (issue_id, domain, status, count) SELECT $1, value ->> 'domain', \
         value ->> 'status', CAST(value ->> 'count' AS BIGINT) FROM {rows $2} WHERE true \
         ON CONFLICT (issue_id, domain, status) DO UPDATE SET count = domain_figures.count + excluded.count",
        issue,
        json_rows(&domains)?
    )
    .execute()
    .await
}

/// Marks an issue as wholly folded, and counts the readers of small domains together.
async fn finish(tx: &mut Tx, issue: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO domain_figures (issue_id, domain, status, count) SELECT $1, '', status, \
         CAST(sum(count) AS BIGINT) FROM domain_figures WHERE issue_id = $1 AND domain NOT IN (SELECT domain \
         FROM domain_figures WHERE issue_id = $1 GROUP BY domain HAVING sum(count) >= $3 \
         ORDER BY sum(count) DESC, domain LIMIT $2) GROUP BY status ON CONFLICT (issue_id, domain, status) DO UPDATE \
         SET count = domain_figures.count + excluded.count",
        issue,
        DOMAINS,
        FEW
    )
    .execute()
    .await?;
    query!(
        tx,
        "DELETE FROM domain_figures WHERE issue_id = $1 AND domain <> '' AND domain NOT IN (SELECT domain \
         FROM domain_figures WHERE issue_id = $1 AND domain <> '' GROUP BY domain \
         HAVING sum(count) >= $3 ORDER BY sum(count) DESC, domain LIMIT $2)",
        issue,
        DOMAINS,
        FEW
    )
    .execute()
    .await?;
    query!(tx, "UPDATE issues SET folded_to = NULL WHERE id = $1", issue).execute().await
}
