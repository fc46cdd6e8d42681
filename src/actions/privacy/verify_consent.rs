//! Verifies the hash chain of the consent ledger, and adds missing links.

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

/// Entries linked per transaction. Other writers wait during one, because SQLite has a single writer.
const BATCH_SIZE: i64 = 2_000;
/// Pause between batches, for other processes: they poll SQLite's lock only now and then.
const PAUSE: Duration = Duration::from_millis(10);
/// Links read at once.
const PAGE_SIZE: i64 = 2_000;

/// The result of a verification.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Verdict {
    /// Entries with a correct link.
    pub verified: u64,
    /// Those among them with an erased personal part.
    pub erased: u64,
    /// Subscriptions that the entries belong to.
    pub subscriptions: u64,
    /// Imported entries that wait for their links.
    pub unlinked: i64,
    /// Entries with a wrong link, or without one although no import added them.
    pub broken: u64,
    pub first_broken: Option<Break>,
    /// A digest of all chains.
    pub digest: String,
}

/// The place where a chain is broken.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Break {
    pub event: i64,
    pub subscription: i64,
    pub problem: &'static str,
}

/// Verifies every link. Reads page by page, so that memory use is constant.
pub async fn verify_consent(db: &Db) -> Result<Verdict, DbError> {
    let mut verdict = Verdict::default();
    let mut heads = ChainHeads::new();
    let mut before: Option<LinkedEvent> = None;
    // All pages are read from one snapshot.
    let mut tx = db.read().await?;
    loop {
        let after = before.as_ref().map_or((SubscriptionId(0), 0), |it| (it.subscription_id, it.position));
        let page = subscribers::links_after(&mut tx, after, PAGE_SIZE).await?;
        if page.is_empty() {
            break;
        }
        for it in page {
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
    let unlinked = subscribers::count_unlinked(&mut tx).await?;
    verdict.unlinked = unlinked.waiting;
    verdict.broken += unlinked.foreign.unsigned_abs();
    if let Some(event) = unlinked.first_foreign
        && verdict.first_broken.is_none()
    {
        let subscription = subscribers::subscription_of(&mut tx, event).await?.map_or(0, |id| id.0);
        verdict.first_broken =
            Some(Break { event, subscription, problem: "it has no link, and no import added it" });
    }
    verdict.digest = heads.finish();
    Ok(verdict)
}

/// Returns the problem with a link, given the one before it.
fn problem(before: Option<&LinkedEvent>, it: &LinkedEvent) -> Option<&'static str> {
    let (position, previous) = before.map_or((0, ""), |last| (last.position, last.chain.as_str()));
    if it.position != position + 1 {
        return Some("an entry before it was removed");
    }
    let Some(entry) = it.event.entry(it.subscription_id, it.position, it.event_id) else {
        return Some("the entry was removed, or belongs to another subscription");
    };
    let personal = it.event.personal();
    match &it.salt {
        None if !personal.is_erased() => return Some("an erased part was restored"),
        Some(salt) if personal.digest(salt) != it.personal => {
            return Some("the address, client or page of the entry was changed");
        }
        _ => {}
    }
    (link(previous, &entry, &it.personal) != it.chain).then_some("the entry or its link was changed")
}

/// Links imported entries, which wait in a backlog. Each batch has its own transaction, so that others can
/// write in between and the process can stop. Returns the number of entries linked.
pub async fn link_consent(context: &Context, stop: &CancellationToken) -> Result<usize, DbError> {
    let mut linked = 0;
    // Avoids a write transaction if there is nothing to do.
    if !subscribers::has_backlog(&mut context.db.read().await?).await? {
        return Ok(0);
    }
    while !stop.is_cancelled() {
        let mut tx = context.db.begin().await?;
        match subscribers::link_backlog(&mut tx, BATCH_SIZE).await? {
            Backlog::Empty => break,
            Backlog::Linked(entries) => linked += entries,
        }
        tx.commit().await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(linked)
}
