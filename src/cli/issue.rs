//! `daily issue`

mod deliveries;
mod edit;
mod figures;
mod operate;
mod plan;
mod preview;
mod send;
mod show;
mod status;
mod watch;

pub use figures::{counted, counts_line};
pub use status::slow_now;

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
        subscribers,
    },
    domain::{actor::Actor, issue::schedule},
};
use jiff::civil::Date;

/// Plan, edit, send and supervise issues
#[derive(Debug, clap::Subcommand)]
pub enum Issue {
    /// Plan an issue now and show its stories
    Plan(plan::PlanCommand),
    /// Show an issue's stories, due time and readers
    #[command(after_help = "Examples:\n  daily issue show --next\n  daily issue show --date 2026-05-01")]
    Show(Which),
    /// Edit stories, subject and note of an issue
    Edit(edit::Edit),
    /// Approve an issue that waits for an operator
    Approve(edit::Approve),
    /// Open an issue's email in the browser
    Preview(preview::Preview),
    /// Send today's issue now and watch its progress
    #[command(after_help = "Example:\n  daily issue send --yes")]
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
    /// Issue of this date, YYYY-MM-DD
    #[arg(long, conflicts_with = "next")]
    date: Option<Date>,
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
    /// Returns the newsletter and the selected date: the given one, with `--next` the next slot's, otherwise
    /// the latest issue's.
    async fn find(&self, app: &App) -> Result<(NewsletterRecord, Date), CliError> {
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        if let Some(date) = self.date {
            return Ok((newsletter, date));
        }
        let next = next_date(app, &newsletter).await?;
        if self.next {
            return Ok((newsletter, next));
        }
        let mut tx = app.db.read().await?;
        let latest = issues::page(&mut tx, newsletter.id, Date::MAX, 1).await?;
        let date = latest.first().map_or(next, IssueRecord::date);
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
        let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?;
        issue.ok_or_else(|| CliError::Failed(format!("there is no issue of {date}; see `daily issue list`")))
    }

    /// Returns whether the next issue is selected. It can be forecast before it exists.
    async fn is_next(&self, newsletter: &NewsletterRecord, date: Date, app: &App) -> Result<bool, CliError> {
        Ok(self.next || next_date(app, newsletter).await? == date)
    }

    /// Returns the issue that waits for an operator. Without a date, the earliest that waits, otherwise the
    /// next one.
    async fn find_waiting(&self, app: &App) -> Result<(NewsletterRecord, Date), CliError> {
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        let mut tx = app.db.read().await?;
        let planned = issues::planned(&mut tx, newsletter.id).await?;
        drop(tx);
        let waiting = planned.iter().filter(|it| it.waits_for.is_some()).min_by_key(|it| it.due_at.0);
        match (self.date, waiting) {
            (None, Some(issue)) if !self.next => Ok((newsletter, issue.date())),
            _ => self.find_next(app).await,
        }
    }

    /// Returns the date for commands about the next issue.
    async fn find_next(&self, app: &App) -> Result<(NewsletterRecord, Date), CliError> {
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        let date = match self.date {
            Some(date) => date,
            None => next_date(app, &newsletter).await?,
        };
        Ok((newsletter, date))
    }
}

/// Returns the date of the next issue that is due for no reader yet.
async fn next_date(app: &App, newsletter: &NewsletterRecord) -> Result<Date, CliError> {
    let mut tx = app.db.read().await?;
    let clocks = subscribers::clocks_for(&mut tx, newsletter).await?;
    Ok(schedule::next_slot_for(&newsletter.newsletter, &clocks, app.actions.clock.now()).0)
}

async fn resolve(app: &App, actor: &Actor, which: &Which, resolution: ResolveAs) -> CliResult {
    let issue = which.existing(app).await?;
    let resolution = match resolution {
        ResolveAs::Sent => Resolution::Sent,
        ResolveAs::Failed => Resolution::Failed,
        ResolveAs::Retry => Resolution::Retry,
    };
    match resolve_issue(&app.actions, actor, issue.id, resolution).await? {
        0 => outln!("nothing is in doubt about the issue of {}", issue.issue_date),
        count => outln!("{count} settled"),
    }
    Ok(())
}
