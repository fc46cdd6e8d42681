//! The next issue of a newsletter, for every command and email that names no date.

use crate::{
    db::{DbError, Tx, issues, newsletters::NewsletterRecord},
    domain::issue::{
        next_issue::{Planned, next_issue},
        schedule,
    },
};
use jiff::{SignedDuration, Timestamp, civil::Date};

/// Returns the date of the newsletter's next issue, which may not exist yet.
pub async fn next_date(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    grace: SignedDuration,
    now: Timestamp,
) -> Result<Date, DbError> {
    let planned: Vec<Planned> = issues::planned(tx, newsletter.id)
        .await?
        .iter()
        .map(|issue| Planned { date: issue.date(), due: issue.due() })
        .collect();
    let today = schedule::date_at(&newsletter.newsletter, now);
    let taken = issues::dates_from(tx, newsletter.id, today).await?;
    Ok(next_issue(&newsletter.newsletter, &planned, &taken, grace, now))
}
