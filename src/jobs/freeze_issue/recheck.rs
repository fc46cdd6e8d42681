//! A last look at the pages of an issue's stories: what is gone is dropped and makes room for others, what has moved for good is
//! linked where it is now, and what the publisher has named anew gets its new title.

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

/// Pages looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// How often stories that came in for others are looked at, too.
const ROUNDS: usize = 3;
/// The longest time for one page.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// What the last look found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// New titles.
    pub titles: Vec<(ArticleId, String)>,
    /// New addresses.
    pub addresses: Vec<(ArticleId, Url)>,
}

impl Found {
    /// Keeps it, in the caller's transaction.
    pub async fn keep(&self, tx: &mut Tx) -> Result<(), DbError> {
        for (id, title) in &self.titles {
            articles::set_title(tx, *id, title).await?;
        }
        for (id, url) in &self.addresses {
            articles::set_url(tx, *id, url).await?;
        }
        Ok(())
    }
}

/// Looks at all stories of a plan, in no more time than is configured; the plan is made anew without those that are gone. What can't
/// be told in time stays as it is: a slow site is no reason to drop its story.
pub async fn run(
    context: &FeedContext,
    mut inputs: PlanInputs,
    mut plan: Plan,
    is_approved: bool,
) -> Result<(PlanInputs, Plan, Found), JobFailure> {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    let until = Instant::now() + Duration::from_secs(context.settings.schedule.recheck_seconds.into());
    for _ in 0..ROUNDS {
        let new: Vec<ArticleId> = plan.stories().into_iter().filter(|id| seen.insert(*id)).collect();
        if new.is_empty() || Instant::now() >= until {
            break;
        }
        let mut gone = HashSet::new();
        for (id, outcome) in look(context, &new, until).await? {
            match outcome {
                Recheck::Unchanged => {}
                Recheck::Gone => {
                    tracing::warn!(article = %id, "story dropped: its page is gone");
                    gone.insert(id);
                }
                Recheck::Moved(url) if is_anothers(context, id, &url).await? => {
                    tracing::warn!(article = %id, %url, "story dropped: its page is another story's now");
                    gone.insert(id);
                }
                Recheck::Moved(url) => found.addresses.push((id, url)),
                // What an operator has approved is not named otherwise.
                Recheck::Retitled(_) if is_approved => {}
                Recheck::Retitled(title) => found.titles.push((id, title)),
                Recheck::Unknown(why) => {
                    tracing::debug!(article = %id, why, "a story's page could not be looked at");
                }
            }
        }
        if gone.is_empty() {
            break;
        }
        for candidate in inputs.candidates.iter_mut().filter(|it| gone.contains(&it.article)) {
            candidate.gone = true;
        }
        (inputs, plan) = plan::make(inputs).await?;
    }
    Ok((inputs, plan, found))
}

/// Whether an address is that of another article.
async fn is_anothers(context: &FeedContext, id: ArticleId, url: &Url) -> Result<bool, DbError> {
    let mut tx = context.db.read().await?;
    Ok(articles::at_url(&mut tx, url).await?.is_some_and(|other| other != id))
}

/// Looks at some pages. Those that are not done in time are left out.
async fn look(
    context: &FeedContext,
    ids: &[ArticleId],
    until: Instant,
) -> Result<Vec<(ArticleId, Recheck)>, DbError> {
    let mut tx = context.db.read().await?;
    let mut stories: Vec<ArticleRecord> = Vec::new();
    for id in ids {
        stories.extend(articles::get(&mut tx, *id).await?);
    }
    // No transaction is open while talking HTTP.
    drop(tx);
    let looks = stories.into_iter().map(|story| {
        let context = context.clone();
        async move {
            let left = until.saturating_duration_since(Instant::now());
            (story.id, recheck(&context, &story, left.min(PAGE_LIMIT)).await)
        }
    });
    let mut looks = stream::iter(looks).buffer_unordered(SIDE_BY_SIDE);
    let mut done = Vec::new();
    while let Ok(Some(look)) = tokio::time::timeout_at(until, looks.next()).await {
        done.push(look);
    }
    Ok(done)
}
