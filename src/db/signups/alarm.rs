//! Tables `signup_watch`, the attack detection for signups, and `signup_alarms`, the periods of attacks. The
//! rule is in [`crate::domain::signup::alarm`].

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
        rate_limits,
    },
    domain::{
        rate_limit::Limit,
        signup::{
            alarm::{
                Alarm, Attack, ConfirmationRate, RECENT, SAMPLE, SignupStats, SuspectPeriod, UNSOLVED,
                USUAL_WITHIN, WAITING_WITHIN, unsolved_limit,
            },
            limits::OVERALL,
        },
    },
};
use jiff::Timestamp;

/// The used part of a limit that counts as all of it, in percent.
const NEARLY_FULL_PERCENT: i64 = 90;

/// The state of the attack detection.
#[derive(Debug, Clone, Default)]
pub struct WatchRecord {
    /// The current attack, or the last one.
    pub attack: Option<Attack>,
    pub ended_at: Option<DbTime>,
    /// Unconfirmed signups at the last check, or the most during the attack.
    pub waiting: i64,
    pub told_at: Option<DbTime>,
}

impl WatchRecord {
    /// Returns the current attack.
    pub fn is_on(&self) -> Option<Attack> {
        self.attack.filter(|_| self.ended_at.is_none())
    }
}

type Row = (Option<Alarm>, Option<DbTime>, Option<DbTime>, Option<DbTime>, i64, Option<DbTime>);

/// Returns the state. It is empty before the first check.
pub async fn get(tx: &mut Tx) -> Result<WatchRecord, DbError> {
    let row: Option<Row> = query_as!(
        tx,
        "SELECT alarm, since, seen_at, ended_at, waiting, told_at FROM signup_watch WHERE id = 1"
    )
    .fetch_optional()
    .await?;
    let Some((alarm, since, seen_at, ended_at, waiting, told_at)) = row else {
        return Ok(WatchRecord::default());
    };
    let attack = alarm.zip(since.zip(seen_at)).map(|(alarm, (since, seen_at))| Attack {
        alarm,
        since: since.0,
        seen_at: seen_at.0,
    });
    Ok(WatchRecord { attack, ended_at, waiting, told_at })
}

/// Claims the next check for this process. Returns `false` if the last check was later than `before`.
pub async fn begin_look(tx: &mut Tx, now: Timestamp, before: Timestamp) -> Result<bool, DbError> {
    query!(
        tx,
        "INSERT INTO signup_watch (id, looked_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE \
         SET looked_at = $1 WHERE signup_watch.looked_at <= $2",
        DbTime(now),
        DbTime(before)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Saves the state.
pub async fn set(tx: &mut Tx, record: &WatchRecord) -> Result<(), DbError> {
    let attack = record.attack;
    query!(
        tx,
        "UPDATE signup_watch SET alarm = $1, since = $2, seen_at = $3, ended_at = $4, waiting = $5, told_at \
         = $6 WHERE id = 1",
        attack.map(|it| it.alarm),
        attack.map(|it| DbTime(it.since)),
        attack.map(|it| DbTime(it.seen_at)),
        record.ended_at,
        record.waiting,
        record.told_at
    )
    .execute()
    .await
}

/// Records that an attack began: signups since `reaches_to` get no reminder until it is over. Removes attacks
/// that ended long ago.
pub async fn begin_alarm(
    tx: &mut Tx,
    reaches_to: Timestamp,
    forget_before: Timestamp,
) -> Result<(), DbError> {
    query!(tx, "DELETE FROM signup_alarms WHERE ended_at < $1", DbTime(forget_before)).execute().await?;
    query!(tx, "INSERT INTO signup_alarms (reaches_to) VALUES ($1)", DbTime(reaches_to)).execute().await
}

/// Records that the attack is over.
pub async fn end_alarms(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE signup_alarms SET ended_at = $1 WHERE ended_at IS NULL", DbTime(now)).execute().await
}

/// Returns the periods of attacks that ended after a time or go on.
pub async fn doubtful(tx: &mut Tx, after: Timestamp) -> Result<Vec<SuspectPeriod>, DbError> {
    let rows: Vec<(DbTime, Option<DbTime>)> = query_as!(
        tx,
        "SELECT reaches_to, ended_at FROM signup_alarms WHERE ended_at IS NULL OR ended_at >= $1",
        DbTime(after)
    )
    .fetch_all()
    .await?;
    let times = rows.into_iter();
    Ok(times.map(|(since, until)| SuspectPeriod { since: since.0, until: until.map(|it| it.0) }).collect())
}

/// Measures how signups go. Each count is bounded, so that a flood doesn't make it slow.
pub async fn pulse(
    tx: &mut Tx,
    overall: Option<Limit>,
    most_waiting: Option<u32>,
    now: Timestamp,
) -> Result<SignupStats, DbError> {
    let most = most_waiting.map_or(SAMPLE, |most| i64::from(most).max(SAMPLE));
    let recent = (now - RECENT.0, now - RECENT.1);
    let tats = rate_limits::peek(tx, &[OVERALL, UNSOLVED]).await?;
    let is_nearly_full = |(key, limit): (&str, Option<Limit>)| {
        let used =
            limit.zip(tats.get(key)).map(|(limit, tat)| limit.used_percent(*tat, now.as_microsecond()));
        used.is_some_and(|percent| percent >= NEARLY_FULL_PERCENT)
    };
    Ok(SignupStats {
        limit_reached: [(OVERALL, overall), (UNSOLVED, unsolved_limit(most_waiting, overall))]
            .into_iter()
            .any(is_nearly_full),
        waiting: waiting(tx, now - WAITING_WITHIN, most).await?,
        recent: share(tx, recent.0, recent.1).await?,
        usual: share(tx, now - USUAL_WITHIN, recent.0).await?,
    })
}

/// Counts subscriptions with an unused confirmation since a time, up to `most`. Reminders don't count.
async fn waiting(tx: &mut Tx, since: Timestamp, most: i64) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT count(DISTINCT subscription_id) FROM (SELECT subscription_id FROM confirmations \
         WHERE created_at >= $1 AND used_at IS NULL AND NOT is_reminder ORDER BY created_at DESC \
         LIMIT $2) AS latest",
        DbTime(since),
        most
    )
    .fetch_one()
    .await
}

/// Counts how many of the latest confirmations in a period were requested, and used.
async fn share(tx: &mut Tx, from: Timestamp, until: Timestamp) -> Result<ConfirmationRate, DbError> {
    let (asked, confirmed) = query_as!(
        tx,
        "SELECT count(*), count(used_at) FROM (SELECT used_at FROM confirmations WHERE created_at >= $1 \
         AND created_at < $2 AND NOT is_reminder ORDER BY created_at DESC LIMIT $3) AS latest",
        DbTime(from),
        DbTime(until),
        SAMPLE
    )
    .fetch_one()
    .await?;
    Ok(ConfirmationRate { signups: asked, confirmed })
}
