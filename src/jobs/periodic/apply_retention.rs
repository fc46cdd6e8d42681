//! Applies the retention periods: erases readers who unsubscribed long ago, old emails, and pictures that no issue
//! used.

use crate::{
    db::{
        DbError, Tx,
        content::pictures,
        deliveries::{emails, fold},
        engine::leases,
        imports, incoming_messages,
        issues::variants,
        subscribers::erasure,
    },
    domain::ids::{IssueId, SubscriptionId},
    jobs::context::ReaderContext,
    random,
};
use jiff::{SignedDuration, Timestamp};

/// Readers, emails or pictures per transaction.
const BATCH: i64 = 500;
/// Pause between portions of deliveries, for other writers.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
const LEASE_NAME: &str = "retention";
/// How long the lease of a crashed worker lasts. It is renewed in each transaction.
const LEASE_TIME: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    pub readers: usize,
    pub emails: u64,
    /// Deliveries folded into receipts and figures.
    pub deliveries: usize,
    /// Pictures of stories that were in no sent issue.
    pub pictures: u64,
}

/// Erases everything past its retention period, in batches, until the process is asked to stop. Does nothing
/// while another worker holds the lease.
pub async fn apply_retention(context: &ReaderContext) -> Result<Erased, DbError> {
    let lease = RetentionLease { context, holder: random::hex::<8>() };
    let mut tx = context.db.begin().await?;
    if !lease.renew(&mut tx).await? {
        return Ok(Erased::default());
    }
    tx.commit().await?;
    let erased = erase_expired(&lease).await;
    let mut tx = context.db.begin().await?;
    leases::release(&mut tx, LEASE_NAME, &lease.holder).await?;
    tx.commit().await?;
    erased
}

/// Keeps other workers from applying retention at the same time.
struct RetentionLease<'a> {
    context: &'a ReaderContext,
    holder: String,
}

impl RetentionLease<'_> {
    /// Acquires or renews the lease. Returns `false` if another worker holds it.
    async fn renew(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let now = self.context.clock.now();
        leases::acquire(tx, LEASE_NAME, &self.holder, now, now + LEASE_TIME).await
    }
}

async fn erase_expired(lease: &RetentionLease<'_>) -> Result<Erased, DbError> {
    let context = lease.context;
    let now = context.clock.now();
    let mut erased = Erased::default();
    let mut tx = context.db.begin().await?;
    imports::expire(&mut tx, now).await?;
    tx.commit().await?;
    if let Some(kept) = context.settings.retention.left() {
        erased.readers = erase_former_readers(lease, now - kept, now).await?;
    }
    if let Some(kept) = context.settings.retention.mails() {
        while !context.stop.is_cancelled() {
            let mut tx = context.db.begin().await?;
            if !lease.renew(&mut tx).await? {
                break;
            }
            let count = emails::erase_finished(&mut tx, now - kept, now, BATCH).await?;
            let incoming = incoming_messages::erase_until(&mut tx, now - kept, BATCH).await?;
            tx.commit().await?;
            erased.emails += count;
            if count + incoming == 0 {
                break;
            }
        }
    }
    erased.deliveries = fold_deliveries(lease, now - context.settings.retention.deliveries(), now).await?;
    if let Some(kept) = context.settings.retention.pictures() {
        while !context.stop.is_cancelled() {
            let mut tx = context.db.begin().await?;
            if !lease.renew(&mut tx).await? {
                break;
            }
            let count = pictures::drop_unsent(&mut tx, now - kept, BATCH).await?;
            tx.commit().await?;
            erased.pictures += count;
            if count == 0 {
                break;
            }
        }
    }
    Ok(erased)
}

/// Folds the deliveries of issues closed before a time, 4,096 readers at a time. Returns their number.
async fn fold_deliveries(
    lease: &RetentionLease<'_>,
    closed_before: Timestamp,
    now: Timestamp,
) -> Result<usize, DbError> {
    let context = lease.context;
    let mut folded = 0;
    while !context.stop.is_cancelled() {
        let mut tx = context.db.begin().await?;
        // A plan that was made before an issue is folded must not be frozen after it.
        variants::lock(&mut tx).await?;
        if !lease.renew(&mut tx).await? || variants::progress(&mut tx, IssueId(0)).await?.is_fanning_out {
            break;
        }
        let Some(next) = fold::next_to_fold(&mut tx, closed_before).await? else { break };
        match next.folded_to {
            None => fold::begin(&mut tx, next.issue, next.newsletter, now).await?,
            Some(after) => {
                let portion = fold::fold_portion(&mut tx, next.issue, after).await?;
                folded += portion.unwrap_or_default();
            }
        }
        tx.commit().await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(folded)
}

/// Erases readers whose last subscription ended before `until`. Returns their number.
async fn erase_former_readers(
    lease: &RetentionLease<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<usize, DbError> {
    let context = lease.context;
    let (mut after, mut erased) = ((Timestamp::UNIX_EPOCH, SubscriptionId(0)), 0);
    loop {
        let left = erasure::left_until(&mut context.db.read().await?, until, after, BATCH).await?;
        let Some(last) = left.last() else { return Ok(erased) };
        after = (last.ended_at.0, last.subscription);
        for reader in left {
            if context.stop.is_cancelled() {
                return Ok(erased);
            }
            let mut tx = context.db.begin().await?;
            if !lease.renew(&mut tx).await? {
                return Ok(erased);
            }
            // The reader may have signed up again since the query.
            if erasure::has_left(&mut tx, &reader.address, until).await?
                && erasure::erase(&mut tx, &reader.address, now).await?
            {
                erased += 1;
            }
            tx.commit().await?;
        }
    }
}
