//! Recovers the work of crashed workers immediately.

use crate::{
    db::{
        DbError,
        content::feeds,
        deliveries::{claims, emails},
        engine::processes,
        issues,
        throttle::connection_quotas,
    },
    delivery::context::Context,
};

/// Ends every lease and marks all open work as not woken. Only call it while no other worker is running.
pub async fn recover(context: &Context) -> Result<(), DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let expired = claims::expire_all(&mut tx).await? + emails::end_leases(&mut tx, now).await?;
    // Dead workers no longer hold relay connections.
    connection_quotas::remove_others(&mut tx, &context.process).await?;
    processes::remove_other_workers(&mut tx, &context.process).await?;
    issues::reset_woken(&mut tx).await?;
    feeds::reset_woken(&mut tx).await?;
    tx.commit().await?;
    if expired > 0 {
        tracing::warn!(expired, "recovered emails of crashed workers");
    }
    Ok(())
}
