//! Tables `issue_stories` and `issue_plans`: an issue's candidates, and its plan with the inputs.

use crate::{
    db::{
        DbError, DbTime, Tx,
        content::articles::{ArticleRecord, article_columns},
        engine::query::{json_rows, query, query_as},
    },
    domain::{
        ids::{ArticleId, IssueId},
        issue::{
            plan::{Plan, PlanInputs},
            selection::{Choice, Reason},
            wave::Wave,
        },
    },
};
use jiff::Timestamp;

/// A candidate of an issue, and the decision about it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct StoryRecord {
    /// The place in the issue, from 1. `None`: it is left out.
    pub position: Option<i64>,
    /// Why it is in or out.
    pub reason: String,
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub article: ArticleRecord,
}

/// Saves a plan in place of an earlier one, with its inputs and the decision about each candidate. Returns
/// `false` if the issue is no longer planned, or was edited since `version`.
pub async fn set_plan(
    tx: &mut Tx,
    id: IssueId,
    version: i64,
    inputs: &PlanInputs,
    plan: &Plan,
    waves: &[Wave],
) -> Result<bool, DbError> {
    let planned = query!(
        tx,
        "UPDATE issues SET planned_at = $2 WHERE id = $1 AND status = 'planned' AND version = $3",
        id,
        DbTime(inputs.planned_at),
        version
    )
    .rows_affected()
    .await?;
    if planned == 0 {
        return Ok(false);
    }
    set_choices(tx, id, &plan.choices).await?;
    query!(
        tx,
        "INSERT INTO issue_plans (issue_id, planned_at, inputs, outcome, waves) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (issue_id) DO UPDATE SET planned_at = excluded.planned_at, inputs = excluded.inputs, \
         outcome = excluded.outcome, waves = excluded.waves",
        id,
        DbTime(inputs.planned_at),
        json_rows(inputs)?,
        json_rows(plan)?,
        json_rows(waves)?
    )
    .rows_affected()
    .await
    .map(|_| true)
}

#[derive(serde::Serialize)]
struct Row {
    article: ArticleId,
    position: Option<i64>,
    reason: Reason,
}

/// Saves the decisions in one statement, however many candidates there are.
async fn set_choices(tx: &mut Tx, id: IssueId, choices: &[Choice]) -> Result<(), DbError> {
    query!(tx, "DELETE FROM issue_stories WHERE issue_id = $1", id).execute().await?;
    let mut position = 0_i64;
    let rows: Vec<Row> = choices
        .iter()
        .map(|choice| {
            let position = choice.reason.is_in().then(|| {
                position += 1;
                position
            });
            Row { article: choice.article, position, reason: choice.reason }
        })
        .collect();
    query!(
        tx,
        "INSERT INTO issue_stories (issue_id, article_id, position, reason) \
         SELECT $1, CAST(value ->> 'article' AS BIGINT), CAST(value ->> 'position' AS BIGINT), \
         value ->> 'reason' FROM {rows $2}",
        id,
        json_rows(&rows)?
    )
    .execute()
    .await
}

/// A saved plan with its inputs.
#[derive(Debug, Clone)]
pub struct KeptPlan {
    pub planned_at: Timestamp,
    pub inputs: PlanInputs,
    pub plan: Plan,
    /// Its readers by the time they are due, when it was planned.
    pub waves: Vec<Wave>,
}

/// Returns an issue's last plan. `None` before the first one.
pub async fn kept_plan(tx: &mut Tx, id: IssueId) -> Result<Option<KeptPlan>, DbError> {
    let row: Option<(DbTime, String, String, String)> =
        query_as!(tx, "SELECT planned_at, inputs, outcome, waves FROM issue_plans WHERE issue_id = $1", id)
            .fetch_optional()
            .await?;
    let Some((planned_at, inputs, outcome, waves)) = row else { return Ok(None) };
    let decode = |source: serde_json::Error| DbError::ColumnDecode {
        index: "issue_plans".into(),
        source: source.into(),
    };
    Ok(Some(KeptPlan {
        planned_at: planned_at.0,
        inputs: serde_json::from_str(&inputs).map_err(decode)?,
        plan: serde_json::from_str(&outcome).map_err(decode)?,
        waves: serde_json::from_str(&waves).map_err(decode)?,
    }))
}

/// Returns an issue's candidates, at most 5,000: the chosen stories in order, then the others, newest first.
pub async fn stories(tx: &mut Tx, id: IssueId) -> Result<Vec<StoryRecord>, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT t.position, t.reason, ",
            article_columns!("a."),
            " FROM issue_stories t JOIN articles a ON a.id = t.article_id WHERE t.issue_id = $1 ORDER BY \
             CASE WHEN t.position IS NULL THEN 1 ELSE 0 END, t.position, a.id DESC LIMIT 5000"
        ),
        id
    )
    .fetch_all()
    .await
}
