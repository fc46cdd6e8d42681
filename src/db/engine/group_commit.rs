//! Group commit: requests that arrive during one commit share the next transaction.
//!
//! A commit costs hardly more for a hundred requests than for one. One task per [`GroupCommit`] takes all
//! requests that have arrived since its last commit. Its [`BatchHandler`] processes them in one transaction,
//! and the task then answers every caller.
//!
//! If a transaction fails because the database can't be reached, all its callers get an error. If it fails
//! for another reason, each request gets a transaction of its own, so that one bad request can't fail the
//! others.
//!
//! Some requests must not be lost, such as a relay's answer about an email it has taken. They get no error:
//! the task keeps them in memory and retries, with growing pauses, until the database takes them. The task
//! ends when the last handle is dropped and nothing is left to retry.

use crate::db::DbError;
use futures_util::FutureExt as _;
use std::{fmt, panic::AssertUnwindSafe, slice, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};

/// How many full batches may be queued. Callers wait while the queue is full.
const QUEUED_BATCHES: usize = 8;
/// How long a small batch waits for more requests.
const GATHER_TIME: Duration = Duration::from_millis(1);
/// A transaction that takes longer counts as failed.
const COMMIT_LIMIT: Duration = Duration::from_secs(20);
/// Pauses before requests that must not be lost are tried again. The last one repeats.
const RETRY_PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// The results of a batch, in the order of its requests.
pub type Answers<H> = Vec<Result<<H as BatchHandler>::Answer, <H as BatchHandler>::Error>>;

/// Receives the result of one request. Fails only if the request was never processed.
pub type Reply<Answer, Error> = oneshot::Receiver<Result<Answer, Error>>;

/// Processes batches of requests.
pub trait BatchHandler: Send + Sync + Sized + 'static {
    /// A caller's request.
    type Request: Send + Sync + 'static;
    /// A caller's result.
    type Answer: Send + 'static;
    /// Why a request was refused.
    type Error: From<DbError> + Send + 'static;

    /// The most requests in one transaction.
    const MAX_BATCH: usize = 256;

    /// Whether a request is tried again until it is committed, even if its caller is gone. Processing it
    /// twice must change nothing.
    fn must_not_be_lost(_request: &Self::Request) -> bool {
        false
    }

    /// Processes a batch in one transaction and commits it. Returns a result for each request, in order.
    fn commit(&self, batch: &[Self::Request]) -> impl Future<Output = Result<Answers<Self>, DbError>> + Send;
}

/// A handle to the task that commits batches. Cheap to clone.
pub struct GroupCommit<H: BatchHandler>(mpsc::Sender<Pending<H>>);

struct Pending<H: BatchHandler> {
    request: H::Request,
    reply: oneshot::Sender<Result<H::Answer, H::Error>>,
}

impl<H: BatchHandler> GroupCommit<H> {
    /// Starts the task.
    pub fn start(handler: H) -> Self {
        let (sender, arriving) = mpsc::channel(H::MAX_BATCH * QUEUED_BATCHES);
        tokio::spawn(run(handler, arriving));
        Self(sender)
    }

    /// Processes a request and returns its result once it is durable.
    pub async fn request(&self, request: H::Request) -> Result<H::Answer, H::Error> {
        self.submit(request).await.await.unwrap_or_else(|_| Err(DbError::WorkerCrashed.into()))
    }

    /// Hands a request over and returns without waiting for its result.
    pub async fn submit(&self, request: H::Request) -> Reply<H::Answer, H::Error> {
        let (reply, result) = oneshot::channel();
        // If the task is gone, the reply is dropped here and the receiver says so.
        let _ = self.0.send(Pending { request, reply }).await;
        result
    }
}

async fn run<H: BatchHandler>(handler: H, mut arriving: mpsc::Receiver<Pending<H>>) {
    let mut batch = Vec::with_capacity(H::MAX_BATCH);
    let mut unsaved = Vec::new();
    let mut retry_at = Instant::now();
    let mut failures = 0;
    let mut usual_size = 0;
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(retry_at), if !unsaved.is_empty() => batch.append(&mut unsaved),
            received = arriving.recv_many(&mut batch, H::MAX_BATCH), if open => open = received > 0,
            else => return,
        }
        gather(&mut arriving, &mut batch, &mut usual_size).await;
        // Skips callers that disconnected; they were promised nothing.
        batch.retain(|it| H::must_not_be_lost(&it.request) || !it.reply.is_closed());
        let to_retry = commit_and_reply(&handler, &mut batch).await;
        if !to_retry.is_empty() {
            unsaved.extend(to_retry);
            retry_at = Instant::now() + RETRY_PAUSES[failures.min(RETRY_PAUSES.len() - 1)];
            failures += 1;
            let unsaved = unsaved.len();
            tracing::warn!(unsaved, "answers wait for the database; they are kept in memory and tried again");
        } else if unsaved.is_empty() {
            failures = 0;
        }
    }
}

/// Gives a batch a moment to grow if it is small compared with recent ones. If batches are always small, none
/// waits.
async fn gather<H: BatchHandler>(
    arriving: &mut mpsc::Receiver<Pending<H>>,
    batch: &mut Vec<Pending<H>>,
    usual_size: &mut usize,
) {
    if batch.len() * 4 < *usual_size {
        sleep(GATHER_TIME).await;
        while batch.len() < H::MAX_BATCH
            && let Ok(pending) = arriving.try_recv()
        {
            batch.push(pending);
        }
    }
    *usual_size = batch.len().max(*usual_size - usual_size.div_ceil(32));
}

/// Commits a batch, replies to its callers, and returns the requests to try again.
async fn commit_and_reply<H: BatchHandler>(handler: &H, batch: &mut Vec<Pending<H>>) -> Vec<Pending<H>> {
    let mut to_retry = Vec::new();
    let (requests, replies): (Vec<_>, Vec<_>) = batch.drain(..).map(|it| (it.request, it.reply)).unzip();
    let error = match commit(handler, &requests).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                let _caller_is_gone = reply.send(answer);
            }
            return to_retry;
        }
        Err(error) => error,
    };
    let count = requests.len();
    let mut give_up = count == 1 || is_unavailable(&error);
    if count > 1 {
        tracing::warn!(%error, requests = count, one_by_one = !give_up, "a batch could not be committed");
    }
    let mut error = Some(error).filter(|_| give_up);
    for (request, reply) in requests.into_iter().zip(replies) {
        let result = if give_up {
            Err(error.take().unwrap_or(DbError::PoolTimedOut))
        } else {
            let alone = commit(handler, slice::from_ref(&request)).await;
            give_up = alone.as_ref().is_err_and(is_unavailable);
            alone
        };
        match result {
            Ok(answers) => {
                if let Some(answer) = answers.into_iter().next() {
                    let _caller_is_gone = reply.send(answer);
                }
            }
            Err(_) if H::must_not_be_lost(&request) => to_retry.push(Pending { request, reply }),
            Err(error) => {
                let _caller_is_gone = reply.send(Err(error.into()));
            }
        }
    }
    to_retry
}

/// Returns whether the database failed, whatever was requested. The transaction may have been committed all
/// the same.
const fn is_unavailable(error: &DbError) -> bool {
    matches!(
        error,
        DbError::PoolTimedOut | DbError::PoolClosed | DbError::Io(_) | DbError::Tls(_) | DbError::Protocol(_)
    )
}

async fn commit<H: BatchHandler>(handler: &H, batch: &[H::Request]) -> Result<Answers<H>, DbError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    match timeout(COMMIT_LIMIT, AssertUnwindSafe(handler.commit(batch)).catch_unwind()).await {
        Ok(Ok(answers)) => answers,
        // The panic hook has logged it. The task must live on for the next requests.
        Ok(Err(_panic)) => Err(DbError::WorkerCrashed),
        Err(_elapsed) => Err(DbError::PoolTimedOut),
    }
}

impl<H: BatchHandler> Clone for GroupCommit<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: BatchHandler> fmt::Debug for GroupCommit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupCommit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    };

    /// Doubles numbers and records the batches it got. Panics at 13, and has an error for 7.
    #[derive(Clone, Default)]
    struct Doubler {
        batches: Arc<Mutex<Vec<Vec<u32>>>>,
        away: Arc<AtomicBool>,
    }

    impl BatchHandler for Doubler {
        type Request = u32;
        type Answer = u32;
        type Error = DbError;

        const MAX_BATCH: usize = 8;

        fn must_not_be_lost(request: &u32) -> bool {
            *request >= 100
        }

        async fn commit(&self, batch: &[u32]) -> Result<Answers<Self>, DbError> {
            self.batches.lock().unwrap().push(batch.to_vec());
            // Lets the others gather.
            tokio::task::yield_now().await;
            if self.away.load(Ordering::Relaxed) {
                return Err(DbError::PoolTimedOut);
            }
            assert!(!batch.contains(&13), "a panic");
            if batch.contains(&7) {
                return Err(DbError::RowNotFound);
            }
            Ok(batch.iter().map(|number| Ok(number * 2)).collect())
        }
    }

    #[tokio::test]
    async fn requests_share_transactions_and_a_bad_one_fails_alone() {
        let doubler = Doubler::default();
        let commits = GroupCommit::start(doubler.clone());
        let results = futures_util::future::join_all((0..20).map(|number| commits.request(number))).await;
        for (number, result) in (0..20_u32).zip(results) {
            match number {
                7 => assert!(matches!(result, Err(DbError::RowNotFound))),
                13 => assert!(matches!(result, Err(DbError::WorkerCrashed))),
                _ => assert_eq!(result.unwrap(), number * 2),
            }
        }
        let sizes: Vec<usize> = doubler.batches.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(sizes.iter().max(), Some(&8), "{sizes:?}");
        assert_eq!(commits.request(4).await.unwrap(), 8, "the task outlives a panic");
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_database_is_away_requests_fail_and_answers_are_kept() {
        let doubler = Doubler::default();
        doubler.away.store(true, Ordering::Relaxed);
        let commits = GroupCommit::start(doubler.clone());
        let mut kept = commits.submit(100).await;
        drop(commits.submit(101).await);
        assert!(matches!(commits.request(1).await, Err(DbError::PoolTimedOut)));
        sleep(Duration::from_mins(1)).await;
        assert!(matches!(commits.request(2).await, Err(DbError::PoolTimedOut)));
        assert!(kept.try_recv().is_err());
        let attempts = doubler.batches.lock().unwrap().len();
        assert!((10..20).contains(&attempts), "{attempts}");
        // The last handle is gone, but the requests are kept.
        drop(commits);
        doubler.away.store(false, Ordering::Relaxed);
        assert_eq!(kept.await.unwrap().unwrap(), 200);
        let last = doubler.batches.lock().unwrap().last().cloned();
        assert_eq!(
            last,
            Some(vec![100, 101]),
            "nobody waits for the second one, and it is kept all the same"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_never_taken_does_not_delay_others() {
        /// Commits everything but 100.
        struct Picky;

        impl BatchHandler for Picky {
            type Request = u32;
            type Answer = ();
            type Error = DbError;

            fn must_not_be_lost(request: &u32) -> bool {
                *request >= 100
            }

            async fn commit(&self, batch: &[u32]) -> Result<Answers<Self>, DbError> {
                if batch.contains(&100) {
                    return Err(DbError::RowNotFound);
                }
                Ok(batch.iter().map(|_| Ok(())).collect())
            }
        }

        let commits = GroupCommit::start(Picky);
        let mut never = commits.submit(100).await;
        let began = Instant::now();
        for number in [1, 101, 2, 102] {
            commits.request(number).await.unwrap();
        }
        assert!(began.elapsed() < RETRY_PAUSES[0]);
        assert!(never.try_recv().is_err());
    }
}
