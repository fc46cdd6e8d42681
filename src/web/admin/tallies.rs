//! An issue's copies by domain and by answer.
//!
//! Counting them reads all copies. A large issue is therefore counted in the background, seldom enough that counting
//! takes a twentieth of the time, and pages show the last count with its time.

use crate::{
    actions::Context,
    db::{
        DbError,
        deliveries::{self, AnswerCount, DomainCount},
        issues::IssueRecord,
    },
    domain::ids::IssueId,
};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Domains that are listed.
const DOMAINS: i64 = 8;
/// Answers that are listed.
const ANSWERS: i64 = 12;
/// Readers up to which an issue is counted at each look.
const AT_ONCE: i64 = 20_000;
/// Shortest pause between two counts of a large issue.
const PAUSE: Duration = Duration::from_secs(5);
/// Each pause lasts at least this many times as long as the count before it.
const PAUSE_FACTOR: u32 = 20;
/// Most issues whose counts are kept.
const MOST: usize = 16;

/// A count of an issue's copies.
#[derive(Debug, Clone)]
pub struct Tally {
    pub at: Timestamp,
    pub domains: Vec<DomainCount>,
    pub answers: Vec<AnswerCount>,
}

/// The last counts of large issues.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<HashMap<IssueId, Counted>>);

#[derive(Debug, Default)]
struct Counted {
    last: Option<Arc<Tally>>,
    is_counting: bool,
    /// The next count may begin.
    next: Option<Instant>,
}

impl Tallies {
    /// Returns a small issue's count, or the last one of a large issue, which is counted again in the background.
    /// `None`: it is being counted for the first time.
    pub async fn get(
        self: &Arc<Self>,
        context: &Context,
        issue: &IssueRecord,
    ) -> Result<Option<Arc<Tally>>, DbError> {
        if issue.recipients <= AT_ONCE {
            return count(context, issue.id).await.map(|tally| Some(Arc::new(tally)));
        }
        let (id, mut all) = (issue.id, self.lock());
        if all.len() >= MOST && !all.contains_key(&id) {
            all.retain(|_, counted| counted.is_counting);
        }
        let counted = all.entry(id).or_default();
        let last = counted.last.clone();
        if !counted.is_counting && counted.next.is_none_or(|next| next <= Instant::now()) {
            counted.is_counting = true;
            let (own, context) = (self.clone(), context.clone());
            tokio::spawn(async move { own.count_again(&context, id).await });
        }
        Ok(last)
    }

    async fn count_again(&self, context: &Context, issue: IssueId) {
        let begun = Instant::now();
        let tally = count(context, issue).await;
        let mut all = self.lock();
        let counted = all.entry(issue).or_default();
        counted.is_counting = false;
        counted.next = Some(Instant::now() + PAUSE.max(begun.elapsed() * PAUSE_FACTOR));
        match tally {
            Ok(tally) => counted.last = Some(Arc::new(tally)),
            Err(error) => tracing::warn!(%issue, %error, "could not count copies by domain; retrying"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IssueId, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn count(context: &Context, issue: IssueId) -> Result<Tally, DbError> {
    let at = context.clock.now();
    let mut tx = context.db.read().await?;
    let domains = deliveries::count_by_domain(&mut tx, issue, DOMAINS).await?;
    let answers = deliveries::count_by_answer(&mut tx, issue, ANSWERS).await?;
    Ok(Tally { at, domains, answers })
}
