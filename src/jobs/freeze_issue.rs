//! Freezing an issue: its stories are chosen for good, it is rendered once, and each reader gets a delivery.

use super::{Context, deliver::BATCH, plan_issue, render_issue::Rendering};
use crate::{
    db::{articles::ArticleRecord, deliveries, issues, newsletters, variants},
    domain::{ids::IssueId, issue::IssueStatus},
    queue::{Job, JobFailure},
};

/// What stands in a rendering where the reader's own token will be. It is drawn from the issue's random key, so that no
/// article can hold it by chance or intent.
pub fn token_place(message_key: &str) -> String {
    format!("reader-{message_key}")
}

/// Takes a planned issue that is due to its readers' deliveries, in one transaction. An issue without stories is skipped.
pub async fn run(context: &Context, issue: IssueId) -> Result<(), JobFailure> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(record) = issues::get(&mut tx, issue).await? else { return Ok(()) };
    if record.status != IssueStatus::Planned {
        return Ok(());
    }
    let newsletter = newsletters::get(&mut tx, record.newsletter_id).await?;
    let choices = plan_issue::choose(context, &mut tx, &newsletter, Some(issue)).await?;
    issues::set_stories(&mut tx, issue, &choices, now).await?;
    let stories = issues::stories(&mut tx, issue).await?;
    let stories: Vec<ArticleRecord> =
        stories.into_iter().filter(|story| story.position.is_some()).map(|story| story.article).collect();
    if stories.is_empty() {
        let reason = Some("there were no new articles");
        issues::advance(&mut tx, issue, IssueStatus::Planned, IssueStatus::Skipped, reason, now).await?;
        tx.commit().await?;
        tracing::warn!(%issue, date = record.issue_date, "issue skipped: there were no new articles");
        return Ok(());
    }
    let rendering = Rendering {
        newsletter: &newsletter,
        date: record.date(),
        stories: &stories,
        public_url: &context.rules.public_url,
        unsubscribe_token: &token_place(&record.message_key),
        is_test: false,
    };
    let email = rendering.email();
    let variant = variants::NewVariant {
        subject: &email.subject,
        preheader: &email.preheader,
        html: &email.html,
        text: &email.text,
        web_html: &rendering.web_view(),
    };
    let variant = variants::insert(&mut tx, issue, &variant, now).await?;
    if !issues::advance(&mut tx, issue, IssueStatus::Planned, IssueStatus::Frozen, None, now).await? {
        return Ok(());
    }
    let readers = deliveries::fan_out(&mut tx, issue, variant, newsletter.id, now).await?;
    issues::advance(&mut tx, issue, IssueStatus::Frozen, IssueStatus::Sending, None, now).await?;
    issues::set_woken(&mut tx, issue, now).await?;
    let batches =
        usize::try_from(readers).unwrap_or(usize::MAX).div_ceil(usize::try_from(BATCH).unwrap_or(1));
    for _ in 0..batches.clamp(1, context.rules.connections) {
        context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
    }
    tx.commit().await?;
    tracing::info!(%issue, date = record.issue_date, stories = stories.len(), readers, "issue frozen");
    Ok(())
}
