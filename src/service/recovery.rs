//! Making good at once what dead workers left behind.

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

/// Ends every lease and wakes all that is open. Only for a worker that knows that no other one is alive.
pub async fn take_over(context: &Context) -> Result<(), DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let left = claims::expire_all(&mut tx).await? + emails::end_leases(&mut tx, now).await?;
    // Their connections died with them.
    connection_quotas::remove_others(&mut tx, &context.process).await?;
    processes::remove_other_workers(&mut tx, &context.process).await?;
    issues::reset_woken(&mut tx).await?;
    feeds::reset_woken(&mut tx).await?;
    tx.commit().await?;
    if left > 0 {
        tracing::warn!(left, "a worker died with mails in hand; they are taken over");
    }
    Ok(())
}
