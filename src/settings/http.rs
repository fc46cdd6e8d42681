//! `[http]`: the web service.

use crate::{
    domain::signup::client_address::ForwardedBy,
    settings::text::{list, networks, text, word},
};
use lettre::transport::smtp::extension::ClientId;
use serde::{Deserialize, Deserializer};
use std::net::{Ipv4Addr, SocketAddr};
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("http.listen", "write an IP address and a port, such as 127.0.0.1:8080"),
    ("http.public_url", "write it as https://news.example.org, without a path"),
    ("http.allowed_origins", "write each as https://www.example.org, without a path"),
    ("http.trusted_proxies", "write each as 10.1.0.0/16 or as a single address"),
    ("http.forwarded_header", "write \"x-forwarded-for\" or \"forwarded\""),
];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Http {
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// The address that readers use, without a slash at the end.
    #[serde(deserialize_with = "public_url")]
    pub public_url: String,
    /// Origins whose scripts may sign readers up.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    /// Proxies trusted to report the client's IP address.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The header that these proxies write.
    #[serde(deserialize_with = "word")]
    pub forwarded_header: ForwardedBy,
    /// Most connections of clients at the same time.
    #[validate(range(min = 16, max = 100_000))]
    pub max_connections: usize,
}

impl Http {
    /// Returns the address that readers on this machine use if no public URL is configured.
    pub(super) fn local_url(&self) -> String {
        let ip = self.listen.ip();
        let ip = if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip };
        format!("http://{}", SocketAddr::new(ip, self.listen.port()))
    }

    /// Returns the host of the public URL, as this machine names itself in EHLO.
    pub(super) fn host(&self) -> ClientId {
        match url::Url::parse(&self.public_url).ok().as_ref().and_then(url::Url::host) {
            Some(url::Host::Domain(domain)) => ClientId::Domain(domain.to_owned()),
            Some(url::Host::Ipv4(ip)) => ClientId::Ipv4(ip),
            Some(url::Host::Ipv6(ip)) => ClientId::Ipv6(ip),
            None => ClientId::Domain("localhost".to_owned()),
        }
    }
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    text(from, |text| text.parse().map_err(|_| format!("`{text}` is not an address and port")))
}

fn public_url<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, |text| if text.is_empty() { Ok(String::new()) } else { origin(text) })
}

fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    list(from, origin)
}

/// Reads a URL that has nothing after host and port. Returns it without a slash at the end.
fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password, which would stand in every email".into());
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("`{text}` does not begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has a query or fragment"));
    }
    match url.as_str().trim_end_matches('/') {
        url if url.matches('/').count() == 2 => Ok(url.to_owned()),
        _ => Err(format!("`{text}` has a path")),
    }
}
