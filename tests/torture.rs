//! Workers are killed, stopped and doubled while an issue is being sent. No reader is left out, and only
//! messages in flight are repeated.
//!
//! `DAILY_TORTURE_READERS`, `DAILY_TORTURE_KILLS`, `DAILY_TORTURE_SEED` and `script/torture` run it longer.

mod restores;

use crate::support::{
    Engine,
    command::{Environment, Running},
    engine_settings::{CONNECTIONS, FIXED_LEASE_SECONDS, LEASE},
    eventually, eventually_within, on_both_engines, on_postgres,
    postgres::TestDatabase,
    sink::{Options, Phase, Sink},
    store::Store,
    supervisor::ReservedPort,
};
use std::{collections::BTreeMap, collections::BTreeSet, path::PathBuf, time::Duration};

const OPEN_CONNECTIONS: u64 = 8;
/// Time limit for an issue, beyond the time for its readers and for dead workers' leases.
const PATIENCE_SECONDS: u64 = 60;
/// Messages that the slowest machine sends in a second.
const READERS_A_SECOND: u64 = 20;

#[derive(Clone, Copy)]
struct Measure {
    readers: u64,
    kills: u64,
    seed: u64,
}

impl Measure {
    fn from_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
        Self {
            readers: number("DAILY_TORTURE_READERS").unwrap_or(2000),
            kills: number("DAILY_TORTURE_KILLS").unwrap_or(5),
            seed: number("DAILY_TORTURE_SEED").unwrap_or_else(|| u64::from_be_bytes(daily::random::bytes())),
        }
    }
}

/// Reproducible pseudorandom numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % end
    }

    /// Draws the number of a message, and one of its steps.
    fn moment(&mut self, messages: u64) -> (u64, Step) {
        (1 + self.below(messages), if self.below(2) == 0 { Step::Begun } else { Step::Taken })
    }
}

/// A step of a message that the relay can observe. Messages on other connections may be at any step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// `MAIL` has arrived, and the answer to the connection's previous message is being recorded.
    Begun,
    /// The message has arrived, and its answer is being written.
    Taken,
}

/// The value of `sending.uncertain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Uncertain {
    Retry,
    Hold,
}

/// An installation with readers and a story, run as processes, and a counting relay.
struct Scene {
    uncertain: Uncertain,
    readers: u64,
    sink: Sink,
    store: Store,
    environment: Environment,
    log: PathBuf,
    // Dropped in this order, after everything that uses them.
    _database: Option<TestDatabase>,
    folder: tempfile::TempDir,
    _port: ReservedPort,
}

impl Scene {
    async fn set(engine: Engine, uncertain: Uncertain, readers: u64) -> Self {
        // Messages stay in flight for a while, so that kills hit some.
        Self::set_with(engine, uncertain, readers, Duration::from_millis(2)).await
    }

    /// Does the same with a relay that takes this long for each message.
    async fn set_with(engine: Engine, uncertain: Uncertain, readers: u64, delay: Duration) -> Self {
        let (folder, database) = (tempfile::tempdir().unwrap(), engine.database().await);
        let options = Options { delay, remember: true, ..Options::default() };
        let sink = Sink::start(0, options).await;
        let port = ReservedPort::reserve();
        let address = format!("127.0.0.1:{}", port.number());
        let mut environment = Environment::in_folder(folder.path(), database.as_ref().map(TestDatabase::url))
            .set("DAILY__HTTP__LISTEN", &address)
            .set("DAILY__RELAYS__0__URL", &sink.url())
            .set("DAILY__SENDING__TIMEOUT_SECONDS", "1")
            .set("DAILY__LOG__FILTER", "info")
            .set(
                "DAILY__SENDING__UNCERTAIN",
                match uncertain {
                    Uncertain::Retry => "retry",
                    Uncertain::Hold => "hold",
                },
            )
            .set(CONNECTIONS, &OPEN_CONNECTIONS.to_string());
        if let Some((name, least)) = LEASE {
            environment = environment.set(name, least);
        }
        let page = folder.path().join("page.html");
        std::fs::write(&page, "<title>The bridge opens</title><p>At last.").unwrap();
        let page = page.to_str().unwrap();
        let added = environment.run(&["article", "add", page, "--url", "https://news.example/bridge"]).await;
        assert_eq!(added.code, 0, "{added:?}");
        let sqlite = format!("sqlite://{}", folder.path().join("daily.db").display());
        let store = Store::open(database.as_ref().map_or(&sqlite, |it| it.url())).await;
        store.add_readers(readers).await;
        let log = folder.path().join("daily.log");
        Self { uncertain, readers, sink, store, environment, log, _database: database, folder, _port: port }
    }

    fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn serve(&self) -> Running {
        self.environment.start_logging(&["serve"], &self.log)
    }

    /// Starts a worker that the relay knows by this name.
    fn worker(&self, name: &str) -> Running {
        let environment = self.environment.clone().set("DAILY__SENDING__HELLO_NAME", name);
        environment.start_logging(&["serve", "--role", "worker"], &self.log)
    }

    async fn workers_are_alive(&self, count: i64) {
        eventually("the workers are alive", || async { (self.store.workers().await == count).then_some(()) })
            .await;
    }

    /// Sends the issue with a command whose output does not matter.
    fn send(&self) -> Running {
        self.environment.start(&["issue", "send", "--yes"])
    }

    /// Waits until this many messages have reached a step.
    async fn reached(&self, count: u64, step: Step) {
        let (patience, tally) = (Duration::from_secs(self.patience()), self.sink.tally());
        let reached = async {
            match step {
                Step::Begun => tally.wait_for_begun(count).await,
                Step::Taken => tally.wait_for(count).await,
            }
        };
        tokio::time::timeout(patience, reached).await.unwrap_or_else(|_| {
            panic!("{} taken, not {count} {step:?} within {patience:?}\n{}", tally.taken(), self.log_tail())
        });
    }

    /// Returns how many deliveries are in one of these states.
    async fn count_in(&self, states: &[&str]) -> i64 {
        let all = self.store.deliveries().await;
        all.iter().filter(|(state, _)| states.contains(&state.as_str())).map(|(_, count)| count).sum()
    }

    fn patience(&self) -> u64 {
        let lease = LEASE.map_or(FIXED_LEASE_SECONDS, |(_, least)| least.parse().unwrap());
        PATIENCE_SECONDS + 2 * lease + self.readers / READERS_A_SECOND
    }

    /// Waits until the issue can't change by itself any more, and returns its status.
    async fn at_rest(&self, serving: &mut [&mut Running]) -> String {
        let serving = std::cell::RefCell::new(serving);
        eventually_within(self.patience(), "the issue is at rest", || async {
            let ended = serving.borrow_mut().iter_mut().any(|it| it.has_ended());
            assert!(!ended, "the service ended by itself:\n{}", self.log_tail());
            let status = self.store.issue_status().await;
            let at_rest = match status.as_str() {
                "sent" => true,
                // With `hold`, what is in doubt waits for the operator.
                "sending" if self.uncertain == Uncertain::Hold => {
                    self.count_in(&["queued", "claimed", "sending", "deferred"]).await == 0
                        && self.count_in(&["uncertain"]).await > 0
                }
                _ => false,
            };
            at_rest.then_some(status)
        })
        .await
    }

    /// Returns the end of the service's log.
    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    async fn uncertain(&self) -> BTreeSet<String> {
        self.store.recipients("uncertain").await.into_iter().collect()
    }

    /// Asserts that the issue is sent and its deliveries are in these states.
    async fn assert_final(&self, expected: &[(&str, u64)]) {
        let expected: Vec<(String, i64)> = expected
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(status, count)| ((*status).to_owned(), i64::try_from(*count).unwrap()))
            .collect();
        assert_eq!(self.store.deliveries().await, expected, "{}", self.log_tail());
        assert_eq!(self.store.issue_status().await, "sent");
    }

    fn found(&self) -> Found {
        let tally = self.sink.tally();
        let (messages, connections) = (tally.messages(), tally.connections());
        let mut copies: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, message) in messages.iter().enumerate() {
            copies.entry(message.recipient.clone()).or_default().push(index);
        }
        let excused = |index: usize| {
            let connection = &connections[messages[index].connection];
            connection.broke() && connection.ends_with(index)
        };
        let mut found = Found {
            reached: copies.keys().cloned().collect(),
            broken: connections.iter().filter(|it| it.broke()).count(),
            in_flight: connections.iter().filter(|it| it.broke() && it.phase() != Phase::Idle).count(),
            ..Found::default()
        };
        for (recipient, copies) in &copies {
            let ids: BTreeSet<&str> = copies.iter().map(|index| messages[*index].id.as_str()).collect();
            assert!(!ids.contains(""), "{recipient}: a message without Message-ID");
            assert_eq!(ids.len(), 1, "{recipient}: a repeated message carries the same Message-ID");
            found.message_ids.extend(ids.iter().map(|id| (*id).to_owned()));
            found.repeated += copies.len() - 1;
            // One copy is fine. Every other copy must have been the last message on a connection that broke.
            found.unexcused += copies.iter().filter(|index| !excused(**index)).count().saturating_sub(1);
        }
        found
    }
}

/// Counts of the relay's messages and connections.
#[derive(Default)]
struct Found {
    reached: BTreeSet<String>,
    message_ids: BTreeSet<String>,
    repeated: usize,
    /// Copies of messages that were not in flight when their connection broke.
    unexcused: usize,
    broken: usize,
    /// Connections that broke within a transaction, as observed by the relay.
    in_flight: usize,
}

async fn killed(engine: Engine, uncertain: Uncertain) {
    let Measure { readers, kills, seed } = Measure::from_environment();
    let scene = Scene::set(engine, uncertain, readers).await;
    let mut dice = Dice(seed);
    let mut moments: Vec<(u64, Step)> = (0..kills).map(|_| dice.moment(readers * 9 / 10)).collect();
    moments.sort_unstable();
    let mut running = scene.serve();
    scene.workers_are_alive(1).await;
    let watching = scene.send();
    for (count, step) in moments {
        scene.reached(count, step).await;
        running.kill();
        running = scene.serve();
    }
    let status = scene.at_rest(&mut [&mut running]).await;
    drop(watching);
    let in_doubt = scene.uncertain().await;
    let found = scene.found();
    let readers_reached = u64::try_from(found.reached.len()).unwrap();
    let lost = readers - u64::try_from(found.reached.union(&in_doubt).count()).unwrap();
    println!(
        "{engine:?} {uncertain:?}: {readers} readers, {kills} kills (seed {seed}): {lost} lost, {} repeated, {} uncertain; \
         {} connections broke, {} of them in a transaction",
        found.repeated,
        in_doubt.len(),
        found.broken,
        found.in_flight,
    );
    assert_eq!(lost, 0, "{}", scene.log_tail());
    assert_eq!(found.unexcused, 0, "repeated, and not in flight at a kill");
    assert_eq!(
        found.message_ids.len(),
        found.reached.len(),
        "each reader's message has an identity of its own"
    );
    let at_most = usize::try_from(kills * OPEN_CONNECTIONS).unwrap();
    match uncertain {
        Uncertain::Retry => {
            assert!(found.repeated <= at_most, "at most one for each open connection at each kill");
            assert_eq!((status.as_str(), in_doubt.len(), readers_reached), ("sent", 0, readers));
            scene.assert_final(&[("sent", readers)]).await;
        }
        Uncertain::Hold => {
            assert_eq!(found.repeated, 0, "none repeats");
            assert!(in_doubt.len() <= at_most, "at most one for each open connection at each kill");
            let (word, other) =
                if engine == Engine::Sqlite { ("sent", "failed") } else { ("failed", "sent") };
            let held = u64::try_from(in_doubt.len()).unwrap();
            if held > 0 {
                assert_eq!(status, "sending");
                let resolved = scene.environment.run(&["issue", "resolve", "--as", word]).await;
                assert_eq!(resolved.code, 0, "{resolved:?}");
            }
            eventually("the issue ends", || async {
                (scene.store.issue_status().await == "sent").then_some(())
            })
            .await;
            if word == "sent" {
                scene.assert_final(&[(word, readers)]).await;
            } else {
                scene.assert_final(&[(word, held), (other, readers - held)]).await;
            }
            assert_eq!(scene.found().repeated, 0, "nor afterwards");
        }
    }
    assert_eq!(running.terminate().await, 0);
}

on_both_engines!(
    repeated_kills_leave_nobody_out_and_repeat_only_messages_in_flight,
    repeated_kills_with_hold_repeat_nothing_and_list_deliveries_in_doubt,
    a_worker_stopped_while_sending_drains_and_repeats_nothing,
);

async fn repeated_kills_leave_nobody_out_and_repeat_only_messages_in_flight(engine: Engine) {
    killed(engine, Uncertain::Retry).await;
}

async fn repeated_kills_with_hold_repeat_nothing_and_list_deliveries_in_doubt(engine: Engine) {
    killed(engine, Uncertain::Hold).await;
}

async fn a_worker_stopped_while_sending_drains_and_repeats_nothing(engine: Engine) {
    let Measure { readers, .. } = Measure::from_environment();
    let scene = Scene::set(engine, Uncertain::Retry, readers).await;
    let mut running = scene.serve();
    scene.workers_are_alive(1).await;
    let watching = scene.send();
    for part in 1..4 {
        scene.reached(readers * part / 4, Step::Taken).await;
        assert_eq!(running.terminate().await, 0, "{}", scene.log_tail());
        let held = scene.count_in(&["claimed", "sending", "uncertain"]).await;
        assert_eq!(held, 0, "it gave back all that it had not sent");
        running = scene.serve();
    }
    assert_eq!(scene.at_rest(&mut [&mut running]).await, "sent");
    drop(watching);
    let found = scene.found();
    assert_eq!((found.reached.len() as u64, found.repeated), (readers, 0));
    assert_eq!(found.broken, 0, "every connection was taken leave of");
    scene.assert_final(&[("sent", readers)]).await;
    running.terminate().await;
}

/// Slows the relay down, so that the second worker gets connections too.
const SLOW: Duration = Duration::from_millis(20);

/// Returns the number of messages by client name.
fn shares(scene: &Scene) -> BTreeMap<String, u64> {
    scene.sink.tally().report().by_client
}

on_postgres!(two_live_workers_share_one_issue_and_nothing_is_sent_twice);

async fn two_live_workers_share_one_issue_and_nothing_is_sent_twice() {
    let Measure { readers, .. } = Measure::from_environment();
    let scene = Scene::set_with(Engine::Postgres, Uncertain::Retry, readers, SLOW).await;
    let mut scheduler = scene.environment.start_logging(&["serve", "--role", "scheduler"], &scene.log);
    let (mut one, mut two) = (scene.worker("one.example"), scene.worker("two.example"));
    scene.workers_are_alive(2).await;
    let watching = scene.send();
    assert_eq!(scene.at_rest(&mut [&mut one, &mut two, &mut scheduler]).await, "sent");
    drop(watching);
    let (found, shares) = (scene.found(), shares(&scene));
    println!("two workers: {shares:?}");
    assert_eq!((found.reached.len() as u64, found.repeated), (readers, 0));
    assert_eq!(shares.values().filter(|share| **share > 0).count(), 2, "both have a share: {shares:?}");
    scene.assert_final(&[("sent", readers)]).await;
    for worker in [one, two, scheduler] {
        assert_eq!(worker.terminate().await, 0);
    }
}

on_postgres!(a_killed_workers_share_is_taken_over_by_the_other);

async fn a_killed_workers_share_is_taken_over_by_the_other() {
    let Measure { readers, .. } = Measure::from_environment();
    let scene = Scene::set_with(Engine::Postgres, Uncertain::Retry, readers, SLOW).await;
    let mut scheduler = scene.environment.start_logging(&["serve", "--role", "scheduler"], &scene.log);
    let (mut one, mut two) = (scene.worker("one.example"), scene.worker("two.example"));
    scene.workers_are_alive(2).await;
    let watching = scene.send();
    scene.reached(readers / 3, Step::Taken).await;
    one.kill();
    assert_eq!(scene.at_rest(&mut [&mut two, &mut scheduler]).await, "sent");
    drop(watching);
    let found = scene.found();
    println!("one of two workers killed: {:?}, {} repeated", shares(&scene), found.repeated);
    assert_eq!((found.reached.len() as u64, found.unexcused), (readers, 0));
    assert!(found.repeated as u64 <= OPEN_CONNECTIONS);
    scene.assert_final(&[("sent", readers)]).await;
    for worker in [two, scheduler] {
        assert_eq!(worker.terminate().await, 0);
    }
}
