//! Stores articles from feeds and operators: finds known ones, and adds what is new about them.

use crate::{
    db::{
        DbError, DbTime, Tx,
        content::articles::{
            identity::{Candidate, Reading, at_address, by_guid, by_key, free_key, is_key_used},
            micro,
        },
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        content::article::{
            FoundArticle, MIN_SAME_STORY_KEY_CHARS, canonical_url, page_key, same_story, title_key, url_key,
        },
        ids::{ArticleId, FeedId},
    },
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};
use url::Url;

/// The shortest time between two checks of an article whose feed gives it another URL.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// Where an article came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A feed carries it. Its date makes it news; without a date it is none.
    Feed(FeedId),
    /// An operator added it, which makes it news whatever its date.
    Operator,
}

/// The result of storing an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    New(ArticleId),
    /// It was known, perhaps from another feed or with tracking parameters in its URL.
    Known(ArticleId),
}

impl Stored {
    /// Returns the article's id.
    pub const fn id(self) -> ArticleId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

/// How an article was recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownBy {
    Address,
    /// By the identifier or the headline it had in this feed before.
    Feed,
    /// By the same headline and the same time, in any feed.
    Story,
}

/// Stores an article, or finds the known one. Returns `None` if it has no URL.
pub async fn store(
    tx: &mut Tx,
    found: &FoundArticle,
    origin: Origin,
    now: Timestamp,
) -> Result<Option<Stored>, DbError> {
    let Some(said) = &found.url else { return Ok(None) };
    let mut known = at_address(tx, found, said, &mut |candidate| candidate.can_be(found)).await?;
    let mut url = said;
    // A page that names another page's URL as its own is that page only if both have the same headline.
    if let Some(found_at) = found.found_at.as_ref().filter(|found_at| url_key(found_at) != url_key(said)) {
        let is_same = |candidate: &Candidate| title_key(&candidate.title) == title_key(&found.title);
        known = at_address(tx, found, said, &mut |candidate| is_same(candidate)).await?;
        if known.is_none() && is_key_used(tx, &url_key(said)).await? {
            url = found_at;
            known = at_address(tx, found, found_at, &mut |candidate| candidate.can_be(found)).await?;
        }
    }
    let known = match known {
        Some(id) => Some((id, KnownBy::Address)),
        None => by_story(tx, found, &mut |_| true).await?.map(|id| (id, KnownBy::Story)),
    };
    keep(tx, found, url, known, origin, now).await.map(Some)
}

/// Stores the entries of a poll. Returns a result for each entry, in order. `before` are the articles that
/// were in the feed at the last poll.
///
/// An entry is known by the identifier that the feed gave it before, or by its URL. If the feed has changed
/// both, it is known by its headline: an unknown entry with the headline of an article that has left the feed
/// since the last poll is that article, renamed. (A weekly column with a fixed headline is not affected: last
/// week's entry is still in the feed, or left it earlier.) Entries with different identifiers are different,
/// even at the same URL.
pub async fn store_reading(
    tx: &mut Tx,
    feed: FeedId,
    entries: &[FoundArticle],
    before: &[ArticleId],
    now: Timestamp,
) -> Result<Vec<Option<Stored>>, DbError> {
    let mut reading = Reading::of(feed, entries);
    let mut known = Vec::with_capacity(entries.len());
    for found in entries {
        let by = match reading.guid(found).filter(|_| found.url.is_some()) {
            Some(guid) => by_guid(tx, feed, guid).await?.map(|id| (id, KnownBy::Feed)),
            None => None,
        };
        if let Some((id, _)) = by {
            reading.claim(id, found);
        }
        known.push(by);
    }
    for (found, known) in entries.iter().zip(&mut known) {
        if let (None, Some(url)) = (&known, &found.url) {
            *known = reading.at_address(tx, found, url).await?.map(|id| (id, KnownBy::Address));
        }
    }
    let mut renamed = HashMap::new();
    if known.iter().zip(entries).any(|(known, found)| known.is_none() && found.url.is_some()) {
        let present: HashSet<ArticleId> = known.iter().flatten().map(|(id, _)| *id).collect();
        for id in before.iter().filter(|id| !present.contains(id)) {
            if let Some(key) = headline_key(tx, *id).await? {
                renamed.insert(key, *id);
            }
        }
    }
    let mut stored = Vec::with_capacity(entries.len());
    for (found, known) in entries.iter().zip(known) {
        let Some(url) = &found.url else {
            stored.push(None);
            continue;
        };
        let mut known = known.or_else(|| {
            let key = title_key(&found.title);
            renamed.remove(&key).map(|id| (id, KnownBy::Feed))
        });
        // An entry may be in a feed twice.
        if known.is_none() {
            known = reading.at_address(tx, found, url).await?.map(|id| (id, KnownBy::Address));
        }
        if known.is_none() {
            let mut is_free = |id| !reading.is_other(id, found);
            let twin = by_story(tx, found, &mut is_free).await?;
            known = match twin {
                Some(id) if !reading.is_named_otherwise(tx, id, found).await? => Some((id, KnownBy::Story)),
                _ => None,
            };
        }
        let mut found = found.clone();
        found.guid = reading.guid(&found).map(str::to_owned);
        let kept = keep(tx, &found, url, known, Origin::Feed(feed), now).await?;
        reading.claim(kept.id(), &found);
        stored.push(Some(kept));
    }
    Ok(stored)
}

async fn keep(
    tx: &mut Tx,
    found: &FoundArticle,
    url: &Url,
    known: Option<(ArticleId, KnownBy)>,
    origin: Origin,
    now: Timestamp,
) -> Result<Stored, DbError> {
    let stored = match known {
        Some((id, by)) => {
            meet(tx, id, found, by, origin, now).await?;
            Stored::Known(id)
        }
        None => insert(tx, found, url, origin, now).await?,
    };
    if let Origin::Feed(feed) = origin {
        add_source(tx, stored.id(), feed, found.guid.as_deref(), now).await?;
    }
    Ok(stored)
}

/// Returns the article with the same headline and the same time.
async fn by_story(
    tx: &mut Tx,
    found: &FoundArticle,
    is_free: &mut (dyn FnMut(ArticleId) -> bool + Send),
) -> Result<Option<ArticleId>, DbError> {
    let title = title_key(&found.title);
    let twins: Vec<(ArticleId, Option<DbTime>)> = query_as!(
        tx,
        "SELECT id, published_at FROM articles WHERE title_key = $1 ORDER BY id DESC LIMIT 20",
        &title
    )
    .fetch_all()
    .await?;
    let twin = twins.into_iter().find(|(id, published)| {
        same_story((&title, found.published_at), (&title, published.map(Timestamp::from))) && is_free(*id)
    });
    Ok(twin.map(|(id, _)| id))
}

/// Returns the key of an article's headline, if it is long enough to recognize the article by.
async fn headline_key(tx: &mut Tx, id: ArticleId) -> Result<Option<String>, DbError> {
    let key: Option<String> =
        query_scalar!(tx, "SELECT title_key FROM articles WHERE id = $1", id).fetch_optional().await?;
    Ok(key.filter(|key| key.chars().count() >= MIN_SAME_STORY_KEY_CHARS))
}

async fn insert(
    tx: &mut Tx,
    found: &FoundArticle,
    url: &Url,
    origin: Origin,
    now: Timestamp,
) -> Result<Stored, DbError> {
    // An undated item is not news just because it arrived. The check of its page may find a date, or an
    // operator may pin it.
    let (fresh_at, source, check_after) = match origin {
        Origin::Operator => (Some(now), None, Some(now)),
        Origin::Feed(feed) => (found.published_at, Some(feed), None),
    };
    let key = free_key(tx, found, url).await?;
    let id: Option<ArticleId> = query_scalar!(
        tx,
        "INSERT INTO articles (url, url_key, title, title_key, dek, author, section, site_name, image_url, \
         language, text, published_at, fresh_at, first_seen_at, feed_id, image_alt, check_after) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
         ON CONFLICT (url_key) DO NOTHING RETURNING id",
        canonical_url(url).to_string(),
        &key,
        &found.title,
        title_key(&found.title),
        &found.dek,
        &found.author,
        &found.section,
        &found.site_name,
        found.image_url.as_ref().map(Url::as_str),
        &found.language,
        &found.text,
        found.published_at.map(micro),
        fresh_at.map(micro),
        DbTime(now),
        source,
        &found.image_alt,
        check_after.map(DbTime)
    )
    .fetch_optional()
    .await?;
    match id {
        Some(id) => Ok(Stored::New(id)),
        // Another process has just stored the same URL.
        None => by_key(tx, &key).await?.map(Stored::Known).ok_or(DbError::RowNotFound),
    }
}

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct Kept {
    url_key: String,
    title: String,
    dek: Option<String>,
    author: Option<String>,
    section: Option<String>,
    site_name: Option<String>,
    image_url: Option<String>,
    image_alt: Option<String>,
    text: Option<String>,
    published_at: Option<DbTime>,
    fresh_at: Option<DbTime>,
    first_seen_at: DbTime,
    feed_id: Option<FeedId>,
    moved_to: Option<String>,
    checked_at: Option<DbTime>,
}

/// Adds missing fields to a known article. The feed that carried it first may correct headline and summary.
/// Another URL from that feed is checked, and replaces the old one if that is gone.
async fn meet(
    tx: &mut Tx,
    id: ArticleId,
    found: &FoundArticle,
    by: KnownBy,
    origin: Origin,
    now: Timestamp,
) -> Result<(), DbError> {
    let kept: Option<Kept> = query_as!(
        tx,
        "SELECT url_key, title, dek, author, section, site_name, image_url, image_alt, text, published_at, \
         fresh_at, first_seen_at, feed_id, moved_to, checked_at FROM articles WHERE id = $1",
        id
    )
    .fetch_optional()
    .await?;
    let Some(kept) = kept else { return Ok(()) };
    let mut better = kept.clone();
    let add = |slot: &mut Option<String>, found: Option<&str>| {
        if slot.is_none() {
            *slot = found.map(str::to_owned);
        }
    };
    add(&mut better.dek, found.dek.as_deref());
    add(&mut better.author, found.author.as_deref());
    add(&mut better.section, found.section.as_deref());
    add(&mut better.site_name, found.site_name.as_deref());
    add(&mut better.text, found.text.as_deref());
    if better.image_url.is_none() {
        better.image_url = found.image_url.as_ref().map(|url| url.as_str().to_owned());
        better.image_alt.clone_from(&found.image_alt);
    }
    // A date that arrives late is never later than the time the item was seen. Otherwise an old item could
    // become news.
    let date = found.published_at.map(|at| micro(at.min(kept.first_seen_at.0)));
    better.published_at = better.published_at.or(date);
    better.fresh_at = better.fresh_at.or(date);
    let is_own_feed = matches!(origin, Origin::Feed(feed) if kept.feed_id == Some(feed));
    if is_own_feed && by != KnownBy::Story {
        better.title.clone_from(&found.title);
        better.dek = found.dek.clone().or(better.dek);
    }
    if is_own_feed && by == KnownBy::Feed {
        better.moved_to = found
            .url
            .as_ref()
            .filter(|url| url_key(url) != page_key(&kept.url_key))
            .map(|url| url.as_str().to_owned());
    }
    if better == kept {
        return Ok(());
    }
    // Some sites give each visitor another URL. They must not cause a check at every poll.
    let look = (better.moved_to.is_some() && better.moved_to != kept.moved_to)
        .then(|| DbTime(kept.checked_at.map_or(now, |at| now.max(at.0 + LOOK_AGAIN_AFTER))));
    query!(
        tx,
        "UPDATE articles SET title = $2, title_key = $3, dek = $4, author = $5, section = $6, site_name = \
         $7, image_url = $8, image_alt = $9, text = $10, published_at = $11, fresh_at = $12, moved_to = $13, \
         check_after = COALESCE($14, check_after), check_tries = CASE WHEN $15 THEN 0 ELSE check_tries END \
         WHERE id = $1",
        id,
        &better.title,
        title_key(&better.title),
        &better.dek,
        &better.author,
        &better.section,
        &better.site_name,
        &better.image_url,
        &better.image_alt,
        &better.text,
        better.published_at,
        better.fresh_at,
        &better.moved_to,
        look,
        look.is_some()
    )
    .execute()
    .await
}

async fn add_source(
    tx: &mut Tx,
    article: ArticleId,
    feed: FeedId,
    guid: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO article_sources (article_id, feed_id, guid, seen_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (article_id, feed_id) DO UPDATE SET guid = excluded.guid \
         WHERE excluded.guid IS NOT NULL AND article_sources.guid IS DISTINCT FROM excluded.guid",
        article,
        feed,
        guid,
        DbTime(now)
    )
    .execute()
    .await
}
