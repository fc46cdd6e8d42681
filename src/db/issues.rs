//! Tables `issues` and `issue_stories`: what goes out on which date.

use super::{DbError, Stamp, Tx, articles::ArticleRecord, on};
use crate::domain::{
    ids::{ArticleId, IssueId, NewsletterId},
    issue::IssueStatus,
    selection::{Candidate, Choice},
};
use jiff::{Timestamp, civil::Date};

/// An issue's row.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct IssueRecord {
    /// The row.
    #[sqlx(try_from = "i64")]
    pub id: IssueId,
    /// Of which newsletter.
    #[sqlx(try_from = "i64")]
    pub newsletter_id: NewsletterId,
    /// Its date, `YYYY-MM-DD` on the newsletter's clock.
    pub issue_date: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: IssueStatus,
    /// When it is (or was) due.
    pub due_at: Stamp,
    /// When its stories were chosen last.
    pub planned_at: Option<Stamp>,
    /// When it was rendered.
    pub frozen_at: Option<Stamp>,
    /// When nothing was left to do.
    pub closed_at: Option<Stamp>,
    /// The random part of its mails' Message-IDs.
    #[serde(skip)]
    pub message_key: String,
    /// Why it was skipped or held.
    pub reason: Option<String>,
}

impl IssueRecord {
    /// Its date.
    pub fn date(&self) -> Date {
        // Only `insert` writes the column, from a `Date`.
        self.issue_date.parse().unwrap_or(Date::ZERO)
    }
}

/// A candidate of an issue with its fate.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct StoryRecord {
    /// Its place in the issue, from 1; `None`: it is not in.
    pub position: Option<i64>,
    /// Why it is in or not.
    pub reason: String,
    /// The article.
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub article: ArticleRecord,
}

macro_rules! select_issue {
    ($rest:literal) => {
        concat!(
            "SELECT id, newsletter_id, issue_date, status, due_at, planned_at, frozen_at, closed_at, message_key, reason \
             FROM issues ",
            $rest
        )
    };
}

/// The issue with this row.
pub async fn get(tx: &mut Tx, id: IssueId) -> Result<Option<IssueRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_issue!("WHERE id = $1")).bind(id.0).fetch_optional(conn).await)
}

/// The issue of a date.
pub async fn by_date(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
) -> Result<Option<IssueRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_issue!("WHERE newsletter_id = $1 AND issue_date = $2"))
        .bind(newsletter.0)
        .bind(date.to_string())
        .fetch_optional(conn)
        .await)
}

/// A page of a newsletter's issues dated before `before`, latest first.
pub async fn page(
    tx: &mut Tx,
    newsletter: NewsletterId,
    before: Date,
    limit: i64,
) -> Result<Vec<IssueRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_issue!(
        "WHERE newsletter_id = $1 AND issue_date < $2 ORDER BY issue_date DESC LIMIT $3"
    ))
    .bind(newsletter.0)
    .bind(before.to_string())
    .bind(limit)
    .fetch_all(conn)
    .await)
}

/// The dates from `from` on that have an issue.
pub async fn dates_from(tx: &mut Tx, newsletter: NewsletterId, from: Date) -> Result<Vec<Date>, DbError> {
    let dates: Vec<String> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT issue_date FROM issues WHERE newsletter_id = $1 AND issue_date >= $2 ORDER BY issue_date"
    )
    .bind(newsletter.0)
    .bind(from.to_string())
    .fetch_all(conn)
    .await?);
    Ok(dates.iter().filter_map(|date| date.parse().ok()).collect())
}

/// Begins the issue of a date. `None`: there is one, whoever began it. This is what makes it one issue per date.
pub async fn insert(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    due_at: Timestamp,
    status: IssueStatus,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Option<IssueId>, DbError> {
    let id: Option<i64> = on!(tx, |conn| sqlx::query_scalar(
        "INSERT INTO issues (newsletter_id, issue_date, status, due_at, created_at, message_key, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (newsletter_id, issue_date) DO NOTHING RETURNING id"
    )
    .bind(newsletter.0)
    .bind(date.to_string())
    .bind(status.as_str())
    .bind(Stamp(due_at))
    .bind(Stamp(now))
    .bind(crate::random::hex::<8>())
    .bind(reason)
    .fetch_optional(conn)
    .await?);
    Ok(id.map(IssueId))
}

/// The issues of a newsletter that are planned: one or two.
pub async fn planned(tx: &mut Tx, newsletter: NewsletterId) -> Result<Vec<IssueRecord>, DbError> {
    on!(tx, |conn| sqlx::query_as(select_issue!("WHERE newsletter_id = $1 AND status = 'planned'"))
        .bind(newsletter.0)
        .fetch_all(conn)
        .await)
}

/// Makes a planned issue due at another moment.
pub async fn set_due(tx: &mut Tx, id: IssueId, due_at: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE issues SET due_at = $2 WHERE id = $1 AND status = 'planned'")
        .bind(id.0)
        .bind(Stamp(due_at))
        .execute(conn)
        .await
        .map(drop))
}

/// Moves an issue from one state to the next. `false`: it was not in `from`, so somebody else moved it.
pub async fn advance(
    tx: &mut Tx,
    id: IssueId,
    from: IssueStatus,
    to: IssueStatus,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE issues SET status = $3, reason = $4, \
         frozen_at = CASE WHEN $3 = 'frozen' THEN $5 ELSE frozen_at END, \
         closed_at = CASE WHEN $3 IN ('sent', 'skipped', 'cancelled') THEN $5 END \
         WHERE id = $1 AND status = $2"
    )
    .bind(id.0)
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(reason)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1))
}

/// What the selection rule chooses from: the newest articles by date and by arrival, and every pinned one.
/// `issue` is the one being planned, whose own stories do not count as carried.
pub async fn candidates(
    tx: &mut Tx,
    newsletter: NewsletterId,
    issue: Option<IssueId>,
) -> Result<Vec<Candidate>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: i64,
        fresh_at: Option<Stamp>,
        first_seen_at: Stamp,
        pinned: bool,
        hidden: bool,
        carried: bool,
    }
    let rows: Vec<Row> = on!(tx, |conn| {
        sqlx::query_as(
        "SELECT a.id, a.fresh_at, a.first_seen_at, a.pinned, a.hidden, EXISTS (SELECT 1 FROM issue_stories t \
         JOIN issues i ON i.id = t.issue_id WHERE t.article_id = a.id AND t.position IS NOT NULL \
         AND i.newsletter_id = $1 AND i.id <> $2 AND i.status NOT IN ('planned', 'skipped', 'cancelled')) AS carried \
         FROM articles a WHERE a.id IN (SELECT id FROM articles WHERE fresh_at IS NOT NULL ORDER BY fresh_at DESC LIMIT 500) \
         OR a.id IN (SELECT id FROM articles ORDER BY first_seen_at DESC LIMIT 500) \
         OR a.id IN (SELECT id FROM articles WHERE pinned)"
    )
    .bind(newsletter.0)
    .bind(issue.map_or(0, |id| id.0))
    .fetch_all(conn)
    .await?
    });
    let candidate = |row: Row| Candidate {
        article: ArticleId(row.id),
        fresh_at: row.fresh_at.map(Timestamp::from),
        first_seen_at: row.first_seen_at.0,
        pinned: row.pinned,
        hidden: row.hidden,
        carried_before: row.carried,
    };
    Ok(rows.into_iter().map(candidate).collect())
}

/// When the newsletter's last issue that went out (or is going out) was planned.
pub async fn last_planned_at(tx: &mut Tx, newsletter: NewsletterId) -> Result<Option<Timestamp>, DbError> {
    let at: Option<Stamp> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT max(planned_at) FROM issues WHERE newsletter_id = $1 \
         AND status IN ('frozen', 'sending', 'paused', 'held', 'sent')"
    )
    .bind(newsletter.0)
    .fetch_one(conn)
    .await?);
    Ok(at.map(Timestamp::from))
}

/// Keeps a plan: every candidate's fate, the chosen ones in their order. `false`: the issue is no longer planned.
pub async fn set_stories(
    tx: &mut Tx,
    id: IssueId,
    choices: &[Choice],
    now: Timestamp,
) -> Result<bool, DbError> {
    let planned =
        on!(tx, |conn| sqlx::query("UPDATE issues SET planned_at = $2 WHERE id = $1 AND status = 'planned'")
            .bind(id.0)
            .bind(Stamp(now))
            .execute(conn)
            .await?
            .rows_affected());
    if planned == 0 {
        return Ok(false);
    }
    on!(tx, |conn| sqlx::query("DELETE FROM issue_stories WHERE issue_id = $1")
        .bind(id.0)
        .execute(conn)
        .await?
        .rows_affected());
    let mut position = 0_i64;
    for choice in choices {
        let place = choice.reason.is_in().then(|| {
            position += 1;
            position
        });
        on!(tx, |conn| sqlx::query(
            "INSERT INTO issue_stories (issue_id, article_id, position, reason) VALUES ($1, $2, $3, $4)"
        )
        .bind(id.0)
        .bind(choice.article.0)
        .bind(place)
        .bind(choice.reason.as_str())
        .execute(conn)
        .await?
        .rows_affected());
    }
    Ok(true)
}

/// An issue's candidates: the stories that are in, in order, then the others, newest first. Bounded.
pub async fn stories(tx: &mut Tx, id: IssueId) -> Result<Vec<StoryRecord>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
        "SELECT t.position, t.reason, a.id, a.url, a.title, a.dek, a.author, a.section, a.site_name, a.image_url, \
         a.published_at, a.first_seen_at, a.pinned, a.hidden FROM issue_stories t JOIN articles a ON a.id = t.article_id \
         WHERE t.issue_id = $1 ORDER BY CASE WHEN t.position IS NULL THEN 1 ELSE 0 END, t.position, a.id DESC LIMIT 2000"
    )
    .bind(id.0)
    .fetch_all(conn)
    .await
    })
}

/// Takes the issues that have something to do now and were not woken since `woken_before` (or not since they became due), and
/// marks them as woken. State and due moment say what to do.
pub async fn wake_due(
    tx: &mut Tx,
    now: Timestamp,
    woken_before: Timestamp,
) -> Result<Vec<(IssueId, IssueStatus, Timestamp)>, DbError> {
    let rows: Vec<(i64, String, Stamp)> = on!(tx, |conn| {
        sqlx::query_as(
        "UPDATE issues SET woken_at = $1 WHERE status IN ('planned', 'frozen', 'sending') \
         AND (due_at <= $1 OR (status = 'planned' AND planned_at IS NULL)) \
         AND (woken_at IS NULL OR woken_at < $2 OR (status = 'planned' AND due_at <= $1 AND woken_at < due_at)) \
         RETURNING id, status, due_at"
    )
    .bind(Stamp(now))
    .bind(Stamp(woken_before))
    .fetch_all(conn)
    .await?
    });
    let read = |(id, status, due): (i64, String, Stamp)| Some((IssueId(id), status.parse().ok()?, due.0));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Lets the sweep wake every open issue.
pub async fn forget_woken(tx: &mut Tx) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE issues SET woken_at = NULL WHERE status IN ('planned', 'frozen', 'sending')"
    )
    .execute(conn)
    .await
    .map(drop))
}

/// Says that an issue's work is under way, so that the sweep leaves it alone for a while.
pub async fn set_woken(tx: &mut Tx, id: IssueId, at: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| sqlx::query("UPDATE issues SET woken_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(Stamp(at))
        .execute(conn)
        .await
        .map(drop))
}
