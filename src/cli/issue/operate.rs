//! `daily issue pause`, `resume` and `cancel`

use crate::{
    actions::issue::{cancel_issue::cancel_issue, pause_issue::pause_issue, resume_issue::resume_issue},
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, commands::Commands, figures::counts_line, watch::pause_after},
        output::{Output, confirm, utc_time},
    },
    db::{
        DbError,
        deliveries::{self, Counts},
        engine::processes,
        issues::{self, IssueRecord},
    },
    domain::{actor::Actor, ids::IssueId, issue::status::IssueStatus},
};
use serde_json::json;
use std::{fmt::Write as _, time::Duration};
use tokio::time::Instant;

/// Pause an issue that is being sent
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  daily issue pause --reason \"the second picture is wrong\"")]
pub struct Pause {
    #[command(flatten)]
    which: Which,
    /// Reason for the issue's history
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
}

/// Resume a paused or held issue
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  daily issue resume\n  daily issue resume --date 2026-05-01\n\n\
    The canary and the count of refusals start again.")]
pub struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Cancel an issue for readers who don't have it yet
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  daily issue cancel --reason \"wrong edition\"\n  daily issue cancel --date 2026-05-01 --yes"
)]
pub struct Cancel {
    #[command(flatten)]
    which: Which,
    /// Reason for the issue's history
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// Don't ask for confirmation
    #[arg(long)]
    yes: bool,
}

/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 500;

fn reason(text: &str) -> Result<String, String> {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.chars().count() {
        0 => Err("the reason is empty".into()),
        1..=MAX_REASON_CHARS => Ok(text),
        count => Err(format!("it has {count} characters; {MAX_REASON_CHARS} are kept")),
    }
}

/// Time limit for emails in flight, because relays may answer late.
const WAIT_LIMIT: Duration = Duration::from_secs(5);
/// First pause between queries while waiting for emails in flight.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

impl Pause {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let was = self.which.existing(app).await?;
        pause_issue(&app.actions, actor, was.id, self.reason.as_deref()).await?;
        let now = reload(app, was.id).await?;
        let commands = Commands::of(app, was.newsletter_id).await?;
        if was.status != IssueStatus::Sending || now.status != IssueStatus::Paused {
            // The status may have changed since the query.
            return Err(CliError::Failed(explain_refusal("paused", &now, &commands)));
        }
        let after = ResultingState::wait(app, was.id, false).await?;
        after.report(&was, &now, output, |text| {
            let _ = write!(
                text,
                "\n{} continues it, {} cancels it",
                commands.issue("resume"),
                commands.issue("cancel")
            );
        })
    }
}

impl Resume {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let was = self.which.existing(app).await?;
        resume_issue(&app.actions, actor, was.id).await?;
        let now = reload(app, was.id).await?;
        let stopped = matches!(was.status, IssueStatus::Paused | IssueStatus::Held);
        if !stopped || !matches!(now.status, IssueStatus::Sending | IssueStatus::Sent) {
            let commands = Commands::of(app, was.newsletter_id).await?;
            return Err(CliError::Failed(explain_refusal("resumed", &now, &commands)));
        }
        let mut tx = app.db.read().await?;
        let counts = deliveries::counts(&mut tx, was.id).await?;
        let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
        drop(tx);
        ResultingState { counts, workers }.report(&was, &now, output, |text| {
            if workers == 0 {
                text.push_str("\nno worker is running: sending continues when one starts");
            }
        })
    }
}

impl Cancel {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let was = self.which.existing(app).await?;
        let commands = Commands::of(app, was.newsletter_id).await?;
        if was.status.is_final() {
            return Err(CliError::Failed(explain_refusal("cancelled", &was, &commands)));
        }
        if !self.yes {
            let counts = deliveries::counts(&mut app.db.read().await?, was.id).await?;
            confirm(
                &format!(
                    "Cancel the issue of {}, which is {} ({})? Readers who don't have it yet won't get it.",
                    was.issue_date,
                    was.status,
                    counts_line(&counts)
                ),
                "confirm with --yes",
                "nothing was cancelled",
            )?;
        }
        cancel_issue(&app.actions, actor, was.id, self.reason.as_deref()).await?;
        let now = reload(app, was.id).await?;
        if now.status != IssueStatus::Cancelled {
            return Err(CliError::Failed(explain_refusal("cancelled", &now, &commands)));
        }
        let after = ResultingState::wait(app, was.id, true).await?;
        let workers = after.workers;
        let Counts { queued, deferred, claimed, uncertain, .. } = after.counts;
        after.report(&was, &now, output, |text| {
            if queued + deferred + claimed > 0 {
                text.push_str("\nthose that wait will be marked as skipped; they are not sent");
                if workers == 0 {
                    text.push_str(" (when a worker starts)");
                }
            }
            if uncertain > 0 {
                let resolve = commands.issue("resolve --as sent");
                let _ = write!(
                    text,
                    "\nwhat became of those in doubt, only you can tell: {resolve}, failed or retry"
                );
            }
        })
    }
}

async fn reload(app: &App, id: IssueId) -> Result<IssueRecord, DbError> {
    let mut tx = app.db.read().await?;
    issues::get(&mut tx, id).await?.ok_or(DbError::RowNotFound)
}

/// Explains why an issue can't be paused, resumed or cancelled, and what is possible instead.
fn explain_refusal(verb: &str, issue: &IssueRecord, commands: &Commands) -> String {
    let date = &issue.issue_date;
    let because = issue.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let (state, cure) = match issue.status {
        IssueStatus::Planned => (
            format!("is only planned, for {}", utc_time(Some(issue.due_at))),
            format!("{} cancels it", commands.issue(&format!("cancel --date {date}"))),
        ),
        IssueStatus::Frozen => ("is about to go out".into(), "try again in a moment".into()),
        IssueStatus::Sending => ("is going out".into(), format!("{} stops it", commands.issue("pause"))),
        IssueStatus::Paused | IssueStatus::Held => (
            format!("is {}{because}, and nothing goes out", issue.status),
            format!("{} continues it, {} cancels it", commands.issue("resume"), commands.issue("cancel")),
        ),
        IssueStatus::Sent => {
            (format!("was sent by {}", utc_time(issue.closed_at)), "sent email can't be recalled".into())
        }
        IssueStatus::Skipped | IssueStatus::Cancelled => {
            (format!("is {}{because}", issue.status), format!("see {}", commands.issue("list")))
        }
    };
    format!("the issue of {date} {state}; it can't be {verb} now. {cure}")
}

/// The state of an issue after a command.
struct ResultingState {
    counts: Counts,
    workers: i64,
}

impl ResultingState {
    /// Waits until nothing is in flight, so that the counts are final. With `all_marked`, also waits until
    /// all open deliveries are marked. Gives up after some time, because a relay may take minutes to answer.
    async fn wait(app: &App, id: IssueId, all_marked: bool) -> Result<Self, DbError> {
        let deadline = Instant::now() + WAIT_LIMIT;
        // A worker that has not noticed the command may claim deliveries and release them again. Two quiet
        // queries in a row are proof enough.
        let mut quiet = 0;
        loop {
            let begun = Instant::now();
            let mut tx = app.db.read().await?;
            let standing = deliveries::remaining(&mut tx, id).await?;
            let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
            drop(tx);
            let busy = standing.leased || (all_marked && standing.waiting);
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet == 2 || Instant::now() >= deadline || (busy && workers == 0) {
                let counts = deliveries::counts(&mut app.db.read().await?, id).await?;
                return Ok(Self { counts, workers });
            }
            tokio::time::sleep(SHORTEST_PAUSE.max(pause_after(begun.elapsed()) / 3)).await;
        }
    }

    fn report(
        &self,
        was: &IssueRecord,
        now: &IssueRecord,
        output: Output,
        more: impl FnOnce(&mut String),
    ) -> CliResult {
        let in_flight = self.counts.claimed + self.counts.sending;
        let record = json!({
            "was": was.status, "now": now.status, "issue": now, "deliveries": self.counts, "in_flight": in_flight,
        });
        output.record(&record, || {
            let mut text =
                format!("the issue of {} was {}, it is {} now", now.issue_date, was.status, now.status);
            if let Some(reason) = &now.reason {
                let _ = write!(text, " ({reason})");
            }
            let _ = write!(text, "\n{}", counts_line(&self.counts));
            if in_flight > 0 && now.status != IssueStatus::Sending {
                let _ = write!(
                    text,
                    "\n{in_flight} of them are in flight: their relay's answer will count, or they are in doubt if their \
                     worker has died"
                );
            }
            more(&mut text);
            text
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_limited_length() {
        assert_eq!(reason(" wrong\npicture ").as_deref(), Ok("wrong picture"));
        assert!(reason("  ").is_err());
        assert!(reason(&"x".repeat(501)).is_err());
    }
}
