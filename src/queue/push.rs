//! Putting a job in, inside the transaction that made the work.

use super::{Job, Queue};
use crate::db::{DbError, EngineTx, Tx};
use apalis::prelude::TaskBuilder;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A job that fails is not run again by the queue: the sweep wakes what is still due.
const ATTEMPTS: usize = 1;

impl Queue {
    /// Enqueues a job that may run as soon as the transaction is committed.
    pub async fn enqueue(&self, tx: &mut Tx, job: &Job) -> Result<(), DbError> {
        self.push(tx, job, None).await?;
        let (queue, lane) = (self.clone(), job.lane());
        tx.after_commit(move || queue.nudge(lane));
        Ok(())
    }

    /// Enqueues a job that another process should do: this one's workers are not told, and come to it only by chance.
    pub async fn enqueue_for_others(&self, tx: &mut Tx, job: &Job) -> Result<(), DbError> {
        self.push(tx, job, None).await
    }

    /// Enqueues a job that runs at `at` or up to a second later.
    pub async fn enqueue_at(&self, tx: &mut Tx, job: &Job, at: Timestamp) -> Result<(), DbError> {
        self.push(tx, job, Some(at)).await
    }

    async fn push(&self, tx: &mut Tx, job: &Job, at: Option<Timestamp>) -> Result<(), DbError> {
        let lane = job.lane();
        let payload = serde_json::to_vec(job).map_err(|error| DbError::Encode(Box::new(error)))?;
        let mut task = TaskBuilder::new(payload).max_attempts(ATTEMPTS);
        if let Some(at) = at {
            // The storage cuts off to whole seconds: one more keeps the job from coming too early.
            let delay = at.duration_since(self.clock.now()).max(SignedDuration::ZERO);
            task = task.run_after(delay.unsigned_abs() + Duration::from_secs(1));
        }
        match tx.by_engine() {
            EngineTx::Sqlite(conn) => {
                apalis_sqlite::queries::push_tasks(conn, lane.as_str(), &[task.build()])
                    .await
                    .map_err(|error| DbError::AnyDriverError(Box::new(error)))?;
            }
            EngineTx::Postgres(conn) => {
                apalis_postgres::queries::push_tasks(conn, lane.as_str(), vec![task.build()])
                    .await
                    .map_err(|error| DbError::AnyDriverError(Box::new(error)))?;
            }
        }
        Ok(())
    }
}
