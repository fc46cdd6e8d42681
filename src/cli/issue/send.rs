//! `daily issue send`: today's issue, now.

use crate::{
    actions::send_issue::send_issue,
    app::App,
    cli::{
        CliError, CliResult, newsletter,
        output::{Output, on_terminal},
        require_worker,
    },
    db::{
        deliveries::{self, Counts},
        issues::{self, IssueRecord},
        processes, subscriptions,
    },
    domain::{ids::IssueId, issue::IssueStatus},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::{io::Write as _, time::Duration};

/// Plan, freeze and send today's issue now, and watch it go out
#[derive(Debug, clap::Args)]
pub struct Send {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// The newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
}

/// How often the store is looked at while an issue goes out.
const LOOK_EVERY: Duration = Duration::from_millis(150);

impl Send {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let newsletter = newsletter(app, self.newsletter.as_deref()).await?;
        require_worker(app).await?;
        if !self.yes {
            let mut tx = app.db.read().await?;
            let readers = subscriptions::count_active(&mut tx, newsletter.id).await?;
            drop(tx);
            ask(&format!("Send today's issue of {} to {readers} readers now?", newsletter.newsletter.title))?;
        }
        let before = send_issue(&app.actions, &newsletter).await?;
        match before.status {
            IssueStatus::Planned | IssueStatus::Frozen | IssueStatus::Sending => {}
            state => {
                return Err(CliError::Failed(format!(
                    "the issue of {} is {state} already; there is one issue per date",
                    before.issue_date
                )));
            }
        }
        let (issue, counts) = watch(app, before.id, output).await?;
        report(&issue, &counts, output)
    }
}

fn ask(question: &str) -> CliResult {
    if !on_terminal() {
        return Err(CliError::Usage("say --yes to send without being asked".into()));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::Failed("nothing was sent".into())),
    }
}

/// Shows progress until the issue is at its end, or until nobody works on it any more.
async fn watch(app: &App, id: IssueId, output: Output) -> Result<(IssueRecord, Counts), CliError> {
    let bar = if on_terminal() && !output.json { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {per_sec}  ETA {eta}  {msg}") {
        bar.set_style(style);
    }
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut shown = None;
    loop {
        look.tick().await;
        let mut tx = app.db.read().await?;
        let issue = issues::get(&mut tx, id).await?.ok_or(crate::db::DbError::RowNotFound)?;
        let counts = deliveries::counts(&mut tx, id).await?;
        let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
        drop(tx);
        bar.set_length(counts.total().unsigned_abs());
        bar.set_position((counts.total() - counts.open()).unsigned_abs());
        bar.set_message(issue.status.to_string());
        if bar.is_hidden() && !output.json && shown != Some(issue.status) {
            eprintln!("{}: {}", issue.issue_date, issue.status);
            shown = Some(issue.status);
        }
        let waits_for_operator = matches!(issue.status, IssueStatus::Paused | IssueStatus::Held);
        if issue.status.is_final() || waits_for_operator {
            bar.finish_and_clear();
            return Ok((issue, counts));
        }
        if counts.uncertain > 0 && counts.open() == counts.uncertain {
            bar.finish_and_clear();
            return Err(CliError::Failed(format!(
                "the issue of {} waits for you: {}. See `daily issue resolve --help`",
                issue.issue_date,
                line(&counts)
            )));
        }
        if workers == 0 {
            bar.finish_and_clear();
            return Err(CliError::Failed(format!(
                "no worker is alive any more. The issue of {} stays as it is ({}) and goes on when one starts: {}",
                issue.issue_date,
                issue.status,
                line(&counts)
            )));
        }
    }
}

fn report(issue: &IssueRecord, counts: &Counts, output: Output) -> CliResult {
    if issue.status == IssueStatus::Sent {
        output.record(&json!({ "issue": issue, "deliveries": counts }), || {
            format!("the issue of {} is out: {}", issue.issue_date, line(counts))
        })?;
        return Ok(());
    }
    let reason = issue.reason.as_deref().unwrap_or("see `daily issue status`");
    Err(CliError::Failed(format!(
        "the issue of {} was not sent, it is {}: {reason}",
        issue.issue_date, issue.status
    )))
}

/// The counts that are not zero, in one line.
pub fn line(counts: &Counts) -> String {
    let parts = [
        (counts.sent, "sent"),
        (counts.queued, "queued"),
        (counts.claimed, "claimed"),
        (counts.sending, "sending"),
        (counts.deferred, "deferred"),
        (counts.failed, "failed"),
        (counts.uncertain, "uncertain"),
        (counts.skipped, "skipped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if parts.is_empty() { "no readers".into() } else { parts.join(", ") }
}
