//! `[admin]`: the operators' pages.

use crate::settings::{Oidc, text::optional};
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
    /// The only `Host` header for which they are served. `None`: any.
    #[serde(deserialize_with = "host")]
    pub host: Option<String>,
    /// Whether operators sign in with a second factor.
    pub second_factor: bool,
    /// Whether operators who edited an issue can't approve it.
    pub second_person: bool,
    /// The OpenID provider through which operators may sign in.
    #[validate(nested)]
    pub oidc: Oidc,
}

impl Admin {
    /// Returns the address at which operators reach their pages, without a slash at the end.
    pub fn url(&self, public_url: &str) -> String {
        let scheme = public_url.split("://").next().unwrap_or("https");
        match (&self.host, self.listen) {
            (Some(host), _) if has_no_name(host) => format!("http://{host}"),
            (Some(host), _) => format!("{scheme}://{host}"),
            (None, Some(listen)) => format!("http://{listen}"),
            (None, None) => public_url.to_owned(),
        }
    }
}

/// Whether a host is an address or this machine, for which nobody has a certificate.
fn has_no_name(host: &str) -> bool {
    let url = url::Url::parse(&format!("http://{host}/")).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
        None => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_that_of_the_host_and_addresses_are_plain_http() {
        let url = |listen: Option<&str>, host: Option<&str>| {
            let listen = listen.map(|text| text.parse().unwrap());
            let host = host.map(str::to_owned);
            let defaults = crate::settings::Settings::defaults().unwrap().admin;
            Admin { listen, host, ..defaults }.url("https://news.example.org")
        };
        assert_eq!(url(None, None), "https://news.example.org");
        assert_eq!(url(None, Some("desk.example.org")), "https://desk.example.org");
        let listen = Some("10.0.0.5:8081");
        assert_eq!(url(listen, Some("desk.example.org")), "https://desk.example.org");
        for host in ["10.0.0.5:8081", "localhost:8081", "[::1]:8081"] {
            assert_eq!(url(listen, Some(host)), format!("http://{host}"));
        }
    }
}
