//! An operator has a feed read now.

use crate::{
    actions::Context,
    db::{DbError, content::feeds},
    domain::ids::FeedId,
};

/// Makes a feed due. The scheduler reads it as soon as its host's order allows.
pub async fn poll_soon(context: &Context, feed: FeedId) -> Result<(), DbError> {
    let mut tx = context.db.begin().await?;
    feeds::postpone(&mut tx, feed, context.clock.now()).await?;
    tx.commit().await
}
