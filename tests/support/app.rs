//! A Daily of one's own: a database, a data folder, a clock that stands still, pages and workers.

use super::{Engine, eventually, mailbox, mailbox::Mail, postgres, store::Store};
use daily::{
    actions::send_issue::send_issue,
    app::App,
    cli::serve::{self, Role},
    clock::Clock,
    db::{
        DatabaseUrl, articles,
        articles::Origin,
        deliveries, issues, newsletters,
        newsletters::NewsletterRecord,
        signup_watch::{self, WatchRecord},
        signups, subscriptions,
    },
    domain::{
        article::FoundArticle,
        email_address::EmailAddress,
        ids::{IssueId, SubscriberId},
        issue::IssueStatus,
        relay::RelayUrl,
        signup_alarm::{Alarm, Attack},
        subscription::SubscriptionStatus,
    },
    jobs::sweep,
    queue,
    settings::{Relay, Settings},
};
use jiff::{SignedDuration, Timestamp};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// When every story begins: a Friday, five hours after the newsletter's time.
pub const BEGIN: &str = "2026-05-01T12:00:00Z";

/// From one move of a running clock to the next.
const CLOCK_STEP: Duration = Duration::from_millis(5);

/// A running Daily. It ends with the test.
pub struct TestApp {
    pub app: App,
    pub clock: Clock,
    /// Where its pages are, without a slash at the end.
    pub url: String,
    pub client: reqwest::Client,
    folder: TempDir,
    _stop: DropGuard,
    _database: Option<postgres::TestDatabase>,
}

impl TestApp {
    /// With the built-in mailbox for a relay.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    /// With a relay on this machine.
    pub async fn with_relay(engine: Engine, url: &str) -> Self {
        Self::start_with(engine, |settings| {
            settings.relays = vec![Relay::new(RelayUrl::parse(url).expect("a relay"))];
        })
        .await
    }

    /// With these relays on ports of this machine, one connection each.
    pub async fn with_ports(engine: Engine, ports: &[u16], change: impl FnOnce(&mut Settings)) -> Self {
        let ports = ports.to_vec();
        let app = Self::start_with(engine, move |settings| {
            let relay = |port: &u16| RelayUrl::parse(&format!("smtp://127.0.0.1:{port}")).expect("a relay");
            settings.relays =
                ports.iter().map(|port| Relay { connections: 1, ..Relay::new(relay(port)) }).collect();
            settings.sending.timeout = Duration::from_secs(10);
            settings.sending.breaker.canary = 0;
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
        let database = match engine {
            Engine::Sqlite => {
                settings.database = DatabaseUrl::Sqlite(folder.path().join("daily.db"));
                None
            }
            Engine::Postgres => {
                let database = postgres::database().await;
                settings.database = DatabaseUrl::Postgres(database.url().to_owned());
                Some(database)
            }
        };
        settings.data_folder = folder.path().to_owned();
        settings.http.listen = address;
        settings.http.public_url = format!("http://{address}");
        settings.relays = vec![Relay::new(RelayUrl::Mailbox(folder.path().join("mailbox")))];
        // Stories count mails; those about these turn them on.
        settings.signup.welcome_mail = false;
        settings.signup.goodbye_mail = false;
        // All readers of a story come from this machine.
        settings.signup.limits.client = None;
        // And fill forms in faster than the clock, which stands still.
        settings.signup.minimum_time = SignedDuration::ZERO;
        // Their addresses are nobody's; stories about that bring a name server.
        settings.signup.check_mx = false;
        // Stories' articles are on hosts that don't exist; and the servers of stories are not made to wait for each other.
        settings.feeds.look_at_pages = false;
        settings.recheck_seconds = 0;
        settings.feeds.host_pause = Duration::ZERO;
        change(&mut settings);
        let clock = Clock::fixed(BEGIN.parse().expect("a moment"));
        let app = App::start(settings, clock.clone()).await.expect("Daily starts");
        let stop = CancellationToken::new();
        tokio::spawn(serve::run(app.clone(), Role::Worker, None, stop.clone()));
        tokio::spawn(serve::run(app.clone(), Role::Web, Some(listener), stop.clone()));
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        let url = format!("http://{address}");
        Self { app, clock, url, client, folder, _stop: stop.drop_guard(), _database: database }
    }

    /// The database, opened beside the app: for what no reader and no operator can do.
    pub async fn store(&self) -> Store {
        let url = match &self.app.settings.database {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => url.clone(),
        };
        Store::open(&url).await
    }

    /// Returns when so many wait for what others hold. On SQLite at once: who writes is alone, and whoever comes waits before the door.
    pub async fn until_waiting(&self, how_many: i64) {
        let store = self.store().await;
        if matches!(store, Store::Sqlite(_)) {
            return;
        }
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("somebody waits for a lock", || async {
            (store.number(waiting).await >= how_many).then_some(())
        })
        .await;
    }

    pub fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mailbox")
    }

    pub fn mails(&self) -> Vec<Mail> {
        mailbox::read(&self.mailbox())
    }

    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.to() == address).collect()
    }

    /// Waits until no job is left in the queue.
    pub async fn settle(&self) {
        eventually("the queue is empty", || async {
            (queue::depth(&self.app.db).await.expect("the queue's depth") == 0).then_some(())
        })
        .await;
    }

    /// The schedule looks once for what is due, and the workers do it.
    pub async fn tick(&self) {
        sweep::tick(&self.app.jobs).await.expect("a look for what is due");
        self.settle().await;
    }

    /// Moves the clock, then looks for what is due.
    pub async fn tick_after(&self, span: SignedDuration) {
        self.clock.advance(span);
        self.tick().await;
    }

    pub async fn newsletter(&self) -> NewsletterRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        newsletters::by_slug(&mut tx, "daily").await.expect("a query").expect("the newsletter out of the box")
    }

    /// Posts the signup form.
    pub async fn sign_up(&self, address: &str) -> reqwest::Response {
        self.post_form("/subscribe", &[("email", address)]).await
    }

    /// The mark in the signup form, as somebody has it who looks at the page now.
    pub async fn form_mark(&self) -> String {
        mark_in(&self.get(&self.url).await.text().await.expect("a page"))
    }

    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        self.client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(serde_urlencoded::to_string(fields).expect("a form"))
            .send()
            .await
            .expect("an answer")
    }

    pub async fn get(&self, url: &str) -> reqwest::Response {
        self.client.get(url).send().await.expect("an answer")
    }

    pub async fn post(&self, url: &str) -> reqwest::Response {
        self.client.post(url).send().await.expect("an answer")
    }

    /// The link in the latest confirmation mail to this address.
    pub fn confirmation_link(&self, address: &str) -> String {
        let mails = self.mails_to(address);
        let mail =
            mails.iter().rev().find(|mail| mail.text().contains("/confirm/")).expect("a confirmation mail");
        mail.link("/confirm/")
    }

    /// Signs up and confirms, as a reader does, over the web and the mail.
    pub async fn reader(&self, address: &str) {
        self.sign_up(address).await;
        self.settle().await;
        let link = self.confirmation_link(address);
        assert_eq!(self.post(&link).await.status(), 200);
    }

    /// Makes a confirmed reader without a mail: for stories whose relay is no mailbox.
    pub async fn reader_at_once(&self, address: &str) {
        let address = EmailAddress::parse(address).expect("an address");
        let now = self.clock.now();
        let newsletter = self.newsletter().await;
        let mut tx = self.app.db.begin().await.expect("a transaction");
        let subscriber = subscriptions::subscriber(&mut tx, &address, now).await.expect("a subscriber");
        let subscription = subscriptions::subscription(&mut tx, subscriber, newsletter.id, now)
            .await
            .expect("a subscription");
        subscriptions::activate(&mut tx, subscription.id, now).await.expect("an active subscription");
        tx.commit().await.expect("a commit");
    }

    /// Waits until something is made of every signup.
    pub async fn signups_taken(&self) {
        eventually("no signup waits", || async {
            let mut tx = self.app.db.read().await.expect("a transaction");
            signups::next(&mut tx, 0, self.clock.now()).await.expect("a query").is_none().then_some(())
        })
        .await;
    }

    pub async fn status_of(&self, address: &str) -> Option<SubscriptionStatus> {
        self.signups_taken().await;
        let address = EmailAddress::parse(address).expect("an address");
        let mut tx = self.app.db.read().await.expect("a transaction");
        let found = subscriptions::of_address(&mut tx, &address).await.expect("a query");
        found.first().map(|it| it.status)
    }

    /// Has all processes see an attack on the signup. It ends when a look finds no sign for a quarter of an hour.
    pub async fn begin_attack(&self) {
        let now = self.clock.now();
        let mut tx = self.app.db.begin().await.expect("a transaction");
        signup_watch::begin_look(&mut tx, now, now).await.expect("a row");
        signup_watch::begin_alarm(&mut tx, now, now).await.expect("an alarm");
        let attack = Some(Attack { alarm: Alarm::Flood, since: now, seen_at: now });
        let record = WatchRecord { attack, ..WatchRecord::default() };
        signup_watch::set(&mut tx, &record).await.expect("an attack");
        tx.commit().await.expect("a commit");
        // A process goes by what it read last for two seconds.
        self.clock.advance(SignedDuration::from_secs(2));
    }

    /// The kinds of entries in the consent ledger of an address, oldest first.
    pub async fn consent_of(&self, address: &str) -> Vec<String> {
        self.signups_taken().await;
        let address = EmailAddress::parse(address).expect("an address");
        let mut tx = self.app.db.read().await.expect("a transaction");
        let mut kinds = Vec::new();
        for it in subscriptions::of_address(&mut tx, &address).await.expect("a query") {
            let history = subscriptions::consent_history(&mut tx, it.id).await.expect("a query");
            kinds.extend(history.into_iter().map(|event| event.kind));
        }
        kinds
    }

    /// Makes readers 0 to `count` of a domain at once, and returns their addresses.
    pub async fn readers(&self, count: usize, domain: &str) -> Vec<String> {
        let now = self.clock.now();
        let newsletter = self.newsletter().await;
        let addresses: Vec<String> = (0..count).map(|n| format!("reader{n}@{domain}")).collect();
        let mut tx = self.app.db.begin().await.expect("a transaction");
        for address in &addresses {
            let address = EmailAddress::parse(address).expect("an address");
            let subscriber = subscriptions::subscriber(&mut tx, &address, now).await.expect("a subscriber");
            let subscription = subscriptions::subscription(&mut tx, subscriber, newsletter.id, now)
                .await
                .expect("a subscription");
            subscriptions::activate(&mut tx, subscription.id, now).await.expect("an active subscription");
        }
        tx.commit().await.expect("a commit");
        addresses
    }

    /// Has today's issue frozen and its sending begun, and returns it at once.
    pub async fn begin_issue(&self) -> IssueId {
        send_issue(&self.app.actions, &self.newsletter().await).await.expect("an issue").id
    }

    /// Where an issue stands.
    pub async fn issue(&self, issue: IssueId) -> issues::IssueRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::get(&mut tx, issue).await.expect("a query").expect("the issue")
    }

    /// Waits until an issue has come to a state.
    pub async fn wait_for_status(&self, issue: IssueId, status: IssueStatus) {
        eventually(&format!("the issue is {status}"), || async {
            (self.issue(issue).await.status == status).then_some(())
        })
        .await;
    }

    /// Looks for what is due again and again, the clock moving on by `step` each time, until an issue has come to a state.
    pub async fn tick_until(&self, issue: IssueId, status: IssueStatus, step: SignedDuration) {
        eventually(&format!("the issue becomes {status}"), || async {
            self.clock.advance(step);
            sweep::tick(&self.app.jobs).await.ok()?;
            (self.issue(issue).await.status == status).then_some(())
        })
        .await;
    }

    /// How many deliveries of an issue are in each state.
    pub async fn counts(&self, issue: IssueId) -> deliveries::Counts {
        let mut tx = self.app.db.read().await.expect("a transaction");
        deliveries::counts(&mut tx, issue).await.expect("a query")
    }

    /// All deliveries of an issue.
    pub async fn deliveries(&self, issue: IssueId) -> Vec<deliveries::ReaderDelivery> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        deliveries::page(&mut tx, issue, None, SubscriberId(0), 10_000).await.expect("a query")
    }

    /// The delivery of an issue to one reader.
    pub async fn delivery(&self, issue: IssueId, address: &str) -> deliveries::ReaderDelivery {
        let all = self.deliveries(issue).await;
        all.into_iter().find(|it| it.address == address).unwrap_or_else(|| panic!("none to {address}"))
    }

    /// Another Daily on the same database with the same settings and clock, that does nothing by itself.
    pub async fn another(&self) -> App {
        self.another_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn another_with(&self, change: impl FnOnce(&mut Settings)) -> App {
        let mut settings = (*self.app.settings).clone();
        change(&mut settings);
        App::start(settings, self.clock.clone()).await.expect("another Daily starts")
    }

    /// Another worker on the same database.
    pub async fn another_worker(&self) -> Worker {
        let app = self.another().await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(serve::run(app, Role::Worker, None, stop.clone()));
        Worker { stop: stop.drop_guard(), running }
    }

    /// Lets the clock run, `speed` times as fast as clocks do, until the guard is dropped.
    pub fn run_clock(&self, speed: i32) -> DropGuard {
        let (stop, clock) = (CancellationToken::new(), self.clock.clone());
        let stopped = stop.clone();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(CLOCK_STEP);
            let mut last = tokio::time::Instant::now();
            while !stopped.is_cancelled() {
                let now = every.tick().await;
                let passed = SignedDuration::try_from(now - last).expect("a short time");
                clock.advance(passed * speed);
                last = now;
            }
        });
        stop.drop_guard()
    }

    /// Adds an article as an operator does.
    pub async fn article(&self, title: &str) {
        let slug = title.to_lowercase().replace(' ', "-");
        let mut found = FoundArticle::titled(title);
        found.url = Some(format!("https://news.example/{slug}").parse().expect("a URL"));
        found.dek = Some(format!("About {title}."));
        let mut tx = self.app.db.begin().await.expect("a transaction");
        articles::store(&mut tx, &found, Origin::Operator, self.clock.now()).await.expect("a stored article");
        tx.commit().await.expect("a commit");
    }

    /// Sends today's issue and waits for its end, or until nothing more happens by itself.
    pub async fn send_issue(&self) -> IssueStatus {
        let issue = send_issue(&self.app.actions, &self.newsletter().await).await.expect("an issue");
        self.settle().await;
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::get(&mut tx, issue.id).await.expect("a query").expect("the issue").status
    }

    /// Date, status and reason of all issues, latest first.
    pub async fn issues(&self) -> Vec<issues::IssueRecord> {
        let newsletter = self.newsletter().await;
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::page(&mut tx, newsletter.id, jiff::civil::Date::MAX, 100).await.expect("a query")
    }
}

/// Another process's worker, as it were, on the same database. It ends, without hurry, with the test.
pub struct Worker {
    stop: DropGuard,
    running: JoinHandle<bool>,
}

impl Worker {
    /// Asks it to end, as SIGTERM does, and waits until it has.
    pub async fn end(self) {
        drop(self.stop);
        self.running.await.expect("a worker that does not panic");
    }
}

/// The mark in a form.
pub fn mark_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"started\" value=\"").expect("the mark");
    rest.split('"').next().expect("its end").to_owned()
}

/// A moment, written in ISO 8601.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}
