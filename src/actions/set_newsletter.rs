//! An operator changes what a newsletter is called, or when it goes out.

use super::Context;
use crate::{
    db::{
        DbError, issues,
        newsletters::{self, NewsletterRecord},
    },
    domain::{ids::NewsletterId, newsletter::Newsletter, schedule},
};

/// Changes a newsletter by what `change` makes of it, in one transaction.
///
/// A new time or zone moves the issues that are planned already, and sends nothing at once: one whose new moment is past
/// keeps its old one, and dates whose new moment is past have no issue on account of the change.
pub async fn set_newsletter<E: From<DbError>>(
    context: &Context,
    id: NewsletterId,
    change: impl FnOnce(&mut Newsletter) -> Result<(), E>,
) -> Result<NewsletterRecord, E> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let before = newsletters::get(&mut tx, id).await?;
    let mut record = before.clone();
    change(&mut record.newsletter)?;
    let (old, new) = (&before.newsletter, &record.newsletter);
    if old.send_time != new.send_time || old.time_zone != new.time_zone {
        record.scheduled_since = now;
        for issue in issues::planned(&mut tx, id).await? {
            let due_at = schedule::due_at(&record.newsletter, issue.date());
            if due_at > now {
                issues::set_due(&mut tx, issue.id, due_at).await?;
            }
        }
    }
    newsletters::update(&mut tx, &record).await?;
    tx.commit().await?;
    Ok(record)
}
