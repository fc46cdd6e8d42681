//! An operator accepts what a held feed brought.

use crate::{
    actions::Context,
    db::{DbError, audit, content::feeds},
    domain::actor::Actor,
};
use serde_json::json;

/// The result of accepting a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// So many articles can be in issues now.
    Articles(u64),
    NotHeld,
    NoSuchFeed,
}

/// Ends the hold of a feed that brought many articles at once.
pub async fn accept_feed(context: &Context, actor: &Actor, url: &str) -> Result<Accepted, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(feed) = feeds::get_by_url(&mut tx, url).await? else { return Ok(Accepted::NoSuchFeed) };
    let Some(held_since) = feed.held_since else { return Ok(Accepted::NotHeld) };
    let articles = feeds::end_hold(&mut tx, feed.id, held_since.0, now).await?;
    feeds::set_trouble(&mut tx, feed.id, None).await?;
    let entry = audit::Entry {
        actor,
        action: "feed.accept",
        subject: Some(feed.id.0),
        before: json!({ "url": url, "held_since": held_since }),
        after: json!({ "url": url, "articles": articles }),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(Accepted::Articles(articles))
}
