//! Whether this process can write to its database. `/healthz`, `/readyz` and the watchdog report it.

use crate::db::{Db, DbError};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A process without any answer from its database file for this long is stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(90);

/// The results of this process's heartbeats. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WriterHealth(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// When the engine last answered a write, even with an error such as a full disk.
    answered_at: Instant,
    /// The error of the last write.
    error: Option<String>,
}

impl Default for WriterHealth {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { answered_at: Instant::now(), error: None })))
    }
}

impl WriterHealth {
    /// Records the result of a write. Returns whether the process is alive: a full disk or a server that is
    /// away heals by itself, and a restart would only lose the relays' answers that wait in memory.
    pub fn record(&self, db: &Db, result: Result<(), &DbError>) -> bool {
        let mut state = self.0.lock();
        state.error = result.err().map(ToString::to_string);
        let is_alive = result.err().is_none_or(|error| !needs_restart(db, error));
        if is_alive {
            state.answered_at = Instant::now();
        }
        is_alive
    }

    /// Returns the error of the last write, if it failed.
    pub fn error(&self) -> Option<String> {
        self.0.lock().error.clone()
    }

    /// Returns whether only a restart can help.
    pub fn is_stuck(&self) -> bool {
        self.0.lock().answered_at.elapsed() > STUCK_AFTER
    }
}

/// Returns whether an error may come from this process instead of the database. An SQLite file always answers,
/// so a writer that times out, or a log that can't be flushed any more, is this process's own fault.
fn needs_restart(db: &Db, error: &DbError) -> bool {
    matches!(db, Db::Sqlite { .. }) && error.as_database_error().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DatabaseUrl;

    #[tokio::test]
    async fn a_writer_that_never_answers_is_stuck_and_a_full_disk_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&DatabaseUrl::Sqlite(folder.path().join("daily.db"))).await.unwrap();
        let Db::Sqlite { writer, .. } = &db else { panic!("not SQLite") };
        sqlx::query("PRAGMA max_page_count = 1").execute(writer).await.unwrap();
        let full = sqlx::query("CREATE TABLE notes (text TEXT)").execute(writer).await.unwrap_err();
        tokio::time::pause();
        let health = WriterHealth::default();
        tokio::time::advance(STUCK_AFTER).await;
        assert!(health.record(&db, Err(&full)), "{full}");
        assert!(health.error().unwrap().contains("full"));
        tokio::time::advance(STUCK_AFTER).await;
        assert!(!health.record(&db, Err(&DbError::PoolTimedOut)));
        assert!(!health.is_stuck());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.is_stuck());
        assert!(health.record(&db, Ok(())));
        assert!(!health.is_stuck() && health.error().is_none());
    }
}
