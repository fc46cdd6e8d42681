//! Rechecks the pages of an issue's stories. Stories whose pages are gone are replaced, moved pages get new
//! links, and changed headlines replace titles. Pages that are not provably their articles change nothing.

mod findings;

use crate::{
    db::{
        DbError, Tx,
        content::articles::{self, ArticleRecord},
    },
    domain::{
        content::article::title_key,
        ids::ArticleId,
        issue::plan::{Plan, PlanInputs},
    },
    issues::plan,
    jobs::{
        check_article::{Recheck, recheck},
        context::FeedContext,
        freeze_issue::recheck::findings::{Finding, Findings},
    },
    queue::JobFailure,
};
use futures_util::stream::{self, StreamExt as _};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// Pages that are fetched at the same time.
const CONCURRENCY: usize = 8;
/// How often the replacements for dropped stories are rechecked in turn.
const ROUNDS: usize = 3;
/// Time limit for a page.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// Changes to apply to the issue's stories.
#[derive(Debug, Default)]
pub struct PageChanges {
    /// Findings about the pages, for operators.
    pub findings: Findings,
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
        let outcomes = recheck_pages(context, &new, deadline).await?;
        for outcome in judge(outcomes) {
            let Checked { story, outcome } = outcome;
            let id = story.id;
            match outcome {
                Recheck::Unchanged => {}
                Recheck::Gone => {
                    changes.findings.add(Finding::Gone, &story.title);
                    gone.insert(id);
                }
                Recheck::Moved(url) if is_of_another_article(context, id, &url).await? => {
                    changes.findings.add(Finding::MovedToAnother, &story.title);
                    gone.insert(id);
                }
                Recheck::Moved(url) => changes.urls.push((id, url)),
                // An approved title stays.
                Recheck::Retitled(_) if is_approved => {}
                Recheck::Retitled(title) => changes.titles.push((id, title)),
                Recheck::Doubtful(why) => changes.findings.add(Finding::Doubtful(why), &story.title),
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

/// A story and what its page says.
struct Checked {
    story: ArticleRecord,
    outcome: Recheck,
}

/// Corrects what single pages can't show: a headline that several stories get at once is a notice of their
/// site, and a site that lacks all of its stories at once has a fault of its own.
fn judge(mut checked: Vec<Checked>) -> Vec<Checked> {
    let mut new_titles: HashMap<String, usize> = HashMap::new();
    let mut hosts: HashMap<String, (usize, usize)> = HashMap::new();
    for it in &checked {
        if let Recheck::Retitled(title) = &it.outcome {
            *new_titles.entry(title_key(title)).or_default() += 1;
        }
        let (pages, gone) = hosts.entry(host(&it.story)).or_default();
        *pages += 1;
        *gone += usize::from(it.outcome == Recheck::Gone);
    }
    for it in &mut checked {
        match &it.outcome {
            Recheck::Retitled(title) if new_titles.get(&title_key(title)).is_some_and(|times| *times > 1) => {
                it.outcome = Recheck::Doubtful(format!("several pages of its site are called “{title}” now"));
            }
            Recheck::Gone => {
                let host = host(&it.story);
                if hosts.get(&host).is_some_and(|(pages, gone)| *pages > 1 && pages == gone) {
                    it.outcome = Recheck::Doubtful(format!("{host} answers that none of its pages exist"));
                }
            }
            _ => {}
        }
    }
    checked
}

/// Returns the host of a story's page, with its port if that is unusual.
fn host(story: &ArticleRecord) -> String {
    Url::parse(&story.url).map(|url| url.authority().to_owned()).unwrap_or_default()
}

/// Rechecks pages. The result lacks those that are not done in time.
async fn recheck_pages(
    context: &FeedContext,
    ids: &[ArticleId],
    deadline: Instant,
) -> Result<Vec<Checked>, DbError> {
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
            let outcome = recheck(&context, &story, left.min(PAGE_LIMIT)).await;
            Checked { story, outcome }
        }
    });
    let mut rechecks = stream::iter(rechecks).buffer_unordered(CONCURRENCY);
    let mut done = Vec::new();
    while let Ok(Some(outcome)) = tokio::time::timeout_at(deadline, rechecks.next()).await {
        done.push(outcome);
    }
    Ok(done)
}
