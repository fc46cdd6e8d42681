//! Runs the parts of a process: web, workers and scheduler.

use super::{recovery::take_over, scheduler};
use crate::{
    actions::privacy::verify_consent,
    app::App,
    db::{Taken, WorkerLock, engine::processes, issues},
    jobs::{self, context::Contexts, periodic::apply_retention},
    queue::{self, Job, Workers},
    random,
    settings::Settings,
    web,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// All three
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

/// How often the schedule looks for what is due.
const TICK: Duration = Duration::from_secs(1);
/// How often a process takes its share of the relays' connections anew.
const SHARE_EVERY: Duration = Duration::from_secs(2);
/// Issues that one process delivers at once.
const ISSUES_AT_ONCE: usize = 4;
/// How often finished jobs are cleaned up.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// From one look for entries of consent without a link to the next: imports add some.
const LINK_EVERY: Duration = Duration::from_mins(1);
/// How often is erased what has been kept long enough.
const RETAIN_EVERY: Duration = Duration::from_hours(1);
/// How long requests under way may take when the process is asked to end.
const WEB_GRACE: Duration = Duration::from_secs(10);
/// Room beyond the longest a mail in hand may take: for jobs to finish when the process is asked to end, and before a job
/// is given up as hanging.
const MARGIN: Duration = Duration::from_mins(2);

/// Runs the parts of a role until `stop` is cancelled and what is in hand is finished. A part that ends by itself ends the
/// others, too, so that nobody takes a crippled process for a healthy one; the answer is then `false`.
pub async fn run(mut app: App, role: Role, listener: Option<TcpListener>, stop: CancellationToken) -> bool {
    let mut parts = JoinSet::new();
    let process = format!("{}-{}", role.as_str(), random::hex::<6>());
    app.jobs.join_process(&process, &stop);
    // The first beat comes before anything else, so that commands find this process as soon as it answers.
    beat(&app, &process, role).await;
    // It beats until the other parts have finished what they have in hand.
    let done = CancellationToken::new();
    let beating = tokio::spawn(every(to_duration(processes::BEAT_EVERY), done.clone(), {
        let (app, process) = (app.clone(), process.clone());
        move || {
            let (app, process) = (app.clone(), process.clone());
            async move { beat(&app, &process, role).await }
        }
    }));
    if role.does(Role::Scheduler) {
        parts.spawn(schedule(app.jobs.clone(), stop.clone()));
    }
    let mut worker_lock = None;
    // A process has its share of the connections until the last is closed.
    let (drained, mut sharing) = (CancellationToken::new(), None);
    if role.does(Role::Worker) {
        let db = app.db.clone();
        parts.spawn(every(TIDY_EVERY, stop.clone(), move || {
            let db = db.clone();
            async move {
                if let Err(error) = queue::tidy(&db).await {
                    tracing::warn!(%error, "finished jobs could not be cleaned up");
                }
            }
        }));
        let (ledger, ending) = (app.actions.clone(), stop.clone());
        parts.spawn(every(LINK_EVERY, stop.clone(), move || {
            let (ledger, ending) = (ledger.clone(), ending.clone());
            async move {
                match verify_consent::link_consent(&ledger, &ending).await {
                    Ok(0) => {}
                    Ok(entries) => tracing::info!(entries, "imported entries of consent got their links"),
                    Err(error) => tracing::warn!(%error, "entries of consent could not get their links yet"),
                }
            }
        }));
        let context = app.jobs.readers.clone();
        parts.spawn(every(RETAIN_EVERY, stop.clone(), move || {
            let context = context.clone();
            async move {
                match apply_retention::retain(&context).await {
                    Ok(it) if it == apply_retention::Retained::default() => {}
                    Ok(it) => {
                        tracing::info!(
                            readers = it.readers,
                            mails = it.mails,
                            "kept long enough, and erased"
                        );
                    }
                    Err(error) => tracing::warn!(%error, "what was kept long enough could not be erased yet"),
                }
            }
        }));
        let grace = grace(&app);
        worker_lock = take_worker_lock(&app).await;
        // The share comes before the first job: together with the others' it must not be more than a relay may be given.
        update_quotas(&app).await;
        let sharer = app.clone();
        sharing = Some(tokio::spawn(every(SHARE_EVERY, drained.clone(), move || {
            let app = sharer.clone();
            async move { update_quotas(&app).await }
        })));
        join_issues(&app).await;
        parts.spawn(workers(&app).run(stop.clone(), grace));
    }
    if let Some(listener) = listener {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, public_url = app.settings.http.public_url, "listening");
        }
        let service = web::router(site(&app)).into_make_service_with_connect_info::<SocketAddr>();
        let stop = stop.clone();
        parts.spawn(async move {
            let serving =
                axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
            // A client that never finishes its request does not keep the process alive.
            let patience = async {
                stop.cancelled().await;
                tokio::time::sleep(WEB_GRACE).await;
            };
            tokio::select! {
                served = serving => {
                    if let Err(error) = served {
                        tracing::error!(%error, "the web service ended");
                    }
                }
                () = patience => {}
            }
        });
    }
    let mut well = true;
    while let Some(ended) = parts.join_next().await {
        if let Err(error) = &ended {
            tracing::error!(%error, "a part of the service broke");
        }
        if ended.is_err() || !stop.is_cancelled() {
            well = false;
            stop.cancel();
        }
    }
    app.jobs.delivery.background_tasks.close();
    if tokio::time::timeout(grace(&app), app.jobs.delivery.background_tasks.wait()).await.is_err() {
        tracing::error!("a relay did not answer in time; the mail is in doubt");
    }
    app.jobs.delivery.mailer.close().await;
    drained.cancel();
    if let Some(sharing) = sharing {
        let _: Result<(), _> = sharing.await;
    }
    if role.does(Role::Worker)
        && let Err(error) = app.jobs.delivery.throttle.release_quotas(&process).await
    {
        tracing::warn!(%error, "this process's share of connections ends by itself in some seconds");
    }
    drop(worker_lock);
    done.cancel();
    let _ = beating.await;
    if let Ok(mut tx) = app.db.begin().await {
        let _ = processes::remove(&mut tx, &process).await;
        let _ = tx.commit().await;
    }
    well
}

/// Looks for what is due: every second, and at the moment an issue is.
async fn schedule(contexts: Contexts, stop: CancellationToken) {
    loop {
        let wait = match scheduler::tick(&contexts).await {
            Ok(Some(due)) => {
                to_duration(due.duration_since(contexts.issues.clock.now()).max(jiff::SignedDuration::ZERO))
            }
            Ok(None) => TICK,
            Err(error) => {
                tracing::error!(%error, "the schedule could not look for what is due; it will again");
                TICK
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait.min(TICK)) => {}
        }
    }
}

async fn update_quotas(app: &App) {
    if let Err(error) =
        app.jobs.delivery.throttle.update_quotas(&app.jobs.delivery.mailer, &app.jobs.delivery.process).await
    {
        tracing::warn!(%error, "the share of the relays' connections could not be renewed; it will be again");
    }
}

/// Lets a new worker take part in what is going out already.
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
        tracing::warn!(%error, "this worker takes part in issues on their way only when their next turn comes");
    }
}

/// Says that this worker is alive, and takes over from dead ones where that can be known.
async fn take_worker_lock(app: &App) -> Option<WorkerLock> {
    let locked = match WorkerLock::take(&app.settings.database.url) {
        Ok(Some(Taken::Alone(lock))) => {
            if let Err(error) = take_over(&app.jobs.delivery).await {
                tracing::error!(%error, "what dead workers left waits until its lease ends");
            }
            lock.share()
        }
        Ok(Some(Taken::Among(lock))) => Ok(lock),
        Ok(None) => return None,
        Err(error) => Err(error),
    };
    locked.inspect_err(|error| tracing::error!(%error, "the workers' lock can't be taken")).ok()
}

/// How long what is in hand may take when the process is asked to end.
fn grace(app: &App) -> Duration {
    app.jobs.delivery.hand_over_limit.unsigned_abs() + MARGIN
}

fn workers(app: &App) -> Workers {
    let context = app.jobs.clone();
    Workers {
        db: app.db.clone(),
        queue: context.delivery.queue.clone(),
        job_limit: context.delivery.hand_over_limit.unsigned_abs() + MARGIN,
        delivery_concurrency: ISSUES_AT_ONCE,
        handler: Arc::new(move |job| {
            let context = context.clone();
            Box::pin(async move { jobs::run(&context, job).await })
        }),
    }
}

/// The built-in mailbox's folder, if there is one and the service is for this machine alone: whoever sees these mails can
/// confirm and unsubscribe everybody, and behind a proxy everybody comes from this machine.
fn mailbox_to_show(settings: &Settings) -> Option<&std::path::Path> {
    let folder = settings.relays.iter().find_map(|relay| relay.url.mailbox())?;
    let public_url = url::Url::parse(&settings.http.public_url).ok()?;
    let local = match public_url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    };
    (local && settings.http.listen.ip().is_loopback()).then_some(folder)
}

/// What the pages work with.
pub fn site(app: &App) -> web::Site {
    web::Site {
        actions: app.actions.clone(),
        signup: app.signup.clone(),
        subscription: app.subscription.clone(),
        public_url: app.settings.http.public_url.as_str().into(),
        allowed_origins: app.settings.http.allowed_origins.as_slice().into(),
        mailbox: mailbox_to_show(&app.settings).map(|folder| Arc::new(folder.to_owned())),
        secure_cookies: app.settings.http.public_url.starts_with("https://"),
        proxies: web::Proxies {
            trusted: app.settings.http.trusted_proxies.as_slice().into(),
            by: app.settings.http.forwarded_header,
        },
    }
}

async fn beat(app: &App, process: &str, role: Role) {
    let beaten = async {
        let mut tx = app.db.begin().await?;
        processes::heartbeat(&mut tx, process, role.as_str(), app.actions.clock.now()).await?;
        tx.commit().await
    };
    if let Err(error) = beaten.await {
        tracing::error!(%error, "this process could not say that it is alive");
    }
}

/// Does something now and then, until `stop`. A turn that was begun is finished.
async fn every<F, T>(period: Duration, stop: CancellationToken, mut turn: T)
where
    T: FnMut() -> F,
    F: Future<Output = ()>,
{
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => turn().await,
        }
    }
}

fn to_duration(span: jiff::SignedDuration) -> Duration {
    span.unsigned_abs()
}
