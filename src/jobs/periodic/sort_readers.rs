//! Sorts readers into cohorts, so that plans need not look up their pasts in the deliveries.

use crate::{
    db::{
        DbError,
        cohorts::{self, Unsorted},
        issues::variants,
        newsletters,
    },
    domain::{
        ids::{CohortId, IssueId, NewsletterId, SubscriptionId},
        issue::cohort::ReaderPast,
    },
    jobs::context::IssueContext,
};
use std::collections::HashMap;
use tokio_util::sync::CancellationToken;

/// Readers per transaction. On SQLite nothing else can write meanwhile.
const READERS_AT_ONCE: i64 = 5_000;
/// Pause between transactions, for other writers.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Sorts all readers without a cohort, until there are none or `stop` is cancelled. Leaves them while an
/// issue is fanned out. Returns their number.
pub async fn sort_readers(context: &IssueContext, stop: &CancellationToken) -> Result<usize, DbError> {
    let mut tx = context.db.read().await?;
    let newsletters: Vec<NewsletterId> = newsletters::list(&mut tx).await?.iter().map(|it| it.id).collect();
    drop(tx);
    let mut sorted = 0;
    for newsletter in newsletters {
        let mut tx = context.db.read().await?;
        if !cohorts::any_unsorted(&mut tx, newsletter).await? {
            continue;
        }
        drop(tx);
        while !stop.is_cancelled() {
            let readers = sort_portion(context, newsletter).await?;
            if readers == 0 {
                break;
            }
            sorted += readers;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(sorted)
}

type Key = (String, ReaderPast);

/// Sorts some readers of a newsletter. Returns their number.
async fn sort_portion(context: &IssueContext, newsletter: NewsletterId) -> Result<usize, DbError> {
    let mut tx = context.db.begin().await?;
    // A freeze moves cohorts on, and a fan-out relies on them. Neither may run meanwhile.
    variants::lock(&mut tx).await?;
    if variants::progress(&mut tx, IssueId(0)).await?.is_fanning_out {
        return Ok(0);
    }
    let unsorted = cohorts::lock_unsorted(&mut tx, newsletter, READERS_AT_ONCE).await?;
    if unsorted.is_empty() {
        return Ok(0);
    }
    let mut ids: HashMap<Key, CohortId> = HashMap::new();
    for cohort in cohorts::for_newsletter(&mut tx, newsletter).await? {
        match ids.get(&(cohort.audience.clone(), cohort.past.clone())) {
            // Cohorts become equal when what told them apart is folded.
            Some(equal) => {
                cohorts::merge(&mut tx, newsletter, cohort.id, *equal, READERS_AT_ONCE).await?;
            }
            None => {
                ids.insert((cohort.audience, cohort.past), cohort.id);
            }
        }
    }
    let readers = unsorted.len();
    let mut groups: HashMap<Key, Vec<SubscriptionId>> = HashMap::new();
    for Unsorted { id, audience, past } in unsorted {
        groups.entry((audience, ReaderPast::parse(&past))).or_default().push(id);
    }
    for (key, members) in groups {
        let cohort = match ids.get(&key) {
            Some(cohort) => *cohort,
            None => cohorts::insert(&mut tx, newsletter, &key.0, &key.1).await?,
        };
        cohorts::assign(&mut tx, cohort, &members).await?;
    }
    cohorts::remove_empty(&mut tx, newsletter).await?;
    tx.commit().await?;
    Ok(readers)
}
