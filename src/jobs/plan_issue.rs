//! Plans an issue and stores the plan.

use crate::{
    db::{
        installation,
        issues::{self, revisions},
        newsletters,
    },
    domain::{ids::IssueId, issue::status::IssueStatus},
    issues::{
        forecast::waves_of,
        plan::{collect_inputs, make_plan, waits_for},
        revision,
    },
    jobs::{
        context::{FeedContext, IssueContext},
        make_pictures::{LATE_LIMIT, make_pictures},
    },
    queue::{Job, JobFailure},
};
use jiff::SignedDuration;

/// Operators who were told of an issue's plan are told of a changed one at most this often.
const TELL_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Plans an issue anew with its pictures, unless an operator approved its plan.
pub async fn run(context: &IssueContext, feeds: &FeedContext, issue: IssueId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
    if record.status != IssueStatus::Planned || record.approved_at.is_some() {
        return Ok(());
    }
    let newsletter = newsletters::get(&mut tx, record.newsletter_id).await?;
    let inputs =
        collect_inputs(context.planning(), &mut tx, &newsletter, record.date(), Some(&record)).await?;
    drop(tx);
    let (inputs, plan) = make_plan(inputs).await?;
    // Before the plan is shown to anyone, because its revision names the pictures.
    let left = record.due_at.0.duration_since(context.clock.now()).max(SignedDuration::ZERO).unsigned_abs();
    let wait = context.settings.pictures.wait().min(left.max(LATE_LIMIT));
    make_pictures(feeds, issue, &plan.stories(), wait).await?;
    let mut tx = context.db.begin().await?;
    // An edited issue gets another plan job, and a frozen one keeps its plan.
    let waves = waves_of(&mut tx, &newsletter, record.date(), Some(&record), &inputs).await?;
    if issues::set_plan(&mut tx, issue, record.version, &inputs, &plan, &waves).await? {
        let setup = installation::setup(&mut tx, context.settings.setup()).await?;
        let waits_for = waits_for(setup, &newsletter, &record, &inputs, &plan);
        issues::set_waits_for(&mut tx, issue, waits_for).await?;
        if waits_for.is_some() {
            // Operators are told about this plan, and may approve its revision after it has changed.
            let shown = revision::content(&mut tx, &newsletter, Some(&record), &inputs).await?;
            let now = context.clock.now();
            revisions::keep(&mut tx, newsletter.id, record.date(), &shown, now).await?;
            let told = revisions::told(&mut tx, issue).await?;
            if told.is_none_or(|told| !shown.changes_since(&told).is_empty()) {
                issues::set_told_revision(&mut tx, issue, &shown.revision(), now - TELL_AGAIN_AFTER).await?;
            }
        }
        if waits_for.is_none() && record.due_at.0 <= context.clock.now() {
            context.queue.enqueue(&mut tx, &Job::FreezeIssue { issue }).await?;
        }
        tx.commit().await?;
        let stories = plan.variants.first().map_or(0, |variant| variant.stories.len());
        let variants = plan.variants.len();
        tracing::info!(%issue, date = %record.issue_date, stories, variants, waits_for, "issue planned");
    }
    Ok(())
}
