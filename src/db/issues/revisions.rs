//! Table `issue_revisions`: the revisions of issues that operators were shown.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{json_rows, query, query_as, query_scalar},
    },
    domain::{
        ids::{IssueId, NewsletterId},
        issue::revision::{Content, Revision, TypedRevision},
    },
};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// Days after an issue's date for which its revisions are kept.
const KEPT_DAYS: i32 = 90;

/// Keeps a content that an operator is shown, and removes those of old issues.
pub async fn keep(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    content: &Content,
    now: Timestamp,
) -> Result<(), DbError> {
    // Counted from today, because an operator may look at an issue that is far ahead.
    let oldest = TimeZone::UTC.to_datetime(now).date().saturating_sub(Span::new().days(KEPT_DAYS));
    query!(
        tx,
        "DELETE FROM issue_revisions WHERE newsletter_id = $1 AND issue_date < $2",
        newsletter,
        DbDate(oldest)
    )
    .execute()
    .await?;
    query!(
        tx,
        "INSERT INTO issue_revisions (newsletter_id, issue_date, revision, content, shown_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (newsletter_id, issue_date, revision) \
         DO UPDATE SET shown_at = excluded.shown_at",
        newsletter,
        DbDate(date),
        content.revision(),
        json_rows(content)?,
        DbTime(now)
    )
    .execute()
    .await
}

/// Returns a content that was shown.
pub async fn get(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    revision: &Revision,
) -> Result<Option<Content>, DbError> {
    let content: Option<String> = query_scalar!(
        tx,
        "SELECT content FROM issue_revisions WHERE newsletter_id = $1 AND issue_date = $2 AND revision = $3",
        newsletter,
        DbDate(date),
        revision
    )
    .fetch_optional()
    .await?;
    Ok(decoded(content))
}

/// Returns the content that operators were last told about.
pub async fn told(tx: &mut Tx, issue: IssueId) -> Result<Option<Content>, DbError> {
    let content: Option<String> = query_scalar!(
        tx,
        "SELECT content FROM issues JOIN issue_revisions USING (newsletter_id, issue_date) \
         WHERE issues.id = $1 AND revision = told_revision",
        issue
    )
    .fetch_optional()
    .await?;
    Ok(decoded(content))
}

/// Returns the revisions that were shown with these digits. There are several only if somebody made them so.
pub async fn with_digits(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    digits: &TypedRevision,
) -> Result<Vec<Revision>, DbError> {
    query_scalar!(
        tx,
        "SELECT revision FROM issue_revisions WHERE newsletter_id = $1 AND issue_date = $2 \
         AND substr(revision, 1, 8) = $3 ORDER BY id LIMIT 2",
        newsletter,
        DbDate(date),
        digits.as_str()
    )
    .fetch_all()
    .await
}

/// Returns the number of a revision that was shown.
pub async fn number(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    revision: &Revision,
) -> Result<Option<i64>, DbError> {
    query_scalar!(
        tx,
        "SELECT id FROM issue_revisions WHERE newsletter_id = $1 AND issue_date = $2 AND revision = $3",
        newsletter,
        DbDate(date),
        revision
    )
    .fetch_optional()
    .await
}

/// Returns the newsletter, the date and the revision of a number.
pub async fn get_by_id(tx: &mut Tx, id: i64) -> Result<Option<(NewsletterId, DbDate, Revision)>, DbError> {
    query_as!(tx, "SELECT newsletter_id, issue_date, revision FROM issue_revisions WHERE id = $1", id)
        .fetch_optional()
        .await
}

/// A content of an older version, which can't be read, counts as none.
fn decoded(content: Option<String>) -> Option<Content> {
    content.and_then(|content| serde_json::from_str(&content).ok())
}
