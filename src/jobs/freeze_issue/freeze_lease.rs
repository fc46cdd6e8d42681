//! Lets one issue at a time be frozen, across all newsletters and processes. A plan depends on the stories
//! that readers get from other issues.

use crate::{
    db::{DbError, engine::leases},
    jobs::context::IssueContext,
    random,
};
use jiff::SignedDuration;

const NAME: &str = "freeze";
/// How long the lease of a crashed worker lasts. It is renewed with each batch of deliveries.
const LEASE_TIME: SignedDuration = SignedDuration::from_mins(2);

/// The right to freeze an issue.
pub struct FreezeLease {
    holder: String,
}

impl FreezeLease {
    /// Acquires the lease. Returns `None` if another issue is being frozen.
    pub async fn acquire(context: &IssueContext) -> Result<Option<Self>, DbError> {
        let lease = Self { holder: random::hex::<8>() };
        Ok(lease.renew(context).await?.then_some(lease))
    }

    /// Renews the lease. Returns `false` if it was lost.
    pub async fn renew(&self, context: &IssueContext) -> Result<bool, DbError> {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let is_held = leases::acquire(&mut tx, NAME, &self.holder, now, now + LEASE_TIME).await?;
        tx.commit().await?;
        Ok(is_held)
    }

    pub async fn release(self, context: &IssueContext) -> Result<(), DbError> {
        let mut tx = context.db.begin().await?;
        leases::release(&mut tx, NAME, &self.holder).await?;
        tx.commit().await
    }
}
