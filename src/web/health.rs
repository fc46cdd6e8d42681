//! Health checks for monitoring.

use crate::{
    db::{DbError, engine::processes, installation},
    web::{Site, client_address::is_on_this_machine},
};
use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
};
use ipnet::IpNet;
use std::{io, net::SocketAddr, time::Duration};

/// Longest wait for the database. Those who ask usually give up after a few seconds, and should get the reason.
const PATIENCE: Duration = Duration::from_secs(2);
const NO_ANSWER: &str = "the database does not answer";

/// Settings and means of health checks and figures.
pub struct Monitoring {
    /// Networks beyond this machine that may read figures.
    pub allow_networks: Vec<IpNet>,
    /// Free space below which the process is not ready.
    pub min_free_bytes: u64,
    /// Returns the free space where Daily keeps its files.
    pub free_bytes: Box<dyn Fn() -> io::Result<u64> + Send + Sync>,
    /// Returns why this process sends nothing although it should, if it can't find out whether it may.
    pub why_not_sending: Box<dyn Fn() -> Option<String> + Send + Sync>,
}

/// Succeeds as long as the process answers and doesn't need a restart to write to the database.
pub async fn alive(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.health.is_stuck() {
        (StatusCode::SERVICE_UNAVAILABLE, "the database can't be written; restart this process\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

/// Succeeds if the database can be read and written, the disk has space, this process knows whether it may send, and a
/// worker and a scheduler are alive in any process. Only clients on this machine get the reason.
pub async fn ready(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    match why_not_ready(&site).await {
        None => (StatusCode::OK, "ready\n".into()),
        Some(why) if is_on_this_machine(peer, &headers) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
        }
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".into()),
    }
}

async fn why_not_ready(site: &Site) -> Option<String> {
    if let Some(error) = site.health.error() {
        return Some(format!("the database can't be written: {error}"));
    }
    let free = (site.monitoring.free_bytes)();
    match free {
        Ok(free) if free < site.monitoring.min_free_bytes => {
            return Some(format!("the disk is nearly full: {} MB are free; make room", free / 1_000_000));
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "could not find out how much space is free"),
    }
    if let Some(error) = (site.monitoring.why_not_sending)() {
        return Some(format!(
            "this process sends nothing, because it can't find out whether it may: {error}"
        ));
    }
    let now = site.actions.clock.now();
    let alive = async {
        let mut tx = site.actions.db.read().await?;
        let workers = processes::count_workers(&mut tx, now).await?;
        let schedulers = processes::count_schedulers(&mut tx, now).await?;
        let is_disarmed = installation::get(&mut tx).await?.disarmed_at.is_some();
        Ok::<_, DbError>((workers, schedulers, is_disarmed))
    };
    let Ok(alive) = tokio::time::timeout(PATIENCE, alive).await else {
        tracing::error!("not ready: the database didn't answer within {} s", PATIENCE.as_secs());
        return Some(NO_ANSWER.into());
    };
    match alive {
        Ok((_, _, true)) => Some("the database is disarmed, and nothing is sent: see `daily arm`".into()),
        Ok((0, ..)) => Some("no worker is alive: start `daily serve --role worker`".into()),
        Ok((_, 0, _)) => Some("no scheduler is alive: start `daily serve --role scheduler`".into()),
        Ok(_) => None,
        Err(error) => {
            tracing::error!(%error, "not ready: the database returned an error");
            Some(NO_ANSWER.into())
        }
    }
}
