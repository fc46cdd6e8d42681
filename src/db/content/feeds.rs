//! Table `feeds`.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        content::{
            feed_notes::FeedNotes,
            feed_trouble::TroubleKind,
            polling::{Gaps, HABIT_EVENTS, Habit},
        },
        ids::{ArticleId, FeedId},
    },
};
use jiff::{SignedDuration, Timestamp};

/// A feed, with the results of polling it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct FeedRecord {
    pub id: FeedId,
    /// `https://…` or `file:///…`.
    pub url: String,
    /// The feed's own title.
    pub title: String,
    /// The website of the feed.
    pub site_url: Option<String>,
    /// `active` or `retired`.
    pub status: String,
    /// The ETag of the last response (RFC 9110 section 8.8.3).
    pub etag: Option<String>,
    /// The Last-Modified date of the last response (RFC 9110 section 8.8.2).
    pub last_modified: Option<String>,
    pub next_poll_at: DbTime,
    /// The server asked for no request before this time.
    pub not_before: Option<DbTime>,
    /// The last attempt.
    pub polled_at: Option<DbTime>,
    /// The last success.
    pub succeeded_at: Option<DbTime>,
    /// Failures since the last success.
    pub failures: i64,
    /// The first of these failures.
    pub failing_since: Option<DbTime>,
    pub last_error: Option<String>,
    pub created_at: DbTime,
    pub last_item_at: Option<DbTime>,
    /// The median time between recent items, in seconds. `None`: too few items to tell.
    pub usual_gap_seconds: Option<i64>,
    /// The longest time between recent items, in seconds.
    pub longest_gap_seconds: Option<i64>,
    /// The URL before the last permanent move.
    pub moved_from: Option<String>,
    /// The kind of a lasting problem.
    pub trouble_kind: Option<TroubleKind>,
    /// The problem in words, for operators.
    pub trouble: Option<String>,
    pub trouble_since: Option<DbTime>,
    pub trouble_reported_at: Option<DbTime>,
    /// Articles seen since then wait for an operator.
    pub held_since: Option<DbTime>,
    /// Oddities of the last response.
    #[sqlx(try_from = "Notes")]
    pub notes: FeedNotes,
}

/// The column of [`FeedNotes`], which may be empty.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct Notes(Option<String>);

impl TryFrom<Notes> for FeedNotes {
    type Error = serde_json::Error;
    fn try_from(notes: Notes) -> Result<Self, Self::Error> {
        notes.0.map(|notes| serde_json::from_str(&notes)).transpose().map(Option::unwrap_or_default)
    }
}

impl FeedRecord {
    /// Returns how the feed usually publishes, as far as known.
    pub fn habit(&self) -> Option<Habit> {
        let gaps = self.usual_gap_seconds.zip(self.longest_gap_seconds).map(|(usual, longest)| Gaps {
            usual: SignedDuration::from_secs(usual),
            longest: SignedDuration::from_secs(longest),
        });
        Some(Habit { last_item_at: self.last_item_at?.0, gaps })
    }
}

macro_rules! select_feed {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, title, site_url, status, etag, last_modified, next_poll_at, not_before, \
             polled_at, succeeded_at, failures, failing_since, last_error, created_at, last_item_at, \
             usual_gap_seconds, longest_gap_seconds, moved_from, trouble_kind, trouble, trouble_since, \
             trouble_reported_at, held_since, notes FROM feeds ",
            $rest
        )
    };
}

/// Returns all feeds, oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("ORDER BY id")).fetch_all().await
}

/// Returns the feed with this id.
pub async fn get(tx: &mut Tx, id: FeedId) -> Result<Option<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("WHERE id = $1"), id).fetch_optional().await
}

/// Returns the feed with this URL.
pub async fn get_by_url(tx: &mut Tx, url: &str) -> Result<Option<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("WHERE url = $1"), url).fetch_optional().await
}

/// Returns feeds with a lasting problem, longest first.
pub async fn in_trouble(tx: &mut Tx, limit: i64) -> Result<Vec<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("WHERE trouble IS NOT NULL ORDER BY trouble_since, id LIMIT $1"), limit)
        .fetch_all()
        .await
}

/// Adds a feed, due at once. A retired feed becomes active again.
pub async fn insert(tx: &mut Tx, url: &str, now: Timestamp) -> Result<FeedId, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO feeds (url, title, status, next_poll_at, created_at) \
         VALUES ($1, '', 'active', $2, $2) ON CONFLICT (url) DO UPDATE \
         SET status = 'active', next_poll_at = excluded.next_poll_at, woken_at = NULL, failures = 0, \
         failing_since = NULL, not_before = NULL, trouble_kind = NULL, trouble = NULL, trouble_since = NULL, \
         trouble_reported_at = NULL RETURNING id",
        url,
        DbTime(now)
    )
    .fetch_one()
    .await
}

/// Retires a feed. Its articles stay.
pub async fn retire(tx: &mut Tx, id: FeedId, why: &str) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE feeds SET status = 'retired', last_error = $2, trouble_kind = NULL, trouble = NULL, \
         trouble_since = NULL, trouble_reported_at = NULL WHERE id = $1",
        id,
        why
    )
    .execute()
    .await
}

/// Changes a feed's URL. Returns `false` if another feed has that URL.
pub async fn set_url(tx: &mut Tx, id: FeedId, url: &str) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE feeds SET moved_from = url, url = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM feeds o \
         WHERE o.url = $2 AND o.id <> $1)",
        id,
        url
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// The result of a successful poll.
#[derive(Debug, Clone, Default)]
pub struct Reading<'a> {
    /// `None` if nothing was new.
    pub title: Option<&'a str>,
    pub site_url: Option<&'a str>,
    /// The validators for the next request.
    pub etag: Option<&'a str>,
    pub last_modified: Option<&'a str>,
    /// How the feed usually publishes. `None`: unchanged.
    pub habit: Option<Habit>,
    /// The articles in the feed. `None`: unchanged.
    pub entries: Option<&'a [ArticleId]>,
    /// Oddities of the response. `None`: unchanged.
    pub notes: Option<FeedNotes>,
}

/// Records a successful poll and the time of the next one.
pub async fn set_read(
    tx: &mut Tx,
    id: FeedId,
    reading: &Reading<'_>,
    now: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    let entries =
        reading.entries.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    let gaps = reading.habit.and_then(|habit| habit.gaps);
    let notes = reading.notes.as_ref().map(serde_json::to_string).transpose();
    let notes = notes.map_err(|error| DbError::Encode(Box::new(error)))?;
    query!(
        tx,
        "UPDATE feeds SET title = COALESCE($2, title), site_url = COALESCE($3, site_url), etag = $4, \
         last_modified = $5, polled_at = $6, succeeded_at = $6, next_poll_at = $7, failures = 0, \
         failing_since = NULL, last_error = NULL, not_before = NULL, woken_at = NULL, last_item_at = \
         COALESCE($8, last_item_at), usual_gap_seconds = COALESCE($9, usual_gap_seconds), \
         longest_gap_seconds = COALESCE($10, longest_gap_seconds), entries = COALESCE($11, entries), \
         notes = COALESCE($12, notes) WHERE id = $1",
        id,
        reading.title,
        reading.site_url,
        reading.etag,
        reading.last_modified,
        DbTime(now),
        DbTime(next),
        reading.habit.map(|habit| DbTime(habit.last_item_at)),
        gaps.map(|gaps| gaps.usual.as_secs()),
        gaps.map(|gaps| gaps.longest.as_secs()),
        entries,
        notes
    )
    .execute()
    .await
}

/// Records a failed poll and the time of the next one. `not_before` is the earliest time the server allows.
pub async fn set_failed(
    tx: &mut Tx,
    id: FeedId,
    error: &str,
    not_before: Option<Timestamp>,
    now: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE feeds SET polled_at = $3, next_poll_at = $4, failures = failures + 1, last_error = $2, \
         failing_since = COALESCE(failing_since, $3), not_before = $5, woken_at = NULL WHERE id = $1",
        id,
        error,
        DbTime(now),
        DbTime(next),
        not_before.map(DbTime)
    )
    .execute()
    .await
}

/// Postpones a poll because the feed's host is busy. Doesn't count as an attempt.
pub async fn postpone(tx: &mut Tx, id: FeedId, until: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE feeds SET next_poll_at = $2, woken_at = NULL WHERE id = $1", id, DbTime(until))
        .execute()
        .await
}

/// Feeds polled within this time are not brought forward.
const READ_LATELY: SignedDuration = SignedDuration::from_mins(10);

/// Brings forward the polls of all active feeds, so that the next plan misses nothing. Their hosts' order
/// still applies. Leaves out feeds polled a moment ago, and feeds whose servers asked to wait. Returns their
/// number.
pub async fn poll_soon(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE feeds SET next_poll_at = $1 WHERE status = 'active' AND next_poll_at > $1 \
         AND (polled_at IS NULL OR polled_at < $2) AND (not_before IS NULL OR not_before <= $1)",
        DbTime(now),
        DbTime(now - READ_LATELY)
    )
    .rows_affected()
    .await
}

/// Returns the articles that were in a feed at the last poll.
pub async fn entries(tx: &mut Tx, id: FeedId) -> Result<Vec<ArticleId>, DbError> {
    let entries: Option<String> =
        query_scalar!(tx, "SELECT entries FROM feeds WHERE id = $1", id).fetch_optional().await?;
    Ok(entries
        .iter()
        .flat_map(|ids| ids.split(','))
        .filter_map(|id| id.parse().ok().map(ArticleId))
        .collect())
}

/// Returns when a feed's latest items were published or, if undated, seen. Enough of them to tell how the
/// feed usually publishes.
pub async fn item_moments(tx: &mut Tx, id: FeedId) -> Result<Vec<Timestamp>, DbError> {
    let moments: Vec<DbTime> = query_scalar!(
        tx,
        "SELECT CASE WHEN a.published_at < s.seen_at THEN a.published_at ELSE s.seen_at END \
         FROM article_sources s JOIN articles a ON a.id = s.article_id WHERE s.feed_id = $1 \
         ORDER BY s.seen_at DESC LIMIT $2",
        id,
        i64::try_from(2 * HABIT_EVENTS).unwrap_or(i64::MAX)
    )
    .fetch_all()
    .await?;
    Ok(moments.into_iter().map(Timestamp::from).collect())
}

/// Saves a feed's lasting problem, or its end. The time that operators were told stays while the kind of
/// problem does.
pub async fn set_trouble(
    tx: &mut Tx,
    id: FeedId,
    trouble: Option<(TroubleKind, &str, Timestamp)>,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE feeds SET trouble_reported_at = CASE WHEN trouble_kind = $2 THEN trouble_reported_at END, \
         trouble_kind = $2, trouble = $3, trouble_since = $4 WHERE id = $1",
        id,
        trouble.map(|(kind, _, _)| kind),
        trouble.map(|(_, text, _)| text),
        trouble.map(|(_, _, since)| DbTime(since))
    )
    .execute()
    .await
}

/// Returns the largest number of a feed's articles on one day (UTC) since `since`.
pub async fn busiest_day(tx: &mut Tx, id: FeedId, since: Timestamp, now: Timestamp) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT COALESCE(max(articles), 0) FROM (SELECT count(*) AS articles FROM articles WHERE feed_id = $1 \
         AND fresh_at > $2 AND fresh_at <= $3 GROUP BY {sqlite fresh_at / 86400000000}\
         {postgres date_trunc('day', fresh_at, 'UTC')}) AS days",
        id,
        DbTime(since),
        DbTime(now)
    )
    .fetch_one()
    .await
}

/// Returns the number of a feed's articles first seen at `since` or later.
pub async fn count_seen_since(tx: &mut Tx, id: FeedId, since: Timestamp) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT count(*) FROM articles WHERE feed_id = $1 AND first_seen_at >= $2",
        id,
        DbTime(since)
    )
    .fetch_one()
    .await
}

/// Holds a feed's articles seen from then on.
pub async fn hold(tx: &mut Tx, id: FeedId, since: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE feeds SET held_since = $2 WHERE id = $1", id, DbTime(since)).execute().await
}

/// Ends the hold of a feed. The held articles count as first seen now, because no issue could have them
/// before. Returns their number.
pub async fn end_hold(tx: &mut Tx, id: FeedId, since: Timestamp, now: Timestamp) -> Result<u64, DbError> {
    query!(tx, "UPDATE feeds SET held_since = NULL WHERE id = $1", id).execute().await?;
    query!(
        tx,
        "UPDATE articles SET first_seen_at = $3 WHERE feed_id = $1 AND first_seen_at >= $2",
        id,
        DbTime(since),
        DbTime(now)
    )
    .rows_affected()
    .await
}

/// Records that operators were told of a feed's problem.
pub async fn set_trouble_reported(tx: &mut Tx, id: FeedId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE feeds SET trouble_reported_at = $2 WHERE id = $1", id, DbTime(now)).execute().await
}

/// The parameters of [`wake_due`].
#[derive(Debug, Clone, Copy)]
pub struct Waking {
    pub now: Timestamp,
    /// A poll woken before this time that is still due was lost.
    pub woken_before: Timestamp,
    /// The shortest time between two polls of one host.
    pub host_pause: SignedDuration,
    /// The most polls at once.
    pub at_once: i64,
}

/// Marks due feeds as woken and returns them. Takes one feed per host, none of a host that is being polled or
/// was polled a moment ago, and at most `at_once` together with those under way.
pub async fn wake_due(tx: &mut Tx, waking: Waking) -> Result<Vec<FeedId>, DbError> {
    let Waking { now, woken_before, host_pause, at_once } = waking;
    let in_hand: i64 = query_scalar!(
        tx,
        "SELECT count(*) FROM feeds WHERE status = 'active' AND next_poll_at <= $1 AND woken_at >= $2",
        DbTime(now),
        DbTime(woken_before)
    )
    .fetch_one()
    .await?;
    if in_hand >= at_once {
        return Ok(Vec::new());
    }
    query_scalar!(
        tx,
        "UPDATE feeds SET woken_at = $1 WHERE id IN (SELECT t.id FROM (\
         SELECT id, next_poll_at, row_number() OVER (PARTITION BY host ORDER BY next_poll_at, id) AS turn \
         FROM feeds f WHERE status = 'active' AND next_poll_at <= $1 AND (woken_at IS NULL OR woken_at < $2) \
         AND NOT EXISTS (SELECT 1 FROM feeds o WHERE o.host = f.host AND (o.polled_at > $3 \
         OR (o.status = 'active' AND o.next_poll_at <= $1 AND o.woken_at >= $2)))) t \
         WHERE t.turn = 1 ORDER BY t.next_poll_at LIMIT $4) AND (woken_at IS NULL OR woken_at < $2) \
         RETURNING id",
        DbTime(now),
        DbTime(woken_before),
        DbTime(now - host_pause),
        at_once - in_hand
    )
    .fetch_all()
    .await
}

/// Lets the scheduler wake all feeds and articles again, because the workers that had them are dead.
pub async fn reset_woken(tx: &mut Tx) -> Result<(), DbError> {
    query!(tx, "UPDATE feeds SET woken_at = NULL WHERE woken_at IS NOT NULL").rows_affected().await?;
    query!(
        tx,
        "UPDATE articles SET check_woken_at = NULL WHERE check_after IS NOT NULL \
         AND check_woken_at IS NOT NULL"
    )
    .execute()
    .await
}
