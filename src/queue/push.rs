//! Enqueues jobs in the transaction that made the work.

use super::{Job, Queue, QueueName};
use crate::db::{DbError, EngineTx, Tx};
use apalis::prelude::TaskBuilder;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The queue never retries a failed job. The scheduler wakes whatever is still due.
const ATTEMPTS: usize = 1;

impl Queue {
    /// Enqueues a job that may run once the transaction is committed.
    pub async fn enqueue(&self, tx: &mut Tx, job: &Job) -> Result<(), DbError> {
        self.enqueue_all(tx, std::slice::from_ref(job)).await
    }

    /// Enqueues jobs that may run once the transaction is committed.
    pub async fn enqueue_all(&self, tx: &mut Tx, jobs: &[Job]) -> Result<(), DbError> {
        for name in QueueName::ALL {
            let jobs: Vec<&Job> = jobs.iter().filter(|job| job.queue_name() == name).collect();
            if !jobs.is_empty() {
                push(tx, name, &jobs, None).await?;
                let queue = self.clone();
                tx.after_commit(move || queue.nudge(name));
            }
        }
        Ok(())
    }

    /// Enqueues a job for another process. The workers of this process aren't woken, but may still find the
    /// job first.
    pub async fn enqueue_for_others(&self, tx: &mut Tx, job: &Job) -> Result<(), DbError> {
        push(tx, job.queue_name(), &[job], None).await
    }

    /// Enqueues a job that runs at `at`, or up to a second later.
    pub async fn enqueue_at(&self, tx: &mut Tx, job: &Job, at: Timestamp) -> Result<(), DbError> {
        // The storage truncates to whole seconds. One second more keeps the job from running too early.
        let delay = at.duration_since(self.clock.now()).max(SignedDuration::ZERO);
        let delay = delay.unsigned_abs() + Duration::from_secs(1);
        push(tx, job.queue_name(), &[job], Some(delay)).await
    }
}

async fn push(tx: &mut Tx, name: QueueName, jobs: &[&Job], delay: Option<Duration>) -> Result<(), DbError> {
    let mut payloads = Vec::with_capacity(jobs.len());
    for job in jobs {
        payloads.push(serde_json::to_vec(job).map_err(|error| DbError::Encode(Box::new(error)))?);
    }
    let task = |payload| {
        let task = TaskBuilder::new(payload).max_attempts(ATTEMPTS);
        match delay {
            Some(delay) => task.run_after(delay).build(),
            None => task.build(),
        }
    };
    let tasks: Vec<_> = payloads.into_iter().map(task).collect();
    match tx.by_engine() {
        EngineTx::Sqlite(conn) => apalis_sqlite::queries::push_tasks(conn, name.as_str(), &tasks)
            .await
            .map_err(|error| DbError::AnyDriverError(Box::new(error))),
        EngineTx::Postgres(conn) => apalis_postgres::queries::push_tasks(conn, name.as_str(), tasks)
            .await
            .map(drop)
            .map_err(|error| DbError::AnyDriverError(Box::new(error))),
    }
}
