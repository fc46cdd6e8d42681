//! Work that many ask for at once, done in one transaction for all who have gathered while the last was being committed: a commit costs
//! hardly more for a hundred than for one.

use super::DbError;
use futures_util::FutureExt as _;
use std::{fmt, panic::AssertUnwindSafe, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// Asked for in one transaction at most.
const GROUP: usize = 256;
/// How many may wait for one; who comes then waits before the door.
const WAITING: usize = 1024;
/// A transaction that takes longer is given up.
const COMMIT_LIMIT: Duration = Duration::from_secs(20);

/// The answers to a group, in its order.
pub type Answers<W> = Vec<Result<<W as Work>::Answer, <W as Work>::Refusal>>;

/// What is done for groups.
pub trait Work: Send + Sync + 'static {
    /// What one asks for.
    type Asked: Send + Sync + 'static;
    /// What one is told.
    type Answer: Send + 'static;
    /// Why one is refused.
    type Refusal: From<DbError> + Send + 'static;

    /// Does it for a group in one transaction, and answers in the group's order.
    fn commit(&self, group: &[Self::Asked]) -> impl Future<Output = Result<Answers<Self>, DbError>> + Send
    where
        Self: Sized;
}

/// The way to the task that does it. Cheap to clone; the task ends with the last clone.
pub struct Groups<W: Work>(mpsc::Sender<Waiting<W>>);

struct Waiting<W: Work> {
    asked: W::Asked,
    answer: oneshot::Sender<Result<W::Answer, W::Refusal>>,
}

impl<W: Work> Groups<W> {
    /// Starts the task.
    pub fn start(work: W) -> Self {
        let (sender, arriving) = mpsc::channel(WAITING);
        tokio::spawn(run(work, arriving));
        Self(sender)
    }

    /// Asks, and waits until it is done for good, or refused.
    pub async fn ask(&self, asked: W::Asked) -> Result<W::Answer, W::Refusal> {
        let (answer, answered) = oneshot::channel();
        // The task ends only by a panic while a handle is there; what it said then is in the log.
        self.0.send(Waiting { asked, answer }).await.map_err(|_| DbError::WorkerCrashed)?;
        answered.await.map_err(|_| DbError::WorkerCrashed)?
    }
}

async fn run<W: Work>(work: W, mut arriving: mpsc::Receiver<Waiting<W>>) {
    let mut group = Vec::with_capacity(GROUP);
    while arriving.recv_many(&mut group, GROUP).await > 0 {
        // Whoever has gone, gone: nothing was promised.
        group.retain(|waiting| !waiting.answer.is_closed());
        let (asked, answers): (Vec<W::Asked>, Vec<_>) =
            group.drain(..).map(|it| (it.asked, it.answer)).unzip();
        for (answer, result) in answers.into_iter().zip(answer_all(&work, &asked).await) {
            let _gone = answer.send(result);
        }
    }
}

async fn answer_all<W: Work>(work: &W, group: &[W::Asked]) -> Answers<W> {
    let error = match commit(work, group).await {
        Ok(answers) => return answers,
        Err(error) => error,
    };
    if group.len() == 1 {
        return vec![Err(error.into())];
    }
    if is_everybodys(&error) {
        tracing::error!(%error, asked = group.len(), "what was asked for in a group could not be kept");
        return group.iter().map(|_| Err(DbError::PoolTimedOut.into())).collect();
    }
    // One that can't be done must not take the others along.
    tracing::warn!(%error, asked = group.len(), "what was asked for in a group is done one by one");
    let mut answers = Vec::with_capacity(group.len());
    for one in group {
        let alone = commit(work, std::slice::from_ref(one)).await;
        answers.push(
            alone
                .map_err(W::Refusal::from)
                .and_then(|mut it| it.pop().unwrap_or_else(|| Err(DbError::WorkerCrashed.into()))),
        );
    }
    answers
}

/// Whether it is the database that can't, whoever asks.
const fn is_everybodys(error: &DbError) -> bool {
    matches!(error, DbError::PoolTimedOut | DbError::PoolClosed | DbError::Io(_) | DbError::Tls(_))
}

async fn commit<W: Work>(work: &W, group: &[W::Asked]) -> Result<Answers<W>, DbError> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let doing = tokio::time::timeout(COMMIT_LIMIT, AssertUnwindSafe(work.commit(group)).catch_unwind());
    match doing.await {
        Ok(Ok(answers)) => answers,
        // It is in the log; the next ones must find somebody here.
        Ok(Err(_panic)) => Err(DbError::WorkerCrashed),
        Err(_) => Err(DbError::PoolTimedOut),
    }
}

impl<W: Work> Clone for Groups<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Work> fmt::Debug for Groups<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Groups")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Doubles numbers; some it can't.
    struct Doubling(Arc<Mutex<Vec<usize>>>);

    impl Work for Doubling {
        type Asked = u32;
        type Answer = u32;
        type Refusal = DbError;

        async fn commit(&self, group: &[u32]) -> Result<Answers<Self>, DbError> {
            self.0.lock().unwrap().push(group.len());
            // So that the others gather.
            tokio::task::yield_now().await;
            assert!(!group.contains(&13), "a panic");
            if group.contains(&7) {
                return Err(DbError::RowNotFound);
            }
            Ok(group.iter().map(|number| Ok(number * 2)).collect())
        }
    }

    #[tokio::test]
    async fn those_who_gather_are_served_together_and_one_that_cannot_be_keeps_no_other() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let groups = Groups::start(Doubling(sizes.clone()));
        let asked = (0..20).map(|number| groups.ask(number));
        let answers = futures_util::future::join_all(asked).await;
        for (number, answer) in (0..20_u32).zip(answers) {
            match number {
                7 => assert!(matches!(answer, Err(DbError::RowNotFound))),
                13 => assert!(matches!(answer, Err(DbError::WorkerCrashed))),
                _ => assert_eq!(answer.unwrap(), number * 2),
            }
        }
        assert!(sizes.lock().unwrap().iter().any(|size| *size > 10), "{sizes:?}");
        // A panic was not its end.
        assert_eq!(groups.ask(4).await.unwrap(), 8);
    }
}
