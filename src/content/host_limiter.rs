//! Rate limit per host: each process sends one request at a time to a host, with a pause between requests.
//!
//! The wait is limited. A caller that would wait longer gets [`Busy`] immediately and retries later, so that
//! it doesn't block a worker.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use url::Url;

/// Number of remembered hosts from which idle ones are removed.
const MANY_HOSTS: usize = 1_000;
/// Longest wait for a host.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Limiter that gives exclusive access to hosts. Clones share its state.
#[derive(Debug, Clone)]
pub struct HostLimiter {
    pause: Duration,
    hosts: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>>,
}

#[derive(Debug)]
struct Slot {
    free_at: Instant,
}

/// Exclusive access to a host. The pause begins when it is dropped.
#[derive(Debug)]
pub struct HostAccess {
    host: String,
    slot: OwnedMutexGuard<Slot>,
    pause: Duration,
    rest: Option<Duration>,
}

/// The wait for the host would be too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// Shortest time to wait.
    pub wait: Duration,
}

impl HostLimiter {
    /// Creates the limiter with `pause` between two requests to a host.
    pub fn new(pause: Duration) -> Self {
        Self { pause, hosts: Arc::default() }
    }

    /// Waits for exclusive access to the host of `url`, at most `patience`.
    pub async fn take(&self, url: &Url, patience: Duration) -> Result<HostAccess, Busy> {
        let host = host_of(url);
        let slot = self.slot(&host);
        let slot = tokio::time::timeout(patience, slot.lock_owned())
            .await
            .map_err(|_| Busy { wait: self.pause.max(Duration::from_secs(1)) })?;
        let wait = slot.free_at.saturating_duration_since(Instant::now());
        if wait > patience {
            return Err(Busy { wait });
        }
        // If this future is dropped during the sleep, no request was sent, so the next caller waits until the
        // same time.
        tokio::time::sleep_until(slot.free_at).await;
        Ok(HostAccess { host, slot, pause: self.pause, rest: None })
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

impl HostAccess {
    /// Returns whether this gives access to the host of `url`.
    pub fn is_at(&self, url: &Url) -> bool {
        self.host == host_of(url)
    }

    /// Blocks requests to this host for `rest` after this turn.
    pub fn rest(&mut self, rest: Duration) {
        self.rest = Some(rest);
    }
}

impl Drop for HostAccess {
    fn drop(&mut self) {
        self.slot.free_at = Instant::now() + self.rest.unwrap_or_default().max(self.pause);
    }
}

/// Returns host and port as in the URL.
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
        let limiter = HostLimiter::new(PAUSE);
        let begin = Instant::now();
        let first = limiter.take(&url("https://a.example/1"), PATIENCE).await.unwrap();
        let other = limiter.take(&url("https://b.example/1"), PATIENCE).await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO, "other hosts don't wait");
        let waiting = limiter.clone();
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
        let limiter = HostLimiter::new(PAUSE);
        let at = url("https://a.example/1");
        let mut turn = limiter.take(&at, PATIENCE).await.unwrap();
        turn.rest(Duration::from_mins(2));
        drop(turn);
        let begin = Instant::now();
        assert_eq!(limiter.take(&at, PATIENCE).await.unwrap_err(), Busy { wait: Duration::from_mins(2) });
        assert_eq!(begin.elapsed(), Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(115)).await;
        assert!(limiter.take(&at, PATIENCE).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_of_no_interest_are_forgotten() {
        let limiter = HostLimiter::new(PAUSE);
        for n in 0..3 * MANY_HOSTS {
            drop(limiter.take(&url(&format!("https://h{n}.example/")), PATIENCE).await.unwrap());
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert!(limiter.hosts.lock().len() <= MANY_HOSTS);
    }
}
