//! Wakes due feeds, and articles whose pages are due.
//!
//! Each host gets one request at a time, so many feeds on one host delay only each other.

use crate::{
    content::host_limiter::PATIENCE,
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

/// Most feeds, and most pages, in progress at the same time.
const AT_ONCE: i64 = 64;

/// Enqueues feeds and pages that are due and whose hosts are free.
pub async fn wake_due(context: &FeedContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let settings = &context.settings.feeds;
    // Longer than reading a page with two pictures takes. Jobs that were woken before that are lost.
    let longest_job = (settings.timeout() + PATIENCE) * 3;
    let lost_after =
        SignedDuration::try_from(longest_job).unwrap_or(SignedDuration::MAX) + SignedDuration::from_secs(30);
    let woken_before = now - lost_after;
    let host_pause = SignedDuration::try_from(settings.host_pause()).unwrap_or(SignedDuration::MAX);
    let waking = Waking { now, woken_before, host_pause, at_once: AT_ONCE };
    for feed in feeds::wake_due(tx, waking).await? {
        context.queue.enqueue(tx, &Job::PollFeed { feed }).await?;
    }
    if settings.look_at_pages {
        for article in articles::wake_due(tx, now, woken_before, AT_ONCE).await? {
            context.queue.enqueue(tx, &Job::CheckArticle { article }).await?;
        }
    }
    Ok(())
}
