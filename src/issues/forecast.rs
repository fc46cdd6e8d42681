//! Forecasts when an issue goes out and to how many readers, with the code that sends it.

use crate::{
    db::{
        DbError, Tx, installation,
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
        reader_counts,
    },
    domain::{
        issue::{
            plan::{Plan, PlanInputs},
            revision::Content,
            schedule,
            wave::{Wave, waves},
        },
        subscriber::cadence::Cadence,
    },
    issues::{
        edition,
        plan::{self, Planning},
        revision,
    },
};
use jiff::{Timestamp, civil::Date};

/// An issue that is not frozen yet, as it would be if it were frozen now.
#[derive(Debug, Clone)]
pub struct Forecast {
    pub date: Date,
    /// When its stories were chosen and its readers counted.
    pub as_of: Timestamp,
    /// When the first readers are due.
    pub due_at: Timestamp,
    /// `None` if the issue has not been created.
    pub issue: Option<IssueRecord>,
    pub inputs: PlanInputs,
    pub plan: Plan,
    /// The stories and texts that readers would get.
    pub content: Content,
    pub waves: Vec<Wave>,
    /// The decision that the issue waits for, beside its time.
    pub waits_for: Option<&'static str>,
}

/// Forecasts the issue of a date.
pub async fn forecast(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<Forecast, DbError> {
    let issue = issues::get_by_date(tx, newsletter.id, date).await?;
    let kept = edition::kept_plan(tx, issue.as_ref()).await?;
    let (as_of, inputs, plan, waves) = match kept {
        // A plan that was changed to go out at once has other waves.
        Some(kept) if issue.as_ref().is_none_or(|issue| !issue.at_once) => {
            (kept.planned_at, kept.inputs, kept.plan, kept.waves)
        }
        _ => {
            let (inputs, plan) =
                edition::preview_plan(planning, tx, newsletter, date, issue.as_ref()).await?;
            let waves = waves_of(tx, newsletter, date, issue.as_ref(), &inputs).await?;
            (inputs.planned_at, inputs, plan, waves)
        }
    };
    let content = revision::content(tx, newsletter, issue.as_ref(), &inputs).await?;
    let due_at = match (&issue, waves.first()) {
        (Some(issue), _) => issue.due_at.0,
        (None, Some(first)) => first.due_at,
        (None, None) => schedule::due_at(&newsletter.newsletter, date),
    };
    let setup = installation::setup(tx, planning.setup).await?;
    let waits_for = match &issue {
        Some(issue) => plan::waits_for(setup, newsletter, issue, &inputs, &plan),
        None if newsletter.newsletter.needs_approval => Some(plan::WAITS_FOR_APPROVAL),
        // No scheduler begins an issue after its time.
        None if due_at <= planning.now => Some(plan::WAITS_FOR_SEND),
        None => plan::is_missing(setup, newsletter).then_some(plan::WAITS_FOR_SETUP),
    };
    Ok(Forecast { date, as_of, due_at, issue, inputs, plan, content, waves, waits_for })
}

/// Counts the readers of an issue by the time they are due.
pub async fn waves_of(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    issue: Option<&IssueRecord>,
    inputs: &PlanInputs,
) -> Result<Vec<Wave>, DbError> {
    let cadences: Vec<Cadence> = inputs.served.iter().map(|served| served.cadence).collect();
    let clocks = reader_counts::by_clock(tx, newsletter.id, &cadences).await?;
    Ok(match issue {
        Some(issue) if issue.at_once => vec![Wave {
            due_at: issue.due_at.0,
            clocks: Vec::new(),
            readers: clocks.iter().map(|(_, readers)| readers).sum(),
        }],
        _ => waves(&newsletter.newsletter, date, &clocks),
    })
}
