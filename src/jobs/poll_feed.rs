//! Reads feeds and stores their articles.

use crate::{
    content::{
        answer_headers::Validators,
        feed::parse_feed,
        fetch::{Document, Fetched, Unchanged},
        fetch_error::FetchError,
        local_file,
        parsed_feed::{FeedError, ParsedFeed},
    },
    db::{
        DbError, Tx,
        content::{
            articles::{self, Stored},
            feeds::{self, FeedRecord},
        },
    },
    domain::{
        content::{
            flood::{self, is_flood},
            polling::{self, HABIT_EVENTS, Habit},
        },
        ids::{ArticleId, FeedId},
    },
    jobs::{context::FeedContext, watch_feed},
    queue::JobFailure,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use url::Url;

/// Newest articles whose pages are checked after a feed's first reading.
const FIRST_PAGE_CHECKS: usize = 20;
/// Most articles whose pages are checked after any other reading.
const PAGE_CHECKS: usize = 50;
/// Articles older than this, and older than `digest.max_age_hours`, are in no issue, so their pages are not
/// checked.
const CHECKED_AGE: SignedDuration = SignedDuration::from_hours(8 * 24);

#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error("`{0}` is neither a URL nor the path of a file")]
    Address(String),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("can't read {path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("its articles can't be stored: {0}")]
    Store(#[from] DbError),
    #[error("reading the feed was stopped; the next start reads it")]
    Stopping,
    #[error("reading the feed was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
    #[error("{url}: {source}")]
    Feed { url: String, source: FeedError },
}

/// The result of reading a feed.
#[derive(Debug)]
pub enum Reading {
    NotModified(Unchanged),
    Feed(Box<ParsedFeed>, Unchanged),
}

/// Numbers of articles in a reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub new: usize,
    /// Articles that were stored before, perhaps from another feed.
    pub known: usize,
}

/// Reads a feed, if that is due.
pub async fn run(context: &FeedContext, id: FeedId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(feed) = feeds::get(&mut tx, id).await? else { return Ok(()) };
    drop(tx);
    if feed.status == "active" && feed.next_poll_at.0 <= context.clock.now() {
        match poll(context, &feed).await? {
            Ok(tally) => tracing::info!(feed = feed.url, new = tally.new, known = tally.known, "feed read"),
            Err(error) => tracing::warn!(feed = feed.url, %error, "could not read a feed"),
        }
    }
    Ok(())
}

/// Reads a feed, stores its articles and schedules the next reading. After a failure, records the error and
/// reads the feed less often.
pub async fn poll(context: &FeedContext, feed: &FeedRecord) -> Result<Result<Tally, PollError>, DbError> {
    let validators = Validators { etag: feed.etag.clone(), last_modified: feed.last_modified.clone() };
    let polled = async {
        let reading = fetch_feed(context, &feed.url, &validators).await?;
        Ok(store_reading(context, feed.id, &reading).await?)
    };
    let polled: Result<Tally, PollError> = polled.await;
    if let Err(error) = &polled
        && !matches!(error, PollError::Stopping)
    {
        let mut tx = context.db.begin().await?;
        record_failure(context, &mut tx, feed, error).await?;
        tx.commit().await?;
    }
    Ok(polled)
}

async fn record_failure(
    context: &FeedContext,
    tx: &mut Tx,
    feed: &FeedRecord,
    error: &PollError,
) -> Result<(), DbError> {
    let now = context.clock.now();
    let retry_after = match error {
        PollError::Fetch(FetchError::Gone { .. }) => {
            return watch_feed::retire(context, tx, feed, &error.to_string()).await;
        }
        PollError::Fetch(FetchError::HostBusy { wait, .. }) => {
            return feeds::postpone(tx, feed.id, now + signed(*wait)).await;
        }
        PollError::Fetch(FetchError::Status { retry_after, .. }) => retry_after.map(signed),
        _ => None,
    };
    let pause = polling::pause_after_failure(context.settings.feeds.pace(), feed.failures + 1, retry_after);
    let not_before = retry_after.map(|wait| now + wait.min(polling::LONGEST_RETRY_AFTER));
    feeds::set_failed(tx, feed.id, &error.to_string(), not_before, now, now + pause).await?;
    watch_feed::watch(context, tx, feed.id).await
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX).min(SignedDuration::from_hours(24 * 365))
}

/// Fetches and parses a feed, from the web or from a file.
pub async fn fetch_feed(
    context: &FeedContext,
    url: &str,
    validators: &Validators,
) -> Result<Reading, PollError> {
    let address = Url::parse(url).map_err(|_| PollError::Address(url.to_owned()))?;
    let document = if address.scheme() == "file" {
        let body = read_file(&address, context.settings.feeds.max_bytes).await?;
        Document {
            body,
            content_type: None,
            url: address,
            permanent_url: None,
            validators: Validators::default(),
            max_age: None,
        }
    } else {
        match context.fetcher.fetch(&address, validators).await? {
            Fetched::NotModified(unchanged) => return Ok(Reading::NotModified(unchanged)),
            Fetched::Page(document) => document,
        }
    };
    // A file's links are relative to its site, not to the file's folder.
    let base = Some(document.url).filter(|base| base.scheme() != "file");
    let (body, content_type) = (document.body, document.content_type);
    let headers = Unchanged {
        permanent_url: document.permanent_url,
        validators: document.validators,
        max_age: document.max_age,
    };
    let parsed = context.parse(move || parse_feed(&body, content_type.as_deref(), base.as_ref())).await?;
    let parsed = parsed.ok_or(PollError::Stopping)?;
    let feed = parsed.map_err(|source| PollError::Feed { url: url.to_owned(), source })?;
    Ok(Reading::Feed(Box::new(feed), headers))
}

async fn read_file(address: &Url, max_bytes: u64) -> Result<Vec<u8>, PollError> {
    let path = address.to_file_path().map_err(|()| PollError::Address(address.to_string()))?;
    local_file::read(&path, max_bytes)
        .await
        .map_err(|source| PollError::File { path: path.display().to_string(), source })
}

/// Stores the result of a reading and the time of the next one.
pub async fn store_reading(context: &FeedContext, id: FeedId, reading: &Reading) -> Result<Tally, DbError> {
    let now = context.clock.now();
    let mut tally = Tally::default();
    let mut tx = context.db.begin().await?;
    let Some(record) = feeds::get(&mut tx, id).await? else { return Ok(tally) };
    let (Reading::NotModified(headers) | Reading::Feed(_, headers)) = reading;
    let mut row = feeds::Reading {
        etag: headers.validators.etag.as_deref(),
        last_modified: headers.validators.last_modified.as_deref(),
        ..feeds::Reading::default()
    };
    let mut requested_pause = headers.max_age.map(signed);
    let mut habit = record.habit();
    let entries: Vec<ArticleId>;
    match reading {
        Reading::NotModified(_) => {
            // Some servers omit these headers from a 304 response.
            row.etag = row.etag.or(record.etag.as_deref());
            row.last_modified = row.last_modified.or(record.last_modified.as_deref());
        }
        Reading::Feed(feed, _) => {
            let before = feeds::entries(&mut tx, id).await?;
            let month = now - SignedDuration::from_hours(24 * flood::DAYS);
            let busiest_day = feeds::busiest_day(&mut tx, id, month, now).await?;
            let stored = articles::store_reading(&mut tx, id, &feed.articles, &before, now).await?;
            tally.new = stored.iter().filter(|it| matches!(it, Some(Stored::New(_)))).count();
            tally.known = stored.iter().filter(|it| matches!(it, Some(Stored::Known(_)))).count();
            let first = record.succeeded_at.is_none();
            let recent = recent_new(context, feed, &stored, now);
            if !first
                && record.held_since.is_none()
                && is_flood(recent, usize::try_from(busiest_day).unwrap_or(0))
            {
                feeds::hold(&mut tx, id, now).await?;
            }
            for article in articles_to_check(context, feed, &stored, first, now) {
                articles::request_check(&mut tx, article, now).await?;
            }
            entries = stored.iter().flatten().map(|it| it.id()).collect();
            habit = publishing_habit(&mut tx, id, feed, now).await?;
            row.title = Some(&feed.title);
            row.site_url = feed.site_url.as_ref().map(Url::as_str);
            row.habit = habit;
            row.entries = Some(&entries);
            row.notes = Some(feed.notes());
            requested_pause = requested_pause.max(feed.ttl.map(signed));
        }
    }
    let next =
        now + polling::pause(context.settings.feeds.pace(), habit, record.created_at.0, requested_pause, now);
    feeds::set_read(&mut tx, id, &row, now, next).await?;
    watch_feed::watch(context, &mut tx, id).await?;
    if let Some(url) = headers.permanent_url.as_ref().filter(|url| url.as_str() != record.url) {
        move_feed(context, &mut tx, &record, url).await?;
    }
    tx.commit().await?;
    Ok(tally)
}

/// Changes a feed's URL after a permanent redirect. If another feed has that URL, retires this one.
async fn move_feed(context: &FeedContext, tx: &mut Tx, feed: &FeedRecord, url: &Url) -> Result<(), DbError> {
    if feeds::set_url(tx, feed.id, url.as_str()).await? {
        tracing::info!(from = feed.url, to = url.as_str(), "feed moved permanently");
        return Ok(());
    }
    let other = feeds::get_by_url(tx, url.as_str()).await?;
    if other.as_ref().is_some_and(|other| other.status == "active") {
        let reason = format!("it has moved permanently to {url}, which is another feed already");
        return watch_feed::retire(context, tx, feed, &reason).await;
    }
    // The feed at that URL was removed. This one keeps its URL and follows the redirect each time.
    Ok(())
}

/// Returns how often the feed publishes, from the dates in it and, if these are few, from stored articles.
async fn publishing_habit(
    tx: &mut Tx,
    id: FeedId,
    feed: &ParsedFeed,
    now: Timestamp,
) -> Result<Option<Habit>, DbError> {
    let mut published: Vec<Timestamp> = feed.articles.iter().filter_map(|it| it.published_at).collect();
    if published.len() < HABIT_EVENTS {
        published.extend(feeds::item_moments(tx, id).await?);
    }
    Ok(Habit::of(published, now))
}

/// Returns the number of new articles that are not too old for an issue.
fn recent_new(context: &FeedContext, feed: &ParsedFeed, stored: &[Option<Stored>], now: Timestamp) -> usize {
    let oldest = now - CHECKED_AGE.max(context.settings.digest.rules().max_age);
    let new = feed.articles.iter().zip(stored).filter(|(_, stored)| matches!(stored, Some(Stored::New(_))));
    new.filter(|(found, _)| found.published_at.is_none_or(|at| at >= oldest)).count()
}

/// Returns the new articles whose pages should be checked, at most as many as the limits allow.
fn articles_to_check(
    context: &FeedContext,
    feed: &ParsedFeed,
    stored: &[Option<Stored>],
    first: bool,
    now: Timestamp,
) -> Vec<ArticleId> {
    let oldest = now - CHECKED_AGE.max(context.settings.digest.rules().max_age);
    let mut new: Vec<(Option<Timestamp>, ArticleId)> = feed
        .articles
        .iter()
        .zip(stored)
        .filter_map(|(found, stored)| match stored {
            Some(Stored::New(id)) => Some((found.published_at, *id)),
            _ => None,
        })
        .filter(|(published, _)| first || published.is_none_or(|at| at >= oldest))
        .collect();
    // Articles without a date count as new. Feeds list the newest first, and the sort is stable.
    new.sort_by_key(|(published, _)| std::cmp::Reverse(published.unwrap_or(now)));
    new.truncate(if first { FIRST_PAGE_CHECKS } else { PAGE_CHECKS });
    new.into_iter().map(|(_, id)| id).collect()
}
