//! What stories are told with: a Daily of one's own, servers around it, and helpers that do what people do.

pub mod app;
pub mod browser;
pub mod command;
pub mod mailbox;
pub mod postfix;
pub mod postgres;
mod self_test;
pub mod smtp_server;
mod supervisor;

use std::{future::Future, time::Duration};

/// What a story's database runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Tells a story on SQLite and on PostgreSQL: each is an `async fn(engine: Engine)`.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$meta])*
            async fn story($engine: crate::support::Engine) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                story(crate::support::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                story(crate::support::Engine::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_both_engines;

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
