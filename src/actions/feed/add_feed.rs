//! An operator connects or disconnects a feed.

use crate::{
    actions::Context,
    db::{DbError, content::feeds},
    domain::ids::FeedId,
};

/// Adds a feed, to be read at the next look for due feeds.
pub async fn add_feed(context: &Context, url: &str) -> Result<FeedId, DbError> {
    let mut tx = context.db.begin().await?;
    let id = feeds::insert(&mut tx, url, context.clock.now()).await?;
    tx.commit().await?;
    Ok(id)
}

/// Stops reading a feed; its articles stay. `false`: there is no such feed.
pub async fn remove_feed(context: &Context, url: &str) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let Some(feed) = feeds::by_url(&mut tx, url).await? else { return Ok(false) };
    feeds::retire(&mut tx, feed.id, "removed by an operator").await?;
    tx.commit().await?;
    Ok(true)
}
