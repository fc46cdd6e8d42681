//! Workers fetch jobs and run them. `docs/decisions/` explains the settings, which were chosen by experiment.

use super::{Job, Queue, QueueName, housekeeping};
use crate::{db::Db, metrics::Metrics, random};
use apalis::prelude::*;
use apalis_postgres::{PostgresStorage, Pubsub};
use apalis_sqlite::SqliteStorage;
use futures_util::{
    FutureExt as _,
    future::BoxFuture,
    stream::{BoxStream, Stream as _, StreamExt as _},
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// Reason why a job failed. It is logged, and the scheduler wakes whatever is still due.
pub type JobFailure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a job. The handler records the outcome itself.
pub type Handler = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<(), JobFailure>> + Send + Sync>;

/// Interval between a worker's heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Heartbeats that a worker may miss before others take over its jobs.
const MISSED_HEARTBEATS: usize = 3;
/// Time limit at shutdown for settling a worker's last jobs in the storage. Jobs that stay unsettled run
/// again later, and find their work done.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before a worker restarts after its storage failed.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// Feeds and pages read at the same time. Most of that time is spent waiting for their servers.
const READERS: usize = 16;

/// Configures both storages in the same way.
macro_rules! config {
    ($config:ty, $name:expr) => {
        <$config>::default()
            .queue($name.as_str())
            // apalis neither renews nor acknowledges buffered jobs. Fetched one by one, each job runs exactly
            // once.
            .batch_size(1)
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED_HEARTBEATS)
    };
}

pub struct Workers {
    pub db: Db,
    pub queue: Queue,
    pub handler: Handler,
    pub metrics: Metrics,
    /// Time limit for every job, far above its usual duration.
    pub job_timeout: Duration,
    /// Delivery jobs that run at the same time.
    pub delivery_concurrency: usize,
}

impl Workers {
    /// Runs jobs until `stop` is cancelled, then gives running jobs up to `grace` to finish.
    pub async fn run(self, stop: CancellationToken, grace: Duration) {
        let mut monitor = Monitor::new();
        let jobs = TaskTracker::new();
        let mut names = Vec::new();
        let recent = Arc::new(RecentJobs::default());
        for queue_name in QueueName::ALL {
            let concurrency = match queue_name {
                QueueName::Delivery => self.delivery_concurrency,
                // A single job processes all waiting signups. A second one would only wait for it.
                QueueName::Signup => 1,
                QueueName::Mail | QueueName::Work => 4,
                QueueName::Reading => READERS,
            };
            // Each start needs a new name. SQLite refuses to start with an old one, and PostgreSQL never
            // reclaims its jobs.
            let name = format!("{}-{}-", queue_name.as_str(), random::hex::<6>());
            names.push(name.clone());
            let runner = JobRunner {
                handler: self.handler.clone(),
                metrics: self.metrics.clone(),
                timeout: self.job_timeout,
                jobs: jobs.clone(),
                recent: recent.clone(),
            };
            let queue = self.queue.clone();
            macro_rules! worker {
                ($backend:expr) => {
                    monitor.register(move |restarts| {
                        WorkerBuilder::new(format!("{name}{restarts}"))
                            .backend($backend)
                            .concurrency(concurrency)
                            .data(runner.clone())
                            .build(run_job)
                    })
                };
            }
            monitor = match &self.db {
                Db::Sqlite { writer, .. } => {
                    let pool = writer.clone();
                    let config = config!(apalis_sqlite::Config, queue_name);
                    worker!(
                        SqliteStorage::<Value>::new(&pool).with_config(config.clone()).poll_with_strategy(
                            PollTrigger::new(Duration::from_millis(500), queue.nudges(queue_name))
                        )
                    )
                }
                Db::Postgres(pool) => {
                    let pool = pool.clone();
                    let config = config!(apalis_postgres::Config, queue_name);
                    worker!(
                        PostgresStorage::<Value>::new(&pool).with_config(config.clone()).poll_with_strategy(
                            PollTrigger::new(
                                Duration::from_secs(1),
                                futures_util::stream::select(
                                    Pubsub::new(pool.clone(), queue_name.as_str().into()).map(drop),
                                    queue.nudges(queue_name),
                                )
                                .boxed(),
                            )
                        )
                    )
                }
            };
        }
        let running = monitor
            .should_restart(|worker, error| {
                tracing::error!(worker = worker.name(), %error, "worker failed; restarting it");
                // apalis calls this function synchronously. The pause blocks a runtime thread, but only after
                // a storage failed.
                std::thread::sleep(RESTART_PAUSE);
                true
            })
            .on_event(|worker, event| {
                if let Event::Error(error) = event {
                    tracing::warn!(worker = worker.name(), %error, "worker error");
                }
            })
            .run();
        // The monitor is dropped, not drained. A draining worker stops polling a query that it has begun
        // while jobs are running. On SQLite that query holds the only writer, and no job could finish. The
        // jobs continue as tasks of their own.
        let ended = tokio::select! {
            ended = running => ended,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(%error, "workers ended with an error");
        }
        jobs.close();
        if tokio::time::timeout(grace, jobs.wait()).await.is_err() {
            tracing::error!("jobs did not finish before the shutdown time limit; cancelling them");
        }
        let recent = recent.ids();
        for name in &names {
            match tokio::time::timeout(SETTLE_TIMEOUT, housekeeping::settle_jobs(&self.db, name, &recent))
                .await
            {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "could not settle a worker's last jobs; its leases will expire");
                }
                Err(_) => tracing::debug!("settling a worker's last jobs timed out; its leases will expire"),
            }
        }
    }
}

/// Runs a job under a time limit.
#[derive(Clone)]
struct JobRunner {
    handler: Handler,
    metrics: Metrics,
    timeout: Duration,
    jobs: TaskTracker,
    recent: Arc<RecentJobs>,
}

/// The jobs begun last. The storage learns of a job's begin and end a little later. At shutdown we tell it
/// ourselves.
#[derive(Default)]
struct RecentJobs(Mutex<VecDeque<String>>);

impl RecentJobs {
    /// More jobs than can run at once, plus those that end before the storage hears of it.
    const MAX: usize = 1000;

    fn add(&self, job: &TaskId) {
        let mut jobs = self.0.lock();
        if jobs.len() == Self::MAX {
            jobs.pop_front();
        }
        jobs.push_back(job.to_string());
    }

    fn ids(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}

/// Runs a job. The payload is an untyped value, because a payload that failed to decode would crash the
/// worker over and over.
async fn run_job(payload: Value, runner: Data<JobRunner>, id: TaskId) -> Result<(), BoxDynError> {
    runner.recent.add(&id);
    let job: Job = serde_json::from_value(payload).map_err(AbortError::new)?;
    let span = tracing::info_span!("job", %id, kind = job.kind());
    span.in_scope(|| tracing::debug!(?job, "job begins"));
    // Panics and timeouts are caught here, because apalis's own layers would leave the row running for ever.
    let running = AssertUnwindSafe((runner.handler)(job.clone())).catch_unwind().instrument(span);
    // In its own task: a worker whose storage fails drops its futures, and must not cut off an email that is
    // being handed over.
    let begun = Instant::now();
    let running = runner.jobs.spawn(tokio::time::timeout(runner.timeout, running));
    let (outcome, failure) = match running.await {
        Ok(Ok(Ok(Ok(())))) => ("done", None),
        Ok(Ok(Ok(Err(error)))) => ("failed", Some(error.to_string())),
        Ok(Ok(Err(panic))) => ("panicked", Some(format!("it panicked: {}", panic_text(&*panic)))),
        Err(error) => ("panicked", Some(format!("its task failed: {error}"))),
        Ok(Err(_)) => ("timed_out", Some(format!("it took longer than {} s", runner.timeout.as_secs()))),
    };
    runner.metrics.record_job(job.kind(), outcome, begun.elapsed());
    let Some(failure) = failure else { return Ok(()) };
    tracing::error!(?job, failure, "job failed; the scheduler retries whatever is still due");
    Err(Box::new(AbortError::new(std::io::Error::other(failure))))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("for an unknown reason")
}

/// Polls for jobs at an interval and after each nudge. Unlike apalis's own strategies, it always registers a
/// waker, so it never stalls under load.
struct PollTrigger {
    every: Interval,
    nudges: Option<BoxStream<'static, ()>>,
}

impl PollTrigger {
    fn new(every: Duration, nudges: BoxStream<'static, ()>) -> Self {
        let mut every = tokio::time::interval(every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { every, nudges: Some(nudges) }
    }
}

impl PollStrategy for PollTrigger {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut fired = false;
        while self.every.poll_tick(cx).is_ready() {
            fired = true;
        }
        while let Some(nudges) = &mut self.nudges {
            match Pin::new(nudges).poll_next(cx) {
                Poll::Ready(Some(())) => fired = true,
                // Without its listener, the interval still works.
                Poll::Ready(None) => self.nudges = None,
                Poll::Pending => break,
            }
        }
        if fired { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}
