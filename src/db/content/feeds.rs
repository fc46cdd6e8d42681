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

/// A feed and how reading it goes.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct FeedRecord {
    pub id: FeedId,
    /// Where it is: `https://…` or `file:///…`.
    pub url: String,
    /// What it calls itself.
    pub title: String,
    /// The site it belongs to.
    pub site_url: Option<String>,
    /// `active` or `retired`.
    pub status: String,
    /// The validator of the last answer (RFC 9110 section 8.8.3).
    pub etag: Option<String>,
    /// The date validator of the last answer (RFC 9110 section 8.8.2).
    pub last_modified: Option<String>,
    /// When it is read next.
    pub next_poll_at: DbTime,
    /// When its site, asked by us too often or busy, wants to be asked again.
    pub not_before: Option<DbTime>,
    /// When it was last tried.
    pub polled_at: Option<DbTime>,
    /// When it was last read well.
    pub succeeded_at: Option<DbTime>,
    /// Failures since then.
    pub failures: i64,
    /// When the first of them was.
    pub failing_since: Option<DbTime>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was added.
    pub created_at: DbTime,
    /// When its latest item came.
    pub last_item_at: Option<DbTime>,
    /// The usual (median) time between two of its latest items, in seconds; `None`: too few to tell.
    pub usual_gap_seconds: Option<i64>,
    /// The longest time between two of its latest items, in seconds.
    pub longest_gap_seconds: Option<i64>,
    /// Where it was before it moved for good.
    pub moved_from: Option<String>,
    /// What kind of trouble it is in, if so for long.
    pub trouble_kind: Option<TroubleKind>,
    /// The trouble, told for operators.
    pub trouble: Option<String>,
    pub trouble_since: Option<DbTime>,
    /// When operators were told.
    pub trouble_reported_at: Option<DbTime>,
    /// What the last reading found odd.
    #[sqlx(try_from = "Notes")]
    pub notes: FeedNotes,
}

/// [`FeedNotes`] as a column that may be empty.
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
    /// How it has been publishing, as far as known.
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
             trouble_reported_at, notes FROM feeds ",
            $rest
        )
    };
}

/// All feeds, oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("ORDER BY id")).fetch_all().await
}

/// The feed with this row.
pub async fn get(tx: &mut Tx, id: FeedId) -> Result<Option<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("WHERE id = $1"), id).fetch_optional().await
}

/// The feed at this address.
pub async fn get_by_url(tx: &mut Tx, url: &str) -> Result<Option<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("WHERE url = $1"), url).fetch_optional().await
}

/// Feeds that are in trouble, oldest trouble first.
pub async fn in_trouble(tx: &mut Tx, limit: i64) -> Result<Vec<FeedRecord>, DbError> {
    query_as!(tx, select_feed!("WHERE trouble IS NOT NULL ORDER BY trouble_since, id LIMIT $1"), limit)
        .fetch_all()
        .await
}

/// Adds a feed, due at once; one that was removed before is active again.
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

/// Stops reading a feed; its articles stay.
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

/// Has a feed read at another address from now on. `false`: there is another feed with that address already.
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

/// What a successful reading leaves behind.
#[derive(Debug, Clone, Default)]
pub struct Reading<'a> {
    /// The feed's title; `None` where nothing was new.
    pub title: Option<&'a str>,
    /// The site it belongs to.
    pub site_url: Option<&'a str>,
    /// Validators for the next request.
    pub etag: Option<&'a str>,
    pub last_modified: Option<&'a str>,
    /// Its habit; `None`: as it was.
    pub habit: Option<Habit>,
    /// The articles in it; `None`: as they were.
    pub entries: Option<&'a [ArticleId]>,
    /// What is odd about it; `None`: the same as before.
    pub notes: Option<FeedNotes>,
}

/// Records that a feed was read, and when it is read next.
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

/// Records that a feed could not be read, and when it is tried next. `not_before`: when its site wants to be asked again.
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

/// Reads a feed later, because its host is busy. Counts as no attempt.
pub async fn postpone(tx: &mut Tx, id: FeedId, until: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE feeds SET next_poll_at = $2, woken_at = NULL WHERE id = $1", id, DbTime(until))
        .execute()
        .await
}

/// Feeds read within this time are not brought forward.
const READ_LATELY: SignedDuration = SignedDuration::from_mins(10);

/// Brings all active feeds forward that are not due yet, so that an issue which is about to be planned misses nothing: they are
/// read as soon as their hosts' turns come. Those read a moment ago, and those whose sites asked to be left alone, stay where
/// they are. Returns how many were brought forward.
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

/// The articles that were in a feed when it was last read.
pub async fn entries(tx: &mut Tx, id: FeedId) -> Result<Vec<ArticleId>, DbError> {
    let entries: Option<String> =
        query_scalar!(tx, "SELECT entries FROM feeds WHERE id = $1", id).fetch_optional().await?;
    Ok(entries
        .iter()
        .flat_map(|ids| ids.split(','))
        .filter_map(|id| id.parse().ok().map(ArticleId))
        .collect())
}

/// When the latest items of a feed came: published, or, without a date, seen. Enough of them to tell a habit by.
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

/// Keeps what trouble a feed is in; `None`: in none. When operators were told stays as long as the kind of trouble does.
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

/// Records that operators were told of a feed's trouble.
pub async fn set_trouble_reported(tx: &mut Tx, id: FeedId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE feeds SET trouble_reported_at = $2 WHERE id = $1", id, DbTime(now)).execute().await
}

/// When to wake feeds.
#[derive(Debug, Clone, Copy)]
pub struct Waking {
    pub now: Timestamp,
    /// What was woken before this and is still due was lost.
    pub woken_before: Timestamp,
    /// The pause between two readings at one host.
    pub host_pause: SignedDuration,
    /// Most feeds in hand at once.
    pub at_once: i64,
}

/// Takes feeds that are due, one a host, none of a host that one is being read of or was a moment ago, and no more than are
/// `at_once` in hand; marks them as woken.
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

/// Forgets which feeds and articles were woken: those who had them in hand are dead.
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
