//! An operator adds a newsletter.

use crate::{
    actions::Context,
    db::{
        DbError,
        newsletters::{self, NewsletterRecord},
    },
    domain::newsletter::Newsletter,
};

/// Adds a newsletter that `describe` makes of the first one, which it is like in all that is not said of it. `None`: its short name
/// is taken. Its first issue is the first one due from now on.
pub async fn add_newsletter<E: From<DbError>>(
    context: &Context,
    describe: impl FnOnce(&Newsletter) -> Result<Newsletter, E>,
) -> Result<Option<NewsletterRecord>, E> {
    let mut tx = context.db.begin().await?;
    let first = newsletters::list(&mut tx).await?.into_iter().next();
    let model = first.map_or_else(Newsletter::out_of_the_box, |it| it.newsletter);
    let newsletter = describe(&model)?;
    if !newsletters::insert_if_new(&mut tx, &newsletter, context.clock.now()).await? {
        return Ok(None);
    }
    let record = newsletters::by_slug(&mut tx, &newsletter.slug).await?;
    tx.commit().await?;
    Ok(record)
}
