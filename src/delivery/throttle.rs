//! Limits messages and connections per relay, and messages per destination domain, over all processes
//! together.

use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        engine::processes,
        throttle::{
            connection_quotas, holds,
            send_rates::{self, Scope},
        },
    },
    domain::delivery::{
        breaker::HOLD_DESTINATION_FOR,
        send_rate::{ReducedRate, SendRate},
        status::Answer,
    },
    mail::Mailer,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How far ahead permits for a relay are reserved.
const MAX_AHEAD: SignedDuration = SignedDuration::from_secs(1);
/// The period over which messages per domain are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Longest possible recovery: a domain that was throttled before that has recovered, whatever its rate was.
const MAX_RECOVERY: SignedDuration = SignedDuration::from_hours(6);
/// Lease of a process's connection quota.
const QUOTA_LEASE: SignedDuration = SignedDuration::from_secs(10);

#[derive(Debug, Clone)]
pub struct RelayLimits {
    pub name: String,
    /// Maximum number of connections, over all processes.
    pub connections: usize,
    /// Maximum messages per minute, over all processes; `None`: no limit.
    pub per_minute: Option<u32>,
}

/// The throttle of a process. Cheap to clone.
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    relays: Vec<(RelayLimits, tokio::sync::Mutex<Permits>)>,
    /// The connections to each relay that the mailer may open.
    allowed: Vec<AtomicUsize>,
    domains: HashMap<String, u32>,
    reduced: RwLock<HashMap<String, ReducedRate>>,
    recent: Mutex<RecentSends>,
}

#[derive(Default)]
struct Permits {
    left: u32,
    next: Option<Instant>,
    interval: Duration,
}

/// Recent messages per domain. Hash collisions of domains don't matter, because the counts are only
/// estimates.
struct RecentSends {
    since: Instant,
    now: HashMap<u64, u32>,
    before: HashMap<u64, u32>,
}

impl Throttle {
    /// Creates a throttle for relays and, in messages per minute, for destination domains.
    pub fn new(db: Db, clock: Clock, relays: Vec<RelayLimits>, domains: HashMap<String, u32>) -> Self {
        // The mailer starts with the same numbers.
        let allowed = relays.iter().map(|relay| AtomicUsize::new(relay.connections)).collect();
        let relays = relays.into_iter().map(|relay| (relay, tokio::sync::Mutex::default())).collect();
        let recent = RecentSends { since: Instant::now(), now: HashMap::new(), before: HashMap::new() };
        Self(Arc::new(Shared {
            db,
            clock,
            relays,
            allowed,
            domains,
            reduced: RwLock::default(),
            recent: Mutex::new(recent),
        }))
    }

    /// Waits until a message may be handed to a relay.
    pub async fn acquire_permit(&self, relay: usize) -> Result<(), DbError> {
        let (limits, permits) = &self.0.relays[relay];
        let Some(per_minute) = limits.per_minute else { return Ok(()) };
        loop {
            let mut permits = permits.lock().await;
            if permits.left > 0
                && let Some(at) = permits.next
            {
                permits.left -= 1;
                permits.next = Some(at + permits.interval);
                drop(permits);
                tokio::time::sleep_until(at).await;
                return Ok(());
            }
            let now = self.0.clock.now();
            let mut tx = self.0.db.begin().await?;
            let reserved =
                send_rates::reserve(&mut tx, Scope::Relay(&limits.name), per_minute, MAX_AHEAD, now).await?;
            tx.commit().await?;
            match reserved {
                Ok(reserved) => {
                    let wait = reserved.from.duration_since(now).max(SignedDuration::ZERO).unsigned_abs();
                    *permits = Permits {
                        left: reserved.count,
                        next: Some(Instant::now() + wait),
                        interval: reserved.interval.unsigned_abs(),
                    };
                }
                Err(at) => {
                    let wait = at.duration_since(now).unsigned_abs();
                    drop(permits);
                    tokio::time::sleep(wait.min(Duration::from_secs(1))).await;
                }
            }
        }
    }

    /// Debits a message that did not wait for a permit: later messages wait longer.
    pub async fn debit(&self, relay: usize) {
        let (_, permits) = &self.0.relays[relay];
        let mut permits = permits.lock().await;
        if permits.left > 0 {
            permits.left -= 1;
            permits.next = permits.next.map(|at| at + permits.interval);
        }
    }

    /// Returns the domains with a configured rate.
    pub fn configured_domains(&self) -> Vec<String> {
        self.0.domains.keys().cloned().collect()
    }

    /// Returns a domain's current messages per minute; `None`: no limit.
    pub fn domain_rate(&self, domain: &str, slowed: Option<ReducedRate>) -> Option<u32> {
        self.send_rate(domain, slowed).per_minute(self.0.clock.now())
    }

    /// Whether a domain is throttled, as far as this process knows.
    pub fn is_limited(&self, domain: &str) -> bool {
        let slowed = self.0.reduced.read().get(domain).copied();
        self.domain_rate(domain, slowed).is_some()
    }

    fn send_rate(&self, domain: &str, slowed: Option<ReducedRate>) -> SendRate {
        SendRate { configured: self.0.domains.get(domain).copied(), slowed }
    }

    /// Loads the domains that other processes have throttled.
    pub async fn refresh(&self) -> Result<(), DbError> {
        let mut tx = self.0.db.read().await?;
        let slowed = send_rates::slowed_domains(&mut tx, self.0.clock.now() - MAX_RECOVERY).await?;
        *self.0.reduced.write() = slowed.into_iter().collect();
        Ok(())
    }

    /// Counts a message to a domain.
    pub fn record_sent(&self, domain: &str) {
        let mut recent = self.0.recent.lock();
        if recent.since.elapsed() >= WINDOW {
            recent.before = std::mem::take(&mut recent.now);
            recent.since = Instant::now();
        }
        *recent.now.entry(hash(domain)).or_default() += 1;
    }

    /// Halves a domain's rate, for all processes, after an answer that asked for that.
    pub async fn on_rejected(&self, domain: &str, answer: &Answer) -> Result<(), DbError> {
        let now = self.0.clock.now();
        let known = self.0.reduced.read().get(domain).copied();
        if self.send_rate(domain, known).reduce(u32::MAX, now).is_none() {
            return Ok(());
        }
        let mut tx = self.0.db.begin().await?;
        let known = send_rates::slowed(&mut tx, Scope::Domain(domain)).await?;
        let slowed = self.send_rate(domain, known).reduce(self.recent_per_minute(domain), now);
        if let Some(slowed) = slowed {
            send_rates::slow(&mut tx, Scope::Domain(domain), slowed, &answer.codes()).await?;
            tracing::warn!(
                domain,
                per_minute = slowed.per_minute,
                answer = answer.line(),
                "domain throttled"
            );
        }
        tx.commit().await?;
        if let Some(slowed) = slowed.or(known) {
            let mut all = self.0.reduced.write();
            all.insert(domain.to_owned(), slowed);
        }
        Ok(())
    }

    /// Holds a domain's email back, for all processes, in the caller's transaction.
    pub async fn hold(&self, tx: &mut Tx, domain: &str, reason: &str) -> Result<(), DbError> {
        let now = self.0.clock.now();
        let until = now + HOLD_DESTINATION_FOR;
        let afterwards = ReducedRate::lowest(until);
        holds::hold(tx, domain, reason, until, afterwards, now).await?;
        tracing::warn!(domain, reason, %until, "destination held");
        // If the transaction fails, the next refresh corrects this.
        self.0.reduced.write().insert(domain.to_owned(), afterwards);
        Ok(())
    }

    fn recent_per_minute(&self, domain: &str) -> u32 {
        let recent = self.0.recent.lock();
        let count = |map: &HashMap<u64, u32>| map.get(&hash(domain)).copied().unwrap_or(0);
        let elapsed = recent.since.elapsed().as_secs().max(1);
        let current = u64::from(count(&recent.now)) * 60 / elapsed;
        let before = u64::from(count(&recent.before)) * 60 / WINDOW.as_secs();
        current.max(before).try_into().unwrap_or(u32::MAX)
    }

    /// Updates this process's quota of each relay's connections, and tells the mailer.
    pub async fn update_quotas(&self, mailer: &Mailer, process: &str) -> Result<(), DbError> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.begin().await?;
        let workers = processes::count_workers(&mut tx, now).await?;
        let mut quotas = Vec::new();
        for (index, (limits, _)) in self.0.relays.iter().enumerate() {
            let limit = limits.connections.try_into().unwrap_or(i64::MAX);
            // Reduce the limit to the future maximum first, so that no connection opened after the count
            // exceeds the quota.
            let equal_share = connection_quotas::equal_share(limit, workers).try_into().unwrap_or(usize::MAX);
            self.allow(mailer, index, equal_share.min(self.0.allowed[index].load(Ordering::Acquire)));
            let open = mailer.open_connections(index).try_into().unwrap_or(i64::MAX);
            let request = connection_quotas::Request {
                relay: &limits.name,
                process,
                limit,
                workers,
                open,
                until: now + QUOTA_LEASE,
            };
            quotas.push(connection_quotas::acquire(&mut tx, &request, now).await?);
        }
        tx.commit().await?;
        for (index, quota) in quotas.into_iter().enumerate() {
            self.allow(mailer, index, quota.try_into().unwrap_or(0));
        }
        Ok(())
    }

    fn allow(&self, mailer: &Mailer, relay: usize, connections: usize) {
        self.0.allowed[relay].store(connections, Ordering::Release);
        mailer.allow(relay, connections);
    }

    /// Whether this process may open any connection. There may be more workers than connections.
    pub fn may_connect(&self) -> bool {
        self.0.allowed.iter().any(|connections| connections.load(Ordering::Acquire) > 0)
    }

    pub async fn release_quotas(&self, process: &str) -> Result<(), DbError> {
        let mut tx = self.0.db.begin().await?;
        connection_quotas::release(&mut tx, process, self.0.clock.now()).await?;
        tx.commit().await
    }

    /// Returns the maximum number of connections that this process could ever use.
    pub fn most_connections(&self) -> usize {
        self.0.relays.iter().map(|(limits, _)| limits.connections).max().unwrap_or(1)
    }

    /// Returns the time until a timestamp on the database's clock.
    pub fn time_until(&self, at: Timestamp) -> Duration {
        at.duration_since(self.0.clock.now()).max(SignedDuration::ZERO).unsigned_abs()
    }
}

fn hash(domain: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    domain.hash(&mut hasher);
    hasher.finish()
}
