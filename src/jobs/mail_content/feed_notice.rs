//! What operators are told about a feed with which something is wrong.

use super::{Content, Making, clock};
use crate::{
    db::{
        DbError, Tx,
        feeds::{self, FeedRecord},
    },
    domain::ids::FeedId,
};
use email_templates::notice::{Matter, TroubledFeed};

pub(super) async fn content(making: &Making<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let feed = match making.mail.feed_id {
        Some(id) => feeds::get(tx, FeedId(id)).await?,
        None => None,
    };
    let Some(feed) = feed else { return Ok(Content::Unwanted(super::GONE)) };
    let Some(trouble) = trouble(&feed) else {
        return Ok(Content::Unwanted("nothing is wrong with the feed any more"));
    };
    let newsletter = &making.newsletter.newsletter;
    Ok(making.letter(Matter::FeedTrouble(TroubledFeed {
        title: &feed.title,
        url: &feed.url,
        trouble,
        since: None,
        last_read: feed.succeeded_at.map(|at| clock::civil(newsletter, at.0)),
        last_story: None,
        clock: &clock::name(newsletter, making.now),
        is_read_on: feed.status == "active",
    })))
}

/// What is wrong with a feed, if something is. One that an operator removed is in no trouble.
fn trouble(feed: &FeedRecord) -> Option<&str> {
    let is_failing = feed.status == "active" && feed.failures > 0;
    let is_gone = feed.status == "retired";
    feed.last_error.as_deref().filter(|error| is_failing || (is_gone && *error != "removed by an operator"))
}
