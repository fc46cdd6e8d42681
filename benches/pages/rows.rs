//! Fills a database: a million readers, a hundred issues, and ten million deliveries. One issue is being sent.

use crate::{
    archive::past_issue, arguments::Arguments, articles, installation::Installation, readers,
    support::store::Store,
};
use daily::jobs::periodic::sort_readers::sort_readers;
use jiff::{SignedDuration, ToSpan as _, tz::TimeZone};
use tokio_util::sync::CancellationToken;

/// Issues, with the one that is being sent.
pub const ISSUES: i64 = 100;
/// The latest issues, whose deliveries are rows. Those of the others are folded.
const UNFOLDED: i64 = 11;
const VARIANTS: i64 = 4;
/// The relay's answers of copies that were sent, and of those that failed.
const SENT: &str = "'smtp://relay.example:25', 250, '2.0.0', 'queued as 4bXyz12345'";
const FAILED: &str = "'smtp://relay.example:25', 550, '5.1.1', 'no such user here'";
const NONE: &str = "NULL, NULL, NULL, NULL";

pub async fn fill(installation: &Installation, arguments: &Arguments) {
    let store = &installation.store;
    let now = installation.clock.now();
    articles::add_feeds(installation, arguments.feeds).await;
    articles::add(installation, arguments.articles, now, SignedDuration::from_hours(24 * ISSUES)).await;
    store
        .execute("UPDATE newsletters SET clock = 'reader', section_order = 'City,Culture,Economy,Politics,Science,Sport'")
        .await;
    readers::add_until(installation, arguments.readers).await;
    lists(installation).await;
    let today = now.to_zoned(TimeZone::UTC).date();
    for day in (0..ISSUES).rev() {
        // Five hours ago, so that there are stories for the next issue.
        let at = now - SignedDuration::from_hours(24 * day + 5);
        past_issue(installation, 1, today.saturating_sub(day.days()), at, VARIANTS).await;
    }
    let last = store.number("SELECT max(id) FROM issues").await;
    for issue in (last - ISSUES + 1)..=last {
        if issue % 10 == 0 {
            eprintln!("issue {issue} of {last} …");
        }
        match last - issue {
            0 => under_way(installation, issue).await,
            1..UNFOLDED => deliver(installation, issue, "").await,
            _ => folded(installation, issue).await,
        }
    }
    store
        .execute(
            "UPDATE issues SET recipients = (SELECT count(*) FROM deliveries WHERE issue_id = issues.id), \
             sent = (SELECT count(*) FROM deliveries WHERE issue_id = issues.id AND status = 'sent') WHERE folded_at IS NULL",
        )
        .await;
    installation.analyze().await;
    eprintln!("readers are sorted …");
    let sorted =
        sort_readers(&installation.app.jobs.issues, &CancellationToken::new()).await.expect("sorted readers");
    eprintln!("{sorted} readers are sorted");
    installation.analyze().await;
}

/// Gives one reader in eleven another status, and all of them a ledger, and adds what lists beside them show.
async fn lists(installation: &Installation) {
    let store = &installation.store;
    let now = installation.time(installation.clock.now());
    let day = installation.time(installation.clock.now() - SignedDuration::from_hours(24));
    for (status, which) in [
        ("pending', confirmed_at = NULL, ended_at = NULL, paused_until = '", "id % 50 = 1"),
        ("paused', paused_until = '2026-06-01", "id % 100 = 2"),
        ("unsubscribed', paused_until = '", "id % 25 = 3"),
        ("undeliverable', paused_until = '", "id % 50 = 4"),
    ] {
        store.execute(&format!("UPDATE subscriptions SET status = '{status}' WHERE {which}")).await;
    }
    let emails = "'no such user'";
    for statement in [
        "UPDATE subscriptions SET paused_until = NULL WHERE paused_until = ''".to_owned(),
        format!(
            "UPDATE subscriptions SET ended_at = {day} WHERE status IN ('unsubscribed', 'undeliverable')"
        ),
        format!(
            "INSERT INTO suppressions (address_key, reason, created_at) SELECT address_key, {emails}, {day} FROM subscribers \
             WHERE id % 50 = 4"
        ),
        format!(
            "INSERT INTO consent_events (subscription_id, kind, occurred_at, method, address) \
             SELECT s.id, 'confirmed', {day}, 'form', r.address FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id"
        ),
        format!(
            "INSERT INTO emails (kind, newsletter_id, recipient, subscription_id, message_id, status, next_attempt_at, \
             attempts, finished_at, created_at) SELECT 'confirmation', 1, r.address, s.id, 'm' || s.id, 'sent', {day}, 1, {day}, \
             {day} FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id WHERE s.id % 5 = 0"
        ),
        format!(
            "INSERT INTO audit (occurred_at, actor, action, subject_id, after_values) SELECT {day}, '{{\"kind\": \"operator\", \"id\": 1}}', \
             'subscriber.unsubscribe', id, '{{}}' FROM subscriptions WHERE id % 20 = 0"
        ),
        format!(
            "INSERT INTO processes (id, role, started_at, seen_at) VALUES ('all-bench', 'all', {day}, {now})"
        ),
    ] {
        store.execute(&statement).await;
    }
}

/// Inserts a sent issue's deliveries, of all readers or some (` AND …`). One in a hundred failed.
async fn deliver(installation: &Installation, issue: i64, whom: &str) {
    let first = first_variant(installation, issue).await;
    let now = installation.time(installation.clock.now());
    let failed = format!("(t.n + {issue}) % 100 = 7");
    let skipped = format!("(t.n + {issue}) % 500 = 9");
    for (status, answer, which) in [
        ("failed", FAILED, failed.clone()),
        (
            "skipped",
            "NULL, NULL, NULL, 'the reader left before it was sent'",
            format!("{skipped} AND NOT {failed}"),
        ),
        ("sent", SENT, format!("NOT {skipped} AND NOT {failed}")),
    ] {
        insert(
            installation,
            issue,
            &format!("{first} + (t.n / 7) % {VARIANTS}"),
            status,
            &now,
            answer,
            &format!("{which}{whom}"),
        )
        .await;
    }
}

/// Inserts the deliveries of an issue that is being sent: two fifths are answered.
async fn under_way(installation: &Installation, issue: i64) {
    let store = &installation.store;
    let first = first_variant(installation, issue).await;
    let variant = format!("{first} + (t.n / 7) % {VARIANTS}");
    let half = store.number("SELECT max(id) * 2 / 5 FROM subscriptions").await;
    let now = installation.time(installation.clock.now());
    for (status, answer, which) in [
        ("failed", FAILED, format!("t.id <= {half} AND t.n % 100 = 7")),
        (
            "deferred",
            "'smtp://relay.example:25', 451, '4.7.1', 'try again later'",
            format!("t.id <= {half} AND t.n % 50 = 11"),
        ),
        ("sent", SENT, format!("t.id <= {half} AND t.n % 100 <> 7 AND t.n % 50 <> 11")),
        ("claimed", NONE, format!("t.id > {half} AND t.id <= {half} + 1000")),
        ("queued", NONE, format!("t.id > {half} + 1000")),
    ] {
        insert(installation, issue, &variant, status, &now, answer, &which).await;
    }
    let begun = installation.time(installation.clock.now() - SignedDuration::from_mins(10));
    store
        .execute(&format!(
            "INSERT INTO issue_waves (issue_id, clock, due_at, readers) SELECT {issue}, clock, {now}, count(*) \
             FROM subscriptions WHERE status = 'active' GROUP BY clock"
        ))
        .await;
    store
        .execute(&format!(
            "UPDATE issues SET status = 'sending', closed_at = NULL, due_at = {begun}, frozen_at = {begun}, answered = 360000, \
             refused = 3600 WHERE id = {issue}"
        ))
        .await;
}

/// Inserts the receipts and figures of an issue that is folded, and the deliveries that failed.
async fn folded(installation: &Installation, issue: i64) {
    let store = &installation.store;
    let first = first_variant(installation, issue).await;
    let now = installation.time(installation.clock.now());
    let failed = format!("(t.n + {issue}) % 100 = 7");
    insert(installation, issue, &first.to_string(), "failed", &now, FAILED, &failed).await;
    let entries = match store {
        Store::Sqlite(_) => "unhex(replace(hex(zeroblob(4096)), '00', '0101'))",
        Store::Postgres(_) => "decode(repeat('0101', 4096), 'hex')",
    };
    let chunks = store.number("SELECT max(id) / 4096 FROM subscribers").await;
    let readers = store.number("SELECT count(*) FROM subscriptions WHERE status = 'active'").await;
    let sent =
        readers - store.number(&format!("SELECT count(*) FROM deliveries WHERE issue_id = {issue}")).await;
    for statement in [
        format!(
            "WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {chunks}) \
             INSERT INTO receipts (issue_id, chunk, entries) SELECT {issue}, n, {entries} FROM series"
        ),
        format!(
            "INSERT INTO delivery_figures (issue_id, variant_id, due_at, status, relay, reply_code, enhanced_code, reason, count) \
             VALUES ({issue}, {first}, {now}, 'sent', 'smtp://relay.example:25', 250, '2.0.0', '', {sent})"
        ),
        format!(
            "INSERT INTO domain_figures (issue_id, domain, status, count) VALUES ({issue}, '', 'sent', {sent})"
        ),
        format!(
            "UPDATE issues SET folded_at = {now}, recipients = {readers}, sent = {sent} WHERE id = {issue}"
        ),
    ] {
        store.execute(&statement).await;
    }
}

async fn first_variant(installation: &Installation, issue: i64) -> i64 {
    installation.store.number(&format!("SELECT min(id) FROM issue_variants WHERE issue_id = {issue}")).await
}

async fn insert(
    installation: &Installation,
    issue: i64,
    variant: &str,
    status: &str,
    now: &str,
    answer: &str,
    which: &str,
) {
    let ended = if ["sent", "failed", "skipped"].contains(&status) { now } else { "NULL" };
    let attempts = i64::from(!["queued", "claimed"].contains(&status));
    installation
        .store
        .execute(&format!(
            "INSERT INTO deliveries (issue_id, variant_id, subscriber_id, subscription_id, status, due_at, next_attempt_at, \
             attempts, finished_at, relay, reply_code, enhanced_code, reply_text) \
             SELECT {issue}, {variant}, t.n, t.id, '{status}', {now}, {now}, {attempts}, {ended}, {answer} FROM \
             (SELECT id, subscriber_id AS n FROM subscriptions WHERE newsletter_id = 1 AND status = 'active') AS t \
             WHERE {which} ORDER BY t.id"
        ))
        .await;
}
