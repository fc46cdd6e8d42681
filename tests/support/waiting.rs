//! Waiting for events.

use std::{future::Future, time::Duration};

/// Time limit for everything in a test. It is far above the usual duration, so that only a deadlock or a lost
/// event fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks repeatedly until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    eventually_within(PATIENCE.as_secs(), what, ask).await
}

/// Asks repeatedly until there is an answer, with a longer time limit.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    seconds: u64,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(seconds), async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        loop {
            again.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// Awaits work that must not wait for a lock of the story. A deadlock fails the story.
pub async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("no deadlock")
}
