//! What is held about readers is kept for as long as is configured: who left long ago is forgotten, and old mails are erased.

use crate::{
    db::{DbError, Tx, deliveries::emails, engine::leases, subscribers::erasure},
    domain::ids::SubscriptionId,
    jobs::context::ReaderContext,
    random,
};
use jiff::{SignedDuration, Timestamp};

/// Readers looked at, and mails erased, in one transaction.
const PORTION: i64 = 500;
/// Of several workers one does it at a time.
const TURN: &str = "retain";
/// How long a worker that fell silent keeps its turn. It is prolonged with each transaction.
const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Readers forgotten.
    pub readers: usize,
    /// Mails erased.
    pub mails: u64,
}

/// Erases what has been kept long enough, a portion at a time, until nothing is left or the process is asked to end: the next one goes
/// on. Where another worker is at it, nothing is done.
pub async fn retain(context: &ReaderContext) -> Result<Retained, DbError> {
    let turn = Turn { context, holder: random::hex::<8>() };
    let mut tx = context.db.begin().await?;
    if !turn.prolong(&mut tx).await? {
        return Ok(Retained::default());
    }
    tx.commit().await?;
    let retained = erase(&turn).await;
    let mut tx = context.db.begin().await?;
    leases::release(&mut tx, TURN, &turn.holder).await?;
    tx.commit().await?;
    retained
}

/// This worker's turn.
struct Turn<'a> {
    context: &'a ReaderContext,
    holder: String,
}

impl Turn<'_> {
    /// Takes it, or keeps it for longer. `false`: it is another one's.
    async fn prolong(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let now = self.context.clock.now();
        leases::acquire(tx, TURN, &self.holder, now, now + LEASE).await
    }
}

async fn erase(turn: &Turn<'_>) -> Result<Retained, DbError> {
    let context = turn.context;
    let now = context.clock.now();
    let mut retained = Retained::default();
    if let Some(kept) = context.settings.retention.left() {
        retained.readers = forget_left(turn, now - kept, now).await?;
    }
    if let Some(kept) = context.settings.retention.mails() {
        while !context.stop.is_cancelled() {
            let mut tx = context.db.begin().await?;
            if !turn.prolong(&mut tx).await? {
                break;
            }
            let erased = emails::erase_finished(&mut tx, now - kept, PORTION).await?;
            tx.commit().await?;
            retained.mails += erased;
            if erased == 0 {
                break;
            }
        }
    }
    Ok(retained)
}

/// Forgets readers whose last subscription ended until a moment. Returns how many.
async fn forget_left(turn: &Turn<'_>, until: Timestamp, now: Timestamp) -> Result<usize, DbError> {
    let context = turn.context;
    let (mut after, mut forgot) = ((Timestamp::UNIX_EPOCH, SubscriptionId(0)), 0);
    loop {
        let left = erasure::left_until(&mut context.db.read().await?, until, after, PORTION).await?;
        let Some(last) = left.last() else { return Ok(forgot) };
        after = (last.ended_at.0, last.subscription);
        for reader in left {
            if context.stop.is_cancelled() {
                return Ok(forgot);
            }
            let mut tx = context.db.begin().await?;
            if !turn.prolong(&mut tx).await? {
                return Ok(forgot);
            }
            // Who came back in this moment stays.
            if erasure::has_left(&mut tx, &reader.address, until).await?
                && erasure::erase(&mut tx, &reader.address, now).await?
            {
                forgot += 1;
            }
            tx.commit().await?;
        }
    }
}
