//! `daily issue plan`

use crate::{
    actions::issue::send_issue::begin_issue,
    app::App,
    cli::{
        CliError, CliResult,
        issue::{
            Which,
            figures::counted,
            show::{self, Titles},
        },
        output::{Output, table, utc_time},
    },
    db::{Tx, issues},
    domain::{
        actor::Actor,
        ids::IssueId,
        issue::{
            plan::{Plan, PlanInputs, plan},
            selection::Choice,
            status::IssueStatus,
        },
    },
    jobs::plan_issue,
};
use serde_json::json;
use std::fmt::Write as _;

/// Plan an issue now and show its stories
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily issue plan                        the next issue\n  \
    daily issue plan --explain              every candidate with its reason\n  \
    daily issue plan --explain --variant 2  the same for the second variant\n  \
    daily issue plan --replay               repeat the stored plan and compare")]
pub struct PlanCommand {
    #[command(flatten)]
    which: Which,
    /// List every candidate with its reason
    #[arg(long)]
    explain: bool,
    /// Explain this variant; 1 is the most common
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..), requires = "explain")]
    variant: u16,
    /// Repeat the stored plan from its inputs and compare
    #[arg(long, conflicts_with = "explain")]
    replay: bool,
}

impl PlanCommand {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        if self.replay {
            return replay(app, &self.which, output).await;
        }
        let (newsletter, date) = self.which.find(app).await?;
        let mut tx = app.db.read().await?;
        let known = issues::get_by_date(&mut tx, newsletter.id, date).await?;
        drop(tx);
        // An issue that is past planning can only be explained.
        let is_past = known.as_ref().is_some_and(|issue| issue.status != IssueStatus::Planned);
        if let Some(issue) = known.filter(|_| is_past) {
            if !self.explain {
                return Err(CliError::Failed(format!(
                    "the issue of {date} is {} and can't be planned any more; --explain shows its plan",
                    issue.status
                )));
            }
            let mut tx = app.db.read().await?;
            let kept = issues::kept_plan(&mut tx, issue.id).await?.ok_or_else(no_plan)?;
            return explain(&mut tx, issue.id, &kept.inputs, &kept.plan, self.variant, output).await;
        }
        let issue = begin_issue(&app.actions, actor, &newsletter, date).await?;
        plan_issue::run(&app.jobs.issues, &app.jobs.feeds, issue.id)
            .await
            .map_err(|error| CliError::Failed(error.to_string()))?;
        let it = show::shown_forecast(app, &newsletter, date).await?;
        let mut tx = app.db.read().await?;
        if self.explain {
            return explain(&mut tx, issue.id, &it.inputs, &it.plan, self.variant, output).await;
        }
        show::print_forecast(&mut tx, &newsletter, &it, output).await
    }
}

fn no_plan() -> CliError {
    CliError::Failed("it has not been planned yet".into())
}

/// Lists every candidate with the reason why it is in or out.
async fn explain(
    tx: &mut Tx,
    issue: IssueId,
    inputs: &PlanInputs,
    plan: &Plan,
    number: u16,
    output: Output,
) -> CliResult {
    let index = usize::from(number) - 1;
    let variant = plan.variants.get(index);
    if variant.is_none() && number > 1 {
        return Err(CliError::Failed(format!(
            "there is no variant {number}; there are {}",
            plan.variants.len()
        )));
    }
    let choices = inputs.choices(variant);
    let named = Titles::load(tx, Some(issue), &choices).await?;
    let rows: Vec<_> = choices.iter().map(|choice| row(inputs, &named, choice)).collect();
    let readers = variant.map_or(0, crate::domain::issue::plan::PlannedVariant::readers);
    let record = json!({
        "planned_at": inputs.planned_at, "variant": number, "readers": readers, "rules": inputs.rules,
        "served": inputs.served,
        "candidates": choices.iter().zip(&rows).map(|(choice, row)| json!({
            "article_id": choice.article, "in": choice.reason.is_in(), "reason": choice.reason,
            "why": choice.reason.explanation(), "title": row[6], "section": row[3], "source": row[4], "age": row[5],
        })).collect::<Vec<_>>(),
    });
    output.record(&record, || {
        let places = rows.iter().enumerate().map(|(index, row)| {
            let is_in = choices.get(index).is_some_and(|choice| choice.reason.is_in());
            let place = if is_in { (index + 1).to_string() } else { "-".to_owned() };
            let mut row = row.clone();
            row[0] = place;
            row
        });
        let titles = ["place", "article", "why", "section", "source", "age", "title"];
        let mut text = table(&titles, &places.collect::<Vec<_>>());
        let _ = write!(
            text,
            "\n{} at {}, for {}. The rules: docs/concepts/issues.md",
            counted(rows.len(), "candidate"),
            utc_time(Some(inputs.planned_at)),
            counted(readers, "reader")
        );
        text
    })?;
    Ok(())
}

fn row(inputs: &PlanInputs, named: &Titles, choice: &Choice) -> Vec<String> {
    let candidate = inputs.candidates.iter().find(|it| it.article == choice.article);
    let age = candidate.and_then(|it| it.fresh_at).map_or("undated".to_owned(), |fresh| {
        let hours = inputs.planned_at.duration_since(fresh).as_hours();
        if hours.abs() < 72 { format!("{hours} h") } else { format!("{} d", hours / 24) }
    });
    vec![
        String::new(),
        choice.article.to_string(),
        choice.reason.explanation().to_owned(),
        candidate.map(|it| it.section.clone()).unwrap_or_default(),
        candidate.and_then(|it| it.source).map_or("by hand".to_owned(), |feed| format!("feed {feed}")),
        age,
        named.title(choice.article),
    ]
}

/// Makes the stored plan again from its inputs, and compares the two.
async fn replay(app: &App, which: &Which, output: Output) -> CliResult {
    let (newsletter, date) = which.find(app).await?;
    let mut tx = app.db.read().await?;
    let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?.ok_or_else(no_plan)?;
    let kept = issues::kept_plan(&mut tx, issue.id).await?.ok_or_else(no_plan)?;
    let again = plan(&kept.inputs);
    let stored = issues::stories(&mut tx, issue.id).await?;
    let rows: Vec<_> = stored.iter().filter_map(|it| it.position.map(|_| it.article.id)).collect();
    let first = again.variants.first().map(|variant| variant.stories.clone()).unwrap_or_default();
    let is_same = again == kept.plan && (rows == first || again.variants.is_empty());
    let record = json!({
        "date": date, "planned_at": kept.planned_at, "same": is_same,
        "candidates": kept.inputs.candidates.len(), "groups": kept.inputs.groups.len(),
        "variants": again.variants.len(),
    });
    if !is_same {
        return Err(CliError::Failed(format!(
            "the plan of {date} can't be made again: another version of Daily made it, or its rows were changed"
        )));
    }
    output.record(&record, || {
        format!(
            "the plan of {date}, made {}, comes out the same: {}, {} of readers, {}",
            utc_time(Some(kept.planned_at)),
            counted(kept.inputs.candidates.len(), "candidate"),
            counted(kept.inputs.groups.len(), "group"),
            counted(again.variants.len(), "variant")
        )
    })?;
    Ok(())
}
