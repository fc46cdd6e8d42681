//! Readers by the clock they are due on: `subscriptions.clock`, `ZONE|HH:MM`, either part empty where the newsletter's holds.

use crate::{
    db::{
        DbError, Tx,
        engine::query::{query_as, query_scalar},
        newsletters::NewsletterRecord,
    },
    domain::{ids::NewsletterId, newsletter::SendClock, subscriber::cadence::Cadence},
};

/// The clocks that say when a newsletter's readers are due: none, where all are due on its own.
pub async fn clocks_for(tx: &mut Tx, newsletter: &NewsletterRecord) -> Result<Vec<String>, DbError> {
    match newsletter.newsletter.clock {
        SendClock::Newsletter => Ok(Vec::new()),
        SendClock::Reader => clocks(tx, newsletter.id).await,
    }
}

/// The clocks that a newsletter's readers have, each once. Takes a step in the index for each clock, however many readers there are.
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

/// How many readers of these cadences who may be mailed each clock has, in the order of the clocks' names; clocks without any are
/// left out. Counts in the index, and takes off the suppressed ones beginning with the suppressions, which are few.
pub async fn clock_counts(
    tx: &mut Tx,
    newsletter: NewsletterId,
    cadences: &[Cadence],
) -> Result<Vec<(String, i64)>, DbError> {
    // The first part of `audience` is the cadence; a place without one matches nothing.
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
