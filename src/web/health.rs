//! For whoever watches the machine.

use super::Site;
use crate::db::processes;
use axum::{extract::State, http::StatusCode};

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The service can do its work: the database answers and a worker is alive somewhere.
pub async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    let now = site.actions.clock.now();
    let workers = async {
        let mut tx = site.actions.db.read().await?;
        processes::count_workers(&mut tx, now).await
    };
    match workers.await {
        Ok(0) => (StatusCode::SERVICE_UNAVAILABLE, "no worker is alive: start `daily serve --role worker`\n"),
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
