//! An operator adds a newsletter.

use crate::{
    actions::{Context, newsletter::settings},
    db::{
        DbError, audit,
        newsletters::{self, NewsletterRecord},
    },
    domain::{actor::Actor, newsletter::Newsletter},
};
use serde_json::Value;

/// Adds the newsletter that `describe` makes from the first newsletter, whose settings are the defaults.
/// `None` if the short name is taken. The first issue is the first one due from now on.
pub async fn add_newsletter<E: From<DbError>>(
    context: &Context,
    actor: &Actor,
    describe: impl FnOnce(&Newsletter) -> Result<Newsletter, E>,
) -> Result<Option<NewsletterRecord>, E> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let first = newsletters::list(&mut tx).await?.into_iter().next();
    let model = first.map_or_else(Newsletter::default, |it| it.newsletter);
    let newsletter = describe(&model)?;
    if !newsletters::insert_if_new(&mut tx, &newsletter, now).await? {
        return Ok(None);
    }
    let record = newsletters::by_slug(&mut tx, &newsletter.slug).await?;
    let entry = audit::Entry {
        actor,
        action: "newsletter.add",
        subject: record.as_ref().map(|it| it.id.0),
        before: Value::Null,
        after: settings(&newsletter),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(record)
}
