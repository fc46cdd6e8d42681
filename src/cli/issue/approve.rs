//! `daily issue approve`

use crate::{
    actions::issue::{approve_issue::send_anyway, decide},
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, commands::Commands, decision},
        output::{Output, confirm, utc_time},
    },
    domain::{
        actor::Actor,
        figures::counted,
        issue::{revision::TypedRevision, status::IssueStatus},
    },
    issues::{forecast::Forecast, plan::WAITS_FOR_SETUP},
};
use serde_json::json;
use std::fmt::Write as _;

/// Most articles that are named as left out.
const MAX_LEFT_OUT: usize = 20;

/// Approve an issue that waits for an operator
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  daily issue show\n  daily issue approve --revision 1f09ac3d\n\n\
    With --revision, only what that revision showed is approved. An approved issue stays as it is. An edit \
    revokes the approval.")]
pub struct Approve {
    #[command(flatten)]
    which: Which,
    /// Approve only this revision, as `daily issue show` names it
    #[arg(long, value_parser = TypedRevision::parse)]
    revision: Option<TypedRevision>,
    /// Let it go out although `daily check` fails
    #[arg(long)]
    anyway: bool,
}

impl Approve {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let (newsletter, date) = self.which.find(app).await?;
        let (it, changes) = decision::look(app, &newsletter, date, self.revision.as_ref()).await?;
        let Some(issue) = it.issue.as_ref() else {
            let plan = Commands::of(app, newsletter.id).await?.issue(&format!("plan --date {date}"));
            return Err(CliError::Failed(format!("there is no issue of {date} yet; {plan} makes one")));
        };
        if issue.status == IssueStatus::Planned && it.plan.variants.is_empty() {
            return Err(CliError::Failed(format!(
                "nobody would get the issue of {date}: {}. Pin or add stories, or cancel it",
                decision::why_nobody(&it)
            )));
        }
        if !changes.is_empty() {
            let question = format!("{}\nApprove revision {}?", changes.join("\n"), it.content.revision());
            confirm(&question, "approve the new revision with --revision", "nothing was approved")?;
        }
        let rules = app.jobs.issues.plan_rules();
        let left_out = decide::left_out(&app.actions, rules, &newsletter, &it).await?;
        let approved = decision::approve_seen(app, actor, &newsletter, &it).await?;
        let approved = approved.unwrap_or_else(|| issue.clone());
        if self.anyway {
            send_anyway(&app.actions, actor, approved.id).await?;
        }
        let due = utc_time(Some(approved.due_at));
        let record = json!({
            "issue": approved, "revision": it.content.revision(),
            "left_out": left_out.iter().map(|it| json!({ "article_id": it.id, "title": it.title }))
                .collect::<Vec<_>>(),
        });
        output.record(&record, || {
            let when = if approved.due_at.0 <= app.actions.clock.now() { "now".to_owned() } else { due };
            let mut text = summary(&it, &when);
            if !left_out.is_empty() {
                text.push_str("and without these, which came after its plan:\n");
            }
            for article in left_out.iter().take(MAX_LEFT_OUT) {
                let _ = writeln!(text, "     {}", article.title);
            }
            if left_out.len() > MAX_LEFT_OUT {
                let _ = writeln!(text, "     and {}", counted(left_out.len() - MAX_LEFT_OUT, "more article"));
            }
            if !self.anyway && it.waits_for == Some(WAITS_FOR_SETUP) {
                text.push_str(
                    "It waits until everything is set up: daily check, or approve it with --anyway\n",
                );
            }
            text
        })?;
        Ok(())
    }
}

fn summary(it: &Forecast, when: &str) -> String {
    let (date, revision) = (it.date, it.content.revision());
    let mut text =
        format!("the issue of {date}, revision {revision}, is approved and goes out {when}, with\n");
    for (story, place) in it.content.stories.iter().zip(1_usize..) {
        let _ = writeln!(text, "{place:3}  {}", story.title);
    }
    text
}
