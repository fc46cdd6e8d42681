//! `[pictures]`: the pictures that Daily makes for emails.

use crate::settings::text::text;
use serde::{Deserialize, Deserializer};
use std::time::Duration;
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] =
    &[("pictures.base_url", "write it as https://cdn.example.org/pictures")];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Pictures {
    /// Whether pictures are made. Otherwise emails show the sites' own.
    pub make: bool,
    /// The address of the folder that readers get pictures from, without a slash at the end. Empty: Daily's own.
    #[serde(deserialize_with = "folder")]
    pub base_url: String,
    /// Longest time that a plan waits for its pictures.
    #[validate(range(min = 1, max = 600))]
    pub wait_seconds: u32,
}

impl Pictures {
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_seconds.into())
    }
}

/// Reads the URL of a folder. Returns it without a slash at the end.
fn folder<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, |text| {
        if text.is_empty() {
            return Ok(String::new());
        }
        let url = url::Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{text}` does not begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user name or password, which would stand in every email".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{text}` has a query or fragment"));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    })
}
