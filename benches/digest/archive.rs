//! Past issues: two months of the daily, and a week of twenty other newsletters.

use crate::{arguments::Arguments, articles, installation::Installation};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use std::fmt::Write as _;

/// Days of past issues of the daily.
pub const DAYS: i64 = 60;
/// Newsletters besides the daily and the weekly.
pub const OTHERS: i64 = 20;
/// Variants of each issue of the daily.
const VARIANTS: i64 = 4;
const STORIES: usize = 12;

/// Creates the newsletters, their articles and their issues. The daily is the first newsletter, and the
/// weekly round-up the second.
pub async fn fill(installation: &Installation, arguments: &Arguments) {
    let now = installation.clock.now();
    let week = SignedDuration::from_hours(8 * 24);
    articles::add(installation, 6_000, now - week, SignedDuration::from_hours(24 * DAYS)).await;
    articles::add(installation, arguments.articles, now, week).await;
    let columns = "title, tagline, sender_name, sender_address, time_zone, send_time, postal_address, language, created_at, \
        scheduled_since";
    let store = &installation.store;
    store
        .execute(&format!(
            "WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {OTHERS}) \
             INSERT INTO newsletters (slug, days, selection, {columns}) \
             SELECT CASE n WHEN 0 THEN 'weekly' ELSE 'other-' || n END, \
             CASE n WHEN 0 THEN 'mon' ELSE 'mon,tue,wed,thu,fri,sat,sun' END, \
             CASE n WHEN 0 THEN 'round_up' ELSE 'news' END, {columns} FROM series CROSS JOIN newsletters"
        ))
        .await;
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for day in (1..=DAYS).rev() {
        let at = now - SignedDuration::from_hours(24 * (day - 1) + 5);
        past_issue(installation, 1, today.saturating_sub((day - 1).days()), at, VARIANTS).await;
    }
    for newsletter in 3..3 + OTHERS {
        for day in (0..8).rev() {
            let at = now - SignedDuration::from_hours(24 * day + 1);
            past_issue(installation, newsletter, today.saturating_sub((day - 1).days()), at, 2).await;
        }
    }
    installation.analyze().await;
}

/// Inserts a sent issue, whose variants contain the newest stories of that day.
pub async fn past_issue(
    installation: &Installation,
    newsletter: i64,
    date: Date,
    at: Timestamp,
    variants: i64,
) {
    let store = &installation.store;
    let moment = installation.time(at);
    // Other newsletters use every third story, with different offsets.
    let wanted = STORIES * usize::try_from(variants).expect("a few");
    let stories = store
        .texts(&format!(
            "SELECT CAST(id AS TEXT) FROM articles WHERE fresh_at <= {moment} ORDER BY fresh_at DESC LIMIT {wanted} OFFSET {}",
            newsletter * 7
        ))
        .await;
    store
        .execute(&format!(
            "INSERT INTO issues (newsletter_id, issue_date, status, due_at, created_at, planned_at, frozen_at, closed_at, message_key) \
             VALUES ({newsletter}, '{date}', 'sent', {moment}, {moment}, {moment}, {moment}, {moment}, 'past')"
        ))
        .await;
    let issue = store.number("SELECT max(id) FROM issues").await;
    store
        .execute(&format!(
            "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {variants}) \
             INSERT INTO issue_variants (issue_id, number, subject, preheader, html, text, page, summary, created_at) \
             SELECT {issue}, n, 'Past', '', '', '', '{{}}', 'null', {moment} FROM series"
        ))
        .await;
    let first = store.number("SELECT max(id) FROM issue_variants").await - variants + 1;
    let mut rows = String::new();
    for (variant, stories) in (first..).zip(stories.chunks(STORIES)) {
        for (position, story) in (1..).zip(stories) {
            let comma = if rows.is_empty() { "" } else { ", " };
            let _ = write!(rows, "{comma}({variant}, {story}, {position})");
        }
    }
    store
        .execute(&format!("INSERT INTO variant_stories (variant_id, article_id, position) VALUES {rows}"))
        .await;
    store
        .execute(&format!(
            "INSERT INTO issue_groups (issue_id, key, cadence, readers, variant_id) \
             SELECT v.issue_id, c.cadence || '||' || v.id, c.cadence, 10, v.id FROM issue_variants v CROSS JOIN \
             (SELECT 'every_issue' AS cadence UNION SELECT 'weekdays' UNION SELECT 'weekly') AS c WHERE v.issue_id = {issue}"
        ))
        .await;
}
