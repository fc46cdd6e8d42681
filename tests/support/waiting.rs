//! Waiting for what others do.

use std::{future::Future, time::Duration};

/// Longest time anything in a test may take: far more than it does, so that only what never comes fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something to become true, looking again and again.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    eventually_within(PATIENCE.as_secs(), what, look).await
}

/// The same, for what may take longer.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    seconds: u64,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(seconds), async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        loop {
            again.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never happened: {what}"))
}
