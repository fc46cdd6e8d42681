//! Table `issue_variants`: the rendered variants of an issue, and its pages in the archive.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::{ArticleId, IssueId, NewsletterId, VariantId},
        issue::page::{IssuePage, IssueSummary},
    },
};
use jiff::{Timestamp, civil::Date};

/// A rendered variant.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct VariantRecord {
    pub id: VariantId,
    /// The number in the issue, from 1. The first is the one that most readers get and that the archive
    /// shows.
    pub number: i64,
    pub subject: String,
    /// The HTML part, with a placeholder for the reader's token.
    pub html: String,
    /// The text part, with the same placeholder.
    pub text: String,
}

/// A rendered variant to save.
#[derive(Debug, Clone)]
pub struct NewVariant<'a> {
    /// The number in the issue, from 1.
    pub number: i64,
    pub subject: &'a str,
    /// The text that inboxes show after the subject.
    pub preheader: &'a str,
    pub html: &'a str,
    pub text: &'a str,
    /// The content of the archive page.
    pub page: &'a IssuePage,
    /// The stories, in order.
    pub stories: &'a [ArticleId],
}

/// Saves a rendered variant.
pub async fn insert(
    tx: &mut Tx,
    id: IssueId,
    new: &NewVariant<'_>,
    now: Timestamp,
) -> Result<VariantId, DbError> {
    let variant: VariantId = query_scalar!(
        tx,
        "INSERT INTO issue_variants (issue_id, subject, preheader, html, text, page, created_at, number, summary) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        id,
        new.subject,
        new.preheader,
        new.html,
        new.text,
        json(new.page)?,
        DbTime(now),
        new.number,
        json(&new.page.summary())?
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
        concat!("SELECT id, number, subject, html, text FROM issue_variants WHERE issue_id = $1 ", $rest)
    };
}

/// Returns an issue's variants by number, a handful. Empty before the issue is frozen.
pub async fn for_issue(tx: &mut Tx, id: IssueId) -> Result<Vec<VariantRecord>, DbError> {
    query_as!(tx, select_variant!("ORDER BY number, id"), id).fetch_all().await
}

/// Returns one variant of an issue.
pub async fn get_by_number(tx: &mut Tx, id: IssueId, number: i64) -> Result<Option<VariantRecord>, DbError> {
    query_as!(tx, select_variant!("AND number = $2 ORDER BY id LIMIT 1"), id, number).fetch_optional().await
}

/// A variant's page in the archive.
#[derive(Debug, Clone)]
pub struct VariantPage {
    pub subject: String,
    pub preheader: String,
    pub page: IssuePage,
}

/// Returns the page of one variant of an issue.
pub async fn page_by_number(tx: &mut Tx, id: IssueId, number: i64) -> Result<Option<VariantPage>, DbError> {
    let found: Option<(String, String, String)> = query_as!(
        tx,
        "SELECT subject, preheader, page FROM issue_variants WHERE issue_id = $1 AND number = $2 \
         ORDER BY id LIMIT 1",
        id,
        number
    )
    .fetch_optional()
    .await?;
    let Some((subject, preheader, page)) = found else { return Ok(None) };
    let page = serde_json::from_str(&page).map_err(|source| undecodable("page", source))?;
    Ok(Some(VariantPage { subject, preheader, page }))
}

fn json(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|source| DbError::Encode(source.into()))
}

fn undecodable(column: &str, source: serde_json::Error) -> DbError {
    DbError::ColumnDecode { index: format!("issue_variants.{column}"), source: source.into() }
}

/// Returns the stories of a variant of a frozen issue, in order. `number` is from 1.
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

/// Returns the subject line of a variant.
pub async fn subject_for(tx: &mut Tx, id: VariantId) -> Result<Option<String>, DbError> {
    query_scalar!(tx, "SELECT subject FROM issue_variants WHERE id = $1", id).fetch_optional().await
}

/// The state of freezing over all newsletters. A plan is outdated if this has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The id of the latest variant.
    pub latest: i64,
    /// Another issue's fan-out is running.
    pub is_fanning_out: bool,
    /// The number of issues whose deliveries are folded.
    pub folded: i64,
}

/// Returns the state of freezing, for an issue about to be frozen.
pub async fn progress(tx: &mut Tx, id: IssueId) -> Result<Progress, DbError> {
    // Each condition is that of an index.
    let (latest, fanning_out, folded): (i64, i64, i64) = query_as!(
        tx,
        "SELECT COALESCE((SELECT max(id) FROM issue_variants), 0), (SELECT count(*) FROM issues \
         WHERE status NOT IN ('planned', 'sent', 'skipped') AND fanned_out_to IS NOT NULL \
         AND id <> $1), (SELECT count(*) FROM issues WHERE folded_at IS NOT NULL)",
        id
    )
    .fetch_one()
    .await?;
    Ok(Progress { latest, is_fanning_out: fanning_out > 0, folded })
}

/// Prevents other transactions from freezing an issue. SQLite has one writer, so no lock is needed.
pub async fn lock(tx: &mut Tx) -> Result<(), DbError> {
    if tx.is_only_writer() {
        return Ok(());
    }
    query!(tx, "LOCK TABLE issue_variants IN SHARE ROW EXCLUSIVE MODE").execute().await
}

/// An issue in the archive.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PublicIssue {
    pub issue_date: DbDate,
    pub subject: String,
    /// The text that inboxes showed after the subject.
    pub preheader: String,
    /// When it was rendered.
    pub created_at: DbTime,
    /// The beginning of the issue (JSON).
    summary: String,
}

impl PublicIssue {
    /// Returns the beginning of the issue. `None` if it has no stories.
    pub fn summary(&self) -> Option<IssueSummary> {
        serde_json::from_str(&self.summary).unwrap_or_default()
    }
}

/// The issues that the archive may show.
macro_rules! public_issues {
    () => {
        "i.newsletter_id = $1 AND i.status IN ('sending', 'sent', 'paused', 'held')"
    };
}

/// Returns a page of the issues that the archive may show, dated before `before`, latest first.
pub async fn public_page(
    tx: &mut Tx,
    newsletter: NewsletterId,
    before: Date,
    limit: i64,
) -> Result<Vec<PublicIssue>, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT i.issue_date, v.subject, v.preheader, v.created_at, v.summary FROM issues i \
             JOIN issue_variants v ON v.id = (SELECT min(id) FROM issue_variants WHERE issue_id = i.id) WHERE ",
            public_issues!(),
            " AND i.issue_date < $2 ORDER BY i.issue_date DESC LIMIT $3"
        ),
        newsletter,
        DbDate(before),
        limit
    )
    .fetch_all()
    .await
}

/// Returns the dates of the public issues before and after a date.
pub async fn neighbours(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
) -> Result<(Option<Date>, Option<Date>), DbError> {
    let before: Option<DbDate> = query_scalar!(
        tx,
        concat!(
            "SELECT i.issue_date FROM issues i WHERE ",
            public_issues!(),
            " AND i.issue_date < $2 ORDER BY i.issue_date DESC LIMIT 1"
        ),
        newsletter,
        DbDate(date)
    )
    .fetch_optional()
    .await?;
    let after: Option<DbDate> = query_scalar!(
        tx,
        concat!(
            "SELECT i.issue_date FROM issues i WHERE ",
            public_issues!(),
            " AND i.issue_date > $2 ORDER BY i.issue_date LIMIT 1"
        ),
        newsletter,
        DbDate(date)
    )
    .fetch_optional()
    .await?;
    Ok((before.map(|it| it.0), after.map(|it| it.0)))
}

/// Returns the months that have public issues, as the date of the last issue in each, latest first.
pub async fn months(tx: &mut Tx, newsletter: NewsletterId, limit: i64) -> Result<Vec<Date>, DbError> {
    let months: Vec<DbDate> = query_scalar!(
        tx,
        concat!(
            "SELECT max(i.issue_date) FROM issues i WHERE ",
            public_issues!(),
            " GROUP BY substr(i.issue_date, 1, 7) ORDER BY max(i.issue_date) DESC LIMIT $2"
        ),
        newsletter,
        limit
    )
    .fetch_all()
    .await?;
    Ok(months.into_iter().map(|it| it.0).collect())
}
