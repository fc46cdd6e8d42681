//! `daily issue`

mod approve;
mod commands;
mod decision;
mod deliveries;
mod edit;
mod figures;
mod operate;
mod plan;
mod preview;
mod resend;
mod send;
mod show;
mod status;
mod verify;
mod watch;

pub use figures::{counted, counts_line};
pub use show::shown_forecast;

use self::commands::Commands;
use crate::{
    actions::issue::resolve_issue::{Resolution, resolve_issue},
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
    },
    db::{
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
    },
    domain::{
        actor::Actor,
        issue::{date_word::DateWord, schedule},
    },
    issues::next::next_date,
};
use jiff::civil::Date;

/// Plan, edit, send and supervise issues
#[derive(Debug, clap::Subcommand)]
pub enum Issue {
    /// Plan an issue now and show its stories
    Plan(plan::PlanCommand),
    /// Show an issue's stories, due time and readers
    #[command(after_help = "Examples:\n  daily issue show\n  daily issue show --date 2026-05-01")]
    Show(Which),
    /// Edit stories, subject and note of an issue
    Edit(Box<edit::Edit>),
    /// Approve an issue that waits for an operator
    Approve(approve::Approve),
    /// Open an issue's email in the browser
    Preview(preview::Preview),
    /// Send an issue now and watch its progress
    Send(send::Send),
    /// Show an issue's progress, by domain and by answer
    Status(status::Status),
    /// List deliveries, or trace one reader's copy
    Deliveries(deliveries::Deliveries),
    /// Pause an issue that is being sent
    Pause(operate::Pause),
    /// Resume a paused or held issue
    Resume(operate::Resume),
    /// Cancel an issue for readers who don't have it yet
    Cancel(operate::Cancel),
    /// Send an issue again to readers who missed it
    Resend(resend::Resend),
    /// Check that what was sent is what was approved
    #[command(after_help = "Example:\n  daily issue verify --date 2026-05-01\n\n\
        Renders the approved revision once more and compares every variant.")]
    Verify(Which),
    /// Decide about copies in doubt after a crash
    #[command(after_help = "Examples:\n  \
        daily issue resolve --as retry   send them again, with the same Message-ID\n  \
        daily issue resolve --as sent    the relay's log shows them\n\n\
        For `sending.uncertain = \"hold\"` and for cancelled issues.")]
    Resolve {
        #[command(flatten)]
        which: Which,
        /// Decision for all copies in doubt
        #[arg(long = "as", value_enum)]
        resolution: ResolveAs,
    },
    /// List issues, latest first
    List {
        /// Newsletter's short name
        #[arg(long)]
        newsletter: Option<String>,
        /// Show at most this many
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        /// Show the page before this date
        #[arg(long)]
        before: Option<Date>,
    },
}

/// How `daily issue resolve` decides about deliveries in doubt.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ResolveAs {
    /// The relay accepted them
    Sent,
    /// Give them up
    Failed,
    /// Send them again
    Retry,
}

/// Selects an issue on the command line.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
    /// Issue of this date: 2026-12-24, today, tomorrow, a weekday
    #[arg(long, conflicts_with = "next", value_parser = DateWord::parse)]
    date: Option<DateWord>,
    /// Next issue
    #[arg(long)]
    next: bool,
}

impl Issue {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::Plan(plan) => plan.run(app, actor, output).await,
            Self::Show(which) => show::run(app, &which, output).await,
            Self::Edit(edit) => edit.run(app, actor, output).await,
            Self::Approve(approve) => approve.run(app, actor, output).await,
            Self::Preview(preview) => preview.run(app).await,
            Self::Send(send) => send.run(app, actor, output).await,
            Self::Status(status) => status.run(app, output).await,
            Self::Deliveries(deliveries) => deliveries.run(app, output).await,
            Self::Pause(pause) => pause.run(app, actor, output).await,
            Self::Resume(resume) => resume.run(app, actor, output).await,
            Self::Cancel(cancel) => cancel.run(app, actor, output).await,
            Self::Resend(resend) => resend.run(app, actor, output).await,
            Self::Verify(which) => verify::run(app, &which, output).await,
            Self::Resolve { which, resolution } => resolve(app, actor, &which, resolution).await,
            Self::List { newsletter, limit, before } => {
                let newsletter = super::newsletter(app, newsletter.as_deref()).await?;
                let mut tx = app.db.read().await?;
                let page = issues::page(&mut tx, newsletter.id, before.unwrap_or(Date::MAX), limit).await?;
                output.records(&page, &["date", "state", "due", "closed", "reason"], |it| {
                    vec![
                        it.issue_date.to_string(),
                        it.status.to_string(),
                        utc_time(Some(it.due_at)),
                        utc_time(it.closed_at),
                        it.reason.clone().unwrap_or_default(),
                    ]
                })?;
                Ok(())
            }
        }
    }
}

impl Which {
    /// Returns the newsletter and the date: the given one, otherwise that of the next issue.
    async fn find(&self, app: &App) -> Result<(NewsletterRecord, Date), CliError> {
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        let date = date_or_next(app, &newsletter, self.date).await?;
        Ok((newsletter, date))
    }

    /// Returns an issue that exists. Without a date, an issue that is being sent comes first, then the latest
    /// that is past planning.
    async fn existing(&self, app: &App) -> Result<IssueRecord, CliError> {
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        if self.date.is_none() && !self.next {
            let found = issues::current(&mut app.db.read().await?, newsletter.id).await?;
            return found
                .ok_or_else(|| CliError::Failed("there is no issue yet; see `daily issue --help`".into()));
        }
        let (newsletter, date) = self.find(app).await?;
        let mut tx = app.db.read().await?;
        let found = issues::get_by_date(&mut tx, newsletter.id, date).await?;
        drop(tx);
        let list = Commands::of(app, newsletter.id).await?.issue("list");
        found.ok_or_else(|| CliError::Failed(format!("there is no issue of {date}; see {list}")))
    }
}

/// Returns the date that an operator named, otherwise that of the next issue.
pub async fn date_or_next(
    app: &App,
    newsletter: &NewsletterRecord,
    named: Option<DateWord>,
) -> Result<Date, CliError> {
    let now = app.actions.clock.now();
    if let Some(word) = named {
        return Ok(word.resolve(schedule::date_at(&newsletter.newsletter, now)));
    }
    let mut tx = app.db.read().await?;
    Ok(next_date(&mut tx, newsletter, app.settings.schedule.margins().grace, now).await?)
}

async fn resolve(app: &App, actor: &Actor, which: &Which, resolution: ResolveAs) -> CliResult {
    let issue = which.existing(app).await?;
    let resolution = match resolution {
        ResolveAs::Sent => Resolution::Sent,
        ResolveAs::Failed => Resolution::Failed,
        ResolveAs::Retry => Resolution::Retry,
    };
    match resolve_issue(&app.actions, actor, issue.id, resolution, None).await? {
        0 => outln!("nothing is in doubt about the issue of {}", issue.issue_date),
        count => outln!("{count} settled"),
    }
    Ok(())
}
