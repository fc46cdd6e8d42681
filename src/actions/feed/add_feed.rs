//! An operator connects or disconnects a feed.

use crate::{
    actions::Context,
    db::{DbError, audit, content::feeds},
    domain::{actor::Actor, ids::FeedId},
};
use serde_json::{Value, json};

/// Adds a feed, which is due at once. A feed that was removed becomes active again.
pub async fn add_feed(context: &Context, actor: &Actor, url: &str) -> Result<FeedId, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let known = feeds::get_by_url(&mut tx, url).await?;
    let id = feeds::insert(&mut tx, url, now).await?;
    let before = known.map_or(Value::Null, |feed| json!({ "url": url, "status": feed.status }));
    let after = json!({ "url": url, "status": "active" });
    let entry = audit::Entry { actor, action: "feed.add", subject: Some(id.0), before, after };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Stops reading a feed. Its articles stay. `false` if there is no such feed.
pub async fn remove_feed(context: &Context, actor: &Actor, url: &str) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let Some(feed) = feeds::get_by_url(&mut tx, url).await? else { return Ok(false) };
    feeds::retire(&mut tx, feed.id, "removed by an operator").await?;
    let entry = audit::Entry {
        actor,
        action: "feed.remove",
        subject: Some(feed.id.0),
        before: json!({ "url": url, "status": feed.status }),
        after: json!({ "url": url, "status": "retired" }),
    };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await?;
    Ok(true)
}
