//! Places and connections to one relay, and who gets the next one.
//!
//! A *place* is the right to have one connection open. There are as many as this process is allowed to have. Whoever wants to
//! send waits in line for a [`Grant`]: a place, and with it an idle connection if there is one. A grant that is dropped,
//! wherever that happens, gives both back: so a waiter that loses interest at the very moment it is served loses nothing.

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

/// Who is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Mail that somebody waits for, such as a confirmation.
    Single,
    /// One of many, such as an issue's.
    Bulk,
}

/// What is kept in a pool.
pub(super) trait Connection: Send + Sized + 'static {
    /// Whether it is of use to anybody: not broken, not in the middle of something.
    fn is_ready(&self) -> bool;
    /// Whether it has done all it may do.
    fn is_spent(&self) -> bool;
    /// Ends it in good order.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A connection unused for longer is not trusted to be alive.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// Longest time for a goodbye.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Places and idle connections to one relay.
pub(super) struct Pool<C: Connection> {
    state: Mutex<State<C>>,
}

struct State<C: Connection> {
    /// Most places from now on.
    allowed: usize,
    /// Places taken: by connections in use, idle, being opened and being closed.
    taken: usize,
    /// Those of them whose connection is being closed.
    closing: usize,
    /// Oldest first.
    idle: Vec<(C, Instant)>,
    /// Single mails, then bulk; each in the order of coming.
    waiters: [VecDeque<oneshot::Sender<Grant<C>>>; 2],
    /// Nobody is to wait until then.
    rests_until: Option<Instant>,
    /// Whether somebody looks after what grows too old.
    watched: bool,
}

/// A place, and perhaps a connection.
pub(super) struct Grant<C: Connection> {
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

    /// Waits in line. `None`: the relay rests, there is nothing to wait for.
    pub async fn take(self: &Arc<Self>, priority: Priority) -> Option<Grant<C>> {
        let (waiter, served) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.rests() {
                return None;
            }
            let line = &mut state.waiters[usize::from(priority == Priority::Bulk)];
            // Those who left stand in line until somebody looks.
            line.retain(|waiter| !waiter.is_closed());
            line.push_back(waiter);
        }
        self.serve();
        served.await.ok()
    }

    /// How many places there are from now on. Surplus idle connections are closed at once, others when they come back.
    pub fn allow(self: &Arc<Self>, places: usize) {
        let mut surplus = Vec::new();
        {
            let mut state = self.state.lock();
            state.allowed = places;
            while state.has_surplus() && !state.idle.is_empty() {
                state.closing += 1;
                surplus.push(state.idle.remove(0).0);
            }
        }
        self.retire(surplus);
        self.serve();
    }

    /// Sends all waiters away, and those who come before the moment.
    pub fn rest_until(&self, moment: Instant) {
        let waiters = {
            let mut state = self.state.lock();
            state.rests_until = Some(moment);
            std::mem::take(&mut state.waiters)
        };
        drop(waiters);
    }

    /// Places taken now.
    pub fn open(&self) -> usize {
        self.state.lock().taken
    }

    /// Closes all idle connections, in good order as far as that is quick.
    pub async fn close_idle(self: &Arc<Self>) {
        let idle = {
            let mut state = self.state.lock();
            state.closing += state.idle.len();
            std::mem::take(&mut state.idle)
        };
        let closing = idle.into_iter().map(|(connection, _)| close(Closing(self.clone()), connection));
        futures_util::future::join_all(closing).await;
    }

    /// Serves who waits with what there is.
    fn serve(self: &Arc<Self>) {
        loop {
            let (served, too_old) = {
                let mut state = self.state.lock();
                let too_old = state.take_too_old();
                (state.next_served(), too_old)
            };
            self.retire(too_old);
            let Some((waiter, connection)) = served else { return };
            // Outside of the lock: a waiter who left in this moment drops its grant, and that comes back here.
            let _ = waiter.send(Grant { pool: self.clone(), connection });
        }
    }

    /// Takes a connection and its place back.
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

    /// Closes connections in the background; their places are free when they are closed, so that the relay never sees too many.
    fn retire(self: &Arc<Self>, connections: impl IntoIterator<Item = C>) {
        for connection in connections {
            let place = Closing(self.clone());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                drop(runtime.spawn(close(place, connection)));
            }
        }
    }

    /// Makes sure that idle connections are closed when they are too old, also when nobody asks for one.
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

    /// The next waiter and what it gets, if there is something to get.
    fn next_served(&mut self) -> Option<(oneshot::Sender<Grant<C>>, Option<C>)> {
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

async fn close<C: Connection>(place: Closing<C>, connection: C) {
    // In time or not, it is gone.
    let _ = timeout(CLOSE_LIMIT, connection.close()).await;
    drop(place);
}

/// The place of a connection that is being closed.
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

impl<C: Connection> Grant<C> {
    /// The connection, if there is one.
    pub fn connection(&mut self) -> Option<&mut C> {
        self.connection.as_mut()
    }

    /// Keeps a connection that was opened for this place.
    pub fn put(&mut self, connection: C) -> &mut C {
        self.connection.insert(connection)
    }

    /// Ends the connection, if there is one, and keeps the place for another one.
    pub async fn discard(&mut self) {
        if let Some(connection) = self.connection.take().filter(C::is_ready) {
            let _ = timeout(CLOSE_LIMIT, connection.close()).await;
        }
    }
}

impl<C: Connection> Drop for Grant<C> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        self.pool.give_back(connection);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
