//! Contexts of the jobs, one for each subject. That of deliveries is in [`crate::delivery`].

use crate::{
    clock::Clock,
    content::{fetch::Fetcher, picture_maker::PictureMaker},
    db::Db,
    delivery,
    domain::token::KeyRing,
    http_client::LazyClient,
    issues::plan::{PlanRules, Planning},
    jobs::issue_locks::IssueLocks,
    metrics::Metrics,
    queue::Queue,
    settings::Settings,
};
use std::sync::Arc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// Context of jobs about feeds and articles. Cheap to clone.
#[derive(Clone)]
pub struct FeedContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    pub fetcher: Arc<Fetcher>,
    pub picture_maker: PictureMaker,
    pub metrics: Metrics,
    /// Keeps two plans of an issue from making the same pictures.
    pub issue_locks: IssueLocks,
    /// Cancelled when the process is asked to stop, which then waits for no document.
    pub stop: CancellationToken,
    pub settings: Arc<Settings>,
}

impl FeedContext {
    /// Parses a document on a blocking thread, because a large one takes a while. Returns `None` if the
    /// process is asked to stop. The next start fetches the document again.
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

/// Context of jobs about signups and readers. Cheap to clone.
#[derive(Clone)]
pub struct ReaderContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Keys for hashing the addresses that rate limits count by.
    pub keys: Arc<KeyRing>,
    /// Cancelled when the process is asked to stop. Long jobs then stop after the current batch.
    pub stop: CancellationToken,
    pub settings: Arc<Settings>,
}

/// Context of jobs that make issues. Cheap to clone.
#[derive(Clone)]
pub struct IssueContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// For requests to the operator's own addresses, which may be private ones.
    pub http: LazyClient,
    pub settings: Arc<Settings>,
}

impl IssueContext {
    /// Returns what the settings say about planning.
    pub fn plan_rules(&self) -> PlanRules {
        PlanRules { limits: self.settings.digest.rules(), setup: self.settings.setup() }
    }

    /// Returns the configured limits for planning, at the current time.
    pub fn planning(&self) -> Planning {
        self.plan_rules().at(self.clock.now())
    }

    /// Returns the destination domains whose rate is limited.
    pub fn throttled_domains(&self) -> Vec<String> {
        self.settings.sending.domain_rates.iter().map(|(domain, _)| domain.clone()).collect()
    }
}

/// All contexts, for the queue's handler and the scheduler.
#[derive(Clone)]
pub struct Contexts {
    pub feeds: FeedContext,
    pub readers: ReaderContext,
    pub issues: IssueContext,
    pub delivery: delivery::context::Context,
}

impl Contexts {
    /// Sets the name of the process and the token that stops its jobs.
    pub fn join_process(&mut self, process: &str, stop: &CancellationToken) {
        self.feeds.stop = stop.clone();
        self.readers.stop = stop.clone();
        self.delivery.stop = stop.clone();
        self.delivery.process = process.into();
    }
}
