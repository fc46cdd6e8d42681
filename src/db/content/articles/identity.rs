//! Decides which article an entry is: by the feed's identifier, by the URL, and by what distinguishes stories
//! at one URL.

use crate::{
    db::{
        DbError, DbTime, Tx,
        content::articles::micro,
        engine::query::{query_as, query_scalar},
    },
    domain::{
        content::article::{FoundArticle, can_be_one_story, fragment, key_on_page, title_key, url_key},
        ids::{ArticleId, FeedId},
    },
};
use std::collections::{HashMap, HashSet};
use url::Url;

/// A poll's entries, and the articles they turned out to be.
pub struct Reading<'a> {
    feed: FeedId,
    /// Identifiers of several entries with different URLs. They identify nothing.
    repeated: HashSet<&'a str>,
    present: HashSet<&'a str>,
    /// The articles that entries of this poll turned out to be, with the entries' identifiers and headlines.
    claimed: HashMap<ArticleId, (Option<String>, String)>,
}

impl<'a> Reading<'a> {
    pub fn of(feed: FeedId, entries: &'a [FoundArticle]) -> Self {
        let mut first: HashMap<&str, &Url> = HashMap::new();
        let mut repeated = HashSet::new();
        for found in entries {
            if let (Some(guid), Some(url)) = (found.guid.as_deref(), &found.url) {
                let known = first.entry(guid).or_insert(url);
                if url_key(known) != url_key(url) || fragment(known) != fragment(url) {
                    repeated.insert(guid);
                }
            }
        }
        let present = first.keys().copied().collect();
        Self { feed, repeated, present, claimed: HashMap::new() }
    }

    /// Returns an entry's identifier, if it identifies the entry.
    pub fn guid<'f>(&self, found: &'f FoundArticle) -> Option<&'f str> {
        found.guid.as_deref().filter(|guid| !self.repeated.contains(guid))
    }

    pub fn claim(&mut self, id: ArticleId, found: &FoundArticle) {
        let guid = self.guid(found).map(str::to_owned);
        self.claimed.entry(id).or_insert_with(|| (guid, title_key(&found.title)));
    }

    /// Returns whether an article is another entry of this poll.
    pub fn is_other(&self, id: ArticleId, found: &FoundArticle) -> bool {
        let Some((guid, title)) = self.claimed.get(&id) else { return false };
        match (guid.as_deref(), self.guid(found)) {
            (Some(guid), Some(own)) => guid != own,
            _ => *title != title_key(&found.title),
        }
    }

    /// Returns whether the feed knows an article by another identifier than this entry's.
    pub async fn is_named_otherwise(
        &self,
        tx: &mut Tx,
        id: ArticleId,
        found: &FoundArticle,
    ) -> Result<bool, DbError> {
        let Some(own) = self.guid(found) else { return Ok(false) };
        Ok(source_of(tx, id, self.feed).await?.flatten().is_some_and(|guid| guid != own))
    }

    /// Finds the article that an entry is among those at its URL, and claims it for the entry.
    pub async fn at_address(
        &mut self,
        tx: &mut Tx,
        found: &FoundArticle,
        url: &Url,
    ) -> Result<Option<ArticleId>, DbError> {
        for candidate in candidates(tx, found, url).await? {
            if self.accepts(tx, &candidate, found).await? {
                self.claim(candidate.id, found);
                return Ok(Some(candidate.id));
            }
        }
        Ok(None)
    }

    /// Returns whether an entry is the article at its URL.
    async fn accepts(
        &self,
        tx: &mut Tx,
        candidate: &Candidate,
        found: &FoundArticle,
    ) -> Result<bool, DbError> {
        if self.claimed.contains_key(&candidate.id) {
            return Ok(!self.is_other(candidate.id, found));
        }
        let same_title = title_key(&candidate.title) == title_key(&found.title);
        let published_at = candidate.published_at.map(|known| known.0);
        let same_moment = found.published_at.is_some_and(|at| published_at == Some(micro(at).0));
        let source = source_of(tx, candidate.id, self.feed).await?;
        if let (Some(Some(guid)), Some(own)) = (&source, self.guid(found))
            && guid != own
        {
            // An identifier that is still in the feed belongs to another entry. One that is gone was changed,
            // if the rest is the same.
            return Ok(!self.present.contains(guid.as_str()) && (same_title || same_moment));
        }
        let is_own = candidate.feed_id == Some(self.feed);
        // A feed that copies a story keeps its own headline for it.
        let is_known_copy = source.is_some() && !is_own;
        Ok(candidate.can_be(found) || is_known_copy || (is_own && same_moment))
    }
}

/// An article at a URL.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Candidate {
    pub id: ArticleId,
    url_key: String,
    pub title: String,
    text: Option<String>,
    published_at: Option<DbTime>,
    feed_id: Option<FeedId>,
}

impl Candidate {
    /// Returns whether a page or entry can be the same story.
    pub fn can_be(&self, found: &FoundArticle) -> bool {
        can_be_one_story((&self.title, self.text.as_deref()), (&found.title, found.text.as_deref()))
    }
}

/// Returns the articles at a URL. Those at the same place of the page come first.
async fn candidates(tx: &mut Tx, found: &FoundArticle, url: &Url) -> Result<Vec<Candidate>, DbError> {
    let page = url_key(url);
    let place = fragment(url).map(|fragment| place_key(&page, fragment));
    let own = story_key(&page, found);
    let mut rows: Vec<Candidate> = query_as!(
        tx,
        "SELECT id, url_key, title, text, published_at, feed_id FROM articles WHERE url_key IN ($1, $2, $3) \
         ORDER BY id",
        &page,
        place.as_deref().unwrap_or(&page),
        &own
    )
    .fetch_all()
    .await?;
    rows.sort_by_key(|row| (row.url_key != own, Some(&row.url_key) != place.as_ref()));
    Ok(rows)
}

pub async fn at_address(
    tx: &mut Tx,
    found: &FoundArticle,
    url: &Url,
    is_same: &mut (dyn FnMut(&Candidate) -> bool + Send),
) -> Result<Option<ArticleId>, DbError> {
    let candidates = candidates(tx, found, url).await?;
    Ok(candidates.iter().find(|candidate| is_same(candidate)).map(|candidate| candidate.id))
}

/// Returns the key of the story at a place of a page.
fn place_key(page: &str, fragment: &str) -> String {
    key_on_page(page, &format!("#{}", fragment.replace(' ', "%20")))
}

/// Returns the key of a story that shares its place of a page with others.
fn story_key(page: &str, found: &FoundArticle) -> String {
    let distinction = found.guid.clone().unwrap_or_else(|| title_key(&found.title));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, distinction.as_bytes());
    key_on_page(page, &hex::encode(&digest.as_ref()[..12]))
}

/// Returns the key for a new article: that of its page, unless another story has it.
pub async fn free_key(tx: &mut Tx, found: &FoundArticle, url: &Url) -> Result<String, DbError> {
    let page = url_key(url);
    if !is_key_used(tx, &page).await? {
        return Ok(page);
    }
    if let Some(place) = fragment(url).map(|fragment| place_key(&page, fragment))
        && !is_key_used(tx, &place).await?
    {
        return Ok(place);
    }
    Ok(story_key(&page, found))
}

pub async fn is_key_used(tx: &mut Tx, key: &str) -> Result<bool, DbError> {
    Ok(by_key(tx, key).await?.is_some())
}

pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<ArticleId>, DbError> {
    query_scalar!(tx, "SELECT id FROM articles WHERE url_key = $1", key).fetch_optional().await
}

/// Returns the article that a feed knows by an identifier.
pub async fn by_guid(tx: &mut Tx, feed: FeedId, guid: &str) -> Result<Option<ArticleId>, DbError> {
    query_scalar!(
        tx,
        "SELECT article_id FROM article_sources WHERE feed_id = $1 AND guid = $2 ORDER BY article_id DESC \
         LIMIT 1",
        feed,
        guid
    )
    .fetch_optional()
    .await
}

/// Returns the identifier by which a feed knows an article. `None`: the feed doesn't carry it. `Some(None)`:
/// the feed gives no identifier.
async fn source_of(tx: &mut Tx, article: ArticleId, feed: FeedId) -> Result<Option<Option<String>>, DbError> {
    query_scalar!(
        tx,
        "SELECT guid FROM article_sources WHERE article_id = $1 AND feed_id = $2",
        article,
        feed
    )
    .fetch_optional()
    .await
}
