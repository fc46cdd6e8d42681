//! Detects feeds in trouble after each reading, and alerts the operators.

use crate::{
    db::{
        DbError, Tx,
        content::feeds::{self, FeedRecord},
        newsletters, operators,
    },
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::{
        content::feed_trouble::{Condition, TroubleKind, in_words, trouble},
        delivery::email::EmailKind,
        ids::FeedId,
    },
    jobs::context::FeedContext,
};
use jiff::{SignedDuration, Timestamp};

/// Updates a feed's trouble, and alerts the operators once when it is new.
pub async fn watch(context: &FeedContext, tx: &mut Tx, id: FeedId) -> Result<(), DbError> {
    let now = context.clock.now();
    let Some(feed) = feeds::get(tx, id).await? else { return Ok(()) };
    let condition = Condition {
        failures: feed.failures,
        failing_since: feed.failing_since.map(Timestamp::from),
        habit: feed.habit(),
        undated_since: feed.notes.is_undated().then(|| {
            let since = feed.trouble_since.filter(|_| feed.trouble_kind == Some(TroubleKind::Undated));
            since.map_or(now, Timestamp::from)
        }),
        held_since: feed.held_since.map(Timestamp::from),
    };
    match trouble(condition, now) {
        None if feed.trouble_kind.is_none() => Ok(()),
        None => {
            tracing::info!(feed = feed.url, "feed recovered");
            feeds::set_trouble(tx, id, None).await
        }
        Some((kind, since)) => {
            let text = match kind {
                TroubleKind::Flood => flood_text(feeds::count_seen_since(tx, id, since).await?),
                _ => trouble_text(&feed, kind, since),
            };
            report_trouble(context, tx, &feed, kind, &text, since).await
        }
    }
}

/// Retires a feed and alerts the operators, with the reason.
pub async fn retire(context: &FeedContext, tx: &mut Tx, feed: &FeedRecord, why: &str) -> Result<(), DbError> {
    feeds::retire(tx, feed.id, why).await?;
    let text = format!("it is not read any more: {why}");
    report_trouble(context, tx, feed, TroubleKind::Retired, &text, context.clock.now()).await
}

async fn report_trouble(
    context: &FeedContext,
    tx: &mut Tx,
    feed: &FeedRecord,
    kind: TroubleKind,
    text: &str,
    since: Timestamp,
) -> Result<(), DbError> {
    feeds::set_trouble(tx, feed.id, Some((kind, text, since))).await?;
    let is_new = feed.trouble_kind != Some(kind);
    if !is_new && feed.trouble_reported_at.is_some() {
        return Ok(());
    }
    if is_new {
        tracing::warn!(feed = feed.url, trouble = text, "feed is in trouble");
    }
    let all = newsletters::list(tx).await?;
    let Some(newsletter) = all.first() else { return Ok(()) };
    // Without operators the trouble stays unreported, and is reported once there is one.
    if !operators::alerted(tx).await?.is_empty() {
        let now = context.clock.now();
        notify_operators(
            &context.queue,
            tx,
            newsletter,
            EmailKind::FeedTrouble,
            NoticeSubject::Feed(feed.id),
            now,
        )
        .await?;
        feeds::set_trouble_reported(tx, feed.id, now).await?;
    }
    Ok(())
}

fn flood_text(articles: i64) -> String {
    format!(
        "it brought {articles} new articles, far more at once than ever; they are in no issue until you accept them"
    )
}

fn trouble_text(feed: &FeedRecord, kind: TroubleKind, since: Timestamp) -> String {
    let day = since.strftime("%Y-%m-%d %H:%M UTC");
    if kind == TroubleKind::Silent {
        let usual = feed.usual_gap_seconds.map(|seconds| in_words(SignedDuration::from_secs(seconds)));
        let usual = usual.map(|usual| format!("; usually there is something every {usual}"));
        return format!("nothing new since {day}{}", usual.unwrap_or_default());
    }
    if kind == TroubleKind::Undated {
        let (count, entries) = (feed.notes.unreadable_dates, feed.notes.entries);
        let sample = feed.notes.unreadable_date.as_deref().unwrap_or_default();
        return format!(
            "the dates of {count} of its {entries} entries are not understood, such as “{sample}”; these entries never count as new"
        );
    }
    let error = feed.last_error.as_deref().unwrap_or("no reason is known");
    format!("it fails since {day} ({} times in a row): {error}", feed.failures)
}
