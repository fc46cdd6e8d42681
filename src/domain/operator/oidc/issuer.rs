//! Issuers: the addresses that name OpenID providers.

use std::net::IpAddr;
use url::{Host, Url};

/// An issuer as its provider writes it. Issuers are compared character by character, so a slash at the end counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// Parses an issuer: an HTTPS address, or an HTTP address of this machine for trials.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user name or password".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or fragment".into());
        }
        if url.scheme() != "https" && !is_local_http(&url) {
            return Err("it does not begin with https://".into());
        }
        Ok(Self { text: text.to_owned(), url })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the host's name.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns the address of the discovery document.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.text.trim_end_matches('/'))
    }

    /// Whether the provider is on this machine and without TLS.
    pub fn is_local(&self) -> bool {
        is_local_http(&self.url)
    }

    /// Whether an address that the provider names may be used: codes and secrets go there.
    pub fn allows(&self, endpoint: &Url) -> bool {
        endpoint.scheme() == "https" || self.is_local() && is_local_http(endpoint)
    }
}

fn is_local_http(url: &Url) -> bool {
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "http" && is_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for text in [
            "https://login.example.org",
            "https://login.example.org/realms/desk/",
            "http://127.0.0.1:3000",
            "http://localhost:3000/x",
            "http://[::1]:3000",
        ] {
            assert_eq!(Issuer::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "login.example.org",
            "http://login.example.org",
            "http://127.0.0.1.example.org",
            "ftp://127.0.0.1",
            "https://ann:pw@login.example.org",
            "https://login.example.org?tenant=1",
            "https://login.example.org#x",
        ] {
            assert!(Issuer::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_discovery_document_is_below_the_issuer() {
        for text in ["https://a.example/realms/desk", "https://a.example/realms/desk/"] {
            let url = Issuer::parse(text).unwrap().discovery_url();
            assert_eq!(url, "https://a.example/realms/desk/.well-known/openid-configuration");
        }
    }

    #[test]
    fn a_provider_with_tls_cannot_name_an_endpoint_without() {
        let allows = |issuer: &str, url: &str| Issuer::parse(issuer).unwrap().allows(&url.parse().unwrap());
        assert!(allows("https://a.example", "https://keys.example/jwks"));
        assert!(!allows("https://a.example", "http://a.example/jwks"));
        assert!(!allows("https://a.example", "http://127.0.0.1/jwks"));
        assert!(allows("http://127.0.0.1:1", "http://127.0.0.1:2/jwks"));
        assert!(!allows("http://127.0.0.1:1", "http://10.0.0.1/jwks"));
        assert!(!allows("http://127.0.0.1:1", "file:///etc/passwd"));
    }
}
