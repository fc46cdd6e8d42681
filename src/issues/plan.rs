//! Makes the plan of an issue: collects its inputs and chooses its stories.

use crate::{
    db::{
        DbError, Tx,
        content::articles,
        deliveries::{self, Past},
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
        reader_counts::Counting,
    },
    domain::{
        ids::{ArticleId, IssueId},
        issue::{
            plan::{Plan, PlanInputs, ServedCadence, plan},
            readiness::{Setup, missing},
            selection::{Candidate, ROUND_UP_AGE, Rules, TooFew},
        },
        newsletter::SelectionKind,
        subscriber::cadence::Cadence,
    },
};
use jiff::{Timestamp, civil::Date};
use std::collections::HashSet;

/// Most variants of other issues by which readers are grouped. The key of a group must fit an index.
const MAX_PAST: usize = 100;
/// A value of `issues.waits_for`: an operator must approve the issue.
pub const WAITS_FOR_APPROVAL: &str = "approval";
/// A value of `issues.waits_for`: an operator must decide about too few stories.
pub const WAITS_FOR_STORIES: &str = "stories";

/// A value of `issues.waits_for`: something is not set up that readers need.
pub const WAITS_FOR_SETUP: &str = "setup";
/// A value of `issues.waits_for`: it was begun after its time, and an operator must send it.
pub const WAITS_FOR_SEND: &str = "send";

/// The time of planning and its limits.
#[derive(Debug, Clone, Copy)]
pub struct Planning {
    /// The configured limits, which a newsletter may override.
    pub rules: Rules,
    pub setup: Setup,
    pub now: Timestamp,
    /// How the readers are counted. A freeze counts exactly.
    pub counting: Counting,
}

/// The settings of planning.
#[derive(Debug, Clone, Copy)]
pub struct PlanRules {
    /// The configured limits, which a newsletter may override.
    pub limits: Rules,
    pub setup: Setup,
}

impl PlanRules {
    pub const fn at(self, now: Timestamp) -> Planning {
        Planning { rules: self.limits, setup: self.setup, now, counting: Counting::Kept }
    }
}

/// Returns whether issues wait because something is not set up.
pub fn is_missing(setup: Setup, newsletter: &NewsletterRecord) -> bool {
    setup.is_required && !missing(setup, &newsletter.newsletter).is_empty()
}

/// Returns the decision that an issue with this plan waits for, beside its time.
pub fn waits_for(
    setup: Setup,
    newsletter: &NewsletterRecord,
    issue: &IssueRecord,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Option<&'static str> {
    let is_ready = issue.anyway || !is_missing(setup, newsletter);
    if issue.approved_at.is_some() {
        (!is_ready).then_some(WAITS_FOR_SETUP)
    } else if newsletter.newsletter.needs_approval {
        Some(WAITS_FOR_APPROVAL)
    } else if issue.by_hand && !issue.at_once {
        Some(WAITS_FOR_SEND)
    } else if plan.is_short && inputs.rules.too_few == TooFew::Ask {
        Some(WAITS_FOR_STORIES)
    } else {
        (!is_ready).then_some(WAITS_FOR_SETUP)
    }
}

/// Collects the inputs for the plan of a date, for which no issue needs to exist. An approved issue keeps the
/// inputs it was approved with, but is planned for today's readers.
pub async fn collect_inputs(
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
        let approved = inputs.approved.take().unwrap_or_else(|| inputs.pool().into_iter().collect());
        // An article hidden after the approval is removed, and none takes its place.
        let ids: Vec<ArticleId> = approved.iter().copied().collect();
        let hidden = articles::hidden_among(tx, &ids).await?;
        inputs.approved = Some(approved);
        for candidate in inputs.candidates.iter_mut().filter(|it| hidden.contains(&it.article)) {
            candidate.hidden = true;
        }
        // The operator approved the issue with this few stories.
        if inputs.rules.too_few == TooFew::Ask {
            inputs.rules.too_few = TooFew::Send;
        }
        return add_readers(tx, newsletter, id, inputs, planning.counting).await;
    }
    let now = planning.now;
    let rules = planning.rules.for_newsletter(&newsletter.newsletter);
    let earlier = issues::planned_at(tx, newsletter.id, date).await?;
    let served = ServedCadence::for_date(&newsletter.newsletter, date, &earlier);
    let has_round_up = served.iter().any(|it| it.kind == SelectionKind::RoundUp);
    let max_age = if has_round_up { rules.max_age.max(ROUND_UP_AGE) } else { rules.max_age };
    let mut candidates = issues::candidates(tx, id, now - max_age, now).await?;
    issues::mark_carried(tx, newsletter.id, id, &mut candidates).await?;
    let lost_until = issues::lost_until(tx, newsletter.id).await?;
    let is_lost = |it: &Candidate| !it.is_wanted() && it.fresh_at.is_none_or(|at| Some(at) <= lost_until);
    for candidate in candidates.iter_mut().filter(|it| lost_until.is_some() && is_lost(it)) {
        candidate.carried_for = Cadence::ALL.to_vec();
    }
    if has_round_up {
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
        sections: newsletter.newsletter.sections.clone(),
        approved: None,
    };
    add_readers(tx, newsletter, id, inputs, planning.counting).await
}

/// Adds the current readers in groups, and the stories of this issue that they have had in other issues.
async fn add_readers(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    issue: Option<IssueId>,
    mut inputs: PlanInputs,
    counting: Counting,
) -> Result<PlanInputs, DbError> {
    inputs.past = issues::past_variants(tx, issue, &inputs.eligible()).await?;
    // Only the latest variants are used to group readers. Stories of older ones count as received by
    // everybody.
    let older = inputs.past.len().saturating_sub(MAX_PAST);
    let dropped: HashSet<ArticleId> = inputs.past.drain(..older).flat_map(|past| past.articles).collect();
    for candidate in inputs.candidates.iter_mut().filter(|it| dropped.contains(&it.article)) {
        candidate.carried_for = Cadence::ALL.to_vec();
    }
    let cadences: Vec<Cadence> = inputs.served.iter().map(|served| served.cadence).collect();
    let past = Past::load(tx, newsletter.id, &inputs.past).await?;
    (inputs.groups, inputs.others) =
        deliveries::groups(tx, newsletter.id, &cadences, &past, counting).await?;
    Ok(inputs)
}

/// Makes the plan on a blocking thread, because it may take a while.
pub async fn make_plan(inputs: PlanInputs) -> Result<(PlanInputs, Plan), tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || {
        let plan = plan(&inputs);
        (inputs, plan)
    })
    .await
}
