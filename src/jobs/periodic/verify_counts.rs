//! Compares the kept counts of readers with the readers.

use crate::{
    db::{DbError, engine::leases, reader_counts},
    jobs::context::ReaderContext,
    random,
};
use jiff::SignedDuration;

const LEASE_NAME: &str = "reader counts";
/// How long the lease of a crashed worker lasts.
const LEASE_TIME: SignedDuration = SignedDuration::from_mins(5);

/// Corrects counts that are wrong, and says so in the log. Returns their number. Does nothing while another worker
/// holds the lease, because two corrections would add up.
pub async fn verify_counts(context: &ReaderContext) -> Result<usize, DbError> {
    let (now, holder) = (context.clock.now(), random::hex::<8>());
    let mut tx = context.db.read().await?;
    let wrong = reader_counts::drift(&mut tx).await?;
    drop(tx);
    if wrong.is_empty() {
        return Ok(0);
    }
    let mut tx = context.db.begin().await?;
    if !leases::acquire(&mut tx, LEASE_NAME, &holder, now, now + LEASE_TIME).await? {
        return Ok(0);
    }
    reader_counts::repair(&mut tx).await?;
    leases::release(&mut tx, LEASE_NAME, &holder).await?;
    tx.commit().await?;
    tracing::error!(counts = wrong.len(), example = ?wrong[0], "corrected kept counts of readers that were wrong");
    Ok(wrong.len())
}
