//! `daily issue resend`

use crate::{
    actions::issue::resend_issue::{self, Missed, ResendError, resend_issue},
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, commands::Commands, figures::counted},
        output::{Output, confirm},
    },
    domain::actor::Actor,
};
use serde_json::json;
use std::fmt::Write as _;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily issue resend                        say who missed it, and ask\n  \
    daily issue resend --date 2026-05-01 --yes\n\n\
    For failed copies whose reader certainly has none: full mailboxes, refusals by \
    policy, relays that were down. Left out are dead addresses, copies that were ever \
    in doubt, and readers who left, paused or are suppressed. Issues of the last 7 \
    days only. Copies keep their Message-ID.")]
pub struct Resend {
    #[command(flatten)]
    which: Which,
    /// Don't ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Resend {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let issue = self.which.existing(app).await?;
        let date = issue.issue_date;
        resend_issue::check(&issue, app.actions.clock.now()).map_err(|error| failed(&date, error))?;
        let missed = resend_issue::missed(&app.actions, issue.id).await?;
        if missed.count() == 0 {
            return Err(CliError::Failed(format!(
                "nobody who missed the issue of {date} can get it ({})",
                counted(missed.failed, "failed copy")
            )));
        }
        if !self.yes {
            confirm(&question(&date, &missed), "confirm with --yes", "nothing was sent")?;
        }
        let count = resend_issue(&app.actions, actor, issue.id, missed.count())
            .await
            .map_err(|error| failed(&date, error))?;
        let commands = Commands::of(app, issue.newsletter_id).await?;
        output.record(&json!({ "issue_date": date, "resent": count, "left_out": missed.rest() }), || {
            format!(
                "the issue of {date} goes out again to {}; see {}",
                counted(count, "reader"),
                commands.issue("status")
            )
        })?;
        Ok(())
    }
}

fn failed(date: &impl std::fmt::Display, error: ResendError) -> CliError {
    match error {
        ResendError::Db(error) => error.into(),
        other => CliError::Failed(format!("the issue of {date} was not sent again: {other}")),
    }
}

/// Lists what would be sent again.
fn question(date: &impl std::fmt::Display, missed: &Missed) -> String {
    let mut text =
        format!("{} missed the issue of {date} and can get it:\n", counted(missed.count(), "reader"));
    for it in &missed.answers {
        let code = it.reply_code.map(|code| format!("{code} ")).unwrap_or_default();
        let words = it.example.as_deref().filter(|text| !text.is_empty()).unwrap_or("no relay took it");
        let _ = writeln!(text, "  {}  {code}{words}", it.count);
    }
    if missed.rest() > 0 {
        let _ = writeln!(text, "{} more failed, and stay so.", counted(missed.rest(), "copy"));
    }
    text.push_str("Send it to them now?");
    text
}
