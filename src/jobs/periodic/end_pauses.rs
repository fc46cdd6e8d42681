//! Ends readers' pauses when their resume date begins, or earlier with the issue of that date, whose first
//! readers may live a day ahead.

use crate::{
    db::{
        Db, DbError, Tx, issues, newsletters,
        subscribers::{self, Resumed},
    },
    domain::ids::NewsletterId,
};
use jiff::{Timestamp, civil::Date};

/// Most pauses that one run ends.
const AT_ONCE: i64 = 500;

/// Ends the pauses whose day has begun, and adjusts planned issues to the clocks of these readers.
pub(crate) async fn end_due_pauses(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let mut resumed: Vec<Resumed> = subscribers::resume_due(tx, now, AT_ONCE).await?;
    if resumed.is_empty() {
        return Ok(());
    }
    tracing::info!(readers = resumed.len(), "pauses ended");
    resumed.sort_by(|a, b| (a.newsletter_id, &a.clock).cmp(&(b.newsletter_id, &b.clock)));
    resumed.dedup();
    for reader in resumed {
        let newsletter = newsletters::get(tx, reader.newsletter_id).await?;
        issues::follow_clock(tx, &newsletter, &reader.clock, now).await?;
    }
    Ok(())
}

/// Ends the pauses that end with the issue of this date, before its readers are counted.
pub(crate) async fn end_pauses_with_issue(
    db: &Db,
    newsletter: NewsletterId,
    date: Date,
) -> Result<(), DbError> {
    let mut tx = db.read().await?;
    if !subscribers::any_resume_with(&mut tx, newsletter, date).await? {
        return Ok(());
    }
    drop(tx);
    let mut tx = db.begin().await?;
    let readers = subscribers::resume_with(&mut tx, newsletter, date).await?;
    tx.commit().await?;
    tracing::info!(readers, %date, "pauses ended with the issue of their resume date");
    Ok(())
}
