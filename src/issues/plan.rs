//! Makes the plan of an issue: gathers what it is made from, and chooses.

use crate::{
    db::{
        DbError, Tx,
        content::articles,
        deliveries::{self, Past},
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
    },
    domain::{
        ids::{ArticleId, IssueId},
        issue::{
            plan::{Plan, PlanInputs, ServedCadence, plan},
            selection::{ROUND_UP_AGE, Rules, TooFew},
        },
        newsletter::SelectionKind,
        subscriber::cadence::Cadence,
    },
};
use jiff::{Timestamp, civil::Date};
use std::collections::HashSet;

/// Most variants of other issues that readers' past is told apart by: the key of a group must fit an index.
const MAX_PAST: usize = 100;
/// What an issue waits for beside its time, as `issues.waits_for` has it.
pub const APPROVAL: &str = "approval";
/// The same: an operator's word on too few stories.
pub const STORIES: &str = "stories";

/// The bounds and the time that a plan is made with.
#[derive(Debug, Clone, Copy)]
pub struct Planning {
    /// The configured bounds. A newsletter may have its own numbers.
    pub rules: Rules,
    pub now: Timestamp,
}

/// What an issue with this plan waits for beside its time.
pub fn waits_for(
    newsletter: &NewsletterRecord,
    issue: &IssueRecord,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Option<&'static str> {
    if issue.approved_at.is_some() {
        None
    } else if newsletter.newsletter.needs_approval {
        Some(APPROVAL)
    } else if plan.is_short && inputs.rules.too_few == TooFew::Ask {
        Some(STORIES)
    } else {
        None
    }
}

/// Gathers what the issue of a date is made from: it may be none yet. An approved one is made from what it was approved with, for
/// the readers there are now.
pub async fn gather(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    issue: Option<&IssueRecord>,
) -> Result<PlanInputs, DbError> {
    let id = issue.map(|issue| issue.id);
    if let Some(issue) = issue.filter(|issue| issue.approved_at.is_some())
        && let Some(kept) = issues::kept_plan(tx, issue.id).await?
    {
        let mut inputs = kept.inputs;
        inputs.approved = Some(kept.plan.stories().into_iter().collect());
        // Hidden is hidden, whatever was approved.
        let hidden = articles::hidden_among(tx, &kept.plan.stories()).await?;
        for candidate in inputs.candidates.iter_mut().filter(|it| hidden.contains(&it.article)) {
            candidate.hidden = true;
        }
        // An operator has seen how short it is.
        if inputs.rules.too_few == TooFew::Ask {
            inputs.rules.too_few = TooFew::Send;
        }
        return add_readers(tx, newsletter, id, inputs).await;
    }
    let now = planning.now;
    let rules = planning.rules.for_newsletter(&newsletter.newsletter);
    let earlier = issues::planned_at(tx, newsletter.id, id).await?;
    let served = ServedCadence::for_date(&newsletter.newsletter, date, &earlier);
    let looks_back = served.iter().any(|it| it.kind == SelectionKind::RoundUp);
    let reach = if looks_back { rules.max_age.max(ROUND_UP_AGE) } else { rules.max_age };
    let mut candidates = issues::candidates(tx, id, now - reach, now).await?;
    issues::mark_carried(tx, newsletter.id, id, &mut candidates).await?;
    if looks_back {
        let since = date.saturating_sub(jiff::Span::new().days(7));
        issues::mark_places(tx, id, since, &mut candidates).await?;
    }
    let inputs = PlanInputs {
        planned_at: now,
        date,
        rules,
        served,
        candidates,
        past: Vec::new(),
        groups: Vec::new(),
        others: 0,
        approved: None,
    };
    add_readers(tx, newsletter, id, inputs).await
}

/// Adds the readers there are now, in groups, and what of this issue they have had.
async fn add_readers(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    issue: Option<IssueId>,
    mut inputs: PlanInputs,
) -> Result<PlanInputs, DbError> {
    inputs.past = issues::past_variants(tx, issue, &inputs.eligible()).await?;
    // Of very many only the latest are asked about. What the others held counts as had by everybody.
    let older = inputs.past.len().saturating_sub(MAX_PAST);
    let dropped: HashSet<ArticleId> = inputs.past.drain(..older).flat_map(|past| past.articles).collect();
    for candidate in inputs.candidates.iter_mut().filter(|it| dropped.contains(&it.article)) {
        candidate.carried_for = Cadence::ALL.to_vec();
    }
    let cadences: Vec<Cadence> = inputs.served.iter().map(|served| served.cadence).collect();
    let past = Past::new(&inputs.past);
    (inputs.groups, inputs.others) = deliveries::groups(tx, newsletter.id, &cadences, &past).await?;
    Ok(inputs)
}

/// Makes the plan. It may take a while, so the process's other tasks go on meanwhile.
pub async fn make(inputs: PlanInputs) -> Result<(PlanInputs, Plan), tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || {
        let plan = plan(&inputs);
        (inputs, plan)
    })
    .await
}
