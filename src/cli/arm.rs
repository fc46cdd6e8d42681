//! `daily arm`

use crate::{
    actions::operator::arm::{Open, arm, open_in_backup},
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, confirm, utc_time},
    },
    db::{
        installation::{self, InstallationRecord},
        issues::IssueRecord,
    },
    delivery::arming::{marker_file, write_marker},
    domain::{actor::Actor, figures::counted, installation::Marker, issue::status::IssueStatus},
    jobs::freeze_issue,
};
use serde_json::json;
use std::{fmt::Write as _, time::Duration};

/// How often it is tried to take over a fan-out. Its lease ends within two minutes.
const FAN_OUT_TRIES: usize = 150;
const FAN_OUT_PAUSE: Duration = Duration::from_secs(1);

/// Let a restored database send again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  daily arm\n  daily arm --yes\n\n\
    A database is disarmed when it was restored from a backup, copied, or set back: \
    it doesn't know what was sent since. `daily arm` lists what was open. Nothing of \
    it is sent again by itself: open deliveries and emails become uncertain, and the \
    issues since count as skipped.")]
pub struct Arm {
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

impl Arm {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let mut tx = app.db.read().await?;
        let before = installation::get(&mut tx).await?;
        drop(tx);
        let grace = app.settings.schedule.margins().grace;
        if before.disarmed_at.is_none() {
            output.record(&json!({ "armed": true, "marker": name(&before) }), || {
                format!("the database is armed already, as {}", name(&before))
            })?;
            return Ok(());
        }
        let open = open_in_backup(&app.actions, &before, grace).await?;
        if !self.yes {
            let question = format!("{}\nArm the database?", listed(&before, &open));
            confirm(
                &question,
                &format!("{}\n`daily arm --yes` arms the database", listed(&before, &open)),
                "the database stays disarmed",
            )?;
        }
        for issue in open.fanning_out() {
            finish_fan_out(app, issue).await?;
        }
        let open = open_in_backup(&app.actions, &before, grace).await?;
        let Some(armed) = arm(&app.actions, actor, grace).await? else {
            return Err(CliError::Failed("another operator has just armed the database".into()));
        };
        let mut tx = app.db.read().await?;
        let given_out = installation::given_out(&mut tx).await?;
        drop(tx);
        if app.settings.sending.armed.is_none() {
            let marker = Marker { installation: armed.key.clone(), epoch: armed.epoch, given_out };
            let file = marker_file(&app.settings);
            write_marker(&file, &marker).map_err(|error| {
                CliError::Failed(format!("the database is armed, but {}: {error}", file.display()))
            })?;
        }
        output.record(&json!({ "armed": true, "marker": name(&armed), "open": open }), || {
            let mut text = format!("the database is armed, as {}. Running processes send again in seconds\n", name(&armed));
            if open.issues.iter().any(|issue| issue.deliveries > 0) {
                text.push_str(
                    "Settle what is uncertain: `daily issue status --date DATE`, then `daily issue resolve`\n",
                );
            }
            if open.planned().next().is_some() {
                text.push_str("Planned issues may have been sent ahead of their time: `daily issue send` sends them\n");
            }
            if !open.slots.is_empty() {
                text.push_str(
                    "Send a skipped issue of today: `daily issue send --date today`. Its readers may have had all \
                     articles so far, so pin those that should go out\n",
                );
            }
            text
        })?;
        Ok(())
    }
}

/// Makes the missing deliveries of an issue, so that they become uncertain with the others.
async fn finish_fan_out(app: &App, issue: &IssueRecord) -> Result<(), CliError> {
    for _ in 0..FAN_OUT_TRIES {
        match freeze_issue::finish_fan_out(&app.jobs.issues, issue).await {
            Ok(true) => return Ok(()),
            // The process that made them in the backup still holds its lease.
            Ok(false) => tokio::time::sleep(FAN_OUT_PAUSE).await,
            Err(error) => return Err(CliError::Failed(error.to_string())),
        }
    }
    Err(CliError::Failed(format!(
        "another process makes the deliveries of {}; try again in a few minutes",
        issue.issue_date
    )))
}

/// Returns what `sending.armed` takes.
fn name(installation: &InstallationRecord) -> String {
    format!("{}:{}", installation.key, installation.epoch)
}

/// Lists what was open in the backup.
fn listed(installation: &InstallationRecord, open: &Open) -> String {
    let reason = installation.disarmed_reason.as_deref().unwrap_or("it was restored from a backup");
    let mut text =
        format!("The database is disarmed since {}: {reason}\n", utc_time(installation.disarmed_at));
    if open.issues.is_empty() && open.emails.is_empty() && open.slots.is_empty() {
        text.push_str("Nothing was open in it.\n");
    }
    for issue in &open.issues {
        let (newsletter, date, status) = (&issue.newsletter, issue.date, issue.status);
        let _ = match issue.deliveries {
            _ if issue.is_skipped => {
                writeln!(text, "  {newsletter} of {date} was due since: it counts as skipped")
            }
            _ if status == IssueStatus::Planned => {
                writeln!(text, "  {newsletter} of {date} is planned: it waits until an operator sends it")
            }
            deliveries => {
                let deliveries = counted(deliveries, "open delivery");
                writeln!(
                    text,
                    "  {newsletter} of {date} is {status}, with {deliveries}: they become uncertain"
                )
            }
        };
    }
    for (kind, count) in &open.emails {
        let _ = writeln!(text, "  {kind}: {} becomes uncertain and is not sent", counted(*count, "email"));
    }
    for slot in &open.slots {
        let _ = writeln!(text, "  {} of {} was due since: it counts as skipped", slot.newsletter, slot.date);
    }
    text.push_str(
        "Signups, unsubscribes, bounces and erasures since the backup are lost. Have your lists at hand: `daily \
         subscriber unsubscribe`, `daily subscriber erase`.",
    );
    text
}
