//! Freezes an issue: makes its final plan, renders each variant once, and stores its groups and waves. Then
//! `fan_out` makes a delivery for each reader.

mod fan_out;
mod freeze_lease;
mod recheck;

use crate::{
    db::{
        DbError, Tx, cohorts,
        content::{articles, pictures},
        deliveries::Past,
        installation,
        issues::{self, IssueRecord, variants},
        newsletters::{self, NewsletterRecord},
        reader_counts::Counting,
        subscribers,
    },
    delivery::notify_operators::{issue_stopped, stories_doubtful},
    domain::{
        ids::{IssueId, VariantId},
        issue::{
            page::IssuePage,
            plan::{Group, OTHERS, Plan, PlanInputs},
            status::IssueStatus,
            wave::waves,
        },
        subscriber::cadence::Cadence,
    },
    issues::{
        edition::Stories,
        forecast::waves_of,
        plan::{self, Planning},
        render::Rendering,
    },
    jobs::{
        context::{FeedContext, IssueContext},
        freeze_issue::freeze_lease::FreezeLease,
        make_pictures::{LATE_LIMIT, make_pictures},
        periodic::end_pauses,
    },
    queue::{Job, JobFailure},
};
use email_templates::Email;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// Interval between checks of an issue that waits for an operator.
const CHECK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Pause before another attempt while another issue is being frozen.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Clock of an issue whose readers are all due at the same time.
const ANY_CLOCK: &str = "*";

/// Freezes a planned issue that is due and makes its deliveries, or continues after a crash.
pub async fn run(context: &IssueContext, feeds: &FeedContext, issue: IssueId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
    let newsletter = newsletters::get(&mut tx, record.newsletter_id).await?;
    drop(tx);
    let is_fanning_out = record.fanned_out_to.is_some() && !record.status.is_final();
    if record.status != IssueStatus::Planned && !is_fanning_out {
        return Ok(());
    }
    let Some(lease) = FreezeLease::acquire(context).await? else {
        // A delivery run asks again for a fan-out that another process seems to have given up.
        if record.status != IssueStatus::Sending {
            retry_later(context, &record).await?;
        }
        return Ok(());
    };
    let frozen = async {
        if is_fanning_out || freeze(context, feeds, &newsletter, &record).await? {
            fan_out::run(context, &newsletter, issue, &lease).await?;
        }
        Ok(())
    };
    let result: Result<(), JobFailure> = frozen.await;
    lease.release(context).await?;
    result
}

/// Makes the missing deliveries of an issue in a database that sends nothing. Returns `false` if another issue is being
/// frozen at the moment.
pub async fn finish_fan_out(context: &IssueContext, issue: &IssueRecord) -> Result<bool, JobFailure> {
    let mut tx = context.db.read().await?;
    let newsletter = newsletters::get(&mut tx, issue.newsletter_id).await?;
    drop(tx);
    let Some(lease) = FreezeLease::acquire(context).await? else { return Ok(false) };
    let result = fan_out::run(context, &newsletter, issue.id, &lease).await;
    lease.release(context).await?;
    result.map(|()| true)
}

/// Freezes a planned issue. Returns `false` if nothing goes out now: the issue was skipped or edited, or
/// waits.
async fn freeze(
    context: &IssueContext,
    feeds: &FeedContext,
    newsletter: &NewsletterRecord,
    record: &IssueRecord,
) -> Result<bool, JobFailure> {
    let mut tx = context.db.read().await?;
    let progress = variants::progress(&mut tx, record.id).await?;
    if progress.is_fanning_out {
        // This issue's plan depends on the stories that readers get from the other issue.
        drop(tx);
        return retry_later(context, record).await;
    }
    drop(tx);
    end_pauses::end_pauses_with_issue(&context.db, newsletter.id, record.date()).await?;
    let mut tx = context.db.read().await?;
    // The groups decide about each reader's copy, so kept counts won't do.
    let planning = Planning { counting: Counting::Exact, ..context.planning() };
    let inputs = plan::collect_inputs(planning, &mut tx, newsletter, record.date(), Some(record)).await?;
    let setup = installation::setup(&mut tx, context.settings.setup()).await?;
    drop(tx);
    let (inputs, plan) = plan::make_plan(inputs).await?;
    if let Some(decision) = plan::waits_for(setup, newsletter, record, &inputs, &plan) {
        return wait_for_operator(context, newsletter, record, &inputs, &plan, decision).await;
    }
    let (inputs, plan, changes) = recheck::run(feeds, inputs, plan, record.approved_at.is_some()).await?;
    // An approved issue has the pictures that it was approved with.
    if record.approved_revision.is_none() {
        make_pictures(feeds, record.id, &plan.stories(), LATE_LIMIT).await?;
    }

    let mut tx = context.db.read().await?;
    let mut stories = Stories::load(&mut tx, Some(record), &plan.stories()).await?;
    let edits = issues::edits(&mut tx, record.id).await?;
    drop(tx);
    for (id, title) in &changes.titles {
        let edited = edits.iter().any(|edit| edit.article_id == *id && edit.title.is_some());
        if !edited {
            stories.set_title(*id, title);
        }
    }
    // Only removals change an approved issue.
    for (id, url) in changes.urls.iter().filter(|_| record.approved_at.is_none()) {
        stories.set_url(*id, url);
    }
    let pictures_url = context.settings.pictures_url();
    let renderings = plan.variants.iter().zip(1_i64..).map(|(variant, number)| {
        let edition = stories.edition(&variant.stories, &inputs);
        let rendering = Rendering {
            newsletter,
            date: record.date(),
            edition: &edition,
            number,
            public_url: &context.settings.http.public_url,
            pictures_url: &pictures_url,
            reader_token: &crate::domain::token::token_placeholder(&record.message_key),
            is_test: false,
            revision: None,
        };
        (rendering.email(), rendering.page())
    });
    let renderings: Vec<(Email, IssuePage)> = renderings.collect();
    for (email, _) in renderings.iter().filter(|(email, _)| email.clipped()) {
        tracing::warn!(issue = %record.id, bytes = email.html.len(), "some email clients will clip this issue");
    }

    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    variants::lock(&mut tx).await?;
    if variants::progress(&mut tx, record.id).await? != progress {
        drop(tx);
        return retry_later(context, record).await;
    }
    // The recheck may have dropped stories, and the newsletter may require approval by now.
    let newsletter = newsletters::get(&mut tx, newsletter.id).await?;
    if let Some(decision) = plan::waits_for(setup, &newsletter, record, &inputs, &plan) {
        drop(tx);
        return wait_for_operator(context, &newsletter, record, &inputs, &plan, decision).await;
    }
    if articles::any_hidden(&mut tx, &plan.stories()).await? {
        drop(tx);
        return retry_later(context, record).await;
    }
    // From now on retention keeps them. Some were dropped just now if they had not been used for long.
    if !pictures::set_sent(&mut tx, &stories.picture_hashes(), now).await? {
        drop(tx);
        return retry_later(context, record).await;
    }
    let waves = waves_of(&mut tx, &newsletter, record.date(), Some(record), &inputs).await?;
    if !issues::set_plan(&mut tx, record.id, record.version, &inputs, &plan, &waves).await? {
        tracing::info!(issue = %record.id, "issue not frozen: it was edited meanwhile");
        return Ok(false);
    }
    changes.save(&mut tx).await?;
    let findings = changes.findings.summary();
    if plan.variants.is_empty() {
        let reason = skip_reason(&inputs, &plan);
        let reason = findings.as_ref().map_or_else(|| reason.clone(), |it| format!("{reason}; {it}"));
        issues::advance(&mut tx, record.id, IssueStatus::Planned, IssueStatus::Skipped, Some(&reason), now)
            .await?;
        issue_stopped(&context.queue, &mut tx, record.id, now).await?;
        tx.commit().await?;
        tracing::warn!(issue = %record.id, date = %record.issue_date, reason, "issue skipped");
        return Ok(false);
    }
    let mut variants_by_key: HashMap<&str, Option<VariantId>> = HashMap::new();
    for ((variant, (email, page)), number) in plan.variants.iter().zip(&renderings).zip(1_i64..) {
        let new = variants::NewVariant {
            number,
            subject: &email.subject,
            preheader: &email.preheader,
            html: &email.html,
            text: &email.text,
            page,
            stories: &variant.stories,
        };
        let id = variants::insert(&mut tx, record.id, &new, now).await?;
        for group in &variant.groups {
            insert_group(&mut tx, record.id, &inputs, group, Some(id)).await?;
            variants_by_key.insert(&group.key, Some(id));
        }
    }
    for group in &plan.unserved {
        insert_group(&mut tx, record.id, &inputs, group, None).await?;
        variants_by_key.insert(&group.key, None);
    }
    move_cohorts(&mut tx, record, &inputs, &variants_by_key).await?;
    if plan.variants.iter().all(|variant| variant.groups.iter().all(|group| group.key != OTHERS)) {
        let nobody = Group { key: OTHERS.into(), readers: 0 };
        insert_group(&mut tx, record.id, &inputs, &nobody, None).await?;
    }
    // A pin lasts for one issue.
    articles::unpin(&mut tx, &plan.variants.first().map(|it| it.stories.clone()).unwrap_or_default()).await?;
    issues::set_waits_for(&mut tx, record.id, None).await?;
    insert_waves(&mut tx, &newsletter, record, &inputs, now).await?;
    issues::set_sender(&mut tx, record.id, &newsletter.newsletter).await?;
    issues::set_fanned_out(&mut tx, record.id, Some(0), 0).await?;
    let reason = findings.as_deref();
    if !issues::advance(&mut tx, record.id, IssueStatus::Planned, IssueStatus::Frozen, reason, now).await? {
        return Ok(false);
    }
    if reason.is_some() {
        stories_doubtful(&context.queue, &mut tx, record.id, now).await?;
    }
    issues::set_woken(&mut tx, record.id, now).await?;
    tx.commit().await?;
    let stories = plan.variants.first().map_or(0, |variant| variant.stories.len());
    tracing::info!(issue = %record.id, date = %record.issue_date, stories, variants = plan.variants.len(), "issue frozen");
    Ok(true)
}

/// Freezes the issue later, because another one was frozen meanwhile and this plan may repeat its stories.
async fn retry_later(context: &IssueContext, record: &IssueRecord) -> Result<bool, JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    context.queue.enqueue_at(&mut tx, &Job::FreezeIssue { issue: record.id }, now + RETRY_AFTER).await?;
    // The scheduler wakes the issue only if this job is lost.
    issues::set_woken(&mut tx, record.id, now + RETRY_AFTER).await?;
    tx.commit().await?;
    tracing::debug!(issue = %record.id, "freezing later: another issue is being frozen");
    Ok(false)
}

/// Stores the current plan and leaves the issue to its operators.
async fn wait_for_operator(
    context: &IssueContext,
    newsletter: &NewsletterRecord,
    record: &IssueRecord,
    inputs: &PlanInputs,
    plan: &Plan,
    decision: &'static str,
) -> Result<bool, JobFailure> {
    let mut tx = context.db.begin().await?;
    let waves = waves_of(&mut tx, newsletter, record.date(), Some(record), inputs).await?;
    if !issues::set_plan(&mut tx, record.id, record.version, inputs, plan, &waves).await? {
        // Edited or approved meanwhile.
        return Ok(false);
    }
    issues::set_waits_for(&mut tx, record.id, Some(decision)).await?;
    // An approval or a new article wakes the issue immediately.
    issues::set_woken(&mut tx, record.id, context.clock.now() + CHECK_AGAIN_AFTER).await?;
    tx.commit().await?;
    tracing::warn!(issue = %record.id, date = %record.issue_date, waits_for = decision, "issue is due but waits for an operator");
    Ok(false)
}

fn skip_reason(inputs: &PlanInputs, plan: &Plan) -> String {
    let stories = plan.choices.iter().filter(|choice| choice.reason.is_in()).count();
    match (stories, inputs.rules.min_stories) {
        (0, _) => "there were no new articles".into(),
        (stories, least) if stories < least => {
            format!("there were {stories} stories, and an issue needs {least}")
        }
        _ => "its readers have had all of its stories in other issues".into(),
    }
}

async fn insert_group(
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

/// Moves the cohorts of the newsletter's readers on by the variants that their groups get.
async fn move_cohorts(
    tx: &mut Tx,
    record: &IssueRecord,
    inputs: &PlanInputs,
    variants_by_key: &HashMap<&str, Option<VariantId>>,
) -> Result<(), DbError> {
    let past = Past::load(tx, record.newsletter_id, &inputs.past).await?;
    if past.is_all_looked_up() {
        // The fan-out takes all readers out of their cohorts.
        return Ok(());
    }
    let cadences: Vec<Cadence> = inputs.served.iter().map(|served| served.cadence).collect();
    let others = variants_by_key.get(OTHERS).copied().flatten();
    let cohorts = cohorts::for_newsletter(tx, record.newsletter_id).await?;
    let moves = cohorts.into_iter().filter(|cohort| cohort.has_cadence(&cadences)).map(|cohort| {
        let variant = variants_by_key.get(past.group_key(&cohort).as_str()).copied();
        (cohort, variant.unwrap_or(others))
    });
    cohorts::move_on(tx, record.id, moves.collect()).await
}

/// Stores when the readers of each clock are due.
async fn insert_waves(
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
