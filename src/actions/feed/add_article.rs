//! An operator adds, pins or hides an article.

use crate::{
    actions::Context,
    db::{
        DbError, audit,
        content::articles::{self, Origin, Stored},
    },
    domain::{actor::Actor, content::article::FoundArticle, ids::ArticleId},
};
use serde_json::{Value, json};

/// Adds an article that was read from its page. `None` if the page names no URL, because readers couldn't
/// open it.
pub async fn add_article(
    context: &Context,
    actor: &Actor,
    found: &FoundArticle,
) -> Result<Option<Stored>, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let stored = articles::store(&mut tx, found, Origin::Operator, now).await?;
    if let Some(Stored::New(id)) = stored {
        let entry = audit::Entry {
            actor,
            action: "article.add",
            subject: Some(id.0),
            before: Value::Null,
            after: json!({ "url": found.url, "title": found.title }),
        };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(stored)
}

/// Pins an article to the next issue, or unpins it. `false` if there is no such article.
pub async fn pin_article(
    context: &Context,
    actor: &Actor,
    id: ArticleId,
    pinned: bool,
) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let Some(article) = articles::get(&mut tx, id).await? else { return Ok(false) };
    articles::set_pinned(&mut tx, id, pinned).await?;
    let entry = audit::Entry {
        actor,
        action: "article.pin",
        subject: Some(id.0),
        before: json!({ "pinned": article.pinned }),
        after: json!({ "pinned": pinned }),
    };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Hides an article from issues, or shows it again. `false` if there is no such article.
pub async fn hide_article(
    context: &Context,
    actor: &Actor,
    id: ArticleId,
    hidden: bool,
) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let Some(article) = articles::get(&mut tx, id).await? else { return Ok(false) };
    articles::set_hidden(&mut tx, id, hidden).await?;
    let entry = audit::Entry {
        actor,
        action: "article.hide",
        subject: Some(id.0),
        before: json!({ "hidden": article.hidden }),
        after: json!({ "hidden": hidden }),
    };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await?;
    Ok(true)
}
