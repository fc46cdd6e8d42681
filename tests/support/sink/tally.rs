//! The counts of a sink.

use daily::clock::Clock;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::watch;

/// Number of messages between recorded times, for the rates of parts of a run.
const MILESTONE: u64 = 1000;

/// Counters, and with `remember` every message.
pub struct Tally {
    begun: watch::Sender<u64>,
    taken: watch::Sender<u64>,
    octets: AtomicU64,
    first_mail_from: AtomicI64,
    first_taken: AtomicI64,
    last_taken: AtomicI64,
    milestones: Mutex<Vec<i64>>,
    connections: Mutex<Vec<Arc<Connection>>>,
    messages: Mutex<Vec<Message>>,
}

/// A message that was received completely.
#[derive(Debug, Clone)]
pub struct Message {
    /// The last recipient of the envelope.
    pub recipient: String,
    /// The `Message-ID` header.
    pub id: String,
    /// Index of the connection.
    pub connection: usize,
}

/// State of a connection's current transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Idle = 0,
    Envelope = 1,
    Data = 2,
    /// The message is complete, and its answer not written yet.
    Unanswered = 3,
}

#[derive(Debug, Default)]
pub struct Connection {
    number: usize,
    hello: OnceLock<String>,
    messages: AtomicU64,
    /// 1 + the index of the latest message.
    latest: AtomicUsize,
    phase: AtomicU8,
    quit: AtomicBool,
    closed: AtomicBool,
}

impl Connection {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn set_hello(&self, name: &str) {
        let _ = self.hello.set(name.to_owned());
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    pub(super) fn set_quit(&self) {
        self.quit.store(true, Relaxed);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    /// Returns the name in the client's EHLO.
    pub fn hello(&self) -> &str {
        self.hello.get().map_or("", String::as_str)
    }

    /// Returns the number of messages.
    pub fn messages(&self) -> u64 {
        self.messages.load(Relaxed)
    }

    /// Returns whether the connection ended without QUIT.
    pub fn broke(&self) -> bool {
        self.closed.load(Relaxed) && !self.quit.load(Relaxed)
    }

    /// Returns the current state, or the last one of a closed connection.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Envelope,
            2 => Phase::Data,
            _ => Phase::Unanswered,
        }
    }

    /// Returns whether the message with this index is the connection's last.
    pub fn ends_with(&self, message: usize) -> bool {
        self.latest.load(Relaxed) == message + 1
    }
}

/// Figures of a sink.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Report {
    pub messages: u64,
    /// Octets of the messages as sent.
    pub octets: u64,
    /// Microseconds since 1970, or 0.
    pub first_mail_from: i64,
    /// Microseconds since 1970, or 0.
    pub first_taken: i64,
    /// Microseconds since 1970, or 0.
    pub last_taken: i64,
    /// Times of every thousandth message.
    pub milestones: Vec<i64>,
    pub connections: usize,
    /// Messages by the name in the client's EHLO.
    pub by_client: BTreeMap<String, u64>,
    /// With `remember`, copies beyond each recipient's first.
    pub repeated: u64,
}

impl Report {
    /// Returns messages per second, from the first to the last message.
    pub fn rate(&self) -> f64 {
        rate(self.messages.saturating_sub(1), self.last_taken - self.first_taken)
    }

    /// Returns the rates of the first and the last tenth of the run, to the nearest thousand messages.
    pub fn rates_of_tenths(&self) -> Option<(f64, f64)> {
        let marks = &self.milestones;
        let tenth = marks.len() / 10;
        let (first, last) = (marks.get(tenth)?, marks.get(marks.len().checked_sub(tenth + 1)?)?);
        let messages = u64::try_from(tenth).ok()? * MILESTONE;
        (tenth > 0).then(|| (rate(messages, first - marks[0]), rate(messages, marks[marks.len() - 1] - last)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(messages: u64, micros: i64) -> f64 {
    messages as f64 / (micros.max(1) as f64 / 1e6)
}

/// Returns microseconds since 1970.
pub(super) fn now() -> i64 {
    Clock::system().now().as_microsecond()
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            begun: watch::Sender::new(0),
            taken: watch::Sender::new(0),
            octets: AtomicU64::new(0),
            first_mail_from: AtomicI64::new(0),
            first_taken: AtomicI64::new(0),
            last_taken: AtomicI64::new(0),
            milestones: Mutex::default(),
            connections: Mutex::default(),
            messages: Mutex::default(),
        }
    }
}

impl Tally {
    pub(super) fn connection(&self) -> Arc<Connection> {
        let mut connections = lock(&self.connections);
        let connection = Arc::new(Connection { number: connections.len(), ..Connection::default() });
        connections.push(connection.clone());
        connection
    }

    /// Counts a `MAIL FROM`. Returns its time if it is the first.
    pub(super) fn mail_from(&self) -> Option<i64> {
        self.begun.send_modify(|begun| *begun += 1);
        if self.first_mail_from.load(Relaxed) != 0 {
            return None;
        }
        let at = now();
        self.first_mail_from.compare_exchange(0, at, Relaxed, Relaxed).is_ok().then_some(at)
    }

    /// Counts a message and returns its time.
    pub(super) fn message(&self, connection: &Connection, octets: u64, message: Option<Message>) -> i64 {
        let at = now();
        if let Some(message) = message {
            let mut messages = lock(&self.messages);
            messages.push(message);
            connection.latest.store(messages.len(), Relaxed);
        }
        connection.messages.fetch_add(1, Relaxed);
        self.octets.fetch_add(octets, Relaxed);
        let _ = self.first_taken.compare_exchange(0, at, Relaxed, Relaxed);
        self.last_taken.fetch_max(at, Relaxed);
        self.taken.send_modify(|taken| {
            if taken.is_multiple_of(MILESTONE) {
                lock(&self.milestones).push(at);
            }
            *taken += 1;
        });
        at
    }

    /// Returns the number of complete messages.
    pub fn taken(&self) -> u64 {
        *self.taken.borrow()
    }

    /// Waits until this many messages are complete.
    pub async fn wait_for(&self, count: u64) {
        at_least(&self.taken, count).await;
    }

    /// Waits until MAIL has begun this many messages.
    pub async fn wait_for_begun(&self, count: u64) {
        at_least(&self.begun, count).await;
    }

    /// Returns every message, in order of arrival.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.messages).clone()
    }

    /// Returns every connection, by index.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.connections).clone()
    }

    pub fn report(&self) -> Report {
        let mut copies: BTreeMap<String, u64> = BTreeMap::new();
        for message in lock(&self.messages).iter() {
            *copies.entry(message.recipient.clone()).or_default() += 1;
        }
        let mut by_client: BTreeMap<String, u64> = BTreeMap::new();
        let connections = self.connections();
        for connection in &connections {
            *by_client.entry(connection.hello().to_owned()).or_default() += connection.messages();
        }
        Report {
            messages: self.taken(),
            octets: self.octets.load(Relaxed),
            first_mail_from: self.first_mail_from.load(Relaxed),
            first_taken: self.first_taken.load(Relaxed),
            last_taken: self.last_taken.load(Relaxed),
            milestones: lock(&self.milestones).clone(),
            connections: connections.len(),
            by_client,
            repeated: copies.values().map(|count| count - 1).sum(),
        }
    }
}

async fn at_least(counted: &watch::Sender<u64>, count: u64) {
    let mut counted = counted.subscribe();
    counted.wait_for(|counted| *counted >= count).await.expect("the tally lives as long as its sink");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
