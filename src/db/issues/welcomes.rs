//! Table `welcomes`: which issue a welcome mail showed its reader, and so what they have had.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::ids::{IssueId, NewsletterId, SubscriberId, VariantId},
};
use jiff::Timestamp;

/// The latest issue, as far as a welcome can show it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LatestIssue {
    pub issue: IssueId,
    /// Its date on the newsletter's clock.
    pub issue_date: DbDate,
    /// Its first variant: what the archive shows.
    pub variant: VariantId,
    /// Its deliveries are still being made: a reader of this moment may get one.
    pub is_fanning_out: bool,
}

/// A story in brief, as its readers saw it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BriefStory {
    pub title: String,
    /// The sentence or two under it.
    pub dek: Option<String>,
    /// Where it is.
    pub url: String,
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

/// The latest issue of a newsletter that went out or is going out.
pub async fn latest(tx: &mut Tx, newsletter: NewsletterId) -> Result<Option<LatestIssue>, DbError> {
    query_as!(tx, select_latest!(
        "i.newsletter_id = $1 AND i.status IN ('frozen', 'sending', 'sent') ORDER BY i.issue_date DESC LIMIT 1"
    ), newsletter).fetch_optional().await
}

/// The same of one issue, whatever has become of it.
pub async fn for_issue(tx: &mut Tx, issue: IssueId) -> Result<Option<LatestIssue>, DbError> {
    query_as!(tx, select_latest!("i.id = $1"), issue).fetch_optional().await
}

/// Whether a reader has an issue: there is a delivery for them, or a welcome showed it.
pub async fn has(tx: &mut Tx, subscriber: SubscriberId, issue: IssueId) -> Result<bool, DbError> {
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

/// Writes down that a welcome shows a variant to a reader. Doing it again changes nothing.
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
    .await
}

/// The stories of a variant, in order and in the words they had there, that the reader has not had in another one and that
/// nobody has hidden since. Bounded.
pub async fn stories(
    tx: &mut Tx,
    variant: VariantId,
    subscriber: SubscriberId,
) -> Result<Vec<BriefStory>, DbError> {
    query_as!(
        tx,
        "SELECT COALESCE(e.title, a.title) AS title, COALESCE(e.dek, a.dek) AS dek, a.url \
         FROM variant_stories s JOIN issue_variants v ON v.id = s.variant_id \
         JOIN articles a ON a.id = s.article_id LEFT JOIN issue_edits e ON e.issue_id = v.issue_id \
         AND e.article_id = s.article_id WHERE s.variant_id = $1 AND NOT a.hidden AND NOT EXISTS (SELECT 1 \
         FROM variant_stories o JOIN issue_variants ov ON ov.id = o.variant_id \
         JOIN deliveries d ON d.issue_id = ov.issue_id AND d.subscriber_id = $2 \
         AND d.variant_id = o.variant_id WHERE o.article_id = s.article_id \
         AND d.status NOT IN ('failed', 'skipped')) AND NOT EXISTS (SELECT 1 FROM variant_stories o \
         JOIN welcomes w ON w.variant_id = o.variant_id AND w.subscriber_id = $2 \
         WHERE o.article_id = s.article_id AND o.variant_id <> $1) ORDER BY s.position LIMIT 100",
        variant,
        subscriber
    )
    .fetch_all()
    .await
}
