//! Readers by the clock they are due on. `subscriptions.clock` is `ZONE|HH:MM`. An empty part means the
//! newsletter's.

use crate::{
    db::{
        DbError, Tx,
        engine::query::{query_as, query_scalar},
        newsletters::NewsletterRecord,
    },
    domain::{ids::NewsletterId, newsletter::SendClock, subscriber::cadence::Cadence},
};

/// Returns the clocks that a newsletter's readers are due on. Empty if all are due on the newsletter's own
/// clock.
pub async fn clocks_for(tx: &mut Tx, newsletter: &NewsletterRecord) -> Result<Vec<String>, DbError> {
    match newsletter.newsletter.clock {
        SendClock::Newsletter => Ok(Vec::new()),
        SendClock::Reader => clocks(tx, newsletter.id).await,
    }
}

/// Returns the distinct clocks of a newsletter's readers. Takes one step in the index per clock, however many
/// readers there are.
pub async fn clocks(tx: &mut Tx, newsletter: NewsletterId) -> Result<Vec<String>, DbError> {
    query_scalar!(
        tx,
        "WITH RECURSIVE steps (clock) AS (SELECT (SELECT s.clock FROM subscriptions s \
         WHERE s.newsletter_id = $1 AND s.status = 'active' ORDER BY s.clock LIMIT 1) UNION ALL \
         SELECT (SELECT s.clock FROM subscriptions s WHERE s.newsletter_id = $1 AND s.status = 'active' \
         AND s.clock > steps.clock ORDER BY s.clock LIMIT 1) FROM steps WHERE steps.clock IS NOT NULL) \
         SELECT clock FROM steps WHERE clock IS NOT NULL",
        newsletter
    )
    .fetch_all()
    .await
}

/// Counts the readers with these cadences on each clock, without suppressed ones, in the order of the clocks'
/// names. Leaves out clocks without readers. Counts in the index and subtracts the suppressed readers, who
/// are few.
pub async fn clock_counts(
    tx: &mut Tx,
    newsletter: NewsletterId,
    cadences: &[Cadence],
) -> Result<Vec<(String, i64)>, DbError> {
    // The first part of `audience` is the cadence. An empty pattern matches nothing.
    let pattern = |place: usize| cadences.get(place).map_or(String::new(), |cadence| format!("{cadence}|%"));
    query_as!(
        tx,
        "SELECT clock, CAST(sum(readers) AS BIGINT) FROM (SELECT clock, audience, count(*) AS readers \
         FROM subscriptions WHERE newsletter_id = $1 AND status = 'active' GROUP BY clock, audience \
         UNION ALL SELECT s.clock, s.audience, -count(*) FROM suppressions x CROSS JOIN subscribers r CROSS \
         JOIN subscriptions s WHERE r.address_key = x.address_key AND s.subscriber_id = r.id \
         AND s.newsletter_id = $1 AND s.status = 'active' GROUP BY s.clock, s.audience) AS groups \
         WHERE audience LIKE $2 OR audience LIKE $3 OR audience LIKE $4 \
         GROUP BY clock HAVING sum(readers) > 0 ORDER BY clock",
        newsletter,
        pattern(0),
        pattern(1),
        pattern(2)
    )
    .fetch_all()
    .await
}
