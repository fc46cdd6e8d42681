//! Workers: what takes jobs out and runs them. The settings are those that held in trials; `docs/decisions/` says why.

use super::{Job, Lane, Queue, housekeeping};
use crate::{db::Db, random};
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
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Why a job could not be done. It is logged; the sweep wakes what is still due.
pub type JobFailure = Box<dyn std::error::Error + Send + Sync>;

/// Does a job. It records the outcome itself.
pub type Handler = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<(), JobFailure>> + Send + Sync>;

/// A worker says it is alive this often …
const HEARTBEAT: Duration = Duration::from_secs(10);
/// … and its jobs are taken over when it was silent this many times.
const MISSED_HEARTBEATS: usize = 3;
/// How long the storage has to hear of a worker's last jobs when the process ends. What it has not heard of then it will find out by
/// itself; a job that runs again finds its work done.
const HAND_BACK_WITHIN: Duration = Duration::from_secs(2);
/// How long a worker waits before it starts again after its storage failed.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// Feeds and pages read at once: most of the time is waiting for their servers.
const READERS: usize = 16;

/// The same settings for both storages.
macro_rules! config {
    ($config:ty, $lane:expr) => {
        <$config>::default()
            .queue($lane.as_str())
            // Buffered jobs get neither heartbeat nor acknowledgement: one at a time runs exactly once.
            .batch_size(1)
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED_HEARTBEATS)
    };
}

/// The workers of a process.
pub struct Workers {
    /// The storage.
    pub db: Db,
    /// Where nudges come from.
    pub queue: Queue,
    /// What does the jobs.
    pub handler: Handler,
    /// Longest time any job may take: far beyond what one takes in good health.
    pub job_limit: Duration,
    /// Jobs at once in the delivery lane.
    pub delivery_concurrency: usize,
}

impl Workers {
    /// Runs until `stop` is cancelled, then lets the jobs in hand finish, for at most `grace`.
    pub async fn run(self, stop: CancellationToken, grace: Duration) {
        let mut monitor = Monitor::new();
        let jobs = TaskTracker::new();
        let mut names = Vec::new();
        let begun = Arc::new(Begun::default());
        for lane in Lane::ALL {
            let concurrency = match lane {
                Lane::Delivery => self.delivery_concurrency,
                // One takes all there are; more would only wait for it.
                Lane::Signup => 1,
                Lane::Mail | Lane::Work => 4,
                Lane::Reading => READERS,
            };
            // A new name per start: with an old one SQLite refuses to begin and PostgreSQL never reclaims.
            let name = format!("{}-{}-", lane.as_str(), random::hex::<6>());
            names.push(name.clone());
            let handler = Limited {
                handler: self.handler.clone(),
                limit: self.job_limit,
                jobs: jobs.clone(),
                begun: begun.clone(),
            };
            let queue = self.queue.clone();
            macro_rules! worker {
                ($backend:expr) => {
                    monitor.register(move |restarts| {
                        WorkerBuilder::new(format!("{name}{restarts}"))
                            .backend($backend)
                            .concurrency(concurrency)
                            .data(handler.clone())
                            .build(run_job)
                    })
                };
            }
            monitor = match &self.db {
                Db::Sqlite { writer, .. } => {
                    let pool = writer.clone();
                    let config = config!(apalis_sqlite::Config, lane);
                    worker!(
                        SqliteStorage::<Value>::new(&pool)
                            .with_config(config.clone())
                            .poll_with_strategy(Wake::new(Duration::from_millis(500), queue.nudged(lane)))
                    )
                }
                Db::Postgres(pool) => {
                    let pool = pool.clone();
                    let config = config!(apalis_postgres::Config, lane);
                    worker!(
                        PostgresStorage::<Value>::new(&pool).with_config(config.clone()).poll_with_strategy(
                            Wake::new(
                                Duration::from_secs(1),
                                futures_util::stream::select(
                                    Pubsub::new(pool.clone(), lane.as_str().into()).map(drop),
                                    queue.nudged(lane),
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
                tracing::error!(worker = worker.name(), %error, "a worker died and starts again");
                // apalis asks without waiting for a future: the pause costs a runtime thread, and only when a storage fails.
                std::thread::sleep(RESTART_PAUSE);
                true
            })
            .on_event(|worker, event| {
                if let Event::Error(error) = event {
                    tracing::warn!(worker = worker.name(), %error, "a worker met an error");
                }
            })
            .run();
        // apalis is dropped, not told to drain: while jobs are in hand a draining worker polls the query no more that it has just
        // begun, and with it keeps SQLite's only writer, without which no job can end. The jobs are tasks of their own.
        let ended = tokio::select! {
            ended = running => ended,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the workers ended with an error");
        }
        jobs.close();
        if tokio::time::timeout(grace, jobs.wait()).await.is_err() {
            tracing::error!("jobs are cut off: they did not end in time");
        }
        let last = begun.last();
        for name in &names {
            match tokio::time::timeout(HAND_BACK_WITHIN, housekeeping::hand_back(&self.db, name, &last)).await
            {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the queue finds out by itself that a worker has ended");
                }
                Err(_) => tracing::debug!("the queue finds out by itself that a worker has ended"),
            }
        }
    }
}

/// What a worker does with a job, and how long it may take.
#[derive(Clone)]
struct Limited {
    handler: Handler,
    limit: Duration,
    jobs: TaskTracker,
    begun: Arc<Begun>,
}

/// The jobs that were begun last: the storage hears of a job's begin and end a moment later, or, at the end, from us.
#[derive(Default)]
struct Begun(Mutex<VecDeque<String>>);

impl Begun {
    /// More than are in hand at once, and than end within the moment it takes the storage to hear of it.
    const MOST: usize = 1000;

    fn add(&self, job: &TaskId) {
        let mut begun = self.0.lock();
        if begun.len() == Self::MOST {
            begun.pop_front();
        }
        begun.push_back(job.to_string());
    }

    fn last(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}

/// The payload is a bare value: one that does not decode as a job would otherwise kill the worker again and again.
async fn run_job(payload: Value, work: Data<Limited>, id: TaskId) -> Result<(), BoxDynError> {
    work.begun.add(&id);
    let job: Job = serde_json::from_value(payload).map_err(AbortError::new)?;
    tracing::debug!(?job, "begin");
    // Panics and time limits are caught here: apalis's own layers would leave the row running for ever.
    let doing = AssertUnwindSafe((work.handler)(job.clone())).catch_unwind();
    // A task of its own: when its storage fails, a worker dies and drops what it does, and a mail that is just being handed over
    // must not be cut off for that.
    let doing = work.jobs.spawn(tokio::time::timeout(work.limit, doing));
    let failure = match doing.await {
        Ok(Ok(Ok(Ok(())))) => return Ok(()),
        Ok(Ok(Ok(Err(error)))) => error.to_string(),
        Ok(Ok(Err(panic))) => format!("it panicked: {}", panic_text(&*panic)),
        Err(error) => format!("it broke: {error}"),
        Ok(Err(_)) => format!("it took longer than {} s", work.limit.as_secs()),
    };
    tracing::error!(?job, failure, "a job failed; what is still due will be tried again");
    Err(Box::new(AbortError::new(std::io::Error::other(failure))))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("for an unknown reason")
}

/// Looks for jobs at an interval and whenever it is nudged. Unlike the built-in strategies it always leaves a waker behind,
/// so that it does not fall asleep under load.
struct Wake {
    every: Interval,
    nudges: Option<BoxStream<'static, ()>>,
}

impl Wake {
    fn new(every: Duration, nudges: BoxStream<'static, ()>) -> Self {
        let mut every = tokio::time::interval(every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { every, nudges: Some(nudges) }
    }
}

impl PollStrategy for Wake {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut fired = false;
        while self.every.poll_tick(cx).is_ready() {
            fired = true;
        }
        while let Some(nudges) = &mut self.nudges {
            match Pin::new(nudges).poll_next(cx) {
                Poll::Ready(Some(())) => fired = true,
                // The listener is gone; the interval still works.
                Poll::Ready(None) => self.nudges = None,
                Poll::Pending => break,
            }
        }
        if fired { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}
