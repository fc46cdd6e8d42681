//! Governing: how many messages and connections each relay and destination domain may be given, over all processes together.

use crate::{
    clock::Clock,
    db::{
        Db, DbError,
        engine::processes,
        throttle::{
            connection_quotas,
            send_rates::{self, Scope},
        },
    },
    domain::delivery::{
        send_rate::{Pace, Slowed},
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

/// Permits for a relay are reserved at most this far ahead.
const AHEAD: SignedDuration = SignedDuration::from_secs(1);
/// What was sent to a domain is counted over this time.
const WINDOW: Duration = Duration::from_secs(10);
/// A domain that was slowed longer ago than this has recovered, however slow it was.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(6);
/// How long a process's share of connections is its own without being renewed.
const SHARE_LEASE: SignedDuration = SignedDuration::from_secs(10);

/// What is configured about a relay.
#[derive(Debug, Clone)]
pub struct RelayLimits {
    /// Its name.
    pub name: String,
    /// Most connections, over all processes.
    pub connections: usize,
    /// Most messages a minute, over all processes.
    pub per_minute: Option<u32>,
}

/// The governor of a process. Cheap to clone.
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    relays: Vec<(RelayLimits, tokio::sync::Mutex<Portion>)>,
    /// How many connections to each relay the mailer may have.
    allowed: Vec<AtomicUsize>,
    domains: HashMap<String, u32>,
    slowed: RwLock<HashMap<String, Slowed>>,
    seen: Mutex<Seen>,
}

/// Permits at hand for a relay.
#[derive(Default)]
struct Portion {
    left: u32,
    next: Option<Instant>,
    interval: Duration,
}

/// How many messages each domain got lately. Domains are told apart by a hash: this is a measure, not a record.
struct Seen {
    since: Instant,
    now: HashMap<u64, u32>,
    before: HashMap<u64, u32>,
}

impl Throttle {
    /// Governs these relays and, in messages a minute, these destination domains.
    pub fn new(db: Db, clock: Clock, relays: Vec<RelayLimits>, domains: HashMap<String, u32>) -> Self {
        // What the mailer begins with.
        let allowed = relays.iter().map(|relay| AtomicUsize::new(relay.connections)).collect();
        let relays = relays.into_iter().map(|relay| (relay, tokio::sync::Mutex::default())).collect();
        let seen = Seen { since: Instant::now(), now: HashMap::new(), before: HashMap::new() };
        Self(Arc::new(Shared {
            db,
            clock,
            relays,
            allowed,
            domains,
            slowed: RwLock::default(),
            seen: Mutex::new(seen),
        }))
    }

    /// Waits until a message may be given to a relay.
    pub async fn permit(&self, relay: usize) -> Result<(), DbError> {
        let (limits, portion) = &self.0.relays[relay];
        let Some(per_minute) = limits.per_minute else { return Ok(()) };
        loop {
            let mut portion = portion.lock().await;
            if portion.left > 0
                && let Some(at) = portion.next
            {
                portion.left -= 1;
                portion.next = Some(at + portion.interval);
                drop(portion);
                tokio::time::sleep_until(at).await;
                return Ok(());
            }
            let now = self.0.clock.now();
            let mut tx = self.0.db.begin().await?;
            let reserved =
                send_rates::reserve(&mut tx, Scope::Relay(&limits.name), per_minute, AHEAD, now).await?;
            tx.commit().await?;
            match reserved {
                Ok(permits) => {
                    let wait = permits.from.duration_since(now).max(SignedDuration::ZERO).unsigned_abs();
                    *portion = Portion {
                        left: permits.count,
                        next: Some(Instant::now() + wait),
                        interval: permits.interval.unsigned_abs(),
                    };
                }
                Err(at) => {
                    let wait = at.duration_since(now).unsigned_abs();
                    drop(portion);
                    tokio::time::sleep(wait.min(Duration::from_secs(1))).await;
                }
            }
        }
    }

    /// Notes a message that could not wait: the next ones wait the longer.
    pub async fn spend(&self, relay: usize) {
        let (_, portion) = &self.0.relays[relay];
        let mut portion = portion.lock().await;
        if portion.left > 0 {
            portion.left -= 1;
            portion.next = portion.next.map(|at| at + portion.interval);
        }
    }

    /// The domains whose pace is configured.
    pub fn configured_domains(&self) -> Vec<String> {
        self.0.domains.keys().cloned().collect()
    }

    /// Messages a minute that a domain may be given now; `None`: no limit.
    pub fn domain_pace(&self, domain: &str, slowed: Option<Slowed>) -> Option<u32> {
        self.pace(domain, slowed).per_minute(self.0.clock.now())
    }

    /// Whether a domain's pace is limited, as far as this process knows.
    pub fn is_limited(&self, domain: &str) -> bool {
        let slowed = self.0.slowed.read().get(domain).copied();
        self.domain_pace(domain, slowed).is_some()
    }

    fn pace(&self, domain: &str, slowed: Option<Slowed>) -> Pace {
        Pace { configured: self.0.domains.get(domain).copied(), slowed }
    }

    /// Learns which domains other processes have slowed.
    pub async fn refresh(&self) -> Result<(), DbError> {
        let mut tx = self.0.db.read().await?;
        let slowed = send_rates::slowed_domains(&mut tx, self.0.clock.now() - FORGET_AFTER).await?;
        *self.0.slowed.write() = slowed.into_iter().collect();
        Ok(())
    }

    /// Notes a message to a domain.
    pub fn heard(&self, domain: &str) {
        let mut seen = self.0.seen.lock();
        if seen.since.elapsed() >= WINDOW {
            seen.before = std::mem::take(&mut seen.now);
            seen.since = Instant::now();
        }
        *seen.now.entry(hash(domain)).or_default() += 1;
    }

    /// Halves a domain's pace, for this and all other processes, after it asked for it.
    pub async fn complaint(&self, domain: &str, answer: &Answer) -> Result<(), DbError> {
        let now = self.0.clock.now();
        let known = self.0.slowed.read().get(domain).copied();
        if self.pace(domain, known).complaint(u32::MAX, now).is_none() {
            return Ok(());
        }
        let mut tx = self.0.db.begin().await?;
        let known = send_rates::slowed(&mut tx, Scope::Domain(domain)).await?;
        let slowed = self.pace(domain, known).complaint(self.seen_per_minute(domain), now);
        if let Some(slowed) = slowed {
            send_rates::slow(&mut tx, Scope::Domain(domain), slowed, &answer.codes()).await?;
            tracing::warn!(
                domain,
                per_minute = slowed.per_minute,
                said = answer.line(),
                "a domain asks for a slower pace"
            );
        }
        tx.commit().await?;
        if let Some(slowed) = slowed.or(known) {
            let mut all = self.0.slowed.write();
            all.insert(domain.to_owned(), slowed);
        }
        Ok(())
    }

    fn seen_per_minute(&self, domain: &str) -> u32 {
        let seen = self.0.seen.lock();
        let count = |map: &HashMap<u64, u32>| map.get(&hash(domain)).copied().unwrap_or(0);
        let elapsed = seen.since.elapsed().as_secs().max(1);
        let lately = u64::from(count(&seen.now)) * 60 / elapsed;
        let before = u64::from(count(&seen.before)) * 60 / WINDOW.as_secs();
        lately.max(before).try_into().unwrap_or(u32::MAX)
    }

    /// Takes this process's share of each relay's connections, anew, and tells the mailer.
    pub async fn share_connections(&self, mailer: &Mailer, process: &str) -> Result<(), DbError> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.begin().await?;
        let workers = processes::count_workers(&mut tx, now).await?;
        let mut shares = Vec::new();
        for (index, (limits, _)) in self.0.relays.iter().enumerate() {
            let limit = limits.connections.try_into().unwrap_or(i64::MAX);
            // First down to what it will be at most: what is opened after the count would be in nobody's books.
            let fair = connection_quotas::equal_share(limit, workers).try_into().unwrap_or(usize::MAX);
            self.allow(mailer, index, fair.min(self.0.allowed[index].load(Ordering::Acquire)));
            let open = mailer.open_connections(index).try_into().unwrap_or(i64::MAX);
            let request = connection_quotas::Request {
                relay: &limits.name,
                process,
                limit,
                workers,
                open,
                until: now + SHARE_LEASE,
            };
            shares.push(connection_quotas::acquire(&mut tx, &request, now).await?);
        }
        tx.commit().await?;
        for (index, share) in shares.into_iter().enumerate() {
            self.allow(mailer, index, share.try_into().unwrap_or(0));
        }
        Ok(())
    }

    fn allow(&self, mailer: &Mailer, relay: usize, connections: usize) {
        self.0.allowed[relay].store(connections, Ordering::Release);
        mailer.allow(relay, connections);
    }

    /// Whether this process may open any connection at all: there may be more workers than connections.
    pub fn may_connect(&self) -> bool {
        self.0.allowed.iter().any(|connections| connections.load(Ordering::Acquire) > 0)
    }

    /// Gives the share back.
    pub async fn leave(&self, process: &str) -> Result<(), DbError> {
        let mut tx = self.0.db.begin().await?;
        connection_quotas::release(&mut tx, process, self.0.clock.now()).await?;
        tx.commit().await
    }

    /// The most connections this process could ever use.
    pub fn most_connections(&self) -> usize {
        self.0.relays.iter().map(|(limits, _)| limits.connections).max().unwrap_or(1)
    }

    /// When a moment of the store's clock comes, from now.
    pub fn until(&self, at: Timestamp) -> Duration {
        at.duration_since(self.0.clock.now()).max(SignedDuration::ZERO).unsigned_abs()
    }
}

fn hash(domain: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    domain.hash(&mut hasher);
    hasher.finish()
}
