//! The command line: one file a command group.

mod article;
mod audit;
mod bounce;
mod check;
mod consent;
mod demo;
mod dkim;
mod feed;
mod issue;
mod newsletter;
mod operator;
mod output;
mod problems;
pub mod serve;
mod subscriber;
mod test_send;

use crate::{
    app::{self, App, StartError},
    cli::output::Output,
    clock::Clock,
    db::DbError,
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
    settings::{Log, Settings, SettingsError},
    telemetry,
};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Daily sends a digest of your site's latest articles to the readers who asked for it, every morning.
#[derive(Debug, Parser)]
#[command(
    name = "daily",
    version,
    after_help = "Examples:\n  \
        daily demo                                   see everything at work, without any configuration\n  \
        daily serve --config /etc/daily.toml         run the service\n  \
        daily feed add https://www.example.org/rss   connect your site\n  \
        daily test-send --to you@example.org         look at tomorrow's issue in your own inbox\n  \
        daily issue send --yes                       send today's issue now\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
struct Cli {
    /// Configuration file (TOML); see config/default.toml for every key
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print records as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: web, workers and schedule
    Serve(serve::Serve),
    /// Show everything at work: a sample site, three readers, one issue
    Demo(demo::Demo),
    /// Bring the database's tables up to date (`serve` does it, too)
    #[command(after_help = "Example:\n  DAILY__DATABASE__URL=postgres://daily@localhost/daily daily migrate")]
    Migrate,
    /// Check configuration, database and relays; or how well pages are read
    Check(check::Check),
    /// Make keys that sign mail, show their DNS records
    #[command(subcommand)]
    Dkim(dkim::Dkim),
    /// Show, add and change newsletters: what they are called, when they go out, how they look
    #[command(subcommand)]
    Newsletter(newsletter::Newsletter),
    /// Connect feeds
    #[command(subcommand)]
    Feed(feed::Feed),
    /// Add, list, pin and hide articles
    #[command(subcommand)]
    Article(article::Article),
    /// Plan, look at and send issues
    #[command(subcommand)]
    Issue(issue::Issue),
    /// Mail an issue to yourself, marked as a test
    TestSend(test_send::TestSend),
    /// Look up readers, change what they chose
    #[command(subcommand)]
    Subscriber(subscriber::Subscriber),
    /// Take mail that comes in, such as that of readers who write to leave
    Bounce(bounce::Bounce),
    /// Verify the ledger of consent, show why readers leave
    #[command(subcommand)]
    Consent(consent::Consent),
    /// Show which changes operators made, latest first
    Audit(audit::Audit),
    /// Say who is told by mail what needs a decision
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Print a completion script for your shell
    #[command(after_help = "Example:\n  daily completions bash > /etc/bash_completion.d/daily")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Why a command ends without success.
#[derive(Debug)]
enum CliError {
    /// It was asked for wrongly, or the configuration is wrong: exit code 2.
    Usage(String),
    /// It could not be done: exit code 1.
    Failed(String),
}

impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

type CliResult = Result<(), CliError>;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "daily", &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("daily: can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let for_mail_server = matches!(cli.command, Command::Bounce(_));
    let result = runtime.block_on(run(cli));
    // Tasks still at work have been told to stop and given their time.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whatever is wrong here, the mail server must keep the message.
        Err(CliError::Failed(message) | CliError::Usage(message)) if for_mail_server => {
            eprintln!("daily: {message}; the message was not handled, try again later");
            ExitCode::from(bounce::TRY_AGAIN)
        }
        Err(CliError::Failed(message)) => {
            eprintln!("daily: {message}");
            ExitCode::FAILURE
        }
        Err(CliError::Usage(message)) => {
            eprintln!("daily: {message}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> CliResult {
    let output = Output { json: cli.json };
    if let Command::Demo(demo) = cli.command {
        return demo.run().await;
    }
    let settings = Settings::load(cli.config.as_deref()).map_err(configuration)?;
    // Commands speak for themselves; only the service tells what it does.
    if matches!(cli.command, Command::Serve(_)) {
        telemetry::start(&settings.log);
    } else {
        telemetry::start(&Log { filter: "warn,sqlx=error".into(), format: settings.log.format });
    }
    match cli.command {
        Command::Migrate => {
            let db = app::open(&settings).await.map_err(start)?;
            println!("{} is up to date", settings.database.url);
            db.close().await;
            Ok(())
        }
        Command::Check(check) => check.run(settings, output).await,
        Command::Dkim(dkim) => dkim.run(&settings, output),
        command => {
            let app = App::start(settings, Clock::system()).await.map_err(start)?;
            let result = with_app(command, &app, &actor(), output).await;
            app.db.close().await;
            result
        }
    }
}

async fn with_app(command: Command, app: &App, actor: &Actor, output: Output) -> CliResult {
    match command {
        Command::Serve(serve) => serve.run(app.clone()).await,
        Command::Newsletter(newsletter) => newsletter.run(app, actor, output).await,
        Command::Feed(feed) => feed.run(app, actor, output).await,
        Command::Article(article) => article.run(app, actor, output).await,
        Command::Issue(issue) => issue.run(app, actor, output).await,
        Command::TestSend(test_send) => test_send.run(app, actor, output).await,
        Command::Subscriber(subscriber) => subscriber.run(app, actor, output).await,
        Command::Bounce(bounce) => bounce.run(app, output).await,
        Command::Consent(consent) => consent.run(app, output).await,
        Command::Audit(audit) => audit.run(app, output).await,
        Command::Operator(operator) => operator.run(app, actor, output).await,
        Command::Demo(_)
        | Command::Migrate
        | Command::Check(_)
        | Command::Dkim(_)
        | Command::Completions { .. } => Ok(()),
    }
}

fn configuration(error: SettingsError) -> CliError {
    CliError::Usage(error.to_string())
}

fn start(error: StartError) -> CliError {
    match error {
        StartError::Mailer(_) | StartError::Dkim(_) | StartError::Keys(_) | StartError::Fetcher(_) => {
            CliError::Usage(error.to_string())
        }
        other => CliError::Failed(other.to_string()),
    }
}

/// Returns the person who runs this command, as the audit log names them.
fn actor() -> Actor {
    let unknown = |_| "unknown".to_owned();
    Actor::Command {
        os_user: whoami::username().unwrap_or_else(unknown),
        sudo_user: std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty()),
        host: whoami::hostname().unwrap_or_else(unknown),
    }
}

fn parse_address(text: &str) -> Result<EmailAddress, CliError> {
    EmailAddress::parse(text).map_err(|error| CliError::Usage(format!("`{text}`: {error}")))
}

/// The newsletter a command is about: the one named, or the only one.
async fn newsletter(
    app: &App,
    slug: Option<&str>,
) -> Result<crate::db::newsletters::NewsletterRecord, CliError> {
    let mut tx = app.db.read().await?;
    let all = crate::db::newsletters::list(&mut tx).await?;
    let names = || all.iter().map(|it| it.newsletter.slug.as_str()).collect::<Vec<_>>().join(", ");
    match (slug, all.as_slice()) {
        (Some(slug), _) => all.iter().find(|it| it.newsletter.slug == slug).cloned().ok_or_else(|| {
            CliError::Failed(format!("there is no newsletter `{slug}`; there is {}", names()))
        }),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(DbError::RowNotFound.into()),
        (None, _) => Err(CliError::Usage(format!("say which newsletter with --newsletter: {}", names()))),
    }
}

/// An error unless a worker is alive: what a command enqueues would lie there, unseen.
async fn require_worker(app: &App) -> CliResult {
    let mut tx = app.db.read().await?;
    let alive = crate::db::engine::processes::count_workers(&mut tx, app.actions.clock.now()).await?;
    if alive > 0 {
        return Ok(());
    }
    Err(CliError::Failed(format!(
        "no worker is alive on {}: start `daily serve` (with the same configuration) and try again; nothing was done",
        app.settings.database.url
    )))
}
