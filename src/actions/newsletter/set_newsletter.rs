//! An operator changes the settings of a newsletter.

use crate::{
    actions::{Context, newsletter::settings},
    db::{
        DbError, Tx, audit, issues,
        newsletters::{self, NewsletterRecord},
        subscribers,
    },
    domain::{
        actor::Actor,
        ids::NewsletterId,
        issue::{
            revision::Identity,
            schedule::{self, DAY_REMOVED},
            status::IssueStatus,
        },
        newsletter::{Newsletter, parse_time_zone},
        subscriber::pause,
    },
};
use jiff::Timestamp;

/// Changes a newsletter by `change`, in one transaction.
///
/// A new schedule moves the planned issues, but sends nothing at once: an issue whose new due times have all
/// passed keeps its old ones, and a date whose new due times have passed gets no issue. A planned issue is
/// skipped if its day is no longer one of the newsletter's. It is planned again if the day comes back. A change that
/// readers see ends the approvals of planned issues.
pub async fn set_newsletter<E: From<DbError>>(
    context: &Context,
    actor: &Actor,
    id: NewsletterId,
    change: impl FnOnce(&mut Newsletter) -> Result<(), E>,
) -> Result<NewsletterRecord, E> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let before = newsletters::get(&mut tx, id).await?;
    let mut record = before.clone();
    change(&mut record.newsletter)?;
    let (old, new) = (&before.newsletter, &record.newsletter);
    if schedule_of(old) != schedule_of(new) {
        record.scheduled_since = now;
        move_issues(&mut tx, &record, now).await?;
    }
    if (&old.time_zone, old.clock) != (&new.time_zone, new.clock) {
        move_pauses(&mut tx, &record).await?;
    }
    newsletters::update(&mut tx, &record).await?;
    if Identity::of(old) != Identity::of(new) {
        // Operators approved something that looked otherwise.
        for issue in issues::planned(&mut tx, id).await? {
            issues::set_edited(&mut tx, issue.id).await?;
        }
    }
    let entry = audit::Entry {
        actor,
        action: "newsletter.set",
        subject: Some(id.0),
        before: settings(old),
        after: settings(new),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(record)
}

/// Returns the settings that decide the dates and due times of issues.
fn schedule_of(it: &Newsletter) -> impl PartialEq {
    (it.days, it.send_time, it.time_zone.clone(), it.clock)
}

/// Moves the ends of pauses to the readers' new clocks.
async fn move_pauses(tx: &mut Tx, record: &NewsletterRecord) -> Result<(), DbError> {
    for (until, own) in subscribers::pauses_for(tx, record.id).await? {
        let zone = own.as_deref().and_then(|name| parse_time_zone(name).ok());
        let zone = pause::effective_zone(&record.newsletter, zone.as_ref());
        let resumes_at = pause::resumes_at(until.0, zone);
        subscribers::move_pauses(tx, record.id, (until, own.as_deref()), resumes_at).await?;
    }
    Ok(())
}

async fn move_issues(tx: &mut Tx, record: &NewsletterRecord, now: Timestamp) -> Result<(), DbError> {
    let newsletter = &record.newsletter;
    let clocks = subscribers::clocks_for(tx, record).await?;
    let coming = |date| schedule::due_since(newsletter, &clocks, date, now).filter(|due| due.first > now);
    for issue in issues::planned(tx, record.id).await? {
        // Issues that are due stay, because they are about to go out.
        if !newsletter.days.contains(issue.date()) && issue.due_at.0 > now {
            let (from, to) = (IssueStatus::Planned, IssueStatus::Skipped);
            issues::advance(tx, issue.id, from, to, Some(DAY_REMOVED), now).await?;
        } else if let Some(due) = coming(issue.date()) {
            issues::set_due(tx, issue.id, due).await?;
        }
    }
    let yesterday = schedule::date_at(newsletter, now).saturating_sub(jiff::Span::new().days(1));
    for issue in issues::skipped_for(tx, record.id, yesterday, DAY_REMOVED).await? {
        let due = coming(issue.date()).filter(|_| newsletter.days.contains(issue.date()));
        if let Some(due) = due {
            issues::advance(tx, issue.id, IssueStatus::Skipped, IssueStatus::Planned, None, now).await?;
            issues::set_due(tx, issue.id, due).await?;
        }
    }
    Ok(())
}
