//! An instance of Daily for a story: a database, a data folder, a fixed clock, pages and workers.

use super::{
    Engine, address as parsed,
    command::Environment,
    eventually,
    mailbox::{self, Mail},
    postgres::TestDatabase,
    store::Store,
};
use daily::{
    app::App,
    clock::Clock,
    db::{
        DatabaseUrl,
        signups::{
            alarm::{self, WatchRecord},
            intake::{self, NewSignup},
        },
        subscribers::Evidence,
    },
    domain::{
        delivery::relay::RelayUrl,
        ids::NewsletterId,
        signup::alarm::{Alarm, Attack},
        signup_wording::signup_wording,
    },
    queue,
    service::run::{Role, run},
    service::scheduler,
    settings::{Relay, Settings},
};
use jiff::{SignedDuration, Timestamp};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::OnceCell, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Start of every story: a Friday, five hours after the newsletter's send time.
pub const BEGIN: &str = "2026-05-01T12:00:00Z";

/// Interval between the steps of a running clock.
const CLOCK_STEP: Duration = Duration::from_millis(5);

/// A running instance. It ends with the test.
pub struct TestApp {
    pub app: App,
    pub clock: Clock,
    /// URL of the pages without a trailing slash.
    pub url: String,
    pub client: reqwest::Client,
    store: OnceCell<Store>,
    folder: TempDir,
    _stop: DropGuard,
    _database: Option<TestDatabase>,
}

impl TestApp {
    /// Starts an app with the built-in mailbox as its relay.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    /// Starts an app with a relay on this machine.
    pub async fn with_relay(engine: Engine, url: &str) -> Self {
        Self::start_with(engine, |settings| settings.relays = vec![Relay::new(relay_url(url))]).await
    }

    /// Starts an app that has an article, with relays on these ports of this machine, one connection each.
    pub async fn with_ports(engine: Engine, ports: &[u16], change: impl FnOnce(&mut Settings)) -> Self {
        let urls = ports.iter().map(|port| relay_url(&format!("smtp://127.0.0.1:{port}")));
        let relays = urls.map(|url| Relay { connections: 1, ..Relay::new(url) }).collect();
        let app = Self::start_with(engine, move |settings| {
            settings.relays = relays;
            settings.sending.timeout_seconds = 10;
            settings.sending.canary = 0;
            change(settings);
        })
        .await;
        app.article("The bridge opens").await;
        app
    }

    pub async fn start_with(engine: Engine, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let mut settings = Settings::defaults().expect("the defaults");
        let database = engine.database().await;
        settings.database.url = match &database {
            Some(database) => DatabaseUrl::Postgres(database.url().to_owned()),
            None => DatabaseUrl::Sqlite(folder.path().join("daily.db")),
        };
        settings.data.folder = folder.path().to_owned();
        settings.http.listen = address;
        settings.http.public_url = format!("http://{address}");
        settings.relays = vec![Relay::new(RelayUrl::Mailbox(folder.path().join("mailbox")))];
        // Stories count emails. Stories about these emails turn them on.
        settings.signup.welcome_mail = false;
        settings.signup.goodbye_mail = false;
        // All readers of a story come from this machine.
        settings.signup.client_per_hour = 0;
        // The clock is fixed, so filling in a form takes no time.
        settings.signup.minimum_seconds = 0;
        // The readers' domains don't exist. Stories about lookups start a name server.
        settings.signup.check_mx = false;
        // Articles are on hosts that don't exist, and test servers need no pauses.
        settings.feeds.look_at_pages = false;
        settings.schedule.recheck_seconds = 0;
        // Test servers listen on this machine. Stories about what must be set up require it.
        settings.schedule.require_ready = false;
        settings.feeds.host_pause_ms = 0;
        // Lists in stories name readers who unsubscribed years ago. Stories about retention set the period.
        settings.retention.left_days = 0;
        change(&mut settings);
        let clock = Clock::fixed(at(BEGIN));
        let app = App::start(settings, clock.clone()).await.expect("Daily starts");
        let stop = CancellationToken::new();
        tokio::spawn(run(app.clone(), Role::Worker, None, stop.clone()));
        tokio::spawn(run(app.clone(), Role::Web, Some(listener), stop.clone()));
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        let (url, store) = (format!("http://{address}"), OnceCell::new());
        Self { app, clock, url, client, store, folder, _stop: stop.drop_guard(), _database: database }
    }

    /// Returns the database through a separate connection, for changes and queries beyond what people can do.
    pub async fn store(&self) -> &Store {
        self.store.get_or_init(|| async { Store::open(&self.database_url()).await }).await
    }

    pub fn database_url(&self) -> String {
        match &self.app.settings.database.url {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => url.clone(),
        }
    }

    /// Returns the command line on this app's database.
    pub fn program(&self) -> Environment {
        Environment::in_folder(&self.app.settings.data.folder, Some(&self.database_url()))
    }

    /// Waits until this many sessions wait for locks. Returns at once on SQLite, whose only writer locks no
    /// rows.
    pub async fn wait_for_lock_waits(&self, how_many: i64) {
        let store = self.store().await;
        eventually("somebody waits for a lock", || async {
            store.sessions_waiting_for_locks().await.is_none_or(|waiting| waiting >= how_many).then_some(())
        })
        .await;
    }

    pub fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mailbox")
    }

    pub fn emails(&self) -> Vec<Mail> {
        mailbox::read(&self.mailbox())
    }

    pub fn emails_to(&self, address: &str) -> Vec<Mail> {
        self.emails().into_iter().filter(|mail| mail.to() == address).collect()
    }

    /// Waits until no job is left in the queue.
    pub async fn settle(&self) {
        eventually("the queue is empty", || async {
            (queue::depth(&self.app.db).await.expect("the queue's depth") == 0).then_some(())
        })
        .await;
    }

    /// Waits until every signup has been processed.
    pub async fn wait_for_signups(&self) {
        eventually("no signup waits", || async {
            let mut tx = self.app.db.read().await.expect("a transaction");
            intake::next(&mut tx, 0, self.clock.now()).await.expect("a query").is_none().then_some(())
        })
        .await;
    }

    /// Stores a signup from a German page without its job, as if the process was killed between the two.
    pub async fn store_signup(&self, address: &str, newsletter: NewsletterId) {
        let evidence = Evidence { client_address: Some("192.0.2.1".into()), ..Evidence::default() };
        let signup = NewSignup {
            address: &parsed(address),
            newsletters: &[newsletter],
            method: "form",
            language: Some("de"),
            time_zone: None,
            wording: Some(signup_wording(Some("de"))),
            evidence: &evidence,
            is_held: false,
        };
        let mut tx = self.app.db.begin().await.expect("a transaction");
        intake::insert(&mut tx, &[signup], self.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
    }

    /// Makes all processes see an attack on the signup form. It ends when no check finds a sign for a quarter
    /// of an hour.
    pub async fn begin_attack(&self) {
        let now = self.clock.now();
        let mut tx = self.app.db.begin().await.expect("a transaction");
        alarm::begin_look(&mut tx, now, now).await.expect("a row");
        alarm::begin_alarm(&mut tx, now, now).await.expect("an alarm");
        let attack = Some(Attack { alarm: Alarm::Flood, since: now, seen_at: now });
        let record = WatchRecord { attack, ..WatchRecord::default() };
        alarm::set(&mut tx, &record).await.expect("an attack");
        tx.commit().await.expect("a commit");
        // A process caches the status for two seconds.
        self.clock.advance(SignedDuration::from_secs(2));
    }

    /// Runs the scheduler once, and waits for the jobs it enqueues.
    pub async fn run_due(&self) {
        scheduler::run_due(&self.app.jobs).await.expect("a run of the scheduler");
        self.settle().await;
    }

    /// Runs the scheduler twice, because the second run may find due what the first one created.
    pub async fn run_due_twice(&self) {
        self.run_due().await;
        self.run_due().await;
    }

    /// Advances the clock, then runs the scheduler.
    pub async fn run_due_after(&self, span: SignedDuration) {
        self.clock.advance(span);
        self.run_due().await;
    }

    /// Sets the clock to a time in ISO 8601, then runs the scheduler.
    pub async fn run_due_at(&self, moment: &str) {
        self.clock.set(at(moment));
        self.run_due().await;
    }

    /// Starts another app on the same database with the same settings and clock, but without workers.
    pub async fn another(&self) -> App {
        let settings = (*self.app.settings).clone();
        App::start(settings, self.clock.clone()).await.expect("another Daily starts")
    }

    /// Starts another worker on the same database.
    pub async fn another_worker(&self) -> Worker {
        let app = self.another().await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(app, Role::Worker, None, stop.clone()));
        Worker { stop: stop.drop_guard(), running }
    }

    /// Runs the clock at about `speed` times the normal rate, until the guard is dropped.
    pub fn run_clock(&self, speed: u32) -> DropGuard {
        let (stop, clock) = (CancellationToken::new(), self.clock.clone());
        let stopped = stop.clone();
        let advance = SignedDuration::try_from(CLOCK_STEP * speed).expect("a short time");
        tokio::spawn(async move {
            let mut every = tokio::time::interval(CLOCK_STEP);
            while !stopped.is_cancelled() {
                every.tick().await;
                clock.advance(advance);
            }
        });
        stop.drop_guard()
    }
}

/// A worker on the same database, like in another process. It ends with the test.
pub struct Worker {
    stop: DropGuard,
    running: JoinHandle<bool>,
}

impl Worker {
    /// Asks the worker to stop, as SIGTERM does, and waits until it has.
    pub async fn end(self) {
        drop(self.stop);
        self.running.await.expect("a worker that does not panic");
    }
}

/// Parses a time in ISO 8601.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn relay_url(url: &str) -> RelayUrl {
    RelayUrl::parse(url).expect("a relay")
}
