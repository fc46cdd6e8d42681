//! Alerts operators about destinations that the breaker holds, once per destination and cause.

use crate::{
    db::{DbError, Tx, newsletters, throttle::holds},
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::delivery::email::EmailKind,
    jobs::context::IssueContext,
};
use jiff::Timestamp;

/// Enqueues an alert if a destination is held that operators don't know about, in the caller's transaction.
pub async fn report_destinations(context: &IssueContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    if holds::set_told(tx, now).await? == 0 {
        return Ok(());
    }
    // The oldest newsletter sends it, as with all notices that are about no newsletter.
    let Some(newsletter) = newsletters::list(tx).await?.into_iter().next() else { return Ok(()) };
    let subject = NoticeSubject::Destinations;
    notify_operators(&context.queue, tx, &newsletter, EmailKind::DestinationHeld, subject, now)
        .await
        .map(drop)
}
