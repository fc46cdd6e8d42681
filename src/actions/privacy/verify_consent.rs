//! Somebody wants to know whether the ledger of consent is whole; and its links are made where they are missing.

use crate::{
    actions::Context,
    db::{
        Db, DbError,
        subscribers::{self, Backlog, LinkedEvent},
    },
    domain::{
        ids::SubscriptionId,
        subscriber::consent_chain::{ChainHeads, link},
    },
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Entries of the backlog that are done in one transaction: on SQLite nobody else writes meanwhile.
const PORTION: i64 = 1_000;
/// From one portion to the next: another process that waits for SQLite looks only now and then whether it is free.
const PAUSE: Duration = Duration::from_millis(10);
/// Links that are read at once.
const PAGE: i64 = 2_000;

/// What was found in the ledger.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Verdict {
    /// Entries whose link is right.
    pub verified: u64,
    /// Those of them whose personal part was erased.
    pub erased: u64,
    /// Subscriptions they belong to.
    pub subscriptions: u64,
    /// Entries that have no link yet.
    pub unlinked: i64,
    /// Entries whose link is wrong.
    pub broken: u64,
    /// The first of those.
    pub first_broken: Option<Break>,
    /// A digest over all chains as they are now.
    pub digest: String,
}

/// Where a chain is broken.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Break {
    /// The entry.
    pub event: i64,
    /// Of which subscription.
    pub subscription: i64,
    /// What is wrong.
    pub problem: &'static str,
}

/// Verifies every link, in portions: memory does not grow with the ledger.
pub async fn verify_consent(db: &Db) -> Result<Verdict, DbError> {
    let mut verdict = Verdict::default();
    let mut heads = ChainHeads::new();
    let mut before: Option<LinkedEvent> = None;
    // One snapshot: what is added meanwhile is verified the next time.
    let mut tx = db.read().await?;
    loop {
        let after = before.as_ref().map_or((SubscriptionId(0), 0), |it| (it.subscription_id, it.position));
        let portion = subscribers::links_after(&mut tx, after, PAGE).await?;
        if portion.is_empty() {
            break;
        }
        for it in portion {
            let last = before.take();
            let same = last.as_ref().filter(|last| last.subscription_id == it.subscription_id);
            if same.is_none() {
                verdict.subscriptions += 1;
                if let Some(last) = &last {
                    heads.add(last.subscription_id.0, &last.chain);
                }
            }
            match problem(same, &it) {
                None => {
                    verdict.verified += 1;
                    verdict.erased += u64::from(it.salt.is_none());
                }
                Some(problem) => {
                    verdict.broken += 1;
                    let (event, subscription) = (it.event_id, it.subscription_id.0);
                    verdict.first_broken.get_or_insert(Break { event, subscription, problem });
                }
            }
            before = Some(it);
        }
    }
    if let Some(last) = &before {
        heads.add(last.subscription_id.0, &last.chain);
    }
    verdict.unlinked = subscribers::count_unlinked(&mut tx).await?;
    verdict.digest = heads.finish();
    Ok(verdict)
}

/// What is wrong with a link after another one, if anything.
fn problem(before: Option<&LinkedEvent>, it: &LinkedEvent) -> Option<&'static str> {
    let (place, previous) = before.map_or((0, ""), |last| (last.position, last.chain.as_str()));
    if it.position != place + 1 {
        return Some("an entry before it was removed");
    }
    let Some(entry) = it.event.entry(it.subscription_id, it.position, it.event_id) else {
        return Some("the entry was removed, or belongs to another subscription");
    };
    let personal = it.event.personal();
    match &it.salt {
        None if !personal.is_erased() => return Some("what was erased is there again"),
        Some(salt) if personal.digest(salt) != it.personal => {
            return Some("address, client or page of the entry was changed");
        }
        _ => {}
    }
    (link(previous, &entry, &it.personal) != it.chain).then_some("the entry or its link was changed")
}

/// Gives imported entries, which are in the backlog, their links. Each portion is a transaction of its own: others can write in between,
/// and the process can stop. Returns how many entries got their links.
pub async fn link_consent(context: &Context, stop: &CancellationToken) -> Result<usize, DbError> {
    let mut linked = 0;
    // Nobody waits for the store while there is nothing to do.
    if !subscribers::has_backlog(&mut context.db.read().await?).await? {
        return Ok(0);
    }
    while !stop.is_cancelled() {
        let mut tx = context.db.begin().await?;
        match subscribers::link_backlog(&mut tx, PORTION).await? {
            Backlog::Empty => break,
            Backlog::Linked(entries) => linked += entries,
        }
        tx.commit().await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(linked)
}
