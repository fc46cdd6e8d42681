//! Runs the parts of a process: web, workers and scheduler.

use super::{
    arming,
    chores::{self, run_every},
    desk_work, disk, gauges, incoming, open_files,
    recovery::recover,
    scheduler, watchdog,
};
use crate::{
    actions::{check::Checks, operator::links},
    app::App,
    db::{Taken, WorkerLock, engine::processes, issues},
    jobs::{self, context::Contexts},
    queue::{Job, Workers},
    random,
    settings::Settings,
    web::{self, server::ServerLimits},
};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// The part of the service that a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Pages, scheduler and workers
    All,
    /// Pages and endpoints
    Web,
    /// Jobs: emails, feeds, issues
    Worker,
    /// Starts what is due
    Scheduler,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
        }
    }

    pub fn does(self, part: Self) -> bool {
        self == Self::All || self == part
    }
}

/// Longest pause between two runs of the scheduler.
const SCHEDULER_INTERVAL: Duration = Duration::from_secs(1);
/// How often a process renews its quotas of the relays' connections.
const SHARE_EVERY: Duration = Duration::from_secs(2);
/// Issues that one process delivers at the same time.
const ISSUES_AT_ONCE: usize = 4;
/// Most connections to a listener for operators alone.
const ADMIN_CONNECTIONS: usize = 200;
/// How often figures for monitoring are collected.
const COLLECT_EVERY: Duration = Duration::from_secs(10);
/// How often relays are asked whether they take email, for the operators' pages.
const ASK_RELAYS_EVERY: Duration = Duration::from_mins(10);
/// Most clients of the further address for monitoring.
const MONITORING_CONNECTIONS: usize = 16;
/// Time for open requests to finish after the process is asked to stop.
const WEB_GRACE: Duration = Duration::from_secs(10);
/// Added to the longest possible hand-over of a message, both for jobs to finish at shutdown and for a job's
/// time limit.
const MARGIN: Duration = Duration::from_mins(2);

/// Runs the parts of a role until `stop` is cancelled and running work has finished. If a part ends early,
/// stops the others too and returns `false`, so that a half-working process never looks healthy.
pub async fn run(mut app: App, role: Role, listener: Option<TcpListener>, stop: CancellationToken) -> bool {
    let mut parts = JoinSet::new();
    let process = format!("{}-{}", role.as_str(), random::hex::<6>());
    app.jobs.join_process(&process, &stop);
    // A database that doesn't fit this machine's marker must not send, so this comes first.
    let mut keeper = None;
    if role.does(Role::Worker) || role.does(Role::Scheduler) {
        let mut first = arming::Keeper::default();
        if let Err(error) = first.look(&app).await {
            tracing::error!(%error, "could not find out whether the database may send; sending nothing until then");
        }
        keeper = Some(tokio::spawn(keep_marker(app.clone(), first, stop.clone())));
    }
    // Commands look for running workers, so the first heartbeat comes before the process answers requests.
    record_heartbeat(&app, &process, role).await;
    // The heartbeat continues until all other parts have finished.
    let done = CancellationToken::new();
    let heartbeat = tokio::spawn(run_every(to_duration(processes::BEAT_EVERY), done.clone(), {
        let (app, process) = (app.clone(), process.clone());
        move || {
            let (app, process) = (app.clone(), process.clone());
            async move { record_heartbeat(&app, &process, role).await }
        }
    }));
    let collector = app.clone();
    parts.spawn(run_every(COLLECT_EVERY, stop.clone(), move || {
        let app = collector.clone();
        async move { gauges::collect(&app).await }
    }));
    if let Some(address) = app.settings.monitoring.listen {
        // A part that ends early stops the process, so that a wrong address doesn't stay unnoticed.
        match TcpListener::bind(address).await {
            Ok(listener) => {
                tracing::info!(%address, "listening for monitoring");
                let router = web::monitoring_router(site(&app));
                let limits = ServerLimits::new(MONITORING_CONNECTIONS);
                parts.spawn(web::server::serve(listener, router, limits, stop.clone()));
            }
            Err(error) => {
                tracing::error!(%address, %error, "can't listen for monitoring; see monitoring.listen");
                parts.spawn(async {});
            }
        }
    }
    if role.does(Role::Scheduler) {
        parts.spawn(run_scheduler(app.jobs.clone(), stop.clone()));
    }
    let mut worker_lock = None;
    // Connections count against this process's quotas until the last one is closed.
    let (drained, mut sharing) = (CancellationToken::new(), None);
    if role.does(Role::Worker) {
        chores::spawn_all(&app, &mut parts, &stop);
        let grace = grace(&app);
        worker_lock = take_worker_lock(&app).await;
        // The first job needs a quota, because all processes together must stay within a relay's connection
        // limit.
        update_quotas(&app).await;
        let sharer = app.clone();
        sharing = Some(tokio::spawn(run_every(SHARE_EVERY, drained.clone(), move || {
            let app = sharer.clone();
            async move { update_quotas(&app).await }
        })));
        join_issues(&app).await;
        parts.spawn(workers(&app).run(stop.clone(), grace));
    }
    if let Some(address) = app.settings.receive.listen.filter(|_| role.does(Role::Web)) {
        // A part that ends early stops the process, so that a wrong address doesn't stay unnoticed.
        match incoming::listen(&app, address, stop.clone()).await {
            Ok(listener) => {
                tracing::info!(%address, protocol = %app.settings.receive.protocol, "listening for incoming email");
                parts.spawn(listener.run());
            }
            Err(error) => {
                tracing::error!(%address, %error, "can't listen for incoming email; see receive.listen");
                parts.spawn(async {});
            }
        }
    }
    if let Some(listener) = listener {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, public_url = app.settings.http.public_url, "listening");
        }
        let connections = open_files::max_connections(&app.settings, open_files::limit());
        if connections < app.settings.http.max_connections {
            tracing::warn!(
                connections,
                "the limit of open files allows fewer clients than http.max_connections"
            );
        }
        let site = site(&app);
        if let Some(mailbox) = &site.mailbox {
            let address = format!("{}{}", site.public_url, mailbox.path);
            tracing::info!(address, "only this address shows the emails of the mailbox relay");
        }
        show_first_link(&app, &site).await;
        parts.spawn(ask_relays(site.admin.checks.clone(), stop.clone()));
        if let Some(address) = app.settings.admin.listen {
            // A part that ends early stops the process, so that a wrong address doesn't stay unnoticed.
            match TcpListener::bind(address).await {
                Ok(listener) => {
                    tracing::info!(%address, "listening for operators");
                    let (router, stop) = (web::admin_router(site.clone()), stop.clone());
                    let limits = ServerLimits::new(connections.min(ADMIN_CONNECTIONS));
                    parts.spawn(async move { serve_until(listener, router, limits, stop).await });
                }
                Err(error) => {
                    tracing::error!(%address, %error, "can't listen for operators; see admin.listen");
                    parts.spawn(async {});
                }
            }
        }
        let router = web::router(site);
        let stop = stop.clone();
        parts.spawn(async move { serve_until(listener, router, ServerLimits::new(connections), stop).await });
    }
    watchdog::report_ready();
    let mut is_healthy = true;
    while let Some(ended) = parts.join_next().await {
        if let Err(error) = &ended {
            tracing::error!(%error, "part of the service failed");
        }
        if ended.is_err() || !stop.is_cancelled() {
            is_healthy = false;
            stop.cancel();
        }
    }
    watchdog::report_stopping();
    app.jobs.delivery.background_tasks.close();
    if tokio::time::timeout(grace(&app), app.jobs.delivery.background_tasks.wait()).await.is_err() {
        tracing::error!("a relay did not answer in time; an email's delivery is in doubt");
    }
    app.jobs.delivery.mailer.close().await;
    drained.cancel();
    if let Some(sharing) = sharing {
        let _: Result<(), _> = sharing.await;
    }
    if role.does(Role::Worker)
        && let Err(error) = app.jobs.delivery.throttle.release_quotas(&process).await
    {
        tracing::warn!(%error, "could not release this process's connection quotas; they expire in some seconds");
    }
    if let Some(Ok(mut keeper)) = match keeper {
        Some(keeping) => Some(keeping.await),
        None => None,
    } && let Err(error) = keeper.end(&app).await
    {
        tracing::warn!(%error, "could not write this machine's marker");
    }
    drop(worker_lock);
    done.cancel();
    let _ = heartbeat.await;
    if let Ok(mut tx) = app.db.begin().await {
        let _ = processes::remove(&mut tx, &process).await;
        let _ = tx.commit().await;
    }
    is_healthy
}

/// Serves pages until the process is asked to stop.
async fn serve_until(
    listener: TcpListener,
    router: axum::Router,
    limits: ServerLimits,
    stop: CancellationToken,
) {
    let serving = web::server::serve(listener, router, limits, stop.clone());
    // A client that never finishes its request must not keep the process alive.
    let time_limit = async {
        stop.cancelled().await;
        tokio::time::sleep(WEB_GRACE).await;
    };
    tokio::select! {
        () = serving => {}
        () = time_limit => {}
    }
}

/// Asks relays and the public address at intervals, so that Today knows their answers when somebody opens it.
async fn ask_relays(checks: Checks, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ASK_RELAYS_EVERY) => {}
        }
        checks.refresh().await;
    }
}

/// Logs a link that makes the first account, as long as nobody can sign in.
async fn show_first_link(app: &App, site: &web::Site) {
    match links::make_first_link(&app.actions).await {
        Ok(Some(token)) => {
            let address = format!("{}/admin/welcome/{token}", site.admin.url);
            tracing::info!(address, "nobody can sign in yet; this link makes the first account, once");
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "could not make the link for the first account"),
    }
}

/// Runs the scheduler every second, and exactly when the next issue is due.
async fn run_scheduler(contexts: Contexts, stop: CancellationToken) {
    loop {
        let wait = match scheduler::run_due(&contexts).await {
            Ok(Some(due)) => {
                to_duration(due.duration_since(contexts.issues.clock.now()).max(jiff::SignedDuration::ZERO))
            }
            Ok(None) => SCHEDULER_INTERVAL,
            Err(error) => {
                tracing::error!(%error, "scheduler run failed; retrying");
                SCHEDULER_INTERVAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait.min(SCHEDULER_INTERVAL)) => {}
        }
    }
}

/// Judges the database at intervals until `stop` is cancelled.
async fn keep_marker(app: App, mut keeper: arming::Keeper, stop: CancellationToken) -> arming::Keeper {
    loop {
        tokio::select! {
            () = stop.cancelled() => return keeper,
            () = tokio::time::sleep(arming::Keeper::pause(&app)) => {}
        }
        if let Err(error) = keeper.look(&app).await {
            tracing::warn!(%error, "could not compare the database with this machine's marker; retrying");
        }
    }
}

async fn update_quotas(app: &App) {
    if let Err(error) =
        app.jobs.delivery.throttle.update_quotas(&app.jobs.delivery.mailer, &app.jobs.delivery.process).await
    {
        tracing::warn!(%error, "could not renew connection quotas; retrying");
    }
}

/// Makes a new worker join issues that are already being sent.
async fn join_issues(app: &App) {
    let joining = async {
        let mut tx = app.db.begin().await?;
        for issue in issues::sending(&mut tx).await? {
            app.jobs.delivery.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
        }
        tx.commit().await
    };
    if let Err(error) = joining.await {
        let error: crate::db::DbError = error;
        tracing::warn!(%error, "could not join issues that are being sent; their next runs include this worker");
    }
}

/// Marks this worker as running. On SQLite, takes over from dead workers if no other worker is running.
async fn take_worker_lock(app: &App) -> Option<WorkerLock> {
    let locked = match WorkerLock::take(&app.settings.database.url) {
        Ok(Some(Taken::Alone(lock))) => {
            if let Err(error) = recover(&app.jobs.delivery).await {
                tracing::error!(%error, "could not recover the work of dead workers; it continues when their leases expire");
            }
            lock.share()
        }
        Ok(Some(Taken::Among(lock))) => Ok(lock),
        Ok(None) => return None,
        Err(error) => Err(error),
    };
    locked.inspect_err(|error| tracing::error!(%error, "could not take the workers' lock")).ok()
}

/// Returns how long running work may take after the process is asked to stop.
fn grace(app: &App) -> Duration {
    app.jobs.delivery.hand_over_limit.unsigned_abs() + MARGIN
}

fn workers(app: &App) -> Workers {
    let context = app.jobs.clone();
    Workers {
        db: app.db.clone(),
        queue: context.delivery.queue.clone(),
        metrics: app.metrics.clone(),
        job_timeout: context.delivery.hand_over_limit.unsigned_abs() + MARGIN,
        delivery_concurrency: ISSUES_AT_ONCE,
        handler: Arc::new(move |job| {
            let context = context.clone();
            Box::pin(async move { jobs::run(&context, job).await })
        }),
    }
}

/// Returns the built-in mailbox's folder if only this machine can reach the service. The mailbox contains
/// every reader's confirm and unsubscribe links. Behind a proxy, every request comes from this machine.
fn local_mailbox(settings: &Settings) -> Option<&std::path::Path> {
    let folder = settings.relays.iter().find_map(|relay| relay.url.mailbox())?;
    let public_url = url::Url::parse(&settings.http.public_url).ok()?;
    let local = match public_url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    };
    (local && settings.http.listen.ip().is_loopback()).then_some(folder)
}

/// Builds the state of the web pages.
pub fn site(app: &App) -> web::Site {
    web::Site {
        actions: app.actions.clone(),
        signup: app.signup.clone(),
        subscription: app.subscription.clone(),
        health: app.health.clone(),
        metrics: app.metrics.clone(),
        monitoring: Arc::new(web::Monitoring {
            allow_networks: app.settings.monitoring.allow_networks.clone(),
            min_free_bytes: app.settings.monitoring.min_free_mb * 1_000_000,
            free_bytes: {
                let folder = app.settings.data.folder.clone();
                Box::new(move || disk::free_bytes(&folder))
            },
            why_not_sending: {
                let armed = app.jobs.delivery.armed.clone();
                Box::new(move || armed.why_unknown())
            },
        }),
        public_url: app.settings.http.public_url.as_str().into(),
        allowed_origins: app.settings.http.allowed_origins.as_slice().into(),
        mailbox: local_mailbox(&app.settings).map(|folder| {
            Arc::new(web::Mailbox { folder: folder.to_owned(), path: app.mailbox_path.clone() })
        }),
        secure_cookies: app.settings.http.public_url.starts_with("https://"),
        proxies: web::Proxies {
            trusted: app.settings.http.trusted_proxies.as_slice().into(),
            by: app.settings.http.forwarded_header,
        },
        admin: desk_work::admin(app),
        admin_elsewhere: app.settings.admin.listen.is_some(),
    }
}

async fn record_heartbeat(app: &App, process: &str, role: Role) {
    let recorded = async {
        let mut tx = app.db.begin().await?;
        processes::heartbeat(&mut tx, process, role.as_str(), app.actions.clock.now()).await?;
        tx.commit().await
    };
    let recorded = recorded.await;
    if app.health.record(&app.db, recorded.as_ref().map(drop)) {
        watchdog::report_alive();
    }
    if let Err(error) = recorded {
        tracing::error!(%error, "could not record a heartbeat");
    }
}

fn to_duration(span: jiff::SignedDuration) -> Duration {
    span.unsigned_abs()
}
