//! `[admin]`: the operators' pages.

use crate::settings::text::optional;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("admin.listen", "write an IP address and a port, such as 127.0.0.1:8081, or nothing"),
    ("admin.host", "write a host name, such as desk.example.org, or nothing"),
];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Admin {
    /// Where the operators' pages are served. `None`: with the readers' pages.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    /// The only host name for which they are served. `None`: any.
    #[serde(deserialize_with = "host")]
    pub host: Option<String>,
    /// Whether operators sign in with a second factor.
    pub second_factor: bool,
    /// Whether operators who edited an issue can't approve it.
    pub second_person: bool,
}

impl Admin {
    /// Returns the address at which operators reach their pages, without a slash at the end.
    pub fn url(&self, public_url: &str) -> String {
        let scheme = public_url.split("://").next().unwrap_or("https");
        match (&self.host, self.listen) {
            (Some(host), _) => format!("{scheme}://{host}"),
            (None, Some(listen)) => format!("http://{listen}"),
            (None, None) => public_url.to_owned(),
        }
    }
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    optional(from, |text| text.parse().map_err(|_| format!("`{text}` is not an address and port")))
}

/// Reads a host name, with a port if the pages are not on the usual one.
fn host<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    optional(from, |text| {
        let text = text.to_ascii_lowercase();
        let url = url::Url::parse(&format!("http://{text}/")).ok();
        let is_host = url.is_some_and(|url| {
            url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
                && url.host_str().is_some()
        });
        if is_host && !text.contains(['/', '@', '?', '#', ' ']) {
            Ok(text)
        } else {
            Err(format!("`{text}` is not a host name"))
        }
    })
}
