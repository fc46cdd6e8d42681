//! Notices to operators about a failing or silent feed.

use crate::{
    db::{DbError, Tx, content::feeds},
    delivery::email_content::{Content, EmailRequest, clock},
};
use email_templates::notice::{NoticeKind, TroubledFeed};

pub(super) async fn content(request: &EmailRequest<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let feed = match request.mail.feed_id {
        Some(id) => feeds::get(tx, id).await?,
        None => None,
    };
    let Some(feed) = feed else { return Ok(Content::NotNeeded(crate::delivery::email_content::GONE)) };
    let Some(trouble) = feed.trouble.as_deref() else {
        return Ok(Content::NotNeeded("nothing is wrong with the feed any more"));
    };
    let newsletter = &request.newsletter.newsletter;
    Ok(request.operator_email(NoticeKind::FeedTrouble(TroubledFeed {
        title: &feed.title,
        url: &feed.url,
        trouble,
        since: feed.trouble_since.map(|at| clock::local_time(newsletter, at.0)),
        last_read: feed.succeeded_at.map(|at| clock::local_time(newsletter, at.0)),
        last_story: feed.last_item_at.map(|at| clock::local_time(newsletter, at.0)),
        clock: &clock::display_name(newsletter, request.now),
        is_read_on: feed.status == "active",
        is_held: feed.held_since.is_some(),
    })))
}
