//! Inserts articles by the hundred thousand, as if read from feeds.

use crate::{installation::Installation, support::store::Store};
use jiff::{SignedDuration, Timestamp};

/// Sections of articles. One article in eight has none.
pub const SECTIONS: [&str; 7] = ["City", "Culture", "Economy", "Opinion", "Politics", "Science", "Sport"];

pub async fn add_feeds(installation: &Installation, count: u64) {
    let now = installation.time(installation.clock.now());
    installation
        .store
        .execute(&format!(
            "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) \
             INSERT INTO feeds (url, title, status, next_poll_at, created_at) \
             SELECT 'https://site' || n || '.example/feed', 'Site ' || n, 'active', {now}, {now} FROM series"
        ))
        .await;
}

/// Inserts articles with dates spread evenly over the span before `until`, oldest first. A fifth is in two
/// feeds, a twentieth in three.
pub async fn add(installation: &Installation, count: u64, until: Timestamp, span: SignedDuration) {
    let store = &installation.store;
    let last = store.number("SELECT max(id) FROM articles").await;
    let feeds = store.number("SELECT count(*) FROM feeds").await;
    let step = span.as_secs_f64() / f64_of(count);
    let fresh_at = installation.before(until, &format!("({count} - n) * {step}"));
    let seen_at = fresh_at.clone();
    let pages = &installation.pages;
    let text =
        "For years nobody would pay for it; now a handful of neighbours have found the money. ".repeat(18);
    let sections: Vec<String> =
        SECTIONS.iter().enumerate().map(|(index, name)| format!("WHEN {index} THEN '{name}'")).collect();
    let sections = sections.join(" ");
    store
        .execute(&format!(
            "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) \
             INSERT INTO articles (url, url_key, title, title_key, dek, author, section, site_name, text, published_at, \
             fresh_at, first_seen_at, feed_id) \
             SELECT '{pages}/story-' || ({last} + n), '{pages}/story-' || ({last} + n), \
             'The old lighthouse on pier ' || ({last} + n) || ' is to shine again', 'lighthouse on pier ' || ({last} + n), \
             'A visit on the first evening on which the light went round, and what the captains say to that.', \
             'Ada Quill', CASE (n * 7 + n / 11) % 8 {sections} END, 'Site ' || (1 + (n * 31) % {feeds}), '{text}', \
             {fresh_at}, {fresh_at}, {seen_at}, 1 + (n * 31) % {feeds} FROM series"
        ))
        .await;
    for (offset, every) in [(0, 1), (1, 5), (2, 20)] {
        let conflict = "ON CONFLICT DO NOTHING";
        store
            .execute(&format!(
                "INSERT INTO article_sources (article_id, feed_id, seen_at) \
                 SELECT id, 1 + (feed_id - 1 + {offset}) % {feeds}, first_seen_at FROM articles \
                 WHERE id > {last} AND id % {every} = 0 {conflict}"
            ))
            .await;
    }
    if let Store::Postgres(_) = store {
        store.execute("ANALYZE articles, article_sources").await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn f64_of(count: u64) -> f64 {
    count as f64
}
