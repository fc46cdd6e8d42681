//! Freezing an issue: its stories are chosen for good, it is rendered once, and each reader gets a delivery.

use super::{Context, deliver::BATCH, notify_operators, plan_issue, render_issue::Rendering};
use crate::{
    db::{articles::ArticleRecord, deliveries, issues, newsletters, paces, processes, variants},
    domain::{ids::IssueId, issue::IssueStatus},
    mail::frozen::encode_part,
    queue::{Job, JobFailure},
};

/// So many new rows that the database's idea of the table is out of date.
const MANY: u64 = 10_000;

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
        if issues::advance(&mut tx, issue, IssueStatus::Planned, IssueStatus::Skipped, reason, now).await? {
            notify_operators::issue_stopped(&context.queue, &mut tx, issue, now).await?;
        }
        tx.commit().await?;
        tracing::warn!(%issue, date = record.issue_date, "issue skipped: there were no new articles");
        return Ok(());
    }
    let place = token_place(&record.message_key);
    let rendering = Rendering {
        newsletter: &newsletter,
        date: record.date(),
        stories: &stories,
        public_url: &context.rules.public_url,
        unsubscribe_token: &place,
        is_test: false,
    };
    let email = rendering.email();
    let variant = variants::NewVariant {
        subject: &email.subject,
        preheader: &email.preheader,
        html: &encode_part(&email.html, &place),
        text: &encode_part(&email.text, &place),
        web_html: &rendering.web_view(),
    };
    let variant = variants::insert(&mut tx, issue, &variant, now).await?;
    if !issues::advance(&mut tx, issue, IssueStatus::Planned, IssueStatus::Frozen, None, now).await? {
        return Ok(());
    }
    let paced = context.governor.configured_domains();
    let readers = deliveries::fan_out(&mut tx, issue, variant, newsletter.id, now, &paced).await?;
    issues::set_recipients(&mut tx, issue, readers).await?;
    paces::set_apart(&mut tx, issue, &paced).await?;
    issues::advance(&mut tx, issue, IssueStatus::Frozen, IssueStatus::Sending, None, now).await?;
    issues::set_woken(&mut tx, issue, now).await?;
    let workers = processes::count_workers(&mut tx, now).await?;
    let batches = i64::try_from(readers).unwrap_or(i64::MAX) / BATCH + 1;
    for _ in 0..workers.min(batches).max(1) {
        context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
    }
    tx.commit().await?;
    tracing::info!(%issue, date = record.issue_date, stories = stories.len(), readers, "issue frozen");
    if readers >= MANY {
        let mut tx = context.db.begin().await?;
        deliveries::analyze(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}
