//! `daily issue send`

use crate::{
    actions::issue::send_issue::send_issue,
    app::App,
    cli::{
        CliError, CliResult,
        issue::{
            figures::{counted, counts_line},
            watch::{EndReason, LastState, watch},
        },
        newsletter,
        output::{Output, confirm},
        require_worker,
    },
    db::subscribers,
    domain::{actor::Actor, issue::status::IssueStatus},
    issues::plan,
};
use serde_json::json;

/// Send today's issue now and watch its progress
#[derive(Debug, clap::Args)]
pub struct Send {
    /// Don't ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
}

impl Send {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let newsletter = newsletter(app, self.newsletter.as_deref()).await?;
        require_worker(app).await?;
        if !self.yes {
            let mut tx = app.db.read().await?;
            let readers = subscribers::count_active(&mut tx, newsletter.id).await?;
            drop(tx);
            confirm(
                &format!(
                    "Send today's issue of {} to {} now?",
                    newsletter.newsletter.title,
                    counted(readers, "reader")
                ),
                "confirm with --yes",
                "nothing was sent",
            )?;
        }
        let before = send_issue(&app.actions, actor, &newsletter).await?;
        match before.status {
            IssueStatus::Planned | IssueStatus::Frozen | IssueStatus::Sending => {}
            state => {
                return Err(CliError::Failed(format!(
                    "the issue of {} is {state} already; there is one issue per date",
                    before.issue_date
                )));
            }
        }
        report(&watch(app, before.id, output).await?, output)
    }
}

fn report(last: &LastState, output: Output) -> CliResult {
    let LastState { issue, counts, end_reason } = last;
    let date = &issue.issue_date;
    let counted = counts_line(counts);
    let why_not = match end_reason {
        EndReason::AtRest if issue.status == IssueStatus::Sent => {
            output.record(&json!({ "issue": issue, "deliveries": counts }), || {
                format!("the issue of {date} is sent: {counted}")
            })?;
            return Ok(());
        }
        EndReason::AtRest => {
            let reason = match issue.waits_for.as_deref() {
                Some(plan::WAITS_FOR_APPROVAL) => {
                    "an operator has to approve it first, with `daily issue approve`"
                }
                Some(_) => "it has too few stories; `daily issue approve` sends it anyway",
                None => issue.reason.as_deref().unwrap_or("see `daily issue status`"),
            };
            format!("the issue of {date} was not sent, it is {}: {reason} ({counted})", issue.status)
        }
        EndReason::InDoubt => {
            format!("the issue of {date} waits for you: {counted}. See `daily issue resolve --help`")
        }
        EndReason::NoWorker => format!(
            "no worker is running any more. The issue of {date} stays {} until one starts: {counted}",
            issue.status
        ),
        EndReason::Interrupted => format!(
            "the issue of {date} continues without being watched: {counted}. See `daily issue status`, or stop it with \
             `daily issue pause`"
        ),
    };
    Err(CliError::Failed(why_not))
}
