//! Table `reader_counts`: counts of subscriptions for pages, kept by triggers in the transactions that change them.
//!
//! The view `counted_readers` defines the counts. On PostgreSQL transactions add rows, so that none waits for
//! another, and [`fold`] adds them up. Sending never relies on these counts: a freeze counts for itself.

use crate::{
    db::{
        DbError, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as, query_scalar},
        },
    },
    domain::{
        ids::{CohortId, NewsletterId},
        subscriber::{cadence::Cadence, subscription::SubscriptionStatus},
    },
};

/// How readers are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// By the counts that are kept, in milliseconds.
    Kept,
    /// By their rows, which takes about a second for a million readers.
    Exact,
}

/// Returns the number of a newsletter's subscriptions with a status.
pub async fn by_status(
    tx: &mut Tx,
    newsletter: NewsletterId,
    status: SubscriptionStatus,
) -> Result<i64, DbError> {
    query_scalar!(
        tx,
        "SELECT CAST(COALESCE(sum(readers), 0) AS BIGINT) FROM reader_counts WHERE newsletter_id = $1 \
         AND what = 'status' AND key = $2",
        newsletter,
        status
    )
    .fetch_one()
    .await
}

/// Returns the number of a newsletter's active readers with these cadences on each clock, in the order of the clocks'
/// names. Leaves out clocks without readers.
pub async fn by_clock(
    tx: &mut Tx,
    newsletter: NewsletterId,
    cadences: &[Cadence],
) -> Result<Vec<(String, i64)>, DbError> {
    query_as!(
        tx,
        "SELECT clock, CAST(sum(readers) AS BIGINT) FROM (SELECT readers, \
         {sqlite substr(key, 1, instr(key, '|') - 1)}{postgres split_part(key, '|', 1)} AS cadence, \
         {sqlite substr(key, instr(key, '|') + 1)}{postgres substr(key, strpos(key, '|') + 1)} AS clock \
         FROM reader_counts WHERE newsletter_id = $1 AND what = 'clock') AS counts WHERE cadence {in $2} \
         GROUP BY clock HAVING sum(readers) > 0 ORDER BY clock",
        newsletter,
        DbList(cadences)
    )
    .fetch_all()
    .await
}

/// Active readers of a newsletter with the same audience and cohort.
#[derive(Debug, Clone)]
pub struct CohortCount {
    /// `CADENCE|SECTIONS`, as in `subscriptions`.
    pub audience: String,
    /// `None`: not sorted yet.
    pub cohort: Option<CohortId>,
    pub readers: i64,
}

/// Returns the number of a newsletter's active readers by audience and cohort. Leaves out cohorts without readers.
pub async fn by_cohort(tx: &mut Tx, newsletter: NewsletterId) -> Result<Vec<CohortCount>, DbError> {
    let rows: Vec<(String, i64)> = query_as!(
        tx,
        "SELECT key, CAST(sum(readers) AS BIGINT) FROM reader_counts WHERE newsletter_id = $1 AND what = 'cohort' \
         GROUP BY key HAVING sum(readers) > 0",
        newsletter
    )
    .fetch_all()
    .await?;
    let count = |(key, readers): (String, i64)| {
        let (audience, cohort) = key.rsplit_once('|')?;
        let cohort = cohort.parse().ok().filter(|id| *id != 0).map(CohortId);
        Some(CohortCount { audience: audience.to_owned(), cohort, readers })
    };
    Ok(rows.into_iter().filter_map(count).collect())
}

/// Adds up rows with the same key, and removes counts of nobody.
pub async fn fold(tx: &mut Tx) -> Result<(), DbError> {
    query!(
        tx,
        "{sqlite DELETE FROM reader_counts WHERE readers = 0}{postgres WITH gone AS (DELETE FROM reader_counts \
         WHERE (newsletter_id, what, key) IN (SELECT newsletter_id, what, key FROM reader_counts \
         GROUP BY newsletter_id, what, key HAVING count(*) > 1 OR sum(readers) = 0) \
         RETURNING newsletter_id, what, key, readers) INSERT INTO reader_counts (newsletter_id, what, key, readers) \
         SELECT newsletter_id, what, key, sum(readers) FROM gone GROUP BY newsletter_id, what, key \
         HAVING sum(readers) <> 0}"
    )
    .execute()
    .await
}

/// The difference between what is counted and what was kept. One statement sees both at the same moment.
macro_rules! drift {
    () => {
        "SELECT newsletter_id, what, key, CAST(sum(readers) AS BIGINT) AS missing FROM (\
         SELECT newsletter_id, what, key, readers FROM counted_readers UNION ALL \
         SELECT newsletter_id, what, key, -readers FROM reader_counts) AS both_of_them \
         GROUP BY newsletter_id, what, key HAVING sum(readers) <> 0"
    };
}

/// A count that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Drift {
    pub newsletter_id: NewsletterId,
    pub what: String,
    pub key: String,
    /// The number of readers that the kept count lacks. Negative: it has so many too many.
    pub missing: i64,
}

/// Compares the kept counts with the subscriptions, and returns those that are wrong. Reads all subscriptions.
pub async fn drift(tx: &mut Tx) -> Result<Vec<Drift>, DbError> {
    query_as!(tx, drift!()).fetch_all().await
}

/// Corrects counts that are wrong. Reads all subscriptions.
pub async fn repair(tx: &mut Tx) -> Result<(), DbError> {
    query!(
        tx,
        concat!(
            "INSERT INTO reader_counts (newsletter_id, what, key, readers) SELECT newsletter_id, what, key, missing \
             FROM (",
            drift!(),
            ") AS drifted WHERE true {sqlite ON CONFLICT (newsletter_id, what, key) \
             DO UPDATE SET readers = readers + excluded.readers}"
        )
    )
    .execute()
    .await
}
