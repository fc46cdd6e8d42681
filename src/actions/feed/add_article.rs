//! An operator adds, pins or hides an article.

use crate::{
    actions::Context,
    db::{
        DbError,
        content::articles::{self, Origin, Stored},
    },
    domain::{content::article::FoundArticle, ids::ArticleId},
};

/// Adds an article that was read from its page. `None`: its page names no address, without which readers can't open it.
pub async fn add_article(context: &Context, found: &FoundArticle) -> Result<Option<Stored>, DbError> {
    let mut tx = context.db.begin().await?;
    let stored = articles::store(&mut tx, found, Origin::Operator, context.clock.now()).await?;
    tx.commit().await?;
    Ok(stored)
}

/// Pins an article to the next issue, or takes the pin off. `false`: there is no such article.
pub async fn pin_article(context: &Context, id: ArticleId, pinned: bool) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let found = articles::set_pinned(&mut tx, id, pinned).await?;
    tx.commit().await?;
    Ok(found)
}

/// Keeps an article out of issues, or lets it in again. `false`: there is no such article.
pub async fn hide_article(context: &Context, id: ArticleId, hidden: bool) -> Result<bool, DbError> {
    let mut tx = context.db.begin().await?;
    let found = articles::set_hidden(&mut tx, id, hidden).await?;
    tx.commit().await?;
    Ok(found)
}
