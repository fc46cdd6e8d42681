//! Good manners towards other people's servers: a process asks a host one thing at a time, with a pause
//! between two.
//!
//! Waiting for a turn is bounded. Whoever would wait longer gets [`Busy`] at once, and comes back later
//! instead of keeping a worker.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use url::Url;

/// Hosts remembered before those that are of no interest any more are forgotten.
const MANY_HOSTS: usize = 1_000;
/// The longest that anybody waits for a turn.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Gives out turns, one a host at a time. Clones share them.
#[derive(Debug, Clone)]
pub struct Turns {
    pause: Duration,
    hosts: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>>,
}

#[derive(Debug)]
struct Slot {
    free_at: Instant,
}

/// A turn at a host. When it is dropped the pause begins.
#[derive(Debug)]
pub struct Turn {
    host: String,
    slot: OwnedMutexGuard<Slot>,
    pause: Duration,
    rest: Option<Duration>,
}

/// It would take too long until it is somebody's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// How long it takes at least.
    pub wait: Duration,
}

impl Turns {
    /// Turns with this pause between two at the same host.
    pub fn new(pause: Duration) -> Self {
        Self { pause, hosts: Arc::default() }
    }

    /// Waits for a turn at the host of `url`, for `patience` at most.
    pub async fn take(&self, url: &Url, patience: Duration) -> Result<Turn, Busy> {
        let host = host_of(url);
        let slot = self.slot(&host);
        let slot = tokio::time::timeout(patience, slot.lock_owned())
            .await
            .map_err(|_| Busy { wait: self.pause.max(Duration::from_secs(1)) })?;
        let wait = slot.free_at.saturating_duration_since(Instant::now());
        if wait > patience {
            return Err(Busy { wait });
        }
        // Dropped meanwhile, nothing was asked: the next one waits for the same moment.
        tokio::time::sleep_until(slot.free_at).await;
        Ok(Turn { host, slot, pause: self.pause, rest: None })
    }

    fn slot(&self, host: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut hosts = self.hosts.lock();
        if hosts.len() >= MANY_HOSTS {
            let now = Instant::now();
            hosts.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().map_or(true, |slot| slot.free_at > now)
            });
        }
        let free = || Arc::new(tokio::sync::Mutex::new(Slot { free_at: Instant::now() }));
        Arc::clone(hosts.entry(host.to_owned()).or_insert_with(free))
    }
}

impl Turn {
    /// Whether this turn is one at the host of `url`.
    pub fn is_at(&self, url: &Url) -> bool {
        self.host == host_of(url)
    }

    /// Nobody is to ask this host anything for so long.
    pub fn rest(&mut self, rest: Duration) {
        self.rest = Some(rest);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.slot.free_at = Instant::now() + self.rest.unwrap_or_default().max(self.pause);
    }
}

/// Host and port, as in the address.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_has_one_visitor_at_a_time_and_a_pause_between_two() {
        let turns = Turns::new(PAUSE);
        let begin = Instant::now();
        let first = turns.take(&url("https://a.example/1"), PATIENCE).await.unwrap();
        let other = turns.take(&url("https://b.example/1"), PATIENCE).await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO, "other hosts don't wait");
        let waiting = turns.clone();
        let second =
            tokio::spawn(async move { waiting.take(&url("https://a.example/2"), PATIENCE).await.unwrap() });
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!second.is_finished());
        drop((first, other));
        drop(second.await.unwrap());
        assert_eq!(begin.elapsed(), Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_asked_for_a_rest_has_it_and_nobody_waits_for_long() {
        let turns = Turns::new(PAUSE);
        let at = url("https://a.example/1");
        let mut turn = turns.take(&at, PATIENCE).await.unwrap();
        turn.rest(Duration::from_mins(2));
        drop(turn);
        let begin = Instant::now();
        assert_eq!(turns.take(&at, PATIENCE).await.unwrap_err(), Busy { wait: Duration::from_mins(2) });
        assert_eq!(begin.elapsed(), Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(115)).await;
        assert!(turns.take(&at, PATIENCE).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_of_no_interest_are_forgotten() {
        let turns = Turns::new(PAUSE);
        for n in 0..3 * MANY_HOSTS {
            drop(turns.take(&url(&format!("https://h{n}.example/")), PATIENCE).await.unwrap());
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert!(turns.hosts.lock().len() <= MANY_HOSTS);
    }
}
