//! An operator begins an issue, or sends one now.

use crate::{
    actions::{Context, issue::audited},
    db::{
        DbError, audit,
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
        subscribers,
    },
    domain::{
        actor::Actor,
        issue::{
            revision::Revision,
            schedule::{self, Due},
            status::IssueStatus,
        },
        newsletter::Newsletter,
    },
    queue::Job,
};
use jiff::{Timestamp, civil::Date};
use serde_json::Value;

/// How far ahead an operator may create an issue.
const FURTHEST_DAYS: i32 = 366;

/// Whether a date is further ahead than any issue.
pub fn is_too_far(newsletter: &Newsletter, date: Date, now: Timestamp) -> bool {
    date > schedule::date_at(newsletter, now).saturating_add(jiff::Span::new().days(FURTHEST_DAYS))
}

#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error("{0} is over, and has no issue; see `daily issue list`")]
    Past(Date),
    #[error("{0} is more than a year ahead")]
    TooFar(Date),
    #[error("`{newsletter}` has no issue on {date}, a {}; the next one is on {next}", date.strftime("%A"))]
    NotItsDay {
        /// The newsletter's short name.
        newsletter: String,
        date: Date,
        /// The next date with an issue.
        next: Date,
    },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Returns the issue of a date, and creates it if needed. The scheduler plans it, unless the caller does so
/// first. Today's issue whose time has passed, or that was skipped, waits until an operator sends it.
pub async fn begin_issue(
    context: &Context,
    actor: &Actor,
    record: &NewsletterRecord,
    date: Date,
) -> Result<IssueRecord, BeginError> {
    let now = context.clock.now();
    let newsletter = &record.newsletter;
    let today = schedule::date_at(newsletter, now);
    if is_too_far(newsletter, date, now) {
        return Err(BeginError::TooFar(date));
    }
    let mut tx = context.db.begin().await?;
    let known = issues::get_by_date(&mut tx, record.id, date).await?;
    let is_skipped = known.as_ref().is_some_and(|issue| issue.status == IssueStatus::Skipped);
    if let Some(issue) = known.clone().filter(|_| !(is_skipped && date == today)) {
        return Ok(issue);
    }
    if known.is_none() && !newsletter.days.contains(date) && date != today {
        let next = schedule::next_date(newsletter, date);
        return Err(BeginError::NotItsDay { newsletter: newsletter.slug.clone(), date, next });
    }
    let clocks = subscribers::clocks_for(&mut tx, record).await?;
    let due = schedule::due_since(newsletter, &clocks, date, now)
        .filter(|due| due.first > now && newsletter.days.contains(date) && !is_skipped);
    if due.is_none() && date != today {
        return Err(BeginError::Past(date));
    }
    let before = known.as_ref().map_or(Value::Null, audited);
    if let Some(issue) = &known {
        issues::advance(&mut tx, issue.id, IssueStatus::Skipped, IssueStatus::Planned, None, now).await?;
    } else {
        let due = due.unwrap_or(Due::at(now));
        issues::insert(&mut tx, record.id, date, due, IssueStatus::Planned, None, now).await?;
    }
    let issue = issues::get_by_date(&mut tx, record.id, date).await?.ok_or(DbError::RowNotFound)?;
    if due.is_none() {
        issues::set_by_hand(&mut tx, issue.id, now).await?;
    }
    let issue = issues::get(&mut tx, issue.id).await?.ok_or(DbError::RowNotFound)?;
    let after = audited(&issue);
    let entry = audit::Entry { actor, action: "issue.begin", subject: Some(issue.id.0), before, after };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(issue)
}

/// Plans, renders and sends the issue of a date to all readers at once, whatever its day and send time.
/// Returns the issue as it was before. An issue that was sent or is being sent stays unchanged.
pub async fn send_issue(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<IssueRecord, DbError> {
    send(context, actor, newsletter, date, None).await?.ok_or(DbError::RowNotFound)
}

/// Does the same if this revision is approved. `None`: its approval has ended, or the issue was cancelled.
pub async fn send_approved(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    date: Date,
    approved: &Revision,
) -> Result<Option<IssueRecord>, DbError> {
    send(context, actor, newsletter, date, Some(approved)).await
}

async fn send(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    date: Date,
    approved: Option<&Revision>,
) -> Result<Option<IssueRecord>, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let (id, due) = (newsletter.id, Due::at(now));
    let is_new = issues::insert(&mut tx, id, date, due, IssueStatus::Planned, None, now).await?.is_some();
    let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?.ok_or(DbError::RowNotFound)?;
    let before = if is_new { Value::Null } else { audited(&issue) };
    // Nothing was sent for a skipped date, so an operator may still send its issue.
    let reopened = issue.status == IssueStatus::Skipped
        && issues::advance(&mut tx, issue.id, IssueStatus::Skipped, IssueStatus::Planned, None, now).await?;
    let issue = issues::get(&mut tx, issue.id).await?.ok_or(DbError::RowNotFound)?;
    let is_other = |approved| {
        issue.approved_revision.as_ref() != Some(approved) || issue.status == IssueStatus::Cancelled
    };
    if approved.is_some_and(is_other) {
        // Without a commit the transaction is rolled back.
        return Ok(None);
    }
    if issue.status == IssueStatus::Planned {
        if reopened {
            tracing::info!(issue = %issue.id, "skipped issue reopened: an operator sends it");
        }
        issues::set_at_once(&mut tx, issue.id, now).await?;
        issues::set_woken(&mut tx, issue.id, now).await?;
        // The freeze plans the issue again, with the articles there are by then.
        context.queue.enqueue(&mut tx, &Job::FreezeIssue { issue: issue.id }).await?;
        let sent = issues::get(&mut tx, issue.id).await?.ok_or(DbError::RowNotFound)?;
        let (subject, after) = (Some(issue.id.0), audited(&sent));
        let entry = audit::Entry { actor, action: "issue.send", subject, before, after };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(Some(issue))
}
