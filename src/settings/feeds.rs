//! `[feeds]`: how feeds and pages are read.

use crate::{
    domain::content::polling::Pace,
    settings::{
        problems::{compared_with, wrong},
        text::networks,
    },
};
use jiff::SignedDuration;
use serde::Deserialize;
use std::time::Duration;
use validator::{Validate, ValidationError};

pub(super) const CURES: &[(&str, &str)] =
    &[("feeds.allow_networks", "write each as 10.1.0.0/16 or as a single address")];

#[derive(Debug, Clone, Deserialize, Validate)]
#[validate(schema(function = fastest_up_to_slowest, skip_on_field_errors = false))]
pub struct Feeds {
    /// Shortest pause between two readings of a feed.
    #[validate(range(min = 1, max = 1440))]
    pub poll_minutes: u32,
    /// Longest pause between two readings of a feed.
    #[validate(range(min = 1, max = 10080))]
    pub max_poll_minutes: u32,
    /// The pause between two requests to one host.
    #[validate(range(max = 60_000))]
    pub host_pause_ms: u32,
    /// Whether the pages of new articles are read.
    pub look_at_pages: bool,
    /// Longest time for one document.
    #[validate(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
    /// Largest document, in bytes after decompression.
    #[validate(range(min = 10_000, max = 200_000_000))]
    pub max_bytes: u64,
    /// Private networks that may be read.
    #[serde(deserialize_with = "networks")]
    pub allow_networks: Vec<ipnet::IpNet>,
}

impl Feeds {
    pub fn pace(&self) -> Pace {
        Pace {
            fastest: SignedDuration::from_mins(self.poll_minutes.into()),
            slowest: SignedDuration::from_mins(self.max_poll_minutes.into()),
        }
    }

    pub fn host_pause(&self) -> Duration {
        Duration::from_millis(self.host_pause_ms.into())
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }
}

fn fastest_up_to_slowest(feeds: &Feeds) -> Result<(), ValidationError> {
    let (fastest, slowest) = (feeds.poll_minutes, feeds.max_poll_minutes);
    if fastest <= slowest {
        return Ok(());
    }
    let problem = format!("{slowest} is less than feeds.poll_minutes, {fastest}");
    let cure = "give the longest pause between two readings of a feed";
    Err(compared_with("poll_minutes", wrong("max_poll_minutes", problem, Some(cure))))
}
