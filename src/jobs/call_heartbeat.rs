//! Calls the operator's heartbeat URL after an issue was sent, so that a service elsewhere notices its absence.
//!
//! The URL is the operator's own setting, so it may be in a private network. It may hold a secret, so the log has its
//! host only.

use crate::{
    db::issues::{self, heartbeats},
    domain::ids::IssueId,
    http_client::LazyClient,
    jobs::context::IssueContext,
    queue::JobFailure,
};
use reqwest::Response;
use url::Url;

/// Calls the heartbeat URL for an issue, unless that has succeeded before. A failed call is repeated later.
pub async fn run(context: &IssueContext, issue: IssueId) -> Result<(), JobFailure> {
    let Some(url) = context.settings.monitoring.heartbeat_url.clone() else { return Ok(()) };
    let mut tx = context.db.read().await?;
    let tries = heartbeats::tries(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?;
    drop(tx);
    let (Some(tries), Some(record)) = (tries, record) else { return Ok(()) };
    let host = url.host_str().unwrap_or_default().to_owned();
    match call(&context.http, url).await {
        Ok(answer) => {
            let mut tx = context.db.begin().await?;
            heartbeats::set_called(&mut tx, issue).await?;
            tx.commit().await?;
            let status = answer.status().as_u16();
            tracing::info!(%issue, date = %record.issue_date, host, status, "heartbeat URL called");
        }
        Err(error) => {
            let (error, most) = (error.without_url(), heartbeats::MAX_TRIES);
            tracing::warn!(%issue, host, tries, most, %error, "the heartbeat URL could not be called");
        }
    }
    Ok(())
}

async fn call(http: &LazyClient, url: Url) -> reqwest::Result<Response> {
    http.get()?.get(url).send().await?.error_for_status()
}
