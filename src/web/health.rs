//! Health checks for monitoring.

use crate::{
    db::{DbError, engine::processes},
    web::Site,
};
use axum::{extract::State, http::StatusCode};

/// Succeeds as long as the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Succeeds if the database answers and a worker and a scheduler are alive in any process.
pub async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    let now = site.actions.clock.now();
    let alive = async {
        let mut tx = site.actions.db.read().await?;
        let workers = processes::count_workers(&mut tx, now).await?;
        Ok::<_, DbError>((workers, processes::count_schedulers(&mut tx, now).await?))
    };
    match alive.await {
        Ok((0, _)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "no worker is alive: start `daily serve --role worker`\n")
        }
        Ok((_, 0)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "no scheduler is alive: start `daily serve --role scheduler`\n")
        }
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready: the database returned an error");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
