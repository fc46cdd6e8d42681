//! Reading a feed.

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
        content::polling::{self, HABIT_EVENTS, Habit},
        ids::{ArticleId, FeedId},
    },
    jobs::{context::FeedContext, watch_feed},
    queue::JobFailure,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use url::Url;

/// Pages looked at after a feed's first reading: the newest.
const LOOKS_AT_FIRST: usize = 20;
/// Pages looked at after each other reading: the newest of those that may still be news.
const LOOKS: usize = 50;
/// An article older than this, and than what `digest.max_age_hours` says, is no candidate of any issue, so that nobody looks.
const OF_INTEREST: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Why a feed can't be read.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// Its address is none.
    #[error("`{0}` is not an address; give a URL or the path of a file")]
    Address(String),
    /// The document can't be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// What it brought can't be stored.
    #[error("its articles can't be stored: {0}")]
    Store(#[from] DbError),
    /// The process is asked to end.
    #[error("reading the feed was left for the next start")]
    Stopping,
    /// Parsing was given up half-way.
    #[error("reading the feed was cut short: {0}")]
    CutShort(#[from] tokio::task::JoinError),
    /// The document is no feed.
    #[error("{url}: {source}")]
    Feed {
        /// Where it is.
        url: String,
        /// What is wrong.
        source: FeedError,
    },
}

/// What reading a feed brought.
#[derive(Debug)]
pub enum Reading {
    /// Nothing new since last time.
    NotModified(Unchanged),
    /// A feed, and how it was answered.
    Feed(Box<ParsedFeed>, Unchanged),
}

/// How many articles a reading brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not seen before.
    pub new: usize,
    /// Seen before, perhaps in another feed.
    pub known: usize,
}

/// Reads a feed that is due.
pub async fn run(context: &FeedContext, id: FeedId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(feed) = feeds::get(&mut tx, id).await? else { return Ok(()) };
    drop(tx);
    if feed.status == "active" && feed.next_poll_at.0 <= context.clock.now() {
        match poll(context, &feed).await? {
            Ok(tally) => tracing::info!(feed = feed.url, new = tally.new, known = tally.known, "feed read"),
            Err(error) => tracing::warn!(feed = feed.url, %error, "feed not read"),
        }
    }
    Ok(())
}

/// Reads a feed, stores what is new and says when it is read next; or records what is wrong, and reads it less often.
pub async fn poll(context: &FeedContext, feed: &FeedRecord) -> Result<Result<Tally, PollError>, DbError> {
    let validators = Validators { etag: feed.etag.clone(), last_modified: feed.last_modified.clone() };
    let polled = async {
        let reading = read(context, &feed.url, &validators).await?;
        Ok(store(context, feed.id, &reading).await?)
    };
    let polled: Result<Tally, PollError> = polled.await;
    if let Err(error) = &polled
        && !matches!(error, PollError::Stopping)
    {
        let mut tx = context.db.begin().await?;
        failed(context, &mut tx, feed, error).await?;
        tx.commit().await?;
    }
    Ok(polled)
}

async fn failed(
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

/// Gets and parses a feed, from the web or from a file.
pub async fn read(context: &FeedContext, url: &str, validators: &Validators) -> Result<Reading, PollError> {
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
    // A file's links are relative to its site, never to where the file lies.
    let base = Some(document.url).filter(|base| base.scheme() != "file");
    let (body, content_type) = (document.body, document.content_type);
    let answered = Unchanged {
        permanent_url: document.permanent_url,
        validators: document.validators,
        max_age: document.max_age,
    };
    let parsed = context.parse(move || parse_feed(&body, content_type.as_deref(), base.as_ref())).await?;
    let parsed = parsed.ok_or(PollError::Stopping)?;
    let feed = parsed.map_err(|source| PollError::Feed { url: url.to_owned(), source })?;
    Ok(Reading::Feed(Box::new(feed), answered))
}

async fn read_file(address: &Url, max_bytes: u64) -> Result<Vec<u8>, PollError> {
    let path = address.to_file_path().map_err(|()| PollError::Address(address.to_string()))?;
    local_file::read(&path, max_bytes)
        .await
        .map_err(|source| PollError::File { path: path.display().to_string(), source })
}

/// Stores what a feed brought, and when it is read next.
pub async fn store(context: &FeedContext, id: FeedId, reading: &Reading) -> Result<Tally, DbError> {
    let now = context.clock.now();
    let mut tally = Tally::default();
    let mut tx = context.db.begin().await?;
    let Some(record) = feeds::get(&mut tx, id).await? else { return Ok(tally) };
    let (Reading::NotModified(answered) | Reading::Feed(_, answered)) = reading;
    let mut row = feeds::Reading {
        etag: answered.validators.etag.as_deref(),
        last_modified: answered.validators.last_modified.as_deref(),
        ..feeds::Reading::default()
    };
    let mut wish = answered.max_age.map(signed);
    let mut habit = record.habit();
    let entries: Vec<ArticleId>;
    match reading {
        Reading::NotModified(_) => {
            // Not every server says again what it said before.
            row.etag = row.etag.or(record.etag.as_deref());
            row.last_modified = row.last_modified.or(record.last_modified.as_deref());
        }
        Reading::Feed(feed, _) => {
            let before = feeds::entries(&mut tx, id).await?;
            let stored = articles::store_reading(&mut tx, id, &feed.articles, &before, now).await?;
            tally.new = stored.iter().filter(|it| matches!(it, Some(Stored::New(_)))).count();
            tally.known = stored.iter().filter(|it| matches!(it, Some(Stored::Known(_)))).count();
            let first = record.succeeded_at.is_none();
            for article in to_check(context, feed, &stored, first, now) {
                articles::request_check(&mut tx, article, now).await?;
            }
            entries = stored.iter().flatten().map(|it| it.id()).collect();
            habit = habit_of(&mut tx, id, feed, now).await?;
            row.title = Some(&feed.title);
            row.site_url = feed.site_url.as_ref().map(Url::as_str);
            row.habit = habit;
            row.entries = Some(&entries);
            row.notes = Some(feed.notes());
            wish = wish.max(feed.ttl.map(signed));
        }
    }
    let next = now + polling::pause(context.settings.feeds.pace(), habit, record.created_at.0, wish, now);
    feeds::set_read(&mut tx, id, &row, now, next).await?;
    watch_feed::watch(context, &mut tx, id).await?;
    if let Some(url) = answered.permanent_url.as_ref().filter(|url| url.as_str() != record.url) {
        move_to(context, &mut tx, &record, url).await?;
    }
    tx.commit().await?;
    Ok(tally)
}

/// Reads a feed at its new address from now on; if another feed is there, that one goes on alone.
async fn move_to(context: &FeedContext, tx: &mut Tx, feed: &FeedRecord, url: &Url) -> Result<(), DbError> {
    if feeds::set_url(tx, feed.id, url.as_str()).await? {
        tracing::info!(from = feed.url, to = url.as_str(), "feed moved for good");
        return Ok(());
    }
    let other = feeds::get_by_url(tx, url.as_str()).await?;
    if other.as_ref().is_some_and(|other| other.status == "active") {
        let why = format!("it has moved to {url} for good, which is read as another feed already");
        return watch_feed::retire(context, tx, feed, &why).await;
    }
    // The other one was removed: this one stays where it is, and is redirected each time.
    Ok(())
}

/// How the feed has been publishing: by the dates in it, and where these are few, by what is known of earlier ones.
async fn habit_of(
    tx: &mut Tx,
    id: FeedId,
    feed: &ParsedFeed,
    now: Timestamp,
) -> Result<Option<Habit>, DbError> {
    let mut moments: Vec<Timestamp> = feed.articles.iter().filter_map(|it| it.published_at).collect();
    if moments.len() < HABIT_EVENTS {
        moments.extend(feeds::item_moments(tx, id).await?);
    }
    Ok(Habit::of(moments, now))
}

/// The new articles whose pages are worth a look: the newest, and those without a date.
fn to_check(
    context: &FeedContext,
    feed: &ParsedFeed,
    stored: &[Option<Stored>],
    first: bool,
    now: Timestamp,
) -> Vec<ArticleId> {
    let oldest = now - OF_INTEREST.max(context.settings.digest.rules().max_age);
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
    // What has no date may be new; a feed's order is newest first.
    new.sort_by_key(|(published, _)| std::cmp::Reverse(published.unwrap_or(now)));
    new.truncate(if first { LOOKS_AT_FIRST } else { LOOKS });
    new.into_iter().map(|(_, id)| id).collect()
}
