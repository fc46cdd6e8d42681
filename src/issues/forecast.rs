//! What will go out when, to how many: told by the code that will do it.

use crate::{
    db::{
        DbError, Tx,
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
        subscribers,
    },
    domain::{
        issue::{
            plan::{Plan, PlanInputs},
            schedule,
            wave::{Wave, waves},
        },
        subscriber::cadence::Cadence,
    },
    issues::{
        edition,
        plan::{self, Planning},
    },
};
use jiff::{Timestamp, civil::Date};

/// An issue that is still to be frozen, as it would go out if it were frozen now.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Its date.
    pub date: Date,
    /// When its first readers are due.
    pub due_at: Timestamp,
    /// The issue, if it has been begun.
    pub issue: Option<IssueRecord>,
    /// What its plan is made from.
    pub inputs: PlanInputs,
    /// The plan.
    pub plan: Plan,
    /// Who is due when.
    pub waves: Vec<Wave>,
    /// What it waits for beside its time.
    pub waits_for: Option<&'static str>,
}

/// Tells of the issue of a date.
pub async fn forecast(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<Forecast, DbError> {
    let issue = issues::get_by_date(tx, newsletter.id, date).await?;
    let (inputs, plan) = edition::planned(planning, tx, newsletter, date, issue.as_ref()).await?;
    let cadences: Vec<Cadence> = inputs.served.iter().map(|served| served.cadence).collect();
    let clocks = subscribers::clock_counts(tx, newsletter.id, &cadences).await?;
    let waves = match &issue {
        Some(issue) if issue.at_once => vec![Wave {
            due_at: issue.due_at.0,
            clocks: Vec::new(),
            readers: clocks.iter().map(|(_, readers)| readers).sum(),
        }],
        _ => waves(&newsletter.newsletter, date, &clocks),
    };
    let due_at = match (&issue, waves.first()) {
        (Some(issue), _) => issue.due_at.0,
        (None, Some(first)) => first.due_at,
        (None, None) => schedule::due_at(&newsletter.newsletter, date),
    };
    let waits_for = match &issue {
        Some(issue) => plan::waits_for(newsletter, issue, &inputs, &plan),
        None => newsletter.newsletter.needs_approval.then_some(plan::APPROVAL),
    };
    Ok(Forecast { date, due_at, issue, inputs, plan, waves, waits_for })
}
