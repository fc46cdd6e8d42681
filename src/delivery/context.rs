//! What the sending engine works with.

use super::{email_recorder::EmailRecorder, recorder::Recorder, throttle::Throttle};
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

/// What deliveries and single emails need. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Signs the tokens in links.
    pub keys: Arc<KeyRing>,
    /// Leases connections to relays.
    pub mailer: Mailer,
    /// Signs messages.
    pub dkim: Arc<DkimKeys>,
    /// Records begins and answers of deliveries.
    pub recorder: Recorder,
    /// Records begins and answers of single emails.
    pub email_recorder: EmailRecorder,
    /// Limits relays and destinations.
    pub throttle: Throttle,
    /// The issues that this process delivers at the moment.
    pub in_flight: InFlightIssues,
    /// Delivery runs that are over but for a message whose relay has not answered yet.
    pub background_tasks: TaskTracker,
    /// This process's name among those alive.
    pub process: Arc<str>,
    /// Longest time that handing over one message may take, whatever relays do.
    pub hand_over_limit: SignedDuration,
    /// Cancelled when the process is asked to end: delivery runs hand on what they have not begun.
    pub stop: CancellationToken,
    pub settings: Arc<Settings>,
}

/// The issues that this process delivers. One delivery run an issue is enough, because it uses all connections there are.
#[derive(Debug, Clone, Default)]
pub struct InFlightIssues(Arc<Mutex<HashSet<IssueId>>>);

/// Keeps other delivery runs of this process away from an issue until it is dropped.
pub struct IssueGuard<'a>(&'a InFlightIssues, IssueId);

impl InFlightIssues {
    /// Reserves an issue for one delivery run. `None`: another run of this process has it.
    pub fn reserve(&self, issue: IssueId) -> Option<IssueGuard<'_>> {
        let is_free = self.0.lock().insert(issue);
        // Not `then_some`: a guard that is made and not returned would release the issue of the other run.
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
            assert!(issues.reserve(IssueId(1)).is_none(), "asking does not release it");
        }
        drop(guard);
        assert!(issues.reserve(IssueId(1)).is_some());
    }
}
