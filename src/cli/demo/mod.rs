//! `daily demo` shows everything at work with a sample site, three readers and one issue, after a month of invented
//! history. It needs no server and no configuration.

mod history;
mod readers;
mod site;
mod steps;

use crate::{
    actions::{
        feed::add_feed::add_feed,
        issue::{
            edit_issue::{StoryChange, edit_issue},
            send_issue::{begin_issue, send_issue},
        },
        newsletter::set_newsletter::set_newsletter,
        operator::{add_operator::add_operator, change_operator::change_operator, links::make_demo_link},
    },
    app::App,
    cli::{
        CliError, CliResult,
        demo::{readers::Readers, steps::Steps},
        issue::counts_line,
    },
    clock::Clock,
    content::answer_headers::Validators,
    db::{
        DatabaseUrl,
        content::{articles, feeds},
        deliveries,
        issues::{self, IssueWords},
        newsletters::NewsletterRecord,
        operators,
    },
    domain::{
        actor::Actor,
        delivery::relay::RelayUrl,
        ids::{ArticleId, IssueId},
        issue::{schedule, status::IssueStatus},
        operator::role::Roles,
        subscriber::email_address::EmailAddress,
    },
    jobs::{check_article, poll_feed},
    service::{
        run::{Role, run},
        shutdown,
    },
    settings::{Log, LogFormat, Relay, Settings},
    telemetry,
};
use jiff::SignedDuration;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Show everything at work, without configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily demo          look around afterwards; Ctrl-C ends it\n  \
    daily demo --once   end after the summary\n  \
    daily demo --listen 127.0.0.1:8080 --data /tmp/daily")]
pub struct Demo {
    /// End after the summary instead of running on
    #[arg(long)]
    once: bool,
    /// Listen here instead of on port 8025 or a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Keep the data in this new or empty folder
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// The demo's default port, if it is free.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8025);
/// Stories of tomorrow's issue.
const LEFT_OVER: usize = 3;
/// Stories of today's issue, so that some are left for tomorrow's.
const STORIES_TODAY: usize = 5;
/// Failures after which a feed is in trouble.
const FAILURES: usize = 8;
/// Time limit for sending the demo's issue.
const SEND_LIMIT: Duration = Duration::from_mins(1);

impl Demo {
    pub async fn run(self) -> CliResult {
        telemetry::start(&Log { filter: "warn".into(), format: LogFormat::Text });
        let stop = shutdown::on_signal()?;
        let data = data_folder(self.data.as_deref())?;
        let service = bind(self.listen).await?;
        let site = TcpListener::bind(SocketAddr::from((LISTEN.0, 0))).await?;
        let mut settings = settings(&data, &service, &site)?;
        if !self.once {
            // Today's issue is on its way for ten minutes, to look at.
            settings.sending.domain_rates = vec![(history::SLOW_DOMAIN.into(), history::SLOW_RATE)];
            settings.sending.canary = 0;
            settings.set_by_command(
                "sending.domain_rates",
                format!("{}={}", history::SLOW_DOMAIN, history::SLOW_RATE),
            );
            settings.set_by_command("sending.canary", 0);
        }
        let app = App::start(settings, Clock::system()).await.map_err(super::start_error)?;

        let work = tokio::spawn(run(app.clone(), Role::All, Some(service), stop.clone()));
        let courier = serve_site(&app, site, stop.clone())?;
        outln!("Daily's demo. Data folder: {}\n", data.display());
        let shown = tokio::select! {
            shown = show(&app, &courier, &data, !self.once) => shown,
            () = stop.cancelled() => Err(CliError::Failed("stopped before the end".into())),
        };
        if shown.is_ok() && !self.once {
            outln!(
                "\nRunning on; Ctrl-C ends it. The next issue is due tomorrow at 07:00 UTC and waits for approval."
            );
            stop.cancelled().await;
        }
        stop.cancel();
        let _ = work.await;
        app.db.close().await;
        shown
    }
}

fn data_folder(wanted: Option<&std::path::Path>) -> Result<PathBuf, CliError> {
    let folder = match wanted {
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir().join(format!("daily-demo-{}", crate::random::hex::<4>())),
    };
    let unusable =
        |error: std::io::Error| CliError::Failed(format!("can't use {}: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(unusable)?;
    if std::fs::read_dir(&folder).map_err(unusable)?.next().is_some() {
        return Err(CliError::Usage(format!("{} is not empty; name a new folder", folder.display())));
    }
    folder.canonicalize().map_err(unusable)
}

async fn bind(wanted: Option<SocketAddr>) -> Result<TcpListener, CliError> {
    if let Some(address) = wanted {
        return TcpListener::bind(address)
            .await
            .map_err(|error| CliError::Failed(format!("can't listen on {address}: {error}")));
    }
    match TcpListener::bind(SocketAddr::from(LISTEN)).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind(SocketAddr::from((LISTEN.0, 0))).await?),
    }
}

fn settings(data: &std::path::Path, service: &TcpListener, site: &TcpListener) -> Result<Settings, CliError> {
    let mut settings = Settings::defaults().map_err(super::config_error)?;
    let address = service.local_addr()?;
    settings.database.url = DatabaseUrl::Sqlite(data.join("daily.db"));
    data.clone_into(&mut settings.data.folder);
    // The readers' domains don't exist, and nothing leaves this machine.
    settings.signup.check_mx = false;
    settings.http.listen = address;
    let host = if address.ip().is_unspecified() { IpAddr::from(LISTEN.0) } else { address.ip() };
    settings.http.public_url = format!("http://{}", SocketAddr::new(host, address.port()));
    settings.http.allowed_origins = vec![format!("http://{}", site.local_addr()?)];
    settings.relays = vec![Relay::new(RelayUrl::Mailbox(data.join("mailbox")))];
    // The sample site is on this machine, which feeds may not read by default.
    settings.feeds.host_pause_ms = 0; // the sample site is ours
    settings.feeds.allow_networks = vec![ipnet::IpNet::from(IpAddr::from(LISTEN.0))];
    for (key, value) in [
        ("data.folder", data.display().to_string()),
        ("database.url", settings.database.url.to_string()),
        ("feeds.allow_networks", settings.feeds.allow_networks[0].to_string()),
        ("feeds.host_pause_ms", "0".into()),
        ("http.allowed_origins", settings.http.allowed_origins.join(", ")),
        ("http.listen", settings.http.listen.to_string()),
        ("http.public_url", settings.http.public_url.clone()),
        ("relays.0.url", settings.relays[0].url.to_string()),
        ("signup.check_mx", "false".into()),
    ] {
        settings.set_by_command(key, value);
    }
    Ok(settings)
}

/// Serves the sample news site and returns its URL.
fn serve_site(app: &App, listener: TcpListener, stop: CancellationToken) -> Result<String, CliError> {
    let base_url = format!("http://{}", listener.local_addr()?);
    let router = site::router(site::Site {
        base_url: base_url.clone(),
        service_url: app.settings.http.public_url.clone(),
        now: app.actions.clock.now(),
    });
    tokio::spawn(async move {
        let _ = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    });
    Ok(base_url)
}

async fn show(app: &App, courier: &str, data: &std::path::Path, has_history: bool) -> CliResult {
    let service = &app.settings.http.public_url;
    let article = format!("{courier}{}", site::first_article_path());
    let steps = Steps::new();
    let actor = &super::current_actor();
    set_up_newsletter(app, actor).await?;

    let step = steps.begin("Reading the sample site's feed");
    let feed = format!("{courier}/feed.xml");
    let reading = poll_feed::fetch_feed(&app.jobs.feeds, &feed, &Validators::default()).await?;
    let id = add_feed(&app.actions, actor, &feed).await?;
    let tally = poll_feed::store_reading(&app.jobs.feeds, id, &reading).await?;
    let pictures = check_articles(app).await?;
    step.done(&format!("{} articles, {pictures} with a picture", tally.new));

    let mailbox = data.join("mailbox");
    let readers = Readers::new(service, &article, &mailbox)?;
    let step = steps.begin("Three readers sign up at the end of an article");
    readers.sign_up().await?;
    step.done("three pending subscriptions");

    let step = steps.begin("They open the link in the confirmation email");
    readers.confirm().await?;
    readers.check_welcome().await?;
    step.done("three confirmed, and got a welcome email");

    if has_history {
        let step = steps.begin("A month of history is invented");
        let newsletter = super::newsletter(app, None).await?;
        let (others, past) = history::make(app, actor, &newsletter, courier, id).await?;
        step.done(&format!("{others} more readers, {past} issues"));
    }

    let step = steps.begin("Today's issue is planned, frozen and sent through the queue");
    let issue = begin_sending(app, actor).await?;
    let counts = if has_history {
        // Its other readers get it over the next minutes.
        readers.check_issue().await?;
        deliveries::counts(&mut app.db.read().await?, issue).await?
    } else {
        wait_until_sent(app, issue).await?
    };
    step.done(&counts_line(&counts));
    readers.check_issue().await?;

    let desk = open_desk(app, actor, courier).await?;
    outln!("\nOpen:");
    for (what, address) in [
        ("The operators' pages, signed in", desk),
        ("An article with the signup box", article),
        ("The signup page", format!("{service}/")),
        ("The archive", format!("{service}/issues")),
        ("The mailbox", format!("{service}{}", app.mailbox_path)),
    ] {
        outln!("  {what:32} {address}");
    }
    outln!(
        "\nSummary: {} articles, 3 readers, {} emails of the issue in {}",
        tally.new,
        counts.sent,
        mailbox.display()
    );
    if has_history {
        outln!("The other readers and the issues before today's are invented: nothing of them was sent.");
    }
    Ok(())
}

/// Makes an operator who may do everything, and tomorrow's issue wait for approval. Returns a link that opens the
/// operators' pages.
async fn open_desk(app: &App, actor: &Actor, courier: &str) -> Result<String, CliError> {
    let newsletter = super::newsletter(app, None).await?;
    set_newsletter(&app.actions, actor, newsletter.id, |it| {
        it.needs_approval = true;
        it.max_stories = None;
        Ok::<_, CliError>(())
    })
    .await?;
    let address = EmailAddress::parse("desk@courier.example")?;
    add_operator(&app.actions, actor, &address).await?;
    let operator = operators::get_by_address(&mut app.db.read().await?, &address).await?;
    let operator = operator.ok_or(crate::db::DbError::RowNotFound)?;
    change_operator(&app.actions, actor, operator.id, "Robin of the desk", &Roles::all(), true).await?;
    let desk = Actor::Operator { id: operator.id };
    edit_tomorrow(app, &desk, &newsletter).await?;
    fail_feed(app, &desk, courier).await?;
    let token = make_demo_link(&app.actions, operator.id).await?;
    Ok(format!("{}/admin/demo/{token}", app.settings.http.public_url))
}

/// Begins tomorrow's issue with the stories that today's had no room for.
async fn edit_tomorrow(app: &App, desk: &Actor, newsletter: &NewsletterRecord) -> CliResult {
    let today = schedule::date_at(&newsletter.newsletter, app.actions.clock.now());
    let tomorrow = schedule::next_date(&newsletter.newsletter, today);
    let mut tx = app.db.read().await?;
    let sent = issues::get_by_date(&mut tx, newsletter.id, today).await?;
    let stories = match sent {
        Some(issue) => issues::stories(&mut tx, issue.id).await?,
        None => Vec::new(),
    };
    drop(tx);
    let since = app.actions.clock.now() - SignedDuration::from_hours(24);
    let is_news = |story: &&issues::StoryRecord| story.article.published_at.is_some_and(|at| at.0 > since);
    let left = stories.iter().filter(|story| story.position.is_none()).filter(is_news);
    let changes: Vec<StoryChange> =
        left.take(LEFT_OVER).map(|story| StoryChange::Pin(story.article.id)).collect();
    let issue = begin_issue(&app.actions, desk, newsletter, tomorrow).await?;
    if !changes.is_empty() {
        edit_issue(&app.actions, desk, issue.id, &IssueWords::default(), &changes).await?;
    }
    Ok(())
}

/// Adds a feed that can't be read, and reads it until it counts as being in trouble.
async fn fail_feed(app: &App, desk: &Actor, courier: &str) -> CliResult {
    let id = add_feed(&app.actions, desk, &format!("{courier}/council/minutes.xml")).await?;
    for _ in 0..FAILURES {
        let Some(feed) = feeds::get(&mut app.db.read().await?, id).await? else { break };
        // The failure is what the demo wants to show.
        let _ = poll_feed::poll(&app.jobs.feeds, &feed).await?;
    }
    Ok(())
}

/// Checks the articles' pages and pictures like the service does. Returns the number of pictures that suit
/// email.
async fn check_articles(app: &App) -> Result<usize, CliError> {
    let mut tx = app.db.read().await?;
    let page = articles::page(&mut tx, ArticleId(i64::MAX), 100).await?;
    drop(tx);
    let mut pictures = 0;
    for article in page {
        check_article::run(&app.jobs.feeds, article.id)
            .await
            .map_err(|error| CliError::Failed(error.to_string()))?;
        let mut tx = app.db.read().await?;
        let looked_at = articles::get(&mut tx, article.id).await?;
        pictures += usize::from(looked_at.is_some_and(|it| it.image_url.is_some()));
    }
    Ok(pictures)
}

async fn set_up_newsletter(app: &App, actor: &Actor) -> CliResult {
    let newsletter = super::newsletter(app, None).await?;
    set_newsletter(&app.actions, actor, newsletter.id, |it| {
        it.sender_address = EmailAddress::parse("daily@courier.example")?;
        it.sender_name = "The Lantern Bay Courier".into();
        it.max_stories = Some(STORIES_TODAY);
        it.postal_address = "The Lantern Bay Courier, 3 Harbour Steps, Lantern Bay".into();
        Ok::<_, CliError>(())
    })
    .await?;
    Ok(())
}

async fn begin_sending(app: &App, actor: &Actor) -> Result<IssueId, CliError> {
    let newsletter = super::newsletter(app, None).await?;
    let today = schedule::date_at(&newsletter.newsletter, app.actions.clock.now());
    Ok(send_issue(&app.actions, actor, &newsletter, today).await?.id)
}

async fn wait_until_sent(app: &App, issue: IssueId) -> Result<deliveries::Counts, CliError> {
    let sent = async {
        let mut interval = tokio::time::interval(Duration::from_millis(50));
        loop {
            interval.tick().await;
            let mut tx = app.db.read().await?;
            let now = issues::get(&mut tx, issue).await?.ok_or(crate::db::DbError::RowNotFound)?;
            match now.status {
                IssueStatus::Sent => return Ok(deliveries::counts(&mut tx, issue).await?),
                IssueStatus::Skipped => {
                    return Err(CliError::Failed(format!("skipped: {}", now.reason.unwrap_or_default())));
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(SEND_LIMIT, sent)
        .await
        .map_err(|_| CliError::Failed("the issue did not go out in time".into()))?
}
