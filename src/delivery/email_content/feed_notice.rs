//! What operators are told about a feed with which something is wrong.

use crate::{
    db::{DbError, Tx, content::feeds},
    delivery::email_content::{Content, Making, clock},
};
use email_templates::notice::{Matter, TroubledFeed};

pub(super) async fn content(making: &Making<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let feed = match making.mail.feed_id {
        Some(id) => feeds::get(tx, id).await?,
        None => None,
    };
    let Some(feed) = feed else { return Ok(Content::Unwanted(crate::delivery::email_content::GONE)) };
    let Some(trouble) = feed.trouble.as_deref() else {
        return Ok(Content::Unwanted("nothing is wrong with the feed any more"));
    };
    let newsletter = &making.newsletter.newsletter;
    Ok(making.letter(Matter::FeedTrouble(TroubledFeed {
        title: &feed.title,
        url: &feed.url,
        trouble,
        since: feed.trouble_since.map(|at| clock::civil(newsletter, at.0)),
        last_read: feed.succeeded_at.map(|at| clock::civil(newsletter, at.0)),
        last_story: feed.last_item_at.map(|at| clock::civil(newsletter, at.0)),
        clock: &clock::name(newsletter, making.now),
        is_read_on: feed.status == "active",
    })))
}
