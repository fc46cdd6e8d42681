//! Locks of issues within this process.

use crate::domain::ids::IssueId;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// The issues whose pictures this process makes at the moment. A second plan of an issue waits for the first one's
/// pictures instead of fetching them again.
#[derive(Debug, Clone, Default)]
pub struct IssueLocks(Arc<Mutex<HashMap<IssueId, Arc<tokio::sync::Mutex<()>>>>>);

impl IssueLocks {
    /// Returns the lock of an issue.
    pub fn of(&self, issue: IssueId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock();
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        locks.entry(issue).or_default().clone()
    }
}
