//! Work that a worker does at intervals beside its jobs.

use crate::{
    actions::privacy::verify_consent,
    app::App,
    db::reader_counts,
    jobs::periodic::{
        apply_retention::{self, Erased},
        sort_readers,
        verify_counts::verify_counts,
        watch_public_url,
    },
    queue,
};
use std::time::Duration;
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often finished jobs are deleted, and kept counts of readers are added up.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// How often new consent entries are linked into the hash chains. Imports insert entries without links.
const LINK_EVERY: Duration = Duration::from_mins(1);
/// How often readers whose pasts have changed are sorted into cohorts.
const SORT_EVERY: Duration = Duration::from_mins(1);
/// How often retention periods are applied.
const RETENTION_EVERY: Duration = Duration::from_hours(1);
/// How often kept counts of readers are compared with the readers.
const VERIFY_EVERY: Duration = Duration::from_hours(1);
/// How often the public address is asked whether it leads to Daily.
const WATCH_EVERY: Duration = Duration::from_mins(10);

/// Starts all of them. They end when the process is asked to stop.
pub(super) fn spawn_all(app: &App, parts: &mut JoinSet<()>, stop: &CancellationToken) {
    let mut every = |period, chore: fn(App, CancellationToken) -> Chore| {
        let (app, stopped) = (app.clone(), stop.clone());
        parts.spawn(run_every(period, stop.clone(), move || chore(app.clone(), stopped.clone())));
    };
    every(TIDY_EVERY, |app, _| Box::pin(tidy(app)));
    every(LINK_EVERY, |app, stop| Box::pin(link_consent(app, stop)));
    every(SORT_EVERY, |app, stop| Box::pin(sort_readers(app, stop)));
    every(RETENTION_EVERY, |app, _| Box::pin(apply_retention(app)));
    every(VERIFY_EVERY, |app, _| Box::pin(verify(app)));
    every(WATCH_EVERY, |app, _| Box::pin(watch_public_url(app)));
}

type Chore = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn tidy(app: App) {
    if let Err(error) = queue::tidy(&app.db).await {
        tracing::warn!(%error, "could not delete finished jobs");
    }
    let folded = async {
        let mut tx = app.db.begin().await?;
        reader_counts::fold(&mut tx).await?;
        tx.commit().await
    };
    if let Err(error) = folded.await {
        tracing::warn!(%error, "could not add up the counts of readers; retrying");
    }
}

async fn link_consent(app: App, stop: CancellationToken) {
    match verify_consent::link_consent(&app.actions, &stop).await {
        Ok(0) => {}
        Ok(entries) => tracing::info!(entries, "linked imported consent entries"),
        Err(error) => tracing::warn!(%error, "could not link consent entries; retrying"),
    }
}

async fn sort_readers(app: App, stop: CancellationToken) {
    match sort_readers::sort_readers(&app.jobs.issues, &stop).await {
        Ok(0) => {}
        Ok(readers) => tracing::debug!(readers, "sorted readers into cohorts"),
        Err(error) => tracing::warn!(%error, "could not sort readers into cohorts; retrying"),
    }
}

async fn apply_retention(app: App) {
    match apply_retention::apply_retention(&app.jobs.readers).await {
        Ok(erased) if erased == Erased::default() => {}
        Ok(erased) => {
            tracing::info!(
                readers = erased.readers,
                emails = erased.emails,
                deliveries = erased.deliveries,
                pictures = erased.pictures,
                "erased data past its retention period"
            );
        }
        Err(error) => tracing::warn!(%error, "could not apply retention periods; retrying"),
    }
}

async fn verify(app: App) {
    if let Err(error) = verify_counts(&app.jobs.readers).await {
        tracing::warn!(%error, "could not verify the counts of readers; retrying");
    }
}

async fn watch_public_url(app: App) {
    if let Err(error) = watch_public_url::watch_public_url(&app.jobs.issues).await {
        tracing::warn!(%error, "could not record what answers at the public address; retrying");
    }
}

/// Calls a function at intervals until `stop` is cancelled. A call that has begun is finished.
pub(super) async fn run_every<F, T>(period: Duration, stop: CancellationToken, mut run: T)
where
    T: FnMut() -> F,
    F: Future<Output = ()>,
{
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => run().await,
        }
    }
}
