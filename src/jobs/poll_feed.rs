//! Reading a feed.

use super::Context;
use crate::{
    articles::{
        feed::{FeedError, ParsedFeed, parse_feed},
        fetch::{Document, Fetched, Validators},
        fetch_error::FetchError,
        local_file,
    },
    db::{
        DbError,
        articles::{self, Origin, Stored},
        feeds::{self, FeedRecord},
    },
    domain::ids::FeedId,
    queue::JobFailure,
};
use jiff::SignedDuration;
use url::Url;

/// After failures a feed is read less and less often, down to this.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(6);

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
    NotModified,
    /// A feed, and what to ask with next time.
    Feed(Box<ParsedFeed>, Validators),
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
pub async fn run(context: &Context, id: FeedId) -> Result<(), JobFailure> {
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
pub async fn poll(context: &Context, feed: &FeedRecord) -> Result<Result<Tally, PollError>, DbError> {
    let validators = Validators { etag: feed.etag.clone(), last_modified: feed.last_modified.clone() };
    let polled = async {
        let reading = read(context, &feed.url, &validators).await?;
        Ok(store(context, feed.id, &reading, &validators, feed.succeeded_at.is_none()).await?)
    };
    let polled: Result<Tally, PollError> = polled.await;
    if let Err(error) = &polled {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        if matches!(error, PollError::Fetch(FetchError::Gone { .. })) {
            feeds::retire(&mut tx, feed.id, &error.to_string()).await?;
        } else {
            let factor = 1_i32 << feed.failures.clamp(0, 6);
            let pause = (context.rules.poll_every * factor).min(MAX_PAUSE).max(context.rules.poll_every);
            feeds::set_failed(&mut tx, feed.id, &error.to_string(), now, now + pause).await?;
        }
        tx.commit().await?;
    }
    Ok(polled)
}

/// Gets and parses a feed, from the web or from a file.
pub async fn read(context: &Context, url: &str, validators: &Validators) -> Result<Reading, PollError> {
    let address = Url::parse(url).map_err(|_| PollError::Address(url.to_owned()))?;
    let document = if address.scheme() == "file" {
        let body = read_file(&address, context.rules.max_feed_bytes).await?;
        Document {
            body,
            content_type: None,
            url: address,
            permanent_url: None,
            validators: Validators::default(),
        }
    } else {
        match context.fetcher.fetch(&address, validators).await? {
            Fetched::NotModified => return Ok(Reading::NotModified),
            Fetched::Page(document) => document,
        }
    };
    // A file's links are relative to its site, never to where the file lies.
    let base = Some(document.url).filter(|base| base.scheme() != "file");
    let (body, content_type) = (document.body, document.content_type);
    // Parsing a large document takes a while; the other tasks of the process go on meanwhile.
    let parsed =
        tokio::task::spawn_blocking(move || parse_feed(&body, content_type.as_deref(), base.as_ref()))
            .await?;
    let feed = parsed.map_err(|source| PollError::Feed { url: url.to_owned(), source })?;
    Ok(Reading::Feed(Box::new(feed), document.validators))
}

async fn read_file(address: &Url, max_bytes: u64) -> Result<Vec<u8>, PollError> {
    let path = address.to_file_path().map_err(|()| PollError::Address(address.to_string()))?;
    local_file::read(&path, max_bytes)
        .await
        .map_err(|source| PollError::File { path: path.display().to_string(), source })
}

/// Stores what a feed brought. `first`: it was never read before, so undated items are no news.
pub async fn store(
    context: &Context,
    id: FeedId,
    reading: &Reading,
    before: &Validators,
    first: bool,
) -> Result<Tally, DbError> {
    let now = context.clock.now();
    let next = now + context.rules.poll_every;
    let mut tally = Tally::default();
    let mut tx = context.db.begin().await?;
    match reading {
        Reading::NotModified => {
            let row = feeds::Reading {
                etag: before.etag.as_deref(),
                last_modified: before.last_modified.as_deref(),
                ..feeds::Reading::default()
            };
            feeds::set_read(&mut tx, id, &row, now, next).await?;
        }
        Reading::Feed(feed, validators) => {
            for article in &feed.articles {
                let origin = Origin::Feed { feed: id, first_reading: first };
                match articles::store(&mut tx, article, origin, now).await? {
                    Some(Stored::New(_)) => tally.new += 1,
                    Some(Stored::Known(_)) => tally.known += 1,
                    None => {}
                }
            }
            let row = feeds::Reading {
                title: Some(&feed.title),
                site_url: feed.site_url.as_ref().map(Url::as_str),
                etag: validators.etag.as_deref(),
                last_modified: validators.last_modified.as_deref(),
            };
            feeds::set_read(&mut tx, id, &row, now, next).await?;
        }
    }
    tx.commit().await?;
    Ok(tally)
}
