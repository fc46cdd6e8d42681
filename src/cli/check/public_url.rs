//! Findings about the address that readers reach Daily at: whether the links in emails, unsubscribing included, lead to
//! it.

use super::Finding;
use crate::{domain::issue::readiness::PublicUrl, settings::Settings};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const LIMIT: usize = 64;

/// Asks the public address for what only Daily answers.
pub(super) async fn finding(settings: &Settings) -> Finding {
    const WHAT: &str = "links";
    let url = &settings.http.public_url;
    if PublicUrl::of(url) == PublicUrl::Loopback && !settings.setup().has_real_relay {
        return Finding::ok(WHAT, format!("{url}, for trials on this machine"));
    }
    match ask(url).await {
        Ok(true) => {
            Finding::ok(WHAT, format!("{url} leads to Daily, so readers can confirm and unsubscribe"))
        }
        Ok(false) => Finding::failed(WHAT, format!("{url} answers, but not as Daily does"))
            .because("readers could neither confirm nor unsubscribe")
            .cured_by("see docs/guides/behind-a-proxy.md"),
        // Some networks don't let a machine reach its own public address.
        Err(error) => Finding::warning(WHAT, format!("{url} can't be reached from this machine ({error})"))
            .because("readers may not be able to confirm and unsubscribe")
            .cured_by("open it in a browser elsewhere"),
    }
}

async fn ask(url: &str) -> Result<bool, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let mut answer = client.get(format!("{url}/healthz")).send().await?;
    let is_good = answer.status().is_success();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend(chunk);
        if body.len() > LIMIT {
            break;
        }
    }
    Ok(is_good && body == b"ok\n")
}
