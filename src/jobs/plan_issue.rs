//! Choosing an issue's stories.

use super::Context;
use crate::{
    db::{
        DbError, Tx,
        articles::{self, ArticleRecord},
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
    },
    domain::{
        ids::IssueId,
        issue::IssueStatus,
        selection::{Choice, select},
    },
    queue::JobFailure,
};
use jiff::Timestamp;

/// Chooses the stories of a planned issue from what there is now, and keeps every candidate's fate with the reason.
pub async fn run(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    let mut tx = context.db.begin().await?;
    let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
    if record.status == IssueStatus::Planned {
        let newsletter = crate::db::newsletters::get(&mut tx, record.newsletter_id).await?;
        let choices = choose(context, &mut tx, &newsletter, Some(issue)).await?;
        issues::set_stories(&mut tx, issue, &choices, context.clock.now()).await?;
        tx.commit().await?;
        let stories = choices.iter().filter(|choice| choice.reason.is_in()).count();
        tracing::info!(%issue, date = record.issue_date, stories, "issue planned");
    }
    Ok(())
}

/// Applies the selection rule: what would be in the issue if it were planned at this moment.
pub async fn choose(
    context: &Context,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    issue: Option<IssueId>,
) -> Result<Vec<Choice>, DbError> {
    let candidates = issues::candidates(tx, newsletter.id, issue).await?;
    let last: Option<Timestamp> = issues::last_planned_at(tx, newsletter.id).await?;
    Ok(select(candidates, context.rules.digest, last, context.clock.now()))
}

/// The stories of an issue that is past planning, or those that would be chosen now.
pub async fn stories(
    context: &Context,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    issue: Option<&IssueRecord>,
) -> Result<Vec<ArticleRecord>, DbError> {
    if let Some(issue) = issue.filter(|issue| issue.status != IssueStatus::Planned) {
        let stories = issues::stories(tx, issue.id).await?;
        return Ok(stories.into_iter().filter(|story| story.position.is_some()).map(|s| s.article).collect());
    }
    let choices = choose(context, tx, newsletter, issue.map(|issue| issue.id)).await?;
    let mut stories = Vec::new();
    for choice in choices.iter().filter(|choice| choice.reason.is_in()) {
        stories.extend(articles::get(tx, choice.article).await?);
    }
    Ok(stories)
}
