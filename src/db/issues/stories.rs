//! Tables `issue_stories` and `issue_plans`: an issue's candidates with their fate, and what its plan was made from.

use crate::{
    db::{
        DbError, EngineTx, Stamp, Tx,
        content::articles::{ArticleRecord, article_columns},
        engine::query::{query, query_as},
    },
    domain::{
        ids::IssueId,
        issue::{
            plan::{Plan, PlanInputs},
            selection::Choice,
        },
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

/// Keeps a plan in place of an earlier one: every candidate's fate, and what it was made from. `false`: the issue is no longer
/// planned, or was edited since `revision`.
pub async fn set_plan(
    tx: &mut Tx,
    id: IssueId,
    revision: i64,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Result<bool, DbError> {
    let planned = query!(
        tx,
        "UPDATE issues SET planned_at = $2 WHERE id = $1 AND status = 'planned' AND revision = $3",
        id.0,
        Stamp(inputs.planned_at),
        revision
    )
    .rows_affected()
    .await?;
    if planned == 0 {
        return Ok(false);
    }
    set_choices(tx, id, &plan.choices).await?;
    let encode = |error: serde_json::Error| DbError::Encode(Box::new(error));
    let kept = serde_json::to_string(inputs).map_err(encode)?;
    let outcome = serde_json::to_string(plan).map_err(encode)?;
    query!(
        tx,
        "INSERT INTO issue_plans (issue_id, planned_at, inputs, outcome) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (issue_id) DO UPDATE SET planned_at = excluded.planned_at, inputs = excluded.inputs, \
         outcome = excluded.outcome",
        id.0,
        Stamp(inputs.planned_at),
        &kept,
        &outcome
    )
    .rows_affected()
    .await
    .map(|_| true)
}

/// One statement, however many candidates there are.
async fn set_choices(tx: &mut Tx, id: IssueId, choices: &[Choice]) -> Result<(), DbError> {
    query!(tx, "DELETE FROM issue_stories WHERE issue_id = $1", id.0).execute().await?;
    let mut position = 0_i64;
    let rows: Vec<(i64, Option<i64>, &str)> = choices
        .iter()
        .map(|choice| {
            let place = choice.reason.is_in().then(|| {
                position += 1;
                position
            });
            (choice.article.0, place, choice.reason.as_str())
        })
        .collect();
    let rows = serde_json::to_string(&rows).map_err(|error| DbError::Encode(Box::new(error)))?;
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => sqlx::query(
            "INSERT INTO issue_stories (issue_id, article_id, position, reason) \
             SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($2)",
        )
        .bind(id.0)
        .bind(rows)
        .execute(conn)
        .await
        .map(drop),
        EngineTx::Postgres(conn) => sqlx::query(
            "INSERT INTO issue_stories (issue_id, article_id, position, reason) \
             SELECT $1, CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), value ->> 2 \
             FROM json_array_elements($2::json)",
        )
        .bind(id.0)
        .bind(rows)
        .execute(conn)
        .await
        .map(drop),
    }
}

/// A plan as it was kept, with what it was made from.
#[derive(Debug, Clone)]
pub struct KeptPlan {
    /// When it was made.
    pub planned_at: Timestamp,
    /// What it was made from.
    pub inputs: PlanInputs,
    /// The plan.
    pub plan: Plan,
}

/// The plan of an issue that was kept last; `None` where there is none, as before the first one.
pub async fn kept_plan(tx: &mut Tx, id: IssueId) -> Result<Option<KeptPlan>, DbError> {
    let row: Option<(Stamp, String, String)> =
        query_as!(tx, "SELECT planned_at, inputs, outcome FROM issue_plans WHERE issue_id = $1", id.0)
            .fetch_optional()
            .await?;
    let Some((planned_at, inputs, outcome)) = row else { return Ok(None) };
    let decode = |source: serde_json::Error| DbError::ColumnDecode {
        index: "issue_plans".into(),
        source: source.into(),
    };
    Ok(Some(KeptPlan {
        planned_at: planned_at.0,
        inputs: serde_json::from_str(&inputs).map_err(decode)?,
        plan: serde_json::from_str(&outcome).map_err(decode)?,
    }))
}

/// An issue's candidates: the stories that are in, in order, then the others, newest first. Bounded.
pub async fn stories(tx: &mut Tx, id: IssueId) -> Result<Vec<StoryRecord>, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT t.position, t.reason, ",
            article_columns!("a."),
            " FROM issue_stories t JOIN articles a ON a.id = t.article_id WHERE t.issue_id = $1 ORDER BY \
             CASE WHEN t.position IS NULL THEN 1 ELSE 0 END, t.position, a.id DESC LIMIT 5000"
        ),
        id.0
    )
    .fetch_all()
    .await
}
