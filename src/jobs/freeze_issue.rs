//! Freezing an issue: its plan is made for good, each variant is rendered once, and its groups and waves are kept. Then each reader
//! gets a delivery (`fan_out`).

mod fan_out;
mod recheck;
mod turn;

use crate::{
    db::{
        DbError, Tx,
        content::articles,
        issues::{self, IssueRecord, variants},
        newsletters::{self, NewsletterRecord},
        subscribers,
    },
    delivery::notify_operators::issue_stopped,
    domain::{
        ids::{IssueId, VariantId},
        issue::{
            plan::{Group, OTHERS, Plan, PlanInputs},
            status::IssueStatus,
            wave::waves,
        },
        subscriber::cadence::Cadence,
    },
    issues::{edition::Stories, plan, render::Rendering},
    jobs::{
        context::{FeedContext, IssueContext},
        freeze_issue::turn::Turn,
        periodic::end_pauses,
    },
    queue::{Job, JobFailure},
};
use email_templates::Email;
use jiff::{SignedDuration, Timestamp};

/// How often an issue that waits for an operator is looked at.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How long an issue waits while another one is being frozen.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// The clock of an issue whose readers are all due at one moment.
const ANY_CLOCK: &str = "*";

/// Takes a planned issue that is due to its readers' deliveries; or goes on with one that was frozen by a process that died.
pub async fn run(context: &IssueContext, feeds: &FeedContext, issue: IssueId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
    let newsletter = newsletters::get(&mut tx, record.newsletter_id).await?;
    drop(tx);
    if !matches!(record.status, IssueStatus::Planned | IssueStatus::Frozen) {
        return Ok(());
    }
    let Some(turn) = Turn::take(context).await? else { return again(context, &record).await.map(drop) };
    let done = async {
        if record.status == IssueStatus::Frozen || freeze(context, feeds, &newsletter, &record).await? {
            fan_out::run(context, &newsletter, issue, &turn).await?;
        }
        Ok(())
    };
    let done: Result<(), JobFailure> = done.await;
    turn.end(context).await?;
    done
}

/// Freezes a planned issue. `false`: nothing of it goes out now. It is skipped, waits for an operator, or was edited this moment.
async fn freeze(
    context: &IssueContext,
    feeds: &FeedContext,
    newsletter: &NewsletterRecord,
    record: &IssueRecord,
) -> Result<bool, JobFailure> {
    let mut tx = context.db.read().await?;
    let progress = variants::progress(&mut tx, record.id).await?;
    if progress.is_fanning_out {
        // What readers get of that issue must be known before this one is planned for good.
        drop(tx);
        return again(context, record).await;
    }
    drop(tx);
    end_pauses::end_with(&context.db, newsletter.id, record.date()).await?;
    let mut tx = context.db.read().await?;
    let inputs = plan::gather(context.planning(), &mut tx, newsletter, record.date(), Some(record)).await?;
    drop(tx);
    let (inputs, plan) = plan::make(inputs).await?;
    if let Some(what) = plan::waits_for(newsletter, record, &inputs, &plan) {
        return wait(context, record, &inputs, &plan, what).await;
    }
    let (inputs, plan, found) = recheck::run(feeds, inputs, plan, record.approved_at.is_some()).await?;

    let mut tx = context.db.read().await?;
    let mut stories = Stories::load(&mut tx, Some(record), &plan.stories()).await?;
    let edits = issues::edits(&mut tx, record.id).await?;
    drop(tx);
    for (id, title) in &found.titles {
        let edited = edits.iter().any(|edit| edit.article_id == *id && edit.title.is_some());
        if !edited {
            stories.rename(*id, title);
        }
    }
    for (id, url) in &found.addresses {
        stories.readdress(*id, url);
    }
    let renderings = plan.variants.iter().zip(1_i64..).map(|(variant, number)| {
        let edition = stories.edition(&variant.stories);
        let rendering = Rendering {
            newsletter,
            date: record.date(),
            edition: &edition,
            number,
            public_url: &context.settings.http.public_url,
            reader_token: &crate::domain::token::token_placeholder(&record.message_key),
            is_test: false,
        };
        (rendering.email(), rendering.web_view())
    });
    let renderings: Vec<(Email, String)> = renderings.collect();
    for (email, _) in renderings.iter().filter(|(email, _)| email.clipped()) {
        tracing::warn!(issue = %record.id, bytes = email.html.len(), "some mail programs will show only the beginning of this issue");
    }

    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    variants::lock(&mut tx).await?;
    if variants::progress(&mut tx, record.id).await? != progress {
        drop(tx);
        return again(context, record).await;
    }
    // The last look may have made it shorter, and an operator may have asked for approval meanwhile.
    let newsletter = newsletters::get(&mut tx, newsletter.id).await?;
    if let Some(what) = plan::waits_for(&newsletter, record, &inputs, &plan) {
        drop(tx);
        return wait(context, record, &inputs, &plan, what).await;
    }
    if articles::any_hidden(&mut tx, &plan.stories()).await? {
        drop(tx);
        return again(context, record).await;
    }
    if !issues::set_plan(&mut tx, record.id, record.revision, &inputs, &plan).await? {
        tracing::info!(issue = %record.id, "issue not frozen yet: it was edited this moment");
        return Ok(false);
    }
    found.keep(&mut tx).await?;
    if plan.variants.is_empty() {
        let reason = why_skipped(&inputs, &plan);
        issues::advance(&mut tx, record.id, IssueStatus::Planned, IssueStatus::Skipped, Some(&reason), now)
            .await?;
        issue_stopped(&context.queue, &mut tx, record.id, now).await?;
        tx.commit().await?;
        tracing::warn!(issue = %record.id, date = %record.issue_date, reason, "issue skipped");
        return Ok(false);
    }
    for ((variant, (email, web_html)), number) in plan.variants.iter().zip(&renderings).zip(1_i64..) {
        let new = variants::NewVariant {
            number,
            subject: &email.subject,
            preheader: &email.preheader,
            html: &email.html,
            text: &email.text,
            web_html,
            stories: &variant.stories,
        };
        let id = variants::insert(&mut tx, record.id, &new, now).await?;
        for group in &variant.groups {
            keep_group(&mut tx, record.id, &inputs, group, Some(id)).await?;
        }
    }
    for group in &plan.unserved {
        keep_group(&mut tx, record.id, &inputs, group, None).await?;
    }
    if plan.variants.iter().all(|variant| variant.groups.iter().all(|group| group.key != OTHERS)) {
        let nobody = Group { key: OTHERS.into(), readers: 0 };
        keep_group(&mut tx, record.id, &inputs, &nobody, None).await?;
    }
    // A pin is for one issue: taken, it has done its work.
    articles::unpin(&mut tx, &plan.variants.first().map(|it| it.stories.clone()).unwrap_or_default()).await?;
    issues::set_waits_for(&mut tx, record.id, None).await?;
    keep_waves(&mut tx, &newsletter, record, &inputs, now).await?;
    issues::set_fanned_out(&mut tx, record.id, Some(0), 0).await?;
    if !issues::advance(&mut tx, record.id, IssueStatus::Planned, IssueStatus::Frozen, None, now).await? {
        return Ok(false);
    }
    issues::set_woken(&mut tx, record.id, now).await?;
    tx.commit().await?;
    let stories = plan.variants.first().map_or(0, |variant| variant.stories.len());
    tracing::info!(issue = %record.id, date = %record.issue_date, stories, variants = plan.variants.len(), "issue frozen");
    Ok(true)
}

/// Has an issue frozen a moment later: another one was frozen meanwhile, and its readers' past is another one now.
async fn again(context: &IssueContext, record: &IssueRecord) -> Result<bool, JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    context.queue.enqueue_at(&mut tx, &Job::FreezeIssue { issue: record.id }, now + AGAIN_AFTER).await?;
    // The sweep only helps when this job is lost.
    issues::set_woken(&mut tx, record.id, now + AGAIN_AFTER).await?;
    tx.commit().await?;
    tracing::debug!(issue = %record.id, "issue waits for another one to be frozen");
    Ok(false)
}

/// Leaves an issue to the operators it waits for, with the plan as it is now.
async fn wait(
    context: &IssueContext,
    record: &IssueRecord,
    inputs: &PlanInputs,
    plan: &Plan,
    what: &'static str,
) -> Result<bool, JobFailure> {
    let mut tx = context.db.begin().await?;
    if !issues::set_plan(&mut tx, record.id, record.revision, inputs, plan).await? {
        // Edited or approved this moment.
        return Ok(false);
    }
    issues::set_waits_for(&mut tx, record.id, Some(what)).await?;
    // An approval and new articles wake it at once.
    issues::set_woken(&mut tx, record.id, context.clock.now() + LOOK_AGAIN_AFTER).await?;
    tx.commit().await?;
    tracing::warn!(issue = %record.id, date = %record.issue_date, waits_for = what, "issue is due, and waits for an operator");
    Ok(false)
}

/// Why nothing goes out.
fn why_skipped(inputs: &PlanInputs, plan: &Plan) -> String {
    let stories = plan.choices.iter().filter(|choice| choice.reason.is_in()).count();
    match (stories, inputs.rules.min_stories) {
        (0, _) => "there were no new articles".into(),
        (stories, least) if stories < least => {
            format!("there were {stories} stories, and an issue needs {least}")
        }
        _ => "its readers have had all of its stories in other issues".into(),
    }
}

async fn keep_group(
    tx: &mut Tx,
    issue: IssueId,
    inputs: &PlanInputs,
    group: &Group,
    variant: Option<VariantId>,
) -> Result<(), DbError> {
    let first = inputs.served.first().map_or(Cadence::EveryIssue, |served| served.cadence);
    let cadence = group.key.split('|').next().and_then(|word| word.parse().ok()).unwrap_or(first);
    issues::insert_group(tx, issue, group, cadence, variant).await
}

/// Keeps when the readers of each clock are due.
async fn keep_waves(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    record: &IssueRecord,
    inputs: &PlanInputs,
    now: Timestamp,
) -> Result<(), DbError> {
    let cadences: Vec<Cadence> = inputs.served.iter().map(|served| served.cadence).collect();
    let clocks = subscribers::clock_counts(tx, newsletter.id, &cadences).await?;
    if record.at_once {
        let readers = clocks.iter().map(|(_, readers)| readers).sum();
        return issues::insert_wave(tx, record.id, ANY_CLOCK, now, readers).await;
    }
    for wave in waves(&newsletter.newsletter, record.date(), &clocks) {
        for clock in &wave.clocks {
            let readers = clocks.iter().find(|(it, _)| it == clock).map_or(0, |(_, readers)| *readers);
            issues::insert_wave(tx, record.id, clock, wave.due_at, readers).await?;
        }
    }
    Ok(())
}
