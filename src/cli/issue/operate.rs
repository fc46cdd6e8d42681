//! `daily issue pause`, `resume` and `cancel`: an operator stops an issue, lets it go on, or gives it up.

use crate::{
    actions::issue::{cancel_issue::cancel_issue, pause_issue::pause_issue, resume_issue::resume_issue},
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, figures::line, watch::pause_after},
        output::{Output, ask, moment},
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
const LONGEST_REASON: usize = 500;

fn reason(text: &str) -> Result<String, String> {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.chars().count() {
        0 => Err("say why, or leave it out".into()),
        1..=LONGEST_REASON => Ok(text),
        count => Err(format!("it has {count} characters; {LONGEST_REASON} are kept")),
    }
}

/// How long to wait for mails in flight, whose relays may take their time to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for the first look after that.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Pause {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let was = self.which.existing(app).await?;
        pause_issue(&app.actions, actor, was.id, self.reason.as_deref()).await?;
        let now = reload(app, was.id).await?;
        if was.status != IssueStatus::Sending || now.status != IssueStatus::Paused {
            // It may have moved on in between: what it is now counts.
            return Err(CliError::Failed(why_not("paused", &now)));
        }
        let after = Aftermath::wait(app, was.id, false).await?;
        after.report(&was, &now, output, |text| {
            text.push_str("\n`daily issue resume` lets it go on, `daily issue cancel` gives it up");
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
            return Err(CliError::Failed(why_not("resumed", &now)));
        }
        let mut tx = app.db.read().await?;
        let counts = deliveries::counts(&mut tx, was.id).await?;
        let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
        drop(tx);
        Aftermath { counts, workers }.report(&was, &now, output, |text| {
            if workers == 0 {
                text.push_str("\nno worker is alive: it goes on when one starts");
            }
        })
    }
}

impl Cancel {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let was = self.which.existing(app).await?;
        if was.status.is_final() {
            return Err(CliError::Failed(why_not("cancelled", &was)));
        }
        if !self.yes {
            let counts = deliveries::counts(&mut app.db.read().await?, was.id).await?;
            ask(
                &format!(
                    "Give up the issue of {}, which is {} ({})? Who has not got it yet will not.",
                    was.issue_date,
                    was.status,
                    line(&counts)
                ),
                "say --yes to cancel without being asked",
                "nothing was cancelled",
            )?;
        }
        cancel_issue(&app.actions, actor, was.id, self.reason.as_deref()).await?;
        let now = reload(app, was.id).await?;
        if now.status != IssueStatus::Cancelled {
            return Err(CliError::Failed(why_not("cancelled", &now)));
        }
        let after = Aftermath::wait(app, was.id, true).await?;
        let workers = after.workers;
        let Counts { queued, deferred, claimed, uncertain, .. } = after.counts;
        after.report(&was, &now, output, |text| {
            if queued + deferred + claimed > 0 {
                text.push_str("\nthose that wait will be marked as skipped; they are not sent");
                if workers == 0 {
                    text.push_str(" (no worker is alive: when one starts)");
                }
            }
            if uncertain > 0 {
                text.push_str(
                    "\nwhat became of those in doubt, only you can tell: see `daily issue resolve --help`",
                );
            }
        })
    }
}

async fn reload(app: &App, id: IssueId) -> Result<IssueRecord, DbError> {
    let mut tx = app.db.read().await?;
    issues::get(&mut tx, id).await?.ok_or(DbError::RowNotFound)
}

/// What an issue is that can't be paused, resumed or cancelled, and what can be done with it.
fn why_not(verb: &str, issue: &IssueRecord) -> String {
    let date = &issue.issue_date;
    let because = issue.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let (state, cure) = match issue.status {
        IssueStatus::Planned => (
            format!("is only planned, for {}", moment(Some(issue.due_at))),
            format!("`daily issue cancel --date {date}` gives it up"),
        ),
        IssueStatus::Frozen => ("is about to go out".into(), "try again in a moment".into()),
        IssueStatus::Sending => ("is going out".into(), "`daily issue pause` stops it".into()),
        IssueStatus::Paused | IssueStatus::Held => (
            format!("is {}{because}, and nothing goes out", issue.status),
            "`daily issue resume` lets it go on, `daily issue cancel` gives it up".into(),
        ),
        IssueStatus::Sent => (
            format!("was sent by {}", moment(issue.closed_at)),
            "mail that is out can't be called back".into(),
        ),
        IssueStatus::Skipped | IssueStatus::Cancelled => {
            (format!("is {}{because}", issue.status), "`daily issue list` shows what else there is".into())
        }
    };
    format!("the issue of {date} {state}; it can't be {verb} now. {cure}")
}

/// How an issue stands after an operator's word.
struct Aftermath {
    counts: Counts,
    workers: i64,
}

impl Aftermath {
    /// Waits until nothing is in flight, so that the counts are those that last; for a cancelled issue also until all that
    /// waited is marked. Not for ever: a relay may take minutes to answer.
    async fn wait(app: &App, id: IssueId, all_marked: bool) -> Result<Self, DbError> {
        let until = Instant::now() + PATIENCE;
        // A worker that has not noticed yet may take some more in hand and give them back. So quiet is what was seen twice.
        let mut quiet = 0;
        loop {
            let begun = Instant::now();
            let mut tx = app.db.read().await?;
            let standing = deliveries::remaining(&mut tx, id).await?;
            let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
            drop(tx);
            let busy = standing.leased || (all_marked && standing.waiting);
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet == 2 || Instant::now() >= until || (busy && workers == 0) {
                let counts = deliveries::counts(&mut app.db.read().await?, id).await?;
                return Ok(Self { counts, workers });
            }
            tokio::time::sleep(LOOK_AGAIN.max(pause_after(begun.elapsed()) / 3)).await;
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
            let _ = write!(text, "\n{}", line(&self.counts));
            if in_flight > 0 && now.status != IssueStatus::Sending {
                let _ = write!(
                    text,
                    "\n{in_flight} of them were begun before and have no answer yet; they still count as what their relay says, or \
                     are in doubt if their worker is dead"
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
    fn a_reason_is_one_line_of_some_length() {
        assert_eq!(reason(" wrong\npicture ").as_deref(), Ok("wrong picture"));
        assert!(reason("  ").is_err());
        assert!(reason(&"x".repeat(501)).is_err());
    }
}
