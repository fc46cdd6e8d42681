//! A pool of connections to one relay, with two classes of waiters.
//!
//! A [`Slot`] is the right to have one connection open; there are as many as this process may open. A sender waits in a queue
//! for a slot, which comes with an idle connection if there is one. Dropping a slot, at any point, gives both back, so a
//! waiter that is cancelled at the very moment it is served loses nothing.

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

/// The classes of waiters; the first is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// An email that somebody waits for, such as a confirmation.
    Single,
    /// One of many, such as a copy of an issue.
    Bulk,
}

/// A connection that a pool keeps.
pub(super) trait Connection: Send + Sized + 'static {
    /// Whether it can take the next message: not broken, not in the middle of one.
    fn is_ready(&self) -> bool;
    /// Whether it has carried as many messages as it may.
    fn is_spent(&self) -> bool;
    /// Ends it properly.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A connection unused for longer may have died.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// Longest time for a goodbye.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Slots and idle connections to one relay.
pub(super) struct Pool<C: Connection> {
    state: Mutex<State<C>>,
}

struct State<C: Connection> {
    /// Most slots in use.
    allowed: usize,
    /// Slots in use: by connections that work, idle, open or close.
    taken: usize,
    /// Those of them whose connection is being closed.
    closing: usize,
    /// Oldest first.
    idle: Vec<(C, Instant)>,
    /// Single emails, then bulk; each first come, first served.
    waiters: [VecDeque<oneshot::Sender<Slot<C>>>; 2],
    /// The relay rests until then, and nobody waits.
    rests_until: Option<Instant>,
    /// Whether a task closes connections that grow too old.
    watched: bool,
}

/// The right to have one connection open, and perhaps a connection.
pub(super) struct Slot<C: Connection> {
    pool: Arc<Pool<C>>,
    connection: Option<C>,
}

impl<C: Connection> Pool<C> {
    pub fn new(allowed: usize) -> Arc<Self> {
        let state = State {
            allowed,
            taken: 0,
            closing: 0,
            idle: Vec::new(),
            waiters: [VecDeque::new(), VecDeque::new()],
            rests_until: None,
            watched: false,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Waits for a slot; `None` if the relay rests.
    pub async fn acquire(self: &Arc<Self>, priority: Priority) -> Option<Slot<C>> {
        let (waiter, served) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.rests() {
                return None;
            }
            let queue = &mut state.waiters[usize::from(priority == Priority::Bulk)];
            // Cancelled waiters stay queued until the next one comes.
            queue.retain(|waiter| !waiter.is_closed());
            queue.push_back(waiter);
        }
        self.serve();
        served.await.ok()
    }

    /// Sets the number of slots. Surplus idle connections are closed at once, others when they come back.
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
        self.retire(surplus);
        self.serve();
    }

    /// Sends all waiters away, and those that come before the moment.
    pub fn rest_until(&self, moment: Instant) {
        let waiters = {
            let mut state = self.state.lock();
            state.rests_until = Some(moment);
            std::mem::take(&mut state.waiters)
        };
        drop(waiters);
    }

    /// Returns the number of slots in use.
    pub fn open(&self) -> usize {
        self.state.lock().taken
    }

    /// Closes all idle connections, properly as far as that is quick.
    pub async fn close_idle(self: &Arc<Self>) {
        let idle = {
            let mut state = self.state.lock();
            state.closing += state.idle.len();
            std::mem::take(&mut state.idle)
        };
        let closing = idle.into_iter().map(|(connection, _)| close(Closing(self.clone()), connection));
        futures_util::future::join_all(closing).await;
    }

    /// Serves waiters as long as there are slots.
    fn serve(self: &Arc<Self>) {
        loop {
            let (served, too_old) = {
                let mut state = self.state.lock();
                let too_old = state.take_too_old();
                (state.next_served(), too_old)
            };
            self.retire(too_old);
            let Some((waiter, connection)) = served else { return };
            // Outside of the lock: a waiter cancelled in this moment drops its slot, which comes back here.
            let _ = waiter.send(Slot { pool: self.clone(), connection });
        }
    }

    /// Takes a slot and its connection back.
    fn give_back(self: &Arc<Self>, connection: Option<C>) {
        let mut farewell = None;
        {
            let mut state = self.state.lock();
            match connection.filter(C::is_ready) {
                Some(connection) if connection.is_spent() || state.has_surplus() => {
                    state.closing += 1;
                    farewell = Some(connection);
                }
                Some(connection) => {
                    state.idle.push((connection, Instant::now()));
                    self.watch(&mut state);
                }
                None => state.taken -= 1,
            }
        }
        self.retire(farewell);
        self.serve();
    }

    /// Closes connections in the background. Their slots are free when they are closed, so the relay never sees too many.
    fn retire(self: &Arc<Self>, connections: impl IntoIterator<Item = C>) {
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
    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| until > Instant::now())
    }

    fn has_surplus(&self) -> bool {
        self.taken - self.closing > self.allowed
    }

    /// Takes the next waiter and the connection it gets, if any; `None` without a waiter or a slot.
    fn next_served(&mut self) -> Option<(oneshot::Sender<Slot<C>>, Option<C>)> {
        let can_open = self.taken < self.allowed;
        if self.idle.is_empty() && !can_open {
            return None;
        }
        let [single, bulk] = &mut self.waiters;
        let mut waiting = std::iter::from_fn(|| single.pop_front().or_else(|| bulk.pop_front()));
        let waiter = waiting.find(|waiter| !waiter.is_closed())?;
        // The one used last is the surest to be alive.
        let connection = self.idle.pop().map(|(connection, _)| connection);
        if connection.is_none() {
            self.taken += 1;
        }
        Some((waiter, connection))
    }

    fn take_too_old(&mut self) -> Vec<C> {
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
    // In time or not, it is gone.
    let _ = timeout(CLOSE_LIMIT, connection.close()).await;
    drop(slot);
}

/// The slot of a connection that is being closed.
struct Closing<C: Connection>(Arc<Pool<C>>);

impl<C: Connection> Drop for Closing<C> {
    fn drop(&mut self) {
        {
            let mut state = self.0.state.lock();
            state.taken -= 1;
            state.closing -= 1;
        }
        self.0.serve();
    }
}

impl<C: Connection> Slot<C> {
    /// Returns the connection, if there is one.
    pub fn connection(&mut self) -> Option<&mut C> {
        self.connection.as_mut()
    }

    /// Keeps a connection that was opened for this slot.
    pub fn put(&mut self, connection: C) -> &mut C {
        self.connection.insert(connection)
    }

    /// Ends the connection, if there is one, and keeps the slot for another one.
    pub async fn discard(&mut self) {
        if let Some(connection) = self.connection.take().filter(C::is_ready) {
            let _ = timeout(CLOSE_LIMIT, connection.close()).await;
        }
    }
}

impl<C: Connection> Drop for Slot<C> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        self.pool.give_back(connection);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
