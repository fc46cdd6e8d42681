//! What is held about readers is kept for as long as is configured: who left long ago is forgotten, and old mails are erased.

use super::Context;
use crate::{
    db::{DbError, forgotten, mails},
    domain::email_address::EmailAddress,
};
use jiff::Timestamp;

/// Readers looked at, and mails erased, in one transaction.
const PORTION: i64 = 500;

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Readers forgotten.
    pub readers: usize,
    /// Mails erased.
    pub mails: u64,
}

/// Erases what has been kept long enough, a portion at a time, until nothing is left or the process is asked to end: the next one goes on.
pub async fn retain(context: &Context) -> Result<Retained, DbError> {
    let now = context.clock.now();
    let mut retained = Retained::default();
    if let Some(kept) = context.rules.retention.left {
        retained.readers = forget_left(context, now - kept, now).await?;
    }
    if let Some(kept) = context.rules.retention.mails {
        while !context.stop.is_cancelled() {
            let mut tx = context.db.begin().await?;
            let erased = mails::erase_finished(&mut tx, now - kept, PORTION).await?;
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
async fn forget_left(context: &Context, until: Timestamp, now: Timestamp) -> Result<usize, DbError> {
    let (mut after, mut forgot) = ((Timestamp::UNIX_EPOCH, 0), 0);
    loop {
        let left = forgotten::left_until(&mut context.db.read().await?, until, after, PORTION).await?;
        let Some(last) = left.last() else { return Ok(forgot) };
        after = (last.ended_at.0, last.subscription);
        for reader in left {
            if context.stop.is_cancelled() {
                return Ok(forgot);
            }
            // What is stored was parsed once; rules may have become stricter since.
            let Ok(address) = EmailAddress::parse(&reader.address) else { continue };
            let mut tx = context.db.begin().await?;
            // Who came back in this moment stays.
            if forgotten::has_left(&mut tx, &address, until).await?
                && forgotten::forget(&mut tx, &address, now).await?
            {
                forgot += 1;
            }
            tx.commit().await?;
        }
    }
}
