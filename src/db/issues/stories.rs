//! An issue's stories: what they are chosen from, and which were.

use crate::{
    db::{
        DbError, Stamp, Tx,
        articles::{ArticleRecord, article_columns},
        on,
    },
    domain::{
        ids::{ArticleId, IssueId, NewsletterId},
        selection::{Candidate, Choice},
    },
};
use jiff::Timestamp;

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
        sqlx::query_as(concat!(
            "SELECT t.position, t.reason, ",
            article_columns!("a."),
            " FROM issue_stories t \
             JOIN articles a ON a.id = t.article_id WHERE t.issue_id = $1 \
             ORDER BY CASE WHEN t.position IS NULL THEN 1 ELSE 0 END, t.position, a.id DESC LIMIT 2000"
        ))
        .bind(id.0)
        .fetch_all(conn)
        .await
    })
}
