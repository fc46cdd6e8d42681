//! Wiring: from settings to a store, a queue, a mailer, and the contexts that actions and jobs work with.

use crate::{
    actions::{
        self,
        signup::{
            address_policy::AddressPolicy,
            blocked_domains::BlockedDomains,
            context::SignupContext,
            mail_servers::{MailServers, NoNameServer},
            signup_batcher::SignupBatcher,
        },
        subscription::{context::SubscriptionContext, unsubscribe_batcher::UnsubscribeBatcher},
    },
    clock::Clock,
    content::{
        fetch::{FetchPolicy, Fetcher},
        fetch_error::FetchError,
    },
    db::{ConnectError, Db, DbError, newsletters},
    delivery::{
        self,
        context::InFlightIssues,
        email_recorder::EmailRecorder,
        recorder::Recorder,
        throttle::{RelayLimits, Throttle},
    },
    domain::{
        newsletter::Newsletter,
        token::{KeyRing, KeyRingError, MIN_SECRET_BYTES},
    },
    jobs::context::{Contexts, FeedContext, IssueContext, ReaderContext},
    mail::{DkimError, DkimKeys, Mailer, MailerError},
    queue::{self, Queue, SetupError},
    random,
    settings::{Settings, hex},
};
use jiff::SignedDuration;
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A Daily that is ready to work.
#[derive(Clone)]
pub struct App {
    /// What was configured.
    pub settings: Arc<Settings>,
    /// The store.
    pub db: Db,
    /// What operators' actions need.
    pub actions: actions::Context,
    /// What signing up needs.
    pub signup: SignupContext,
    /// What readers' own changes need.
    pub subscription: SubscriptionContext,
    /// What happens by itself.
    pub jobs: Contexts,
}

/// Why Daily can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The queue's tables.
    #[error(transparent)]
    Queue(#[from] SetupError),
    /// A query failed.
    #[error("the database failed: {0}")]
    Db(#[from] DbError),
    /// A relay can't work as configured.
    #[error(transparent)]
    Mailer(#[from] MailerError),
    /// A key that signs mail can't.
    #[error(transparent)]
    Dkim(#[from] DkimError),
    /// The client for feeds.
    #[error(transparent)]
    Fetcher(#[from] FetchError),
    /// Domains of addresses can't be looked up.
    #[error(transparent)]
    NameServer(#[from] NoNameServer),
    /// The secret can't be read or made.
    #[error("can't use the secret in {}: {problem}; see tokens.secrets in config/default.toml", path.display())]
    Secret {
        /// Where it is kept.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The configured secrets are no good.
    #[error("tokens.secrets: {0}")]
    Keys(#[from] KeyRingError),
}

impl App {
    /// Opens the store, brings its tables up to date, makes sure that a newsletter and a secret exist.
    pub async fn start(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let db = open(&settings).await?;
        seed(&db, &clock).await?;
        let keys = Arc::new(key_ring(&settings)?);
        let mailer = Mailer::new(&settings.relays, &settings.sending, clock.clone())?;
        let dkim = Arc::new(DkimKeys::load(&settings.dkim)?);
        let fetcher = Fetcher::new(FetchPolicy {
            allow_networks: settings.feeds.allow_networks.clone(),
            timeout: settings.feeds.timeout(),
            max_bytes: settings.feeds.max_bytes,
            max_redirects: 5,
            host_pause: settings.feeds.host_pause(),
            user_agent: format!("Daily/{} (+{})", env!("CARGO_PKG_VERSION"), settings.http.public_url),
        })?;
        let queue = Queue::new(clock.clone());
        let actions = actions::Context { db: db.clone(), queue: queue.clone(), clock: clock.clone() };
        let address_policy = Arc::new(AddressPolicy {
            blocked_domains: BlockedDomains::new(settings.signup.blocked_domains_file.clone()),
            allow_role_accounts: settings.signup.allow_role_accounts,
        });
        let signup = SignupContext {
            db: db.clone(),
            queue: queue.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            confirmation_days: settings.signup.confirmation_days,
            welcome_email: settings.signup.welcome_mail,
            batcher: SignupBatcher::start(
                db.clone(),
                queue.clone(),
                clock.clone(),
                keys.clone(),
                settings.signup.limits(),
                settings.signup.most_waiting(),
            ),
            address_policy: address_policy.clone(),
            mail_servers: Arc::new(mail_servers(&settings)?),
            limits: settings.signup.limits(),
            challenge_policy: settings.signup.proof_of_work,
            attack_status: Arc::default(),
            minimum_time: settings.signup.minimum_time(),
        };
        let subscription = SubscriptionContext {
            db: db.clone(),
            queue: queue.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            batcher: UnsubscribeBatcher::start(
                db.clone(),
                queue.clone(),
                clock.clone(),
                settings.signup.goodbye_mail,
            ),
            emails_per_address: settings.signup.limits().address,
            address_policy,
        };
        let settings = Arc::new(settings);
        let stop = CancellationToken::new();
        let jobs = Contexts {
            feeds: FeedContext {
                db: db.clone(),
                queue: queue.clone(),
                clock: clock.clone(),
                fetcher: Arc::new(fetcher),
                stop: stop.clone(),
                settings: settings.clone(),
            },
            readers: ReaderContext {
                db: db.clone(),
                queue: queue.clone(),
                clock: clock.clone(),
                keys: keys.clone(),
                stop: stop.clone(),
                settings: settings.clone(),
            },
            issues: IssueContext {
                db: db.clone(),
                queue: queue.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
            },
            delivery: delivery::context::Context {
                recorder: Recorder::start(
                    db.clone(),
                    clock.clone(),
                    queue.clone(),
                    settings.sending.breaker(),
                ),
                email_recorder: EmailRecorder::start(
                    db.clone(),
                    clock.clone(),
                    queue.clone(),
                    settings.sending.lease(),
                ),
                throttle: throttle(&settings, &db, &clock),
                in_flight: InFlightIssues::default(),
                background_tasks: TaskTracker::new(),
                process: random::hex::<6>().into(),
                hand_over_limit: hand_over_limit(&mailer, settings.relays.len()),
                db: db.clone(),
                queue,
                clock,
                keys,
                mailer,
                dkim,
                stop,
                settings: settings.clone(),
            },
        };
        Ok(Self { settings, db, actions, signup, subscription, jobs })
    }
}

/// How long to wait before the tables are brought up to date once more, after another process was in the way.
const MIGRATE_AGAIN_AFTER: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Opens the store and brings all tables up to date, the queue's too.
pub async fn open(settings: &Settings) -> Result<Db, StartError> {
    let db = Db::connect(&settings.database.url).await?;
    // First starts at once on one SQLite file get in each other's way: sqlx locks only PostgreSQL while it migrates. Whoever
    // comes second finds the work done, or tries once more.
    for pause in MIGRATE_AGAIN_AFTER {
        match migrate(&db, settings).await {
            Ok(()) => return Ok(db),
            Err(_) => tokio::time::sleep(pause).await,
        }
    }
    migrate(&db, settings).await?;
    Ok(db)
}

async fn migrate(db: &Db, settings: &Settings) -> Result<(), StartError> {
    db.migrate()
        .await
        .map_err(|source| ConnectError::Migrate { url: settings.database.url.to_string(), source })?;
    Ok(queue::set_up(db).await?)
}

async fn seed(db: &Db, clock: &Clock) -> Result<(), DbError> {
    let mut tx = db.read().await?;
    let any = !newsletters::list(&mut tx).await?.is_empty();
    drop(tx);
    if !any {
        let mut tx = db.begin().await?;
        newsletters::insert_if_new(&mut tx, &Newsletter::default(), clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Asks about domains, if it shall.
fn mail_servers(settings: &Settings) -> Result<MailServers, NoNameServer> {
    if settings.signup.check_mx {
        MailServers::new(settings.signup.dns_server)
    } else {
        Ok(MailServers::unchecked())
    }
}

fn throttle(settings: &Settings, db: &Db, clock: &Clock) -> Throttle {
    let relays = settings.relays.iter().map(|relay| RelayLimits {
        name: relay.url.to_string(),
        connections: relay.connections,
        per_minute: (relay.rate_per_minute > 0).then_some(relay.rate_per_minute),
    });
    let domains = settings.sending.domain_rates.iter().cloned().collect();
    Throttle::new(db.clone(), clock.clone(), relays.collect(), domains)
}

/// Longest time for handing over one message: each relay may take its time to connect and to send.
fn hand_over_limit(mailer: &Mailer, relays: usize) -> SignedDuration {
    let relay = mailer.longest_opening() + mailer.longest_send();
    let relays = relay.saturating_mul(u32::try_from(relays).unwrap_or(u32::MAX));
    SignedDuration::try_from(relays).unwrap_or(SignedDuration::MAX)
}

fn key_ring(settings: &Settings) -> Result<KeyRing, StartError> {
    if !settings.tokens.secrets.is_empty() {
        let secrets: Vec<&[u8]> = settings.tokens.secrets.iter().map(|secret| secret.0.as_slice()).collect();
        return Ok(KeyRing::new(&secrets)?);
    }
    let path = settings.data.folder.join("secret.key");
    let secrets = read_or_make(&path).map_err(|problem| StartError::Secret { path, problem })?;
    Ok(KeyRing::new(&secrets)?)
}

/// Reads the secret file, one secret a line, or makes one. Of two processes that start at once only one makes it.
fn read_or_make(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    match make_secret(path) {
        Ok(()) => tracing::info!(path = %path.display(), "made the secret that signs links; back it up"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.to_string()),
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let secrets: Option<Vec<Vec<u8>>> =
        text.lines().filter(|line| !line.trim().is_empty()).map(hex).collect();
    match secrets {
        Some(secrets) if !secrets.is_empty() && secrets.iter().all(|s| s.len() >= MIN_SECRET_BYTES) => {
            Ok(secrets)
        }
        _ => Err("it does not hold hexadecimal secrets of 32 bytes or more, one a line".into()),
    }
}

/// Writes a new secret beside its place and links it there, so that nobody ever reads half of one.
fn make_secret(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.new", random::hex::<4>()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", random::hex::<32>())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked
}
