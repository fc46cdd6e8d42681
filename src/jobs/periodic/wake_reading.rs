//! Waking what reads other people's sites: feeds that are due, and articles whose pages are to be looked at.
//!
//! One a host at a time, whatever waits: many feeds on one host make each other wait, and nobody else.

use crate::{
    content::turns::PATIENCE,
    db::{
        DbError, Tx,
        content::{
            articles,
            feeds::{self, Waking},
        },
    },
    jobs::context::FeedContext,
    queue::Job,
};
use jiff::{SignedDuration, Timestamp};

/// Most feeds, and most pages, in hand at once.
const AT_ONCE: i64 = 64;

/// Enqueues what is due and may be read now.
pub async fn wake(context: &FeedContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let feeds_settings = &context.settings.feeds;
    // Longer than a look at a page with two pictures can take: what was woken before is lost.
    let longest = (feeds_settings.timeout() + PATIENCE) * 3;
    let lost_after =
        SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX) + SignedDuration::from_secs(30);
    let woken_before = now - lost_after;
    let host_pause = SignedDuration::try_from(feeds_settings.host_pause()).unwrap_or(SignedDuration::MAX);
    let waking = Waking { now, woken_before, host_pause, at_once: AT_ONCE };
    for feed in feeds::wake_due(tx, waking).await? {
        context.queue.enqueue(tx, &Job::PollFeed { feed }).await?;
    }
    if feeds_settings.look_at_pages {
        for article in articles::wake_due(tx, now, woken_before, AT_ONCE).await? {
            context.queue.enqueue(tx, &Job::CheckArticle { article }).await?;
        }
    }
    Ok(())
}
