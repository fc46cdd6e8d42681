//! `[monitoring]`: figures, health checks and the heartbeat.

use crate::settings::text::{networks, optional};
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use url::Url;
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("monitoring.listen", "write an IP address and a port, such as 127.0.0.1:9464"),
    ("monitoring.allow_networks", "write each as 10.1.0.0/16 or as a single address"),
    ("monitoring.heartbeat_url", "write it as https://hc-ping.com/your-key"),
];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Monitoring {
    /// A further address for figures and health checks, in processes of any role.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    /// Networks beyond this machine that may read figures.
    #[serde(deserialize_with = "networks")]
    pub allow_networks: Vec<ipnet::IpNet>,
    /// Called after each sent issue.
    #[serde(deserialize_with = "heartbeat_url")]
    pub heartbeat_url: Option<Url>,
    /// Free space below which a process is not ready.
    #[validate(range(max = 1_000_000))]
    pub min_free_mb: u64,
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    optional(from, |text| text.parse().map_err(|_| format!("`{text}` is not an address and port")))
}

fn heartbeat_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    optional(from, |text| {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err("it does not begin with https:// or http://".into()),
        }
    })
}
