//! Measures how long small writes wait while something large is running.

use crate::{
    installation::Installation,
    planning::{median, since},
    support::table::milliseconds,
};
use daily::db::engine::processes;
use std::time::{Duration, Instant};

/// Pause between two writes.
const PAUSE: Duration = Duration::from_millis(20);

/// Durations of small writes, in milliseconds.
#[derive(Default)]
pub struct Waits {
    /// Writes of this process.
    pub inside: Vec<f64>,
    /// Writes through a connection that SQLite treats like another process.
    pub outside: Vec<f64>,
}

impl Waits {
    /// Describes the median and the maximum of each.
    pub fn in_words(&self) -> String {
        let describe = |all: &[f64]| {
            let longest = all.iter().copied().fold(0.0, f64::max);
            format!(
                "median {}, longest {} of {}",
                milliseconds(median(all.to_vec())),
                milliseconds(longest),
                all.len()
            )
        };
        format!("in this process {}; from another one {}", describe(&self.inside), describe(&self.outside))
    }
}

/// Runs a future, and writes repeatedly meanwhile.
pub async fn during<T>(installation: &Installation, work: impl Future<Output = T>) -> (T, Waits) {
    let mut waits = Waits::default();
    let inside = async {
        loop {
            let begun = Instant::now();
            let mut tx = installation.app.db.begin().await.expect("a transaction");
            processes::heartbeat(&mut tx, "pulse", "web", installation.clock.now()).await.expect("a write");
            tx.commit().await.expect("a commit");
            waits.inside.push(since(begun));
            tokio::time::sleep(PAUSE).await;
        }
    };
    let outside = async {
        loop {
            let begun = Instant::now();
            installation
                .store
                .execute("UPDATE newsletters SET tagline = 'A tagline' WHERE slug = 'other-20'")
                .await;
            waits.outside.push(since(begun));
            tokio::time::sleep(PAUSE).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = inside => unreachable!("it never ends"),
        () = outside => unreachable!("it never ends"),
    };
    (done, waits)
}
