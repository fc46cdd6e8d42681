//! Table `issue_variants`: what readers of an issue get, as it was rendered, and as the archive shows it.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::ids::{ArticleId, IssueId, NewsletterId, VariantId},
};
use jiff::{Timestamp, civil::Date};

/// What readers of an issue get.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct VariantRecord {
    pub id: VariantId,
    /// Its number in the issue, from 1: what most readers get, and the archive shows, is the first.
    pub number: i64,
    /// The subject line.
    pub subject: String,
    /// The HTML part, with a placeholder for the reader's token.
    pub html: String,
    /// The text part, likewise.
    pub text: String,
    /// The page of the archive.
    pub web_html: String,
}

/// A rendered variant to keep.
#[derive(Debug, Clone)]
pub struct NewVariant<'a> {
    /// Its number in the issue, from 1.
    pub number: i64,
    /// The subject line.
    pub subject: &'a str,
    /// What inboxes show after the subject.
    pub preheader: &'a str,
    /// The HTML part.
    pub html: &'a str,
    /// The text part.
    pub text: &'a str,
    /// The page of the archive.
    pub web_html: &'a str,
    /// Its stories, in order.
    pub stories: &'a [ArticleId],
}

/// Keeps a rendering.
pub async fn insert(
    tx: &mut Tx,
    id: IssueId,
    new: &NewVariant<'_>,
    now: Timestamp,
) -> Result<VariantId, DbError> {
    let variant: VariantId = query_scalar!(
        tx,
        "INSERT INTO issue_variants (issue_id, subject, preheader, html, text, web_html, created_at, number) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        id,
        new.subject,
        new.preheader,
        new.html,
        new.text,
        new.web_html,
        DbTime(now),
        new.number
    )
    .fetch_one()
    .await?;
    for (article, position) in new.stories.iter().zip(1_i64..) {
        query!(
            tx,
            "INSERT INTO variant_stories (variant_id, article_id, position) VALUES ($1, $2, $3)",
            variant,
            article,
            position
        )
        .execute()
        .await?;
    }
    Ok(variant)
}

macro_rules! select_variant {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, subject, html, text, web_html FROM issue_variants WHERE issue_id = $1 ",
            $rest
        )
    };
}

/// What readers of an issue get, by number; none before it is frozen. There are a handful.
pub async fn for_issue(tx: &mut Tx, id: IssueId) -> Result<Vec<VariantRecord>, DbError> {
    query_as!(tx, select_variant!("ORDER BY number, id"), id).fetch_all().await
}

/// One of what readers of an issue get.
pub async fn get_by_number(tx: &mut Tx, id: IssueId, number: i64) -> Result<Option<VariantRecord>, DbError> {
    query_as!(tx, select_variant!("AND number = $2 ORDER BY id LIMIT 1"), id, number).fetch_optional().await
}

/// The stories of a variant of a frozen issue, in order. `number` is from 1.
pub async fn stories_for(tx: &mut Tx, id: IssueId, number: usize) -> Result<Vec<ArticleId>, DbError> {
    query_scalar!(
        tx,
        "SELECT t.article_id FROM issue_variants v JOIN variant_stories t ON t.variant_id = v.id \
         WHERE v.issue_id = $1 AND v.number = $2 ORDER BY t.position",
        id,
        i64::try_from(number).unwrap_or(i64::MAX)
    )
    .fetch_all()
    .await
}

/// The subject line of the variant that a reader of an issue gets or got.
pub async fn subject_for(tx: &mut Tx, id: VariantId) -> Result<Option<String>, DbError> {
    query_scalar!(tx, "SELECT subject FROM issue_variants WHERE id = $1", id).fetch_optional().await
}

/// How far freezing has come, over all newsletters: what a plan of one issue knew of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The latest variant.
    pub latest: i64,
    /// Deliveries of another issue are still being made.
    pub is_fanning_out: bool,
}

/// How far freezing has come, seen from an issue that is to be frozen.
pub async fn progress(tx: &mut Tx, id: IssueId) -> Result<Progress, DbError> {
    let (latest, fanning_out): (i64, i64) = query_as!(
        tx,
        "SELECT COALESCE((SELECT max(id) FROM issue_variants), 0), (SELECT count(*) FROM issues \
         WHERE status = 'frozen' AND id <> $1)",
        id
    )
    .fetch_one()
    .await?;
    Ok(Progress { latest, is_fanning_out: fanning_out > 0 })
}

/// Lets nobody else freeze an issue until the end of the transaction. SQLite has one writer at a time anyway.
pub async fn lock(tx: &mut Tx) -> Result<(), DbError> {
    if tx.is_only_writer() {
        return Ok(());
    }
    query!(tx, "LOCK TABLE issue_variants IN SHARE ROW EXCLUSIVE MODE").execute().await
}

/// An issue as the archive lists it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PublicIssue {
    pub issue_date: DbDate,
    /// The subject line its readers saw.
    pub subject: String,
    /// What inboxes showed after it.
    pub preheader: String,
    /// When it was rendered for good.
    pub created_at: DbTime,
}

/// A page of the issues that readers may see, dated before `before`, latest first: those that went out or are going out.
pub async fn public_page(
    tx: &mut Tx,
    newsletter: NewsletterId,
    before: Date,
    limit: i64,
) -> Result<Vec<PublicIssue>, DbError> {
    query_as!(
        tx,
        "SELECT i.issue_date, v.subject, v.preheader, v.created_at FROM issues i \
         JOIN issue_variants v ON v.id = (SELECT min(id) FROM issue_variants WHERE issue_id = i.id) \
         WHERE i.newsletter_id = $1 AND i.issue_date < $2 \
         AND i.status IN ('sending', 'sent', 'paused', 'held') ORDER BY i.issue_date DESC LIMIT $3",
        newsletter,
        DbDate(before),
        limit
    )
    .fetch_all()
    .await
}
