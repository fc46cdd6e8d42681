//! Collects figures of the database and this machine at intervals, so that asking for them costs nothing.

use crate::{
    app::App,
    db::{
        DbError, deliveries,
        engine::processes,
        figures, issues,
        throttle::{holds, send_rates},
    },
    metrics::{Gauge, Metrics},
    queue::{self, QueueName},
    service::disk,
};
use jiff::{SignedDuration, Timestamp};

/// Statuses of issues that are not over.
const OPEN: [&str; 5] = ["planned", "frozen", "sending", "paused", "held"];
/// A destination that was slowed this long ago has usually recovered.
const SLOWED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Collects all figures. A database that doesn't answer is a figure, too.
pub async fn collect(app: &App) {
    let metrics = &app.metrics;
    metrics.fold();
    if let Ok(free) = disk::free_bytes(&app.settings.data.folder) {
        metrics.set(Gauge::DiskFreeBytes, &[], float(free));
    }
    let mailer = &app.jobs.delivery.mailer;
    for (index, name) in mailer.relay_names().iter().enumerate() {
        let relay = [("relay", name.as_str())];
        metrics.set(Gauge::RelayUp, &relay, f64::from(u8::from(mailer.is_up(index))));
        let connections = u64::try_from(mailer.open_connections(index)).unwrap_or(u64::MAX);
        metrics.set(Gauge::RelayConnections, &relay, float(connections));
    }
    let collected = collect_rows(app, metrics).await;
    metrics.set(Gauge::DatabaseUp, &[], f64::from(u8::from(collected.is_ok())));
    if let Err(error) = collected {
        tracing::warn!(%error, "could not collect figures for monitoring; retrying");
    }
}

async fn collect_rows(app: &App, metrics: &Metrics) -> Result<(), DbError> {
    let now = app.actions.clock.now();
    let jobs = queue::figures(&app.db).await?;
    for name in QueueName::ALL {
        let it = jobs.iter().find(|it| it.queue == name.as_str());
        let queue = [("queue", name.as_str())];
        metrics.set(Gauge::QueueJobs, &queue, number(it.map_or(0, |it| it.jobs)));
        metrics.set(Gauge::QueueOldestSeconds, &queue, number(it.map_or(0, |it| it.oldest_seconds)));
    }
    let mut tx = app.db.read().await?;
    let workers = processes::count_workers(&mut tx, now).await?;
    metrics.set(Gauge::Processes, &[("part", "worker")], number(workers));
    let schedulers = processes::count_schedulers(&mut tx, now).await?;
    metrics.set(Gauge::Processes, &[("part", "scheduler")], number(schedulers));

    let open = figures::open_issues(&mut tx).await?;
    for status in OPEN {
        let count = open.iter().find(|it| it.status == status).map_or(0, |it| it.issues);
        metrics.set(Gauge::Issues, &[("status", status)], number(count));
    }
    let waiting = open.iter().filter(|it| ["planned", "frozen"].contains(&it.status.as_str()));
    let overdue = waiting.map(|it| late(now, it.first_due_at.0)).fold(0.0, f64::max);
    metrics.set(Gauge::IssueOverdueSeconds, &[], overdue);
    let sending = open.iter().find(|it| it.status == "sending").map_or(0, |it| it.recipients);
    metrics.set(Gauge::SendingRecipients, &[], number(sending));
    let mut longest = 0.0_f64;
    for issue in issues::sending(&mut tx).await? {
        let due = deliveries::next_due(&mut tx, issue).await?;
        longest = longest.max(due.map_or(0.0, |due| late(now, due)));
    }
    metrics.set(Gauge::DeliveryOverdueSeconds, &[], longest);

    let feeds = figures::feeds(&mut tx).await?;
    metrics.set(Gauge::Feeds, &[("state", "ok")], number(feeds.active - feeds.failing));
    metrics.set(Gauge::Feeds, &[("state", "failing")], number(feeds.failing));
    metrics.set(Gauge::FeedLagSeconds, &[], feeds.next_poll_at.map_or(0.0, |at| late(now, at.0)));

    let held = holds::current(&mut tx, now).await?.len();
    metrics.set(Gauge::Destinations, &[("state", "held")], number(held));
    let slowed = send_rates::slowed_domains(&mut tx, now - SLOWED_WITHIN).await?.len();
    metrics.set(Gauge::Destinations, &[("state", "slowed")], number(slowed));
    for name in app.jobs.delivery.mailer.relay_names() {
        let slowed = send_rates::slowed(&mut tx, send_rates::Scope::Relay(&name)).await?;
        let rate = slowed.map_or(0.0, |it| it.per_minute.into());
        metrics.set(Gauge::RelayRate, &[("relay", &name)], rate);
    }
    metrics.set(Gauge::CollectedAt, &[], number(now.as_second()));
    Ok(())
}

/// Returns by how many seconds a time has passed.
fn late(now: Timestamp, due: Timestamp) -> f64 {
    now.duration_since(due).max(SignedDuration::ZERO).as_secs_f64()
}

fn number(count: impl TryInto<i64>) -> f64 {
    float(count.try_into().ok().and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

/// Rounds a number that is too large for a float to be exact.
#[expect(clippy::cast_precision_loss, reason = "figures of 2^53 and more need no last digit")]
const fn float(count: u64) -> f64 {
    count as f64
}
