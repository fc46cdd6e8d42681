use super::*;
use std::{
    collections::HashSet,
    future::Future,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
};

/// A connection that records its end.
#[derive(Clone, Default)]
struct Fake {
    number: usize,
    broken: bool,
    spent: bool,
    closed: Arc<Mutex<Vec<usize>>>,
    /// Whether closing never completes.
    stubborn: bool,
}

impl Connection for Fake {
    fn is_ready(&self) -> bool {
        !self.broken
    }
    fn is_spent(&self) -> bool {
        self.spent
    }
    async fn close(self) {
        self.closed.lock().push(self.number);
        if self.stubborn {
            std::future::pending::<()>().await;
        }
    }
}

fn fake(number: usize) -> Fake {
    Fake { number, ..Fake::default() }
}

/// Polls a future once.
fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Acquires a slot that must be available.
fn acquire_now(pool: &Arc<Pool<Fake>>) -> Slot<Fake> {
    let mut acquiring = pin!(pool.acquire(Priority::Bulk));
    poll(acquiring.as_mut()).expect("no wait").expect("no backoff")
}

/// Acquires a slot and stores a connection in it.
fn with(pool: &Arc<Pool<Fake>>, connection: Fake) -> Slot<Fake> {
    let mut slot = acquire_now(pool);
    assert!(slot.connection().is_none(), "a new slot");
    slot.put(connection);
    slot
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn slots_are_limited_and_waiters_are_served_in_order() {
    let pool = Pool::new(2);
    let (a, b) = (with(&pool, fake(1)), with(&pool, fake(2)));
    let mut first = pin!(pool.acquire(Priority::Bulk));
    let mut second = pin!(pool.acquire(Priority::Bulk));
    assert!(poll(first.as_mut()).is_none() && poll(second.as_mut()).is_none());
    assert_eq!(pool.open(), 2);
    drop(b);
    assert!(poll(second.as_mut()).is_none(), "not its turn");
    let mut served = poll(first.as_mut()).unwrap().unwrap();
    assert_eq!(served.connection().unwrap().number, 2);
    drop(a);
    assert_eq!(poll(second.as_mut()).unwrap().unwrap().connection().unwrap().number, 1);
}

#[tokio::test(start_paused = true)]
async fn single_emails_go_before_bulk() {
    let pool = Pool::new(1);
    let mut held = acquire_now(&pool);
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(pool.acquire(Priority::Bulk))).collect();
    assert!(waiting.iter_mut().all(|it| poll(it.as_mut()).is_none()));
    let mut single = pin!(pool.acquire(Priority::Single));
    let mut later = pin!(pool.acquire(Priority::Single));
    assert!(poll(single.as_mut()).is_none() && poll(later.as_mut()).is_none());
    held.put(fake(1));
    drop(held);
    let slot = poll(single.as_mut()).expect("served first").unwrap();
    assert!(poll(later.as_mut()).is_none() && poll(waiting[0].as_mut()).is_none());
    drop(slot);
    let slot = poll(later.as_mut()).expect("served second").unwrap();
    drop(slot);
    assert!(poll(waiting[0].as_mut()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_loses_nothing() {
    for kept in [true, false] {
        let pool = Pool::new(1);
        let mut held = acquire_now(&pool);
        if kept {
            held.put(fake(7));
        }
        let (mut one, mut two, mut three) = (
            Box::pin(pool.acquire(Priority::Single)),
            Box::pin(pool.acquire(Priority::Bulk)),
            Box::pin(pool.acquire(Priority::Bulk)),
        );
        for waiter in [&mut one, &mut two, &mut three] {
            assert!(poll(waiter.as_mut()).is_none());
        }
        drop(one); // while it waits
        drop(held); // serves the second, which does not look …
        drop(two); // … and leaves
        let mut slot = poll(three.as_mut()).expect("the third is served").unwrap();
        assert_eq!(slot.connection().map(|it| it.number), kept.then_some(7));
        drop(slot);
        assert_eq!(pool.open(), usize::from(kept), "an idle connection, or a free slot");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiters_do_not_accumulate() {
    let pool = Pool::new(1);
    let held = acquire_now(&pool);
    for _ in 0..1_000 {
        assert!(poll(pin!(pool.acquire(Priority::Single)).as_mut()).is_none());
    }
    assert!(pool.state.lock().waiters[0].len() <= 2, "cancelled waiters are removed");
    drop(held);
    drop(acquire_now(&pool));
    assert_eq!(pool.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_frees_its_slot_and_a_spent_one_is_closed_first() {
    let pool = Pool::new(1);
    let broken = Fake { broken: true, ..fake(1) };
    let closed = broken.closed.clone();
    drop(with(&pool, broken));
    assert_eq!((pool.open(), closed.lock().len()), (0, 0));
    let spent = Fake { spent: true, closed: closed.clone(), ..fake(2) };
    drop(with(&pool, spent));
    assert_eq!(pool.open(), 1, "the relay may still count it");
    let mut next = pin!(pool.acquire(Priority::Bulk));
    assert!(poll(next.as_mut()).is_none());
    settle().await;
    assert_eq!(*closed.lock(), [2]);
    assert!(poll(next.as_mut()).expect("a slot").unwrap().connection().is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_holds_the_slot_for_a_second_at_most() {
    let pool = Pool::new(1);
    drop(with(&pool, Fake { spent: true, stubborn: true, ..fake(1) }));
    let begin = Instant::now();
    drop(pool.acquire(Priority::Bulk).await);
    assert_eq!(begin.elapsed(), CLOSE_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn surplus_connections_are_closed_when_idle_or_returned() {
    let pool = Pool::new(4);
    let closed = Arc::default();
    let numbered = |number| Fake { closed: Arc::clone(&closed), ..fake(number) };
    let (a, b) = (with(&pool, numbered(1)), with(&pool, numbered(2)));
    let (c, d) = (with(&pool, numbered(3)), with(&pool, numbered(4)));
    drop((c, d));
    pool.allow(3);
    settle().await;
    assert_eq!((pool.open(), closed.lock().clone()), (3, vec![3]), "the oldest idle one");
    pool.allow(1);
    settle().await;
    assert_eq!((pool.open(), closed.lock().clone()), (2, vec![3, 4]));
    let mut waiting = pin!(pool.acquire(Priority::Single));
    assert!(poll(waiting.as_mut()).is_none());
    drop(a);
    settle().await;
    assert_eq!((pool.open(), closed.lock().clone()), (1, vec![3, 4, 1]));
    assert!(poll(waiting.as_mut()).is_none(), "the surplus one is not for it");
    pool.allow(2);
    assert!(poll(waiting.as_mut()).expect("more is allowed").unwrap().connection().is_none());
    pool.allow(0);
    drop(b);
    settle().await;
    assert_eq!(pool.open(), 0);
    let mut waiting = pin!(pool.acquire(Priority::Single));
    assert!(poll(waiting.as_mut()).is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_relay_in_backoff() {
    let pool = Pool::new(1);
    let held = with(&pool, fake(1));
    let mut single = pin!(pool.acquire(Priority::Single));
    let mut bulk = pin!(pool.acquire(Priority::Bulk));
    assert!(poll(single.as_mut()).is_none() && poll(bulk.as_mut()).is_none());
    pool.back_off_until(Instant::now() + Duration::from_secs(2));
    assert!(poll(single.as_mut()).expect("sent away").is_none());
    assert!(poll(bulk.as_mut()).expect("sent away").is_none());
    drop(held);
    assert!(pool.acquire(Priority::Single).await.is_none(), "although a connection is idle");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(pool.acquire(Priority::Bulk).await.unwrap().connection().unwrap().number, 1);
}

#[tokio::test(start_paused = true)]
async fn old_connections_are_closed_and_never_handed_out() {
    let pool = Pool::new(1);
    let closed = Arc::<Mutex<Vec<usize>>>::default();
    drop(with(&pool, Fake { closed: closed.clone(), ..fake(1) }));
    tokio::time::advance(Duration::from_millis(19_999)).await;
    drop(acquire_now(&pool)); // used again: young again
    tokio::time::advance(Duration::from_millis(19_999)).await;
    settle().await;
    assert!(closed.lock().is_empty());
    tokio::time::advance(Duration::from_millis(1)).await;
    let mut slot = pool.acquire(Priority::Bulk).await.unwrap();
    assert!(slot.connection().is_none());
    assert_eq!(*closed.lock(), [1]);
    slot.put(Fake { closed: closed.clone(), ..fake(2) });
    drop(slot);
    tokio::time::sleep(IDLE_LIMIT + Duration::from_secs(1)).await;
    assert_eq!((pool.open(), closed.lock().clone()), (0, vec![1, 2]));
    assert!(!pool.state.lock().watched, "without idle connections the watcher ends");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_at_the_end() {
    let pool = Pool::new(3);
    let closed = Arc::<Mutex<Vec<usize>>>::default();
    let all = [1, 2].map(|number| Fake { closed: closed.clone(), stubborn: number == 1, ..fake(number) });
    let [a, b] = all;
    let (a, b) = (with(&pool, a), with(&pool, b));
    drop((a, b));
    let begin = Instant::now();
    pool.close_idle().await;
    assert_eq!((pool.open(), begin.elapsed()), (0, CLOSE_LIMIT));
    assert_eq!(closed.lock().len(), 2);
}

/// Many tasks acquire, use, break and abandon slots. No slot is lost, and there are never too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_slot_is_lost_under_load() {
    const SLOTS: usize = 5;
    let pool = Pool::new(SLOTS);
    let (in_use, numbers) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let held = Arc::new(Mutex::new(HashSet::new()));
    let wrong = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..64_usize)
        .map(|task| {
            let (pool, in_use, numbers) = (pool.clone(), in_use.clone(), numbers.clone());
            let (held, wrong) = (held.clone(), wrong.clone());
            tokio::spawn(async move {
                for turn in 0..200 {
                    let luck = (task * 31 + turn * 17) % 23;
                    let priority = if luck % 2 == 0 { Priority::Single } else { Priority::Bulk };
                    if luck == 3 {
                        // Polls once and gives up.
                        let _ = poll(pin!(pool.acquire(priority)).as_mut());
                        continue;
                    }
                    let Some(mut slot) = pool.acquire(priority).await else { continue };
                    if in_use.fetch_add(1, Ordering::SeqCst) >= SLOTS {
                        wrong.store(true, Ordering::SeqCst);
                    }
                    if slot.connection().is_none() {
                        slot.put(fake(numbers.fetch_add(1, Ordering::SeqCst)));
                    }
                    let number = slot.connection().unwrap().number;
                    if !held.lock().insert(number) {
                        wrong.store(true, Ordering::SeqCst);
                    }
                    tokio::task::yield_now().await;
                    let connection = slot.connection().unwrap();
                    connection.broken = luck == 5;
                    connection.spent = luck == 7;
                    held.lock().remove(&number);
                    in_use.fetch_sub(1, Ordering::SeqCst);
                    drop(slot);
                }
            })
        })
        .collect();
    for task in tasks {
        tokio::time::timeout(Duration::from_mins(1), task).await.expect("every waiter is served").unwrap();
    }
    assert!(!wrong.load(Ordering::SeqCst), "too many at once, or one connection twice");
    pool.close_idle().await;
    // Closing in the background completes by itself.
    tokio::time::timeout(Duration::from_secs(10), async {
        while pool.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("every slot is given back");
}
