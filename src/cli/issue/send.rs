//! `daily issue send`

use crate::{
    actions::issue::{
        approve_issue::send_anyway,
        send_issue::{begin_issue, send_approved, send_issue},
    },
    app::App,
    cli::{
        CliError, CliResult,
        issue::{
            Which,
            commands::Commands,
            decision,
            figures::{counted, counts_line},
            show,
            watch::{EndReason, LastState, watch},
        },
        output::{Output, confirm},
        require_worker,
    },
    db::{
        installation,
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
        subscribers,
    },
    domain::{
        actor::Actor,
        issue::{
            readiness::missing,
            revision::{Revision, TypedRevision},
            schedule,
            status::IssueStatus,
        },
    },
    issues::{forecast::Forecast, plan},
    jobs::plan_issue,
};
use jiff::civil::Date;
use serde_json::json;
use std::fmt::Write as _;

/// Send an issue now and watch its progress
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily issue send                               today's issue\n  \
    daily issue send --revision 1f09ac3d --yes     only what that revision showed\n  \
    daily issue send --date tomorrow               tomorrow's issue, today")]
pub struct Send {
    #[command(flatten)]
    which: Which,
    /// Send only this revision, as `daily issue show` names it
    #[arg(long, value_parser = TypedRevision::parse)]
    revision: Option<TypedRevision>,
    /// Send although `daily check` fails
    #[arg(long)]
    anyway: bool,
    /// Don't ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Send {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let (newsletter, date) = self.which.find(app).await?;
        let today = schedule::date_at(&newsletter.newsletter, app.actions.clock.now());
        let mut tx = app.db.read().await?;
        let known = issues::get_by_date(&mut tx, newsletter.id, date).await?;
        let setup = installation::setup(&mut tx, app.settings.setup()).await?;
        drop(tx);
        if self.which.date.is_none() && date > today {
            return Err(CliError::Failed(not_today(&newsletter, date, today, known.as_ref())));
        }
        if let Some(issue) = known.as_ref().filter(|issue| is_over(issue.status)) {
            return Err(CliError::Failed(format!(
                "the issue of {date} is {} already; there is one issue per date",
                issue.status
            )));
        }
        let missing = missing(setup, &newsletter.newsletter);
        let is_anyway = self.anyway || known.as_ref().is_some_and(|issue| issue.anyway);
        if app.settings.schedule.require_ready && !is_anyway && !missing.is_empty() {
            let list: Vec<String> =
                missing.iter().map(|it| format!("  {}: {}; {}", it.what, it.problem, it.cure)).collect();
            return Err(CliError::Failed(format!(
                "nothing was sent, because this is not set up:\n{}\nSend it with --anyway, or see `daily check`",
                list.join("\n")
            )));
        }
        require_worker(app).await?;
        let (it, changes) = decision::look(app, &newsletter, date, self.revision.as_ref()).await?;
        let is_asked = !self.yes || !changes.is_empty();
        if is_asked {
            let mut question = changes;
            question.push(self.question(app, &newsletter, &it).await?);
            confirm(&question.join("\n"), "confirm with --yes", "nothing was sent")?;
        }
        // The plan that the operator saw is approved before it is frozen, so nothing else goes out.
        // A required approval is a decision of its own, which sending doesn't replace.
        let approved = if newsletter.newsletter.needs_approval {
            it.issue.as_ref().and_then(|issue| issue.approved_revision.clone())
        } else if is_asked || self.revision.is_some() {
            self.fix(app, actor, &newsletter, &it).await?
        } else {
            None
        };
        let before = match &approved {
            Some(approved) => send_approved(&app.actions, actor, &newsletter, date, approved).await?,
            None => Some(send_issue(&app.actions, actor, &newsletter, date).await?),
        };
        let before = before.ok_or_else(|| {
            CliError::Failed(format!(
                "the issue of {date} was changed or cancelled while you decided, and nothing was sent"
            ))
        })?;
        if self.anyway {
            send_anyway(&app.actions, actor, before.id).await?;
        }
        let commands = Commands::of(app, newsletter.id).await?;
        report(&watch(app, before.id, output).await?, &commands, output)
    }

    /// Stores the plan of the revision that the operator decided about, and approves it. Returns what is approved.
    async fn fix(
        &self,
        app: &App,
        actor: &Actor,
        newsletter: &NewsletterRecord,
        seen: &Forecast,
    ) -> Result<Option<Revision>, CliError> {
        let issue = begin_issue(&app.actions, actor, newsletter, seen.date).await?;
        if issue.status != IssueStatus::Planned || issue.approved_at.is_some() {
            return Ok(issue.approved_revision);
        }
        if issue.planned_at.is_none() {
            plan_issue::run(&app.jobs.issues, &app.jobs.feeds, issue.id)
                .await
                .map_err(|error| CliError::Failed(error.to_string()))?;
        }
        let now = show::shown_forecast(app, newsletter, seen.date).await?;
        let changes = now.content.changes_since(&seen.content);
        if !changes.is_empty() {
            return Err(CliError::Failed(format!(
                "the issue of {} changed while you decided, and nothing was sent:\n{}",
                seen.date,
                changes.join("\n")
            )));
        }
        if now.plan.variants.is_empty() {
            return Ok(None);
        }
        let approved = decision::approve_seen(app, actor, newsletter, &now).await?;
        Ok(approved.and_then(|issue| issue.approved_revision))
    }

    /// Describes what would be sent.
    async fn question(
        &self,
        app: &App,
        newsletter: &NewsletterRecord,
        it: &Forecast,
    ) -> Result<String, CliError> {
        let content = &it.content;
        let mut text = format!("{}, {}, revision {}\n", content.identity.title, it.date, content.revision());
        let subject =
            content.subject.as_deref().or(content.stories.first().map(|story| story.title.as_str()));
        let _ = writeln!(text, "  subject: {}", subject.unwrap_or("none"));
        for story in content.stories.iter().take(HEADLINES) {
            let _ = writeln!(text, "  - {}", story.title);
        }
        if content.stories.len() > HEADLINES {
            let _ = writeln!(text, "  and {}", counted(content.stories.len() - HEADLINES, "more story"));
        }
        let note = if content.note.is_some() { "with a note" } else { "without a note" };
        let mut tx = app.db.read().await?;
        let active = subscribers::count_active(&mut tx, newsletter.id).await?;
        drop(tx);
        let readers = it.plan.readers();
        let _ = write!(text, "  {note}, to {}", counted(readers, "reader"));
        let unserved: i64 = it.plan.unserved.iter().map(|group| group.readers).sum();
        if unserved > 0 {
            let _ = write!(text, "; {} have had its stories", counted(unserved, "reader"));
        }
        if let others @ 1.. = active - readers - unserved {
            let _ = write!(text, "; {} chose other days", counted(others, "reader"));
        }
        text.push_str("\nSend it now?");
        Ok(text)
    }
}

/// Headlines that the question names.
const HEADLINES: usize = 3;

/// Whether nothing can be sent any more.
const fn is_over(status: IssueStatus) -> bool {
    !matches!(
        status,
        IssueStatus::Planned | IssueStatus::Frozen | IssueStatus::Sending | IssueStatus::Skipped
    )
}

/// Explains that the next issue is not today's, and how to send one now.
fn not_today(newsletter: &NewsletterRecord, date: Date, today: Date, issue: Option<&IssueRecord>) -> String {
    let it = &newsletter.newsletter;
    let due = issue.map_or_else(|| schedule::due_at(it, date), |issue| issue.due_at.0);
    let time = due.to_zoned(it.time_zone.clone()).strftime("%H:%M").to_string();
    let (name, day) = if today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
        ("tomorrow".to_owned(), "tomorrow".to_owned())
    } else {
        (date.to_string(), format!("on {date}"))
    };
    format!(
        "{}'s issue is due {day} {time}. `--date {name}` sends it now, and nothing goes out {day}; `--date today` makes \
         today's issue with its edits",
        date.strftime("%A")
    )
}

fn report(last: &LastState, commands: &Commands, output: Output) -> CliResult {
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
                    format!("an operator has to approve it first, with {}", commands.issue("approve"))
                }
                Some(plan::WAITS_FOR_SEND) => {
                    format!("an operator has to send it, with {}", commands.issue("send"))
                }
                Some(plan::WAITS_FOR_SETUP) => {
                    "something that readers need is not set up; see `daily check`, or send it with --anyway"
                        .into()
                }
                Some(_) => format!("it has too few stories; {} sends it anyway", commands.issue("approve")),
                None => issue.reason.clone().unwrap_or_else(|| format!("see {}", commands.issue("status"))),
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
            "the issue of {date} continues without being watched: {counted}. See {}, or stop it with {}",
            commands.issue("status"),
            commands.issue("pause")
        ),
    };
    Err(CliError::Failed(why_not))
}
