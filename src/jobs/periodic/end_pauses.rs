//! Readers' pauses end: when their day begins, and with the issue of that day, whose first readers may live a day ahead of them.

use crate::{
    db::{
        Db, DbError, Tx, issues, newsletters,
        subscribers::{self, Resumed},
    },
    domain::ids::NewsletterId,
};
use jiff::{Timestamp, civil::Date};

/// Most pauses that end in one turn.
const AT_ONCE: i64 = 500;

/// Ends the pauses whose day has begun. Issues follow the readers' clocks, each clock once.
pub(crate) async fn end(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let mut resumed: Vec<Resumed> = subscribers::resume_due(tx, now, AT_ONCE).await?;
    if resumed.is_empty() {
        return Ok(());
    }
    tracing::info!(readers = resumed.len(), "pauses ended");
    resumed.sort_by(|a, b| (a.newsletter_id, &a.clock).cmp(&(b.newsletter_id, &b.clock)));
    resumed.dedup();
    for it in resumed {
        let newsletter = newsletters::get(tx, it.newsletter_id).await?;
        issues::follow_clock(tx, &newsletter, &it.clock, now).await?;
    }
    Ok(())
}

/// Ends the pauses that end with the issue of a date, before its readers are counted.
pub(crate) async fn end_with(db: &Db, newsletter: NewsletterId, date: Date) -> Result<(), DbError> {
    let mut tx = db.read().await?;
    if !subscribers::any_resume_with(&mut tx, newsletter, date).await? {
        return Ok(());
    }
    drop(tx);
    let mut tx = db.begin().await?;
    let readers = subscribers::resume_with(&mut tx, newsletter, date).await?;
    tx.commit().await?;
    tracing::info!(readers, %date, "pauses ended with an issue");
    Ok(())
}
