//! What the jobs of each subject work with. Deliveries have a context of their own, in [`crate::delivery`].

use crate::{
    clock::Clock, content::fetch::Fetcher, db::Db, delivery, domain::token::KeyRing, issues::plan::Planning,
    queue::Queue, settings::Settings,
};
use std::sync::Arc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// What jobs about feeds and articles need. Cheap to clone.
#[derive(Clone)]
pub struct FeedContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    pub fetcher: Arc<Fetcher>,
    /// Cancelled when the process is asked to end: nothing waits for a document that is being read.
    pub stop: CancellationToken,
    pub settings: Arc<Settings>,
}

impl FeedContext {
    /// Reads a document on a thread of its own, because a large one takes a while. `None`: the process is asked to end, and
    /// what the document would have brought is left for its next start.
    pub async fn parse<T: Send + 'static>(
        &self,
        parse: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, JoinError> {
        let parsing = tokio::task::spawn_blocking(parse);
        tokio::select! {
            parsed = parsing => parsed.map(Some),
            () = self.stop.cancelled() => Ok(None),
        }
    }
}

/// What jobs about signups and readers need. Cheap to clone.
#[derive(Clone)]
pub struct ReaderContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Keys the fingerprints that limits count by.
    pub keys: Arc<KeyRing>,
    /// Cancelled when the process is asked to end: long jobs stop between two portions.
    pub stop: CancellationToken,
    pub settings: Arc<Settings>,
}

/// What jobs that make issues need. Cheap to clone.
#[derive(Clone)]
pub struct IssueContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    pub settings: Arc<Settings>,
}

impl IssueContext {
    /// The bounds and the time that a plan is made with.
    pub fn planning(&self) -> Planning {
        Planning { rules: self.settings.digest.rules(), now: self.clock.now() }
    }

    /// The destination domains whose rate is limited.
    pub fn throttled_domains(&self) -> Vec<String> {
        self.settings.sending.domain_rates.iter().map(|(domain, _)| domain.clone()).collect()
    }
}

/// The contexts of all subjects, for the parts that serve every job: the queue's handler and the scheduler.
#[derive(Clone)]
pub struct Contexts {
    pub feeds: FeedContext,
    pub readers: ReaderContext,
    pub issues: IssueContext,
    pub delivery: delivery::context::Context,
}

impl Contexts {
    /// Names the process and gives its jobs the token that asks them to end.
    pub fn join_process(&mut self, process: &str, stop: &CancellationToken) {
        self.feeds.stop = stop.clone();
        self.readers.stop = stop.clone();
        self.delivery.stop = stop.clone();
        self.delivery.process = process.into();
    }
}
