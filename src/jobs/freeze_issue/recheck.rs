//! Rechecks the pages of an issue's stories. Stories whose pages are gone are replaced, moved pages get new
//! links, and changed headlines replace titles.

use crate::{
    db::{
        DbError, Tx,
        content::articles::{self, ArticleRecord},
    },
    domain::{
        ids::ArticleId,
        issue::plan::{Plan, PlanInputs},
    },
    issues::plan,
    jobs::{
        check_article::{Recheck, recheck},
        context::FeedContext,
    },
    queue::JobFailure,
};
use futures_util::stream::{self, StreamExt as _};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;
use url::Url;

/// Pages that are fetched at the same time.
const CONCURRENCY: usize = 8;
/// How often the replacements for dropped stories are rechecked in turn.
const ROUNDS: usize = 3;
/// Time limit for a page.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// Changes to apply to the issue's stories.
#[derive(Debug, Clone, Default)]
pub struct PageChanges {
    pub titles: Vec<(ArticleId, String)>,
    pub urls: Vec<(ArticleId, Url)>,
}

impl PageChanges {
    /// Stores the changes, in the caller's transaction.
    pub async fn save(&self, tx: &mut Tx) -> Result<(), DbError> {
        for (id, title) in &self.titles {
            articles::set_title(tx, *id, title).await?;
        }
        for (id, url) in &self.urls {
            articles::set_url(tx, *id, url).await?;
        }
        Ok(())
    }
}

/// Rechecks the plan's stories within the configured time, and plans again without those that are gone.
/// Stories whose pages don't answer in time stay, because a slow site is no reason to drop them.
pub async fn run(
    context: &FeedContext,
    mut inputs: PlanInputs,
    mut plan: Plan,
    is_approved: bool,
) -> Result<(PlanInputs, Plan, PageChanges), JobFailure> {
    let mut changes = PageChanges::default();
    let mut checked = HashSet::new();
    let deadline = Instant::now() + Duration::from_secs(context.settings.schedule.recheck_seconds.into());
    for _ in 0..ROUNDS {
        let new: Vec<ArticleId> = plan.stories().into_iter().filter(|id| checked.insert(*id)).collect();
        if new.is_empty() || Instant::now() >= deadline {
            break;
        }
        let mut gone = HashSet::new();
        for (id, outcome) in recheck_pages(context, &new, deadline).await? {
            match outcome {
                Recheck::Unchanged => {}
                Recheck::Gone => {
                    tracing::warn!(article = %id, "story dropped: its page is gone");
                    gone.insert(id);
                }
                Recheck::Moved(url) if is_of_another_article(context, id, &url).await? => {
                    tracing::warn!(article = %id, %url, "story dropped: its page redirects to another story");
                    gone.insert(id);
                }
                Recheck::Moved(url) => changes.urls.push((id, url)),
                // An approved title stays.
                Recheck::Retitled(_) if is_approved => {}
                Recheck::Retitled(title) => changes.titles.push((id, title)),
                Recheck::Unknown(why) => {
                    tracing::debug!(article = %id, why, "could not recheck a story's page");
                }
            }
        }
        if gone.is_empty() {
            break;
        }
        for candidate in inputs.candidates.iter_mut().filter(|it| gone.contains(&it.article)) {
            candidate.gone = true;
        }
        (inputs, plan) = plan::make_plan(inputs).await?;
    }
    Ok((inputs, plan, changes))
}

async fn is_of_another_article(context: &FeedContext, id: ArticleId, url: &Url) -> Result<bool, DbError> {
    let mut tx = context.db.read().await?;
    Ok(articles::at_url(&mut tx, url).await?.is_some_and(|other| other != id))
}

/// Rechecks pages. The result lacks those that are not done in time.
async fn recheck_pages(
    context: &FeedContext,
    ids: &[ArticleId],
    deadline: Instant,
) -> Result<Vec<(ArticleId, Recheck)>, DbError> {
    let mut tx = context.db.read().await?;
    let mut stories: Vec<ArticleRecord> = Vec::new();
    for id in ids {
        stories.extend(articles::get(&mut tx, *id).await?);
    }
    // Close the transaction before talking HTTP.
    drop(tx);
    let rechecks = stories.into_iter().map(|story| {
        let context = context.clone();
        async move {
            let left = deadline.saturating_duration_since(Instant::now());
            (story.id, recheck(&context, &story, left.min(PAGE_LIMIT)).await)
        }
    });
    let mut rechecks = stream::iter(rechecks).buffer_unordered(CONCURRENCY);
    let mut done = Vec::new();
    while let Ok(Some(outcome)) = tokio::time::timeout_at(deadline, rechecks.next()).await {
        done.push(outcome);
    }
    Ok(done)
}
