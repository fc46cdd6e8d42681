//! Inserts readers by the million, with few statements.

use crate::{installation::Installation, support::store::Store};
use jiff::SignedDuration;

/// Send times that a tenth of the readers chose.
const TIMES: [&str; 8] = ["05:30", "06:00", "06:15", "06:30", "08:00", "09:00", "12:30", "18:00"];
/// Sections that a fifth of the readers chose.
const SECTIONS: [&str; 6] =
    ["city", "culture", "economy,politics", "science", "sport", "city,culture,science"];

/// Inserts readers until there are `count`, spread over all time zones. One in twenty gets a weekly issue,
/// and three in twenty get issues on weekdays.
pub async fn add_until(installation: &Installation, count: u64) {
    let store = &installation.store;
    let first = store.number("SELECT max(id) FROM subscribers").await;
    let now = installation.time(installation.clock.now() - SignedDuration::from_hours(24 * 30));
    let zones = add_zones(store).await;
    store
        .execute(&format!(
            "WITH RECURSIVE series (n) AS (SELECT {first} + 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) \
             INSERT INTO subscribers (address, address_key, created_at) \
             SELECT 'reader' || n || '@d' || (n % 50) || '.example', 'reader' || n || '@d' || (n % 50) || '.example', {now} \
             FROM series"
        ))
        .await;
    let case = |values: &[&str]| -> String {
        let cases = values.iter().enumerate().map(|(index, value)| format!(" WHEN {index} THEN '{value}'"));
        cases.collect::<Vec<_>>().concat()
    };
    store
        .execute(&format!(
            "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at, confirmed_at, time_zone, send_time, \
             cadence, sections) \
             SELECT r.id, 1, 'active', {now}, {now}, z.name, \
             CASE WHEN r.id % 10 = 3 THEN CASE (r.id / 10) % 8{} END END, \
             CASE WHEN r.id % 20 = 7 THEN 'weekly' WHEN r.id % 20 IN (1, 8, 12) THEN 'weekdays' ELSE 'every_issue' END, \
             CASE WHEN r.id % 5 = 4 THEN CASE (r.id / 5) % 6{} END ELSE '' END \
             FROM subscribers r JOIN bench_zones z ON z.number = r.id % {zones} WHERE r.id > {first} ORDER BY r.id",
            case(&TIMES),
            case(&SECTIONS)
        ))
        .await;
    if let Store::Postgres(_) = store {
        store.execute("ANALYZE subscribers, subscriptions").await;
    }
}

/// Inserts every time zone into a table of the benchmark. Returns their number.
async fn add_zones(store: &Store) -> usize {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    store
        .execute("CREATE TABLE IF NOT EXISTS bench_zones (number BIGINT PRIMARY KEY, name TEXT NOT NULL)")
        .await;
    let rows: Vec<String> =
        names.iter().enumerate().map(|(index, name)| format!("({index}, '{name}')")).collect();
    store
        .execute(&format!(
            "INSERT INTO bench_zones (number, name) VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        ))
        .await;
    names.len()
}

/// Suppresses readers, evenly spread over all.
pub async fn suppress(installation: &Installation, count: u64) {
    let now = installation.time(installation.clock.now());
    installation
        .store
        .execute(&format!(
            "INSERT INTO suppressions (address_key, reason, created_at) SELECT address_key, 'complaint', {now} FROM subscribers \
             WHERE id % ((SELECT max(id) FROM subscribers) / {count} + 1) = 0"
        ))
        .await;
}

/// Subscribes every tenth reader to another newsletter.
pub async fn subscribe_a_tenth(installation: &Installation, newsletter: i64) {
    let now = installation.time(installation.clock.now());
    installation
        .store
        .execute(&format!(
            "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at, confirmed_at) \
             SELECT id, {newsletter}, 'active', {now}, {now} FROM subscribers WHERE id % 10 = 0"
        ))
        .await;
}

/// Delivers a past issue to readers. `which` is an SQL expression for the variant, by the reader's number `n`
/// from 0.
pub async fn deliver(installation: &Installation, issue: i64, which: &str, whom: &str) {
    let store = &installation.store;
    let first = store.number(&format!("SELECT min(id) FROM issue_variants WHERE issue_id = {issue}")).await;
    let now = installation.time(installation.clock.now());
    store
        .execute(&format!(
            "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, next_attempt_at, \
             attempts, finished_at) \
             SELECT {issue}, {first} + {which}, t.n, t.id, 'sent', {now}, {now}, 1, {now} FROM \
             (SELECT id, subscriber_id AS n FROM subscriptions WHERE newsletter_id = 1) AS t WHERE {whom} ORDER BY t.id"
        ))
        .await;
    if let Store::Postgres(_) = store {
        store.execute("ANALYZE deliveries").await;
    }
}
