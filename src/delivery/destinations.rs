//! Counts this process's answers per destination, and tells which destinations to hold.
//!
//! The counts are kept in memory: they are about the last minutes, and a process that starts anew counts anew.

use crate::{
    db::deliveries::{Finish, Next},
    domain::{
        delivery::{
            breaker::{Breaker, DestinationScore},
            status::{self, DeliveryStatus},
        },
        ids::IssueId,
    },
};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Issues whose answers are counted at the same time.
const MAX_ISSUES: usize = 16;
/// Characters of an answer that a reason quotes.
const MAX_ANSWER_CHARS: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Destinations(Mutex<HashMap<IssueId, IssueScores>>);

#[derive(Debug, Default)]
struct IssueScores {
    all: DestinationScore,
    by_domain: HashMap<String, DestinationScore>,
}

/// The answers of one batch, per issue and domain.
#[derive(Debug, Default)]
pub(super) struct BatchScores(HashMap<IssueId, HashMap<String, (DestinationScore, String)>>);

/// A destination to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub issue: IssueId,
    pub domain: String,
    pub reason: String,
    /// Its answers. Its rejections no longer count against the issue.
    pub score: DestinationScore,
}

impl BatchScores {
    pub fn new(finishes: &[(IssueId, &Finish)]) -> Self {
        let mut scores = Self::default();
        for (issue, finish) in finishes {
            let Some(score) = score(finish) else { continue };
            let Some((_, domain)) = finish.address_key.rsplit_once('@') else { continue };
            let domains = scores.0.entry(*issue).or_default();
            let entry = domains.entry(domain.to_owned()).or_default();
            entry.0 += score;
            if score.refused + score.deferred > 0 {
                entry.1 = finish.answer.line().chars().take(MAX_ANSWER_CHARS).collect();
            }
        }
        scores
    }
}

impl Destinations {
    /// Returns the destinations to hold once a batch counts. Counts nothing yet, because the batch may have to
    /// be committed again.
    pub fn to_hold(&self, batch: &BatchScores, breaker: Breaker) -> Vec<Held> {
        let known = self.0.lock();
        let mut held = Vec::new();
        for (issue, domains) in &batch.0 {
            let known = known.get(issue);
            let mut all = known.map(|it| it.all).unwrap_or_default();
            for (score, _) in domains.values() {
                all += *score;
            }
            for (domain, (more, answer)) in domains {
                let mut score = known.and_then(|it| it.by_domain.get(domain)).copied().unwrap_or_default();
                score += *more;
                if let Some(verdict) = breaker.destination_verdict(score, without(all, score)) {
                    let (issue, domain) = (*issue, domain.clone());
                    held.push(Held { issue, domain, reason: format!("{verdict}: {answer}"), score });
                }
            }
        }
        held
    }

    /// Counts a batch that is committed. Held destinations begin anew.
    pub fn count(&self, batch: BatchScores, held: &[Held]) {
        let mut known = self.0.lock();
        if known.len() >= MAX_ISSUES {
            known.clear();
        }
        for (issue, domains) in batch.0 {
            let scores = known.entry(issue).or_default();
            for (domain, (score, _)) in domains {
                scores.all += score;
                *scores.by_domain.entry(domain).or_default() += score;
            }
        }
        for it in held {
            if let Some(scores) = known.get_mut(&it.issue) {
                scores.all = without(scores.all, it.score);
                scores.by_domain.remove(&it.domain);
            }
        }
    }
}

const fn without(all: DestinationScore, part: DestinationScore) -> DestinationScore {
    DestinationScore {
        answered: all.answered - part.answered,
        rejected: all.rejected - part.rejected,
        refused: all.refused - part.refused,
        deferred: all.deferred - part.deferred,
    }
}

/// Returns what an answer counts. `None` if no server of the destination answered.
fn score(finish: &Finish) -> Option<DestinationScore> {
    finish.answer.code?;
    let one = DestinationScore { answered: 1, ..DestinationScore::default() };
    Some(match finish.next {
        Next::End(DeliveryStatus::Sent) => one,
        Next::Deferred(_) => DestinationScore { deferred: 1, ..one },
        Next::End(DeliveryStatus::Failed) => {
            let is_refusal = !status::is_bad_address(&finish.answer);
            DestinationScore { rejected: 1, refused: i64::from(is_refusal), ..one }
        }
        Next::End(_) | Next::Again(_) => return None,
    })
}
