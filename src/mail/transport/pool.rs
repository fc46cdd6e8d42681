//! A pool of connections to one relay, with two classes of waiters.
//!
//! A [`Slot`] permits one open connection; there are as many as this process may open. Senders queue for a
//! slot, which comes with an idle connection if there is one. Dropping a slot at any point returns both, so a
//! waiter that is cancelled just as it is served loses nothing.

use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

/// Classes of waiters; the first is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// An email that someone waits for, such as a confirmation.
    Single,
    /// One of many emails, such as a copy of an issue.
    Bulk,
}

pub(super) trait Connection: Send + Sized + 'static {
    /// Whether it can carry another message: not broken, and not in the middle of one.
    fn is_ready(&self) -> bool;
    /// Whether it has carried its maximum number of messages.
    fn is_spent(&self) -> bool;
    /// Closes it gracefully.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Connections that were idle for longer may be dead.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// Maximum time for a graceful close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Slots and idle connections to one relay.
pub(super) struct Pool<C: Connection> {
    state: Mutex<State<C>>,
}

struct State<C: Connection> {
    allowed: usize,
    /// Slots of connections that are busy, idle, opening or closing.
    in_use: usize,
    /// Slots of connections that are closing.
    closing: usize,
    /// Idle connections with the time of their last use, oldest first.
    idle: Vec<(C, Instant)>,
    /// Single emails, then bulk; each first come, first served.
    waiters: [VecDeque<oneshot::Sender<Slot<C>>>; 2],
    /// Until then the relay is in backoff, and nobody waits.
    backoff_until: Option<Instant>,
    /// Whether a task is closing connections that were idle for too long.
    watched: bool,
}

/// The permission for one open connection, and perhaps that connection.
pub(super) struct Slot<C: Connection> {
    pool: Arc<Pool<C>>,
    connection: Option<C>,
}

impl<C: Connection> Pool<C> {
    pub fn new(allowed: usize) -> Arc<Self> {
        let state = State {
            allowed,
            in_use: 0,
            closing: 0,
            idle: Vec::new(),
            waiters: [VecDeque::new(), VecDeque::new()],
            backoff_until: None,
            watched: false,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Waits for a slot; `None` if the relay is in backoff.
    pub async fn acquire(self: &Arc<Self>, priority: Priority) -> Option<Slot<C>> {
        let (waiter, served) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.is_backing_off() {
                return None;
            }
            let queue = &mut state.waiters[usize::from(priority == Priority::Bulk)];
            // Cancelled waiters stay queued until another one arrives.
            queue.retain(|waiter| !waiter.is_closed());
            queue.push_back(waiter);
        }
        self.serve();
        served.await.ok()
    }

    /// Sets the number of slots. Surplus idle connections are closed at once, others when they are returned.
    pub fn allow(self: &Arc<Self>, slots: usize) {
        let mut surplus = Vec::new();
        {
            let mut state = self.state.lock();
            state.allowed = slots;
            while state.has_surplus() && !state.idle.is_empty() {
                state.closing += 1;
                surplus.push(state.idle.remove(0).0);
            }
        }
        self.close_in_background(surplus);
        self.serve();
    }

    /// Turns away all waiters, including new ones until then.
    pub fn back_off_until(&self, until: Instant) {
        let waiters = {
            let mut state = self.state.lock();
            state.backoff_until = Some(until);
            std::mem::take(&mut state.waiters)
        };
        drop(waiters);
    }

    pub fn open(&self) -> usize {
        self.state.lock().in_use
    }

    /// Closes all idle connections, gracefully if that is quick.
    pub async fn close_idle(self: &Arc<Self>) {
        let idle = {
            let mut state = self.state.lock();
            state.closing += state.idle.len();
            std::mem::take(&mut state.idle)
        };
        let closing = idle.into_iter().map(|(connection, _)| close(Closing(self.clone()), connection));
        futures_util::future::join_all(closing).await;
    }

    /// Serves waiters while there are slots.
    fn serve(self: &Arc<Self>) {
        loop {
            let (served, too_old) = {
                let mut state = self.state.lock();
                let too_old = state.remove_expired();
                (state.next_waiter(), too_old)
            };
            self.close_in_background(too_old);
            let Some((waiter, connection)) = served else { return };
            // Outside the lock: a waiter that was just cancelled drops its slot, which calls this pool again.
            let _ = waiter.send(Slot { pool: self.clone(), connection });
        }
    }

    /// Takes back a slot and its connection.
    fn release(self: &Arc<Self>, connection: Option<C>) {
        let mut to_close = None;
        {
            let mut state = self.state.lock();
            match connection.filter(C::is_ready) {
                Some(connection) if connection.is_spent() || state.has_surplus() => {
                    state.closing += 1;
                    to_close = Some(connection);
                }
                Some(connection) => {
                    state.idle.push((connection, Instant::now()));
                    self.watch(&mut state);
                }
                None => state.in_use -= 1,
            }
        }
        self.close_in_background(to_close);
        self.serve();
    }

    /// Closes connections in the background. Their slots become free only afterwards, so the relay never sees
    /// too many.
    fn close_in_background(self: &Arc<Self>, connections: impl IntoIterator<Item = C>) {
        for connection in connections {
            let slot = Closing(self.clone());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                drop(runtime.spawn(close(slot, connection)));
            }
        }
    }

    /// Makes sure that idle connections are closed when they are too old, even if nobody asks for one.
    fn watch(self: &Arc<Self>, state: &mut State<C>) {
        if state.watched {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        state.watched = true;
        let pool = Arc::downgrade(self);
        drop(runtime.spawn(watch_idle(pool)));
    }
}

impl<C: Connection> State<C> {
    fn is_backing_off(&self) -> bool {
        self.backoff_until.is_some_and(|until| until > Instant::now())
    }

    fn has_surplus(&self) -> bool {
        self.in_use - self.closing > self.allowed
    }

    /// Takes the next waiter and the connection it gets, if any; `None` without a waiter or a slot.
    fn next_waiter(&mut self) -> Option<(oneshot::Sender<Slot<C>>, Option<C>)> {
        let can_open = self.in_use < self.allowed;
        if self.idle.is_empty() && !can_open {
            return None;
        }
        let [single, bulk] = &mut self.waiters;
        let mut waiting = std::iter::from_fn(|| single.pop_front().or_else(|| bulk.pop_front()));
        let waiter = waiting.find(|waiter| !waiter.is_closed())?;
        // The one used last is the surest to be alive.
        let connection = self.idle.pop().map(|(connection, _)| connection);
        if connection.is_none() {
            self.in_use += 1;
        }
        Some((waiter, connection))
    }

    fn remove_expired(&mut self) -> Vec<C> {
        let too_old = self.idle.iter().take_while(|(_, since)| since.elapsed() >= IDLE_LIMIT).count();
        self.closing += too_old;
        self.idle.drain(..too_old).map(|(connection, _)| connection).collect()
    }
}

async fn watch_idle<C: Connection>(pool: Weak<Pool<C>>) {
    loop {
        let oldest = {
            let Some(pool) = pool.upgrade() else { return };
            pool.serve();
            let mut state = pool.state.lock();
            let Some(&(_, since)) = state.idle.first() else {
                state.watched = false;
                return;
            };
            since
        };
        tokio::time::sleep_until(oldest + IDLE_LIMIT).await;
    }
}

async fn close<C: Connection>(slot: Closing<C>, connection: C) {
    // After the timeout, the connection is dropped.
    let _ = timeout(CLOSE_LIMIT, connection.close()).await;
    drop(slot);
}

/// The slot of a connection that is closing.
struct Closing<C: Connection>(Arc<Pool<C>>);

impl<C: Connection> Drop for Closing<C> {
    fn drop(&mut self) {
        {
            let mut state = self.0.state.lock();
            state.in_use -= 1;
            state.closing -= 1;
        }
        self.0.serve();
    }
}

impl<C: Connection> Slot<C> {
    pub fn connection(&mut self) -> Option<&mut C> {
        self.connection.as_mut()
    }

    /// Stores a connection that was opened for this slot.
    pub fn put(&mut self, connection: C) -> &mut C {
        self.connection.insert(connection)
    }

    /// Closes the connection, if there is one, and keeps the slot.
    pub async fn discard(&mut self) {
        if let Some(connection) = self.connection.take().filter(C::is_ready) {
            let _ = timeout(CLOSE_LIMIT, connection.close()).await;
        }
    }
}

impl<C: Connection> Drop for Slot<C> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        self.pool.release(connection);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
