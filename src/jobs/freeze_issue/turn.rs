//! One freeze at a time, over all newsletters and processes: what readers get of one issue must be known before the next is planned
//! for good.

use crate::{
    db::{DbError, engine::leases},
    jobs::context::IssueContext,
    random,
};
use jiff::SignedDuration;

const NAME: &str = "freeze";
/// How long a worker that fell silent keeps its turn. It is prolonged with each portion of deliveries.
const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// A turn at freezing.
pub struct Turn {
    holder: String,
}

impl Turn {
    /// Takes it. `None`: another issue is being frozen.
    pub async fn take(context: &IssueContext) -> Result<Option<Self>, DbError> {
        let turn = Self { holder: random::hex::<8>() };
        Ok(turn.prolong(context).await?.then_some(turn))
    }

    /// Keeps it for longer. `false`: it was lost.
    pub async fn prolong(&self, context: &IssueContext) -> Result<bool, DbError> {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let kept = leases::acquire(&mut tx, NAME, &self.holder, now, now + LEASE).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Leaves it to the next.
    pub async fn end(self, context: &IssueContext) -> Result<(), DbError> {
        let mut tx = context.db.begin().await?;
        leases::release(&mut tx, NAME, &self.holder).await?;
        tx.commit().await
    }
}
