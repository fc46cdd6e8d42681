//! Builds a process from its settings: the database, the queue, the mailer, and the contexts of actions and
//! jobs.

use crate::{
    actions::{
        self,
        incoming::IncomingContext,
        operator::context::OperatorContext,
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
        picture_maker::PictureMaker,
    },
    db::{ConnectError, Db, DbError, engine::writer_health::WriterHealth, installation, newsletters},
    delivery::{
        self,
        arming::{Armed, judge_database},
        context::InFlightIssues,
        email_recorder::EmailRecorder,
        recorder::Recorder,
        throttle::{RelayLimits, Throttle},
    },
    domain::{installation::Verdict, newsletter::Newsletter},
    http_client::LazyClient,
    jobs::{
        context::{Contexts, FeedContext, IssueContext, ReaderContext},
        issue_locks::IssueLocks,
    },
    mail::{DkimError, DkimKeys, Mailer, MailerError},
    metrics::Metrics,
    oidc::{Provider, ProviderSettings},
    queue::{self, Queue, SetupError},
    random,
    secrets::{self, SecretError},
    settings::Settings,
};
use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Everything that a process of Daily works with.
#[derive(Clone)]
pub struct App {
    pub settings: Arc<Settings>,
    pub db: Db,
    pub actions: actions::Context,
    pub signup: SignupContext,
    /// For changes that readers make themselves.
    pub subscription: SubscriptionContext,
    pub incoming: IncomingContext,
    /// For operators who sign in.
    pub operators: OperatorContext,
    pub jobs: Contexts,
    pub health: WriterHealth,
    pub metrics: Metrics,
    /// Path of the pages that show the emails of a `mailbox:` relay. Random, so that nobody can guess it.
    pub mailbox_path: Arc<str>,
}

/// Errors that keep Daily from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Queue(#[from] SetupError),
    #[error("database error: {0}")]
    Db(#[from] DbError),
    #[error(transparent)]
    Mailer(#[from] MailerError),
    #[error(transparent)]
    Dkim(#[from] DkimError),
    #[error(transparent)]
    NameServer(#[from] NoNameServer),
    #[error(transparent)]
    Secrets(#[from] SecretError),
}

impl App {
    /// Opens and migrates the database, then creates the first newsletter and the signing secret if they are
    /// missing.
    pub async fn start(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let db = open(&settings).await?;
        insert_first_rows(&db, &clock).await?;
        let keys = Arc::new(secrets::key_ring(&settings)?);
        let mailer = Mailer::new(&settings.relays, &settings.sending, clock.clone())?;
        let dkim = Arc::new(DkimKeys::load(&settings.dkim)?);
        let fetcher = Fetcher::new(FetchPolicy {
            allow_networks: settings.feeds.allow_networks.clone(),
            timeout: settings.feeds.timeout(),
            max_bytes: settings.feeds.max_bytes,
            max_redirects: 5,
            host_pause: settings.feeds.host_pause(),
            user_agent: format!("Daily/{} (+{})", env!("CARGO_PKG_VERSION"), settings.http.public_url),
        });
        let queue = Queue::new(clock.clone());
        let metrics = Metrics::default();
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
            metrics: metrics.clone(),
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
        let incoming = IncomingContext {
            db: db.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            subscription: subscription.clone(),
            bounce_address: settings.sending.bounce_address.clone(),
            unsubscribe_address: settings.sending.unsubscribe_mailto.clone(),
        };
        let operators = OperatorContext::new(
            actions.clone(),
            keys.clone(),
            settings.admin.second_factor,
            provider(&settings, &clock),
        );
        let settings = Arc::new(settings);
        let armed = match judge_database(&db, &settings, "", clock.now()).await {
            Ok(judgement) => !matches!(judgement.verdict, Verdict::Disarmed(_)),
            // Most commands don't send. Those that do ask the service.
            Err(DbError::Io(error)) => {
                tracing::warn!(%error, "can't tell whether this machine may send");
                false
            }
            Err(error) => return Err(error.into()),
        };
        let armed = Armed::new(armed);
        let throttle = throttle(&settings, &db, &clock);
        let stop = CancellationToken::new();
        let jobs = Contexts {
            feeds: FeedContext {
                db: db.clone(),
                queue: queue.clone(),
                clock: clock.clone(),
                fetcher: Arc::new(fetcher),
                picture_maker: PictureMaker::default(),
                metrics: metrics.clone(),
                issue_locks: IssueLocks::default(),
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
                http: own_client(),
                settings: settings.clone(),
            },
            delivery: delivery::context::Context {
                recorder: Recorder::start(
                    db.clone(),
                    clock.clone(),
                    queue.clone(),
                    settings.sending.breaker(),
                    throttle.clone(),
                    metrics.clone(),
                ),
                email_recorder: EmailRecorder::start(
                    db.clone(),
                    clock.clone(),
                    queue.clone(),
                    settings.sending.lease(),
                    metrics.clone(),
                ),
                throttle,
                armed,
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
        let (health, mailbox_path) =
            (WriterHealth::default(), format!("/mailbox/{}", random::hex::<16>()).into());
        Ok(Self {
            settings,
            db,
            actions,
            signup,
            subscription,
            incoming,
            operators,
            jobs,
            health,
            metrics,
            mailbox_path,
        })
    }
}

/// Time limit of a request to an address of the operator.
const OWN_REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Returns the client for requests to the operator's own addresses.
fn own_client() -> LazyClient {
    LazyClient::new(|| {
        reqwest::Client::builder()
            .user_agent(concat!("Daily/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::limited(3))
            .timeout(OWN_REQUEST_LIMIT)
    })
}

/// Path below the operators' pages that an OpenID provider sends browsers back to.
const REDIRECT_PATH: &str = "/admin/sign-in/oidc/callback";

/// Returns the OpenID provider, if one is configured. Contacts nobody yet.
fn provider(settings: &Settings, clock: &Clock) -> Option<Provider> {
    let oidc = &settings.admin.oidc;
    let (issuer, secret) = (oidc.issuer.as_ref()?, oidc.secret()?);
    let label = if oidc.label.is_empty() { issuer.host() } else { &oidc.label };
    let provider = ProviderSettings {
        issuer: issuer.clone(),
        client_id: oidc.client_id.clone(),
        secret,
        label: label.to_owned(),
        redirect_uri: format!("{}{REDIRECT_PATH}", settings.admin.url(&settings.http.public_url)),
    };
    Some(Provider::new(provider, clock.clone()))
}

/// Pauses between attempts to migrate while another process migrates the same SQLite file.
const MIGRATION_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Opens the database and migrates all tables, the queue's too.
pub async fn open(settings: &Settings) -> Result<Db, StartError> {
    let db = Db::connect(&settings.database.url).await?;
    // sqlx locks only PostgreSQL while it migrates, so the first starts of several processes on one SQLite
    // file can collide. A later attempt finds the migrations applied.
    for pause in MIGRATION_PAUSES {
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

/// Makes the first newsletter and the identity of a new database.
async fn insert_first_rows(db: &Db, clock: &Clock) -> Result<(), DbError> {
    let mut tx = db.read().await?;
    let has_newsletter = !newsletters::list_with_removed(&mut tx).await?.is_empty();
    drop(tx);
    if !has_newsletter {
        let mut tx = db.begin().await?;
        installation::insert_if_missing(&mut tx, &random::hex::<16>()).await?;
        newsletters::insert_if_new(&mut tx, &Newsletter::default(), clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Returns a resolver for mail servers, or one that accepts every domain if `signup.check_mx` is off.
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

/// Returns the longest that handing over one message may take: each relay in turn may use its full time
/// limits.
fn hand_over_limit(mailer: &Mailer, relays: usize) -> SignedDuration {
    let relay = mailer.longest_opening() + mailer.longest_send();
    let relays = relay.saturating_mul(u32::try_from(relays).unwrap_or(u32::MAX));
    SignedDuration::try_from(relays).unwrap_or(SignedDuration::MAX)
}
