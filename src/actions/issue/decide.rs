//! An operator decides about the revision of an issue that they saw.

use crate::{
    actions::{
        Context,
        issue::approve_issue::{ApproveError, SeenPlan, approve_issue},
    },
    db::{
        DbError,
        content::articles::{self, ArticleRecord},
        issues::{IssueRecord, revisions},
        newsletters::NewsletterRecord,
    },
    domain::{
        actor::Actor,
        ids::ArticleId,
        issue::revision::{Revision, TypedRevision},
    },
    issues::{
        forecast::{Forecast, forecast},
        plan::{PlanRules, collect_inputs},
    },
};
use jiff::civil::Date;
use std::collections::HashSet;

/// Attempts to approve a plan that is made again meanwhile.
const ATTEMPTS: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The issue changed while the operator decided, in these ways.
    #[error("it changed while you decided, and nothing was approved:\n{}", .0.join("\n"))]
    Changed(Vec<String>),
    #[error("it is being planned again and again; try again")]
    Unsettled,
    #[error(transparent)]
    Approve(#[from] ApproveError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Forecasts an issue for an operator, and keeps its revision, so that a later one can be compared with it.
pub async fn shown_forecast(
    context: &Context,
    rules: PlanRules,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<Forecast, DbError> {
    let now = context.clock.now();
    let it = forecast(rules.at(now), &mut context.db.read().await?, newsletter, date).await?;
    let mut tx = context.db.begin().await?;
    revisions::keep(&mut tx, newsletter.id, date, &it.content, now).await?;
    tx.commit().await?;
    Ok(it)
}

/// Returns the revisions of an issue that were shown with the digits that an operator typed.
pub async fn shown_as(
    context: &Context,
    newsletter: &NewsletterRecord,
    date: Date,
    typed: &TypedRevision,
) -> Result<Vec<Revision>, DbError> {
    revisions::with_digits(&mut context.db.read().await?, newsletter.id, date, typed).await
}

/// Returns what changed since the revision that an operator saw. Empty: readers get nothing that they didn't see.
/// `None`: the revision was never shown.
pub async fn changes_since(
    context: &Context,
    newsletter: &NewsletterRecord,
    now: &Forecast,
    seen: &Revision,
) -> Result<Option<Vec<String>>, DbError> {
    if *seen == now.content.revision() {
        return Ok(Some(Vec::new()));
    }
    let earlier = revisions::get(&mut context.db.read().await?, newsletter.id, now.date, seen).await?;
    Ok(earlier.map(|earlier| now.content.changes_since(&earlier)))
}

/// Approves the issue as the operator saw it. A plan that was made again meanwhile and comes out the same is
/// approved, too; a different one fails with the changes. `None`: there is no issue yet.
pub async fn approve_seen(
    context: &Context,
    rules: PlanRules,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    seen: &Forecast,
) -> Result<Option<IssueRecord>, DecideError> {
    let mut issue = seen.issue.clone();
    for _ in 0..ATTEMPTS {
        let Some(current) = &issue else { return Ok(None) };
        let plan = SeenPlan::of(current, seen.content.revision());
        match approve_issue(context, actor, current.id, Some(plan)).await {
            Err(ApproveError::Changed) => {}
            approved => return Ok(Some(approved?)),
        }
        let now = shown_forecast(context, rules, newsletter, seen.date).await?;
        let changes = now.content.changes_since(&seen.content);
        if !changes.is_empty() {
            return Err(DecideError::Changed(changes));
        }
        issue = now.issue;
    }
    Err(DecideError::Unsettled)
}

/// Returns the articles that came too late for the plan that an operator saw: approving it leaves them out.
pub async fn left_out(
    context: &Context,
    rules: PlanRules,
    newsletter: &NewsletterRecord,
    seen: &Forecast,
) -> Result<Vec<ArticleRecord>, DbError> {
    let issue = seen.issue.clone().map(|issue| IssueRecord { approved_at: None, ..issue });
    let planning = rules.at(context.clock.now());
    let mut tx = context.db.read().await?;
    let now = collect_inputs(planning, &mut tx, newsletter, seen.date, issue.as_ref()).await?;
    let seen: HashSet<ArticleId> = seen.inputs.pool().into_iter().collect();
    let late: Vec<ArticleId> = now.pool().into_iter().filter(|id| !seen.contains(id)).collect();
    let mut articles = articles::with_ids(&mut tx, &late).await?;
    articles.sort_by_key(|article| late.iter().position(|id| *id == article.id));
    Ok(articles)
}

/// Returns why no reader would get an issue.
pub fn why_nobody(it: &Forecast) -> &'static str {
    if it.content.stories.is_empty() {
        "there are no stories for it"
    } else if it.plan.unserved.is_empty() {
        "it has too few stories, or no readers"
    } else {
        "its readers have had its stories in other issues"
    }
}
