//! Table `welcomes`: the variants that welcome emails showed. Their stories count as read.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx, cohorts,
        deliveries::receipts,
        engine::query::{query, query_as, query_scalar},
    },
    domain::ids::{ArticleId, IssueId, NewsletterId, SubscriberId, SubscriptionId, VariantId},
};
use jiff::Timestamp;

/// The latest issue, as a welcome email shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LatestIssue {
    pub issue: IssueId,
    /// The date on the newsletter's clock.
    pub issue_date: DbDate,
    /// The first variant, which the archive shows.
    pub variant: VariantId,
    /// The fan-out is running, so a new reader may still get a delivery.
    pub is_fanning_out: bool,
}

/// A story, as its readers saw it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BriefStory {
    pub article: ArticleId,
    pub title: String,
    /// The summary below the headline.
    pub dek: Option<String>,
    pub url: String,
    pub section: Option<String>,
    /// The image, if it is fit for email.
    pub image_url: Option<String>,
    /// The publisher's description of the image.
    pub image_alt: Option<String>,
    /// The image's width in pixels.
    pub image_width: Option<i64>,
    /// The image's height in pixels.
    pub image_height: Option<i64>,
}

macro_rules! select_latest {
    ($which:literal) => {
        concat!(
            "SELECT i.id AS issue, i.issue_date, i.fanned_out_to IS NOT NULL AS is_fanning_out, v.id AS \
             variant FROM issues i JOIN issue_variants v ON v.id = (SELECT x.id FROM issue_variants x \
             WHERE x.issue_id = i.id ORDER BY x.number, x.id LIMIT 1) WHERE ",
            $which
        )
    };
}

/// Returns the latest issue of a newsletter that is sent or being sent.
pub async fn latest(tx: &mut Tx, newsletter: NewsletterId) -> Result<Option<LatestIssue>, DbError> {
    query_as!(
        tx,
        select_latest!(
            "i.newsletter_id = $1 AND i.status IN ('frozen', 'sending', 'sent') ORDER BY i.issue_date DESC \
         LIMIT 1"
        ),
        newsletter
    )
    .fetch_optional()
    .await
}

/// Returns one issue, whatever its status.
pub async fn for_issue(tx: &mut Tx, issue: IssueId) -> Result<Option<LatestIssue>, DbError> {
    query_as!(tx, select_latest!("i.id = $1"), issue).fetch_optional().await
}

/// Returns whether a reader has an issue, by a delivery or a welcome email.
pub async fn has(tx: &mut Tx, subscriber: SubscriberId, issue: IssueId) -> Result<bool, DbError> {
    if receipts::has(tx, subscriber, issue).await? {
        return Ok(true);
    }
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE issue_id = $2 AND subscriber_id = $1) \
         OR EXISTS (SELECT 1 FROM welcomes w JOIN issue_variants v ON v.id = w.variant_id \
         WHERE w.subscriber_id = $1 AND v.issue_id = $2)",
        subscriber,
        issue
    )
    .fetch_one()
    .await
}

/// Records that a welcome email shows a variant to a reader. Repeating it changes nothing.
pub async fn insert(
    tx: &mut Tx,
    subscriber: SubscriberId,
    variant: VariantId,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO welcomes (subscriber_id, variant_id, welcomed_at) VALUES ($1, $2, $3) \
         ON CONFLICT (subscriber_id, variant_id) DO NOTHING",
        subscriber,
        variant,
        DbTime(now)
    )
    .execute()
    .await?;
    let subscriptions: Vec<SubscriptionId> = query_scalar!(
        tx,
        "SELECT s.id FROM subscriptions s WHERE s.subscriber_id = $1 AND s.newsletter_id = (SELECT \
         i.newsletter_id FROM issues i JOIN issue_variants v ON v.issue_id = i.id WHERE v.id = $2)",
        subscriber,
        variant
    )
    .fetch_all()
    .await?;
    cohorts::forget(tx, &subscriptions).await
}

/// Returns the stories of a variant in order, as they were printed, at most 100. Leaves out hidden stories,
/// and those that the reader had in another variant.
pub async fn stories(
    tx: &mut Tx,
    variant: VariantId,
    subscriber: SubscriberId,
) -> Result<Vec<BriefStory>, DbError> {
    query_as!(
        tx,
        "SELECT a.id AS article, COALESCE(e.title, a.title) AS title, COALESCE(e.dek, a.dek) AS dek, a.url, a.section, \
         CASE WHEN e.picture IS NOT NULL THEN NULLIF(e.picture, '') WHEN a.image_ok THEN a.image_url END AS image_url, \
         CASE WHEN e.picture IS NULL THEN a.image_alt END AS image_alt, \
         CASE WHEN e.picture IS NULL THEN a.image_width END AS image_width, \
         CASE WHEN e.picture IS NULL THEN a.image_height END AS image_height \
         FROM variant_stories s JOIN issue_variants v ON v.id = s.variant_id \
         JOIN articles a ON a.id = s.article_id LEFT JOIN issue_edits e ON e.issue_id = v.issue_id \
         AND e.article_id = s.article_id WHERE s.variant_id = $1 AND NOT a.hidden AND NOT EXISTS (SELECT 1 \
         FROM variant_stories o JOIN issue_variants ov ON ov.id = o.variant_id \
         JOIN deliveries d ON d.issue_id = ov.issue_id AND d.subscriber_id = $2 \
         AND d.variant_id = o.variant_id WHERE o.article_id = s.article_id \
         AND d.status NOT IN ('failed', 'skipped')) AND NOT EXISTS (SELECT 1 FROM variant_stories o \
         JOIN issue_variants ov ON ov.id = o.variant_id JOIN receipts t ON t.issue_id = ov.issue_id \
         AND t.chunk = $2 / 4096 WHERE o.article_id = s.article_id \
         AND substr(t.entries, CAST(2 * ($2 % 4096) + 1 AS INTEGER), 2) = \
         {sqlite unhex(printf('%02x01', ov.number))}\
         {postgres decode(lpad(to_hex(ov.number), 2, '0') || '01', 'hex')}) \
         AND NOT EXISTS (SELECT 1 FROM variant_stories o \
         JOIN welcomes w ON w.variant_id = o.variant_id AND w.subscriber_id = $2 \
         WHERE o.article_id = s.article_id AND o.variant_id <> $1) ORDER BY s.position LIMIT 100",
        variant,
        subscriber
    )
    .fetch_all()
    .await
}
