//! The command line, with one file per command group.

#[macro_use]
mod print;

mod arm;
mod article;
mod audit;
mod backup;
mod check;
mod consent;
mod demo;
mod dkim;
mod feed;
mod issue;
mod newsletter;
mod newsletter_stats;
mod operator;
mod output;
mod problems;
mod receive;
pub mod serve;
mod subscriber;
mod test_send;

use crate::{
    app::{self, App, StartError},
    cli::output::Output,
    clock::Clock,
    db::DbError,
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
    secrets::SecretError,
    settings::{Log, Settings, SettingsError},
    telemetry,
};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::{io, path::PathBuf, process::ExitCode};

/// Heading of the options that every command has.
const GLOBAL_OPTIONS: &str = "Global options";

/// Send readers a digest of your latest articles every day
#[derive(Debug, Parser)]
#[command(
    name = "daily",
    version,
    max_term_width = 80,
    after_help = "Examples:\n  \
        daily demo                                   see everything at work\n  \
        daily serve --config /etc/daily/daily.toml   run the service\n  \
        daily feed add https://www.example.org/rss   connect your site\n  \
        daily test-send --to you@example.org         email yourself the next issue\n  \
        daily issue send --yes                       send today's issue now\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
struct Cli {
    /// Read the configuration from this file (TOML)
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL_OPTIONS)]
    config: Option<PathBuf>,
    /// Print records as JSON
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: web, workers and scheduler
    Serve(serve::Serve),
    /// Show everything at work, without configuration
    Demo(demo::Demo),
    /// Update the database's tables (`serve` does it too)
    #[command(after_help = "Example:\n  DAILY__DATABASE__URL=postgres://daily@localhost/daily daily migrate")]
    Migrate,
    /// Check configuration, database and relays
    Check(check::Check),
    /// Make DKIM keys and show their DNS records
    #[command(subcommand)]
    Dkim(dkim::Dkim),
    /// Show, add, change and remove newsletters
    #[command(subcommand)]
    Newsletter(newsletter::Newsletter),
    /// Add, show, read and remove feeds
    #[command(subcommand)]
    Feed(feed::Feed),
    /// Add, list, pin and hide articles
    #[command(subcommand)]
    Article(article::Article),
    /// Plan, edit, send and supervise issues
    #[command(subcommand)]
    Issue(issue::Issue),
    /// Send an issue to yourself, marked as a test
    TestSend(test_send::TestSend),
    /// Look up, change, import, export and erase readers
    #[command(subcommand)]
    Subscriber(subscriber::Subscriber),
    /// Process incoming email (bounces, complaints)
    Receive(receive::Receive),
    /// Verify the consent ledger, show why readers unsubscribed
    #[command(subcommand)]
    Consent(consent::Consent),
    /// Show changes by operators, latest first
    Audit(audit::Audit),
    /// Copy the database and the secret into one file
    Backup(backup::Backup),
    /// Make a new database from a backup
    Restore(backup::restore::Restore),
    /// Let a restored database send again
    Arm(arm::Arm),
    /// Manage who gets alerts and may sign in
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Print a completion script for your shell
    #[command(after_help = "Example:\n  daily completions bash > /etc/bash_completion.d/daily")]
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
}

/// Errors of commands, each with its exit code.
#[derive(Debug)]
enum CliError {
    /// Wrong arguments or configuration: exit code 2.
    Usage(String),
    /// Any other failure: exit code 1.
    Failed(String),
    /// The program that reads our output, such as `head`, has closed the pipe: exit code 0.
    ReaderGone,
}

impl<E: std::error::Error + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        let io_error = (&error as &dyn std::error::Error).downcast_ref::<io::Error>();
        if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return Self::ReaderGone;
        }
        Self::Failed(error.to_string())
    }
}

type CliResult = Result<(), CliError>;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "daily", &mut script);
        out!("{}", String::from_utf8_lossy(&script));
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("daily: can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let for_mail_server = matches!(&cli.command, Command::Receive(receive) if receive.is_for_mail_server());
    let result = runtime.block_on(run(cli));
    // Remaining tasks were already asked to stop and given time.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) | Err(CliError::ReaderGone) => ExitCode::SUCCESS,
        // After any failure, the mail server must keep the message.
        Err(CliError::Failed(message) | CliError::Usage(message)) if for_mail_server => {
            errln!("daily: {message}; the message was not handled, try again later");
            ExitCode::from(receive::TRY_AGAIN)
        }
        Err(CliError::Failed(message)) => {
            errln!("daily: {message}");
            ExitCode::FAILURE
        }
        Err(CliError::Usage(message)) => {
            errln!("daily: {message}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> CliResult {
    let output = Output { json: cli.json };
    if let Command::Demo(demo) = cli.command {
        return demo.run().await;
    }
    let settings = Settings::load(cli.config.as_deref()).map_err(config_error)?;
    // Only the service logs. Commands print their own output.
    if matches!(cli.command, Command::Serve(_)) {
        telemetry::start(&settings.log);
    } else {
        telemetry::start(&Log {
            filter: "warn,sqlx=error,html5ever=error,dom_query=error,dom_smoothie=error".into(),
            format: settings.log.format,
        });
    }
    if let Command::Receive(receive) = &cli.command
        && let Some(explained) = receive.explain(&settings, output)
    {
        return explained;
    }
    match cli.command {
        Command::Migrate => {
            let db = app::open(&settings).await.map_err(start_error)?;
            outln!("{} is up to date", settings.database.url);
            db.close().await;
            Ok(())
        }
        Command::Check(check) => check.run(settings, output).await,
        Command::Dkim(dkim) => dkim.run(&settings, output),
        Command::Restore(restore) => restore.run(&settings, output).await,
        command => {
            let app = App::start(settings, Clock::system()).await.map_err(start_error)?;
            let result = with_app(command, &app, &current_actor(), output).await;
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
        Command::Receive(receive) => receive.run(app, output).await,
        Command::Consent(consent) => consent.run(app, output).await,
        Command::Audit(audit) => audit.run(app, output).await,
        Command::Operator(operator) => operator.run(app, actor, output).await,
        Command::Backup(backup) => backup.run(app, output).await,
        Command::Arm(arm) => arm.run(app, actor, output).await,
        Command::Demo(_)
        | Command::Migrate
        | Command::Check(_)
        | Command::Dkim(_)
        | Command::Restore(_)
        | Command::Completions { .. } => Ok(()),
    }
}

fn config_error(error: SettingsError) -> CliError {
    CliError::Usage(error.to_string())
}

fn start_error(error: StartError) -> CliError {
    match error {
        StartError::Mailer(_) | StartError::Dkim(_) | StartError::Secrets(SecretError::Keys(_)) => {
            CliError::Usage(error.to_string())
        }
        other => CliError::Failed(other.to_string()),
    }
}

/// Returns the person who runs this command, as the audit log names them.
fn current_actor() -> Actor {
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

/// Returns the named newsletter, or the only one.
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
        (None, _) => Err(CliError::Usage(format!("choose a newsletter with --newsletter: {}", names()))),
    }
}

/// Fails if no worker is running, because nothing would process the job.
async fn require_worker(app: &App) -> CliResult {
    let mut tx = app.db.read().await?;
    let alive = crate::db::engine::processes::count_workers(&mut tx, app.actions.clock.now()).await?;
    if let Some(since) = crate::db::installation::get(&mut tx).await?.disarmed_at {
        return Err(CliError::Failed(format!(
            "nothing is sent: the database is disarmed since {}; see `daily arm`. Nothing was done",
            output::utc_time(Some(since))
        )));
    }
    if alive > 0 {
        return Ok(());
    }
    Err(CliError::Failed(format!(
        "no worker is running on {}: start `daily serve` with the same configuration and try again; nothing was done",
        app.settings.database.url
    )))
}
