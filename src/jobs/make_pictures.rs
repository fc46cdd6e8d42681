//! Makes the pictures of a plan's stories, so that the revision of the plan names them.
//!
//! A picture that can't be made leaves its story with the site's own. One that failed for a passing reason is tried
//! again with a later plan.

use crate::{
    content::{fetch_error::FetchError, make_picture::PictureFiles, picture_maker::PictureError},
    db::{
        DbError,
        content::pictures::{self, Unmade},
    },
    domain::{
        content::made_picture::MadePictures,
        ids::{ArticleId, IssueId},
    },
    jobs::context::FeedContext,
};
use futures_util::stream::{self, StreamExt as _};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Longest wait for the pictures of an issue that is due.
pub const LATE_LIMIT: Duration = Duration::from_secs(10);
/// Pictures of one plan that are fetched at the same time.
const CONCURRENCY: usize = 4;
/// Shortest pauses after failed attempts. After the last one an original is not tried again.
const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
];

/// Why there are no pictures of a story.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Make(#[from] PictureError),
    #[error("its URL is invalid: {0}")]
    Address(#[from] url::ParseError),
}

impl Failure {
    fn is_temporary(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_temporary(),
            Self::Make(error) => !matches!(error, PictureError::Make(_)),
            Self::Address(_) => false,
        }
    }
}

/// Makes the missing pictures of an issue's stories, within `limit`.
pub async fn make_pictures(
    context: &FeedContext,
    issue: IssueId,
    stories: &[ArticleId],
    limit: Duration,
) -> Result<(), DbError> {
    if !context.settings.pictures.make {
        return Ok(());
    }
    let deadline = Instant::now() + limit;
    let lock = context.issue_locks.of(issue);
    let Ok(_turn) = tokio::time::timeout_at(deadline, lock.lock()).await else { return Ok(()) };
    let mut tx = context.db.read().await?;
    let unmade = pictures::unmade(&mut tx, stories, context.clock.now()).await?;
    drop(tx);
    let missing = unmade.len();
    let making = unmade.into_iter().map(|unmade| make_one(context, unmade, deadline));
    let mut making = stream::iter(making).buffer_unordered(CONCURRENCY);
    let mut made = 0;
    loop {
        tokio::select! {
            next = tokio::time::timeout_at(deadline, making.next()) => match next {
                Ok(Some(outcome)) => made += usize::from(outcome?),
                Ok(None) => break,
                Err(_elapsed) => {
                    tracing::warn!(%issue, made, missing, "pictures of slow sites are not made yet");
                    break;
                }
            },
            () = context.stop.cancelled() => break,
        }
    }
    if missing > 0 {
        tracing::info!(%issue, made, missing, "pictures made");
    }
    keep(context, stories).await
}

/// Makes the pictures of a story. Returns whether there are some.
async fn make_one(context: &FeedContext, unmade: Unmade, deadline: Instant) -> Result<bool, DbError> {
    let result = fetch_and_make(context, &unmade.source_url, deadline).await;
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let is_made = match result {
        Ok(files) => {
            for file in &files {
                pictures::insert(&mut tx, &file.picture.file, &file.bytes, now).await?;
            }
            let [lead, second_tier, thumbnail] = files.map(|file| file.picture);
            let made = MadePictures { lead, second_tier, thumbnail };
            pictures::set_made(&mut tx, unmade.article, &unmade.source_url, &made).await?;
            true
        }
        Err(failure) => {
            let pause = usize::try_from(unmade.tries).ok().and_then(|tries| PAUSES.get(tries));
            let again = pause.filter(|_| failure.is_temporary()).map(|pause| now + *pause);
            let (article, url) = (unmade.article, &unmade.source_url);
            tracing::warn!(%article, url, %failure, "no pictures made; the email shows the site's own");
            pictures::set_failed(&mut tx, &unmade, &failure.to_string(), again).await?;
            false
        }
    };
    tx.commit().await?;
    context.metrics.count_pictures(is_made);
    Ok(is_made)
}

async fn fetch_and_make(
    context: &FeedContext,
    url: &str,
    deadline: Instant,
) -> Result<PictureFiles, Failure> {
    let url = Url::parse(url)?;
    let original = loop {
        match context.fetcher.picture(&url).await {
            // The site's other pictures come first.
            Err(FetchError::HostBusy { wait, .. }) if Instant::now() + wait < deadline => {
                tokio::time::sleep(wait).await;
            }
            fetched => break fetched?,
        }
    };
    Ok(context.picture_maker.make(original).await?)
}

/// Keeps the pictures of a plan from being dropped as unused.
async fn keep(context: &FeedContext, stories: &[ArticleId]) -> Result<(), DbError> {
    let mut tx = context.db.read().await?;
    let made = pictures::made(&mut tx, stories).await?;
    drop(tx);
    let hashes: Vec<String> = made.values().flat_map(MadePictures::hashes).map(str::to_owned).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    pictures::touch(&mut tx, &hashes, context.clock.now()).await?;
    tx.commit().await
}
