//! Notices to operators about destinations that the breaker holds.

use crate::{
    db::{DbError, Tx, throttle::holds},
    delivery::email_content::{Content, EmailRequest, clock},
};
use email_templates::notice::{HeldDestination, NoticeKind};

pub(super) async fn content(request: &EmailRequest<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let held = holds::current(tx, request.now).await?;
    if held.is_empty() {
        return Ok(Content::NotNeeded("no destination is held any more"));
    }
    let newsletter = &request.newsletter.newsletter;
    let destinations: Vec<HeldDestination> = held
        .into_iter()
        .map(|it| HeldDestination {
            domain: it.domain,
            reason: it.reason,
            since: clock::local_time(newsletter, it.since.0),
            until: clock::local_time(newsletter, it.until.0),
        })
        .collect();
    let clock = clock::display_name(newsletter, request.now);
    Ok(request.operator_email(NoticeKind::DestinationsHeld { destinations: &destinations, clock: &clock }))
}
