//! The services that the sending engine uses.

use super::{arming::Armed, email_recorder::EmailRecorder, recorder::Recorder, throttle::Throttle};
use crate::{
    clock::Clock,
    db::Db,
    domain::{ids::IssueId, token::KeyRing},
    mail::{DkimKeys, Mailer},
    queue::Queue,
    settings::Settings,
};
use jiff::SignedDuration;
use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The services for deliveries and single emails. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Signs the tokens in links.
    pub keys: Arc<KeyRing>,
    /// Leases connections to relays.
    pub mailer: Mailer,
    pub dkim: Arc<DkimKeys>,
    /// Records begins and answers of deliveries.
    pub recorder: Recorder,
    /// Records begins and answers of single emails.
    pub email_recorder: EmailRecorder,
    /// Limits relays and destinations.
    pub throttle: Throttle,
    /// Whether this process may send at all.
    pub armed: Armed,
    /// The issues that this process delivers at the moment.
    pub in_flight: InFlightIssues,
    /// Delivery runs that only wait for a slow relay's answer.
    pub background_tasks: TaskTracker,
    /// The name of this process among the live ones.
    pub process: Arc<str>,
    /// Maximum time for handing over one message, whatever relays do.
    pub hand_over_limit: SignedDuration,
    /// Cancelled at shutdown. Delivery runs then leave deliveries that they haven't begun to other processes.
    pub stop: CancellationToken,
    pub settings: Arc<Settings>,
}

/// The issues that this process delivers. One delivery run per issue is enough, because it uses all
/// connections.
#[derive(Debug, Clone, Default)]
pub struct InFlightIssues(Arc<Mutex<HashSet<IssueId>>>);

/// Excludes other delivery runs of this process from an issue until dropped.
pub struct IssueGuard<'a>(&'a InFlightIssues, IssueId);

impl InFlightIssues {
    /// Reserves an issue for one delivery run. `None`: another run of this process has reserved it.
    pub fn reserve(&self, issue: IssueId) -> Option<IssueGuard<'_>> {
        let is_free = self.0.lock().insert(issue);
        // `then_some` would create, and drop, a guard even if the issue is taken, and release the other run's
        // reservation.
        is_free.then(|| IssueGuard(self, issue))
    }
}

impl Drop for IssueGuard<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_is_reserved_until_its_guard_is_dropped() {
        let issues = InFlightIssues::default();
        let guard = issues.reserve(IssueId(1));
        assert!(guard.is_some() && issues.reserve(IssueId(2)).is_some());
        for _ in 0..2 {
            assert!(issues.reserve(IssueId(1)).is_none(), "a failed reservation does not release it");
        }
        drop(guard);
        assert!(issues.reserve(IssueId(1)).is_some());
    }
}
