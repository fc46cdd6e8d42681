//! Asks the public address at intervals whether it leads to Daily. While something else answers there, readers could
//! neither confirm nor unsubscribe, so issues wait.

use crate::{
    db::{DbError, installation},
    domain::issue::readiness::{PublicAnswer, PublicUrl},
    http_client::LazyClient,
    jobs::context::IssueContext,
};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const LIMIT: usize = 64;

/// Asks an address for what only Daily answers.
pub async fn ask(http: &LazyClient, url: &str) -> PublicAnswer {
    answer(http, url).await.unwrap_or_else(|error| PublicAnswer::Nothing(error.without_url().to_string()))
}

async fn answer(http: &LazyClient, url: &str) -> Result<PublicAnswer, reqwest::Error> {
    let mut answer = http.get()?.get(format!("{url}/healthz")).timeout(PATIENCE).send().await?;
    if answer.status().is_server_error() {
        return Ok(PublicAnswer::Nothing(format!("it answers {}", answer.status())));
    }
    let is_good = answer.status().is_success();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend(chunk);
        if body.len() > LIMIT {
            break;
        }
    }
    Ok(if is_good && body == b"ok\n" { PublicAnswer::Daily } else { PublicAnswer::SomethingElse })
}

/// Asks, if emails go to readers, and records the answer.
pub async fn watch_public_url(context: &IssueContext) -> Result<(), DbError> {
    let (setup, url) = (context.settings.setup(), &context.settings.http.public_url);
    if !setup.has_real_relay || setup.public_url != PublicUrl::Good {
        return Ok(());
    }
    let leads_elsewhere = match ask(&context.http, url).await {
        PublicAnswer::Daily => false,
        PublicAnswer::SomethingElse => true,
        PublicAnswer::Nothing(_) => return Ok(()),
    };
    let mut tx = context.db.begin().await?;
    let is_new = installation::set_links_lead_elsewhere(&mut tx, leads_elsewhere).await?;
    tx.commit().await?;
    if is_new && leads_elsewhere {
        tracing::error!(
            public_url = url,
            "something else than Daily answers there; issues wait; see `daily check`"
        );
    } else if is_new {
        tracing::info!(public_url = url, "leads to Daily again");
    }
    Ok(())
}
