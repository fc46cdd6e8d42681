//! The setup that an issue needs before it may go to readers.

use crate::domain::newsletter::{Newsletter, PLACEHOLDER_POSTAL_ADDRESS, PLACEHOLDER_SENDER};
use std::net::IpAddr;
use url::{Host, Url};

/// The configuration, as far as it decides about sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// There is a relay that hands email to readers. A `mailbox:` relay only shows it.
    pub has_real_relay: bool,
    pub public_url: PublicUrl,
    /// Issues wait until everything is set up.
    pub is_required: bool,
}

/// The use of the links in emails to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicUrl {
    /// It leads to this machine only.
    Loopback,
    Unencrypted,
    /// Something else answers there. Only asking tells.
    Elsewhere,
    Good,
}

impl PublicUrl {
    pub fn of(url: &str) -> Self {
        let Ok(url) = Url::parse(url) else { return Self::Loopback };
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback() || ip.is_unspecified(),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback() || ip.is_unspecified(),
            None => true,
        };
        match url.scheme() {
            _ if is_loopback => Self::Loopback,
            "https" => Self::Good,
            _ => Self::Unencrypted,
        }
    }
}

/// The server that answers at the public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicAnswer {
    Daily,
    SomethingElse,
    /// Nothing, or a proxy whose server is down. Some networks don't let a machine reach its own public address.
    Nothing(String),
}

/// Something that must be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Must {
    /// The setting it is about.
    pub what: &'static str,
    pub problem: String,
    /// The consequence for readers.
    pub why: &'static str,
    pub cure: String,
}

/// Returns what is not set up for a newsletter. Without a real relay nobody can be harmed, so nothing is.
pub fn missing(setup: Setup, newsletter: &Newsletter) -> Vec<Must> {
    if !setup.has_real_relay {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut must = |what, problem: &str, why, cure: String| {
        found.push(Must { what, problem: problem.to_owned(), why, cure });
    };
    let public_url = || "set http.public_url to the https address that readers reach Daily at".to_owned();
    match setup.public_url {
        PublicUrl::Loopback => must(
            "http.public_url",
            "it leads to this machine only",
            "readers could neither confirm nor unsubscribe",
            public_url(),
        ),
        PublicUrl::Unencrypted => must(
            "http.public_url",
            "it is not https",
            "mailbox providers ignore one-click unsubscribing without https (RFC 8058), and others can read the links",
            public_url(),
        ),
        PublicUrl::Elsewhere => must(
            "http.public_url",
            "it answers, but not as Daily does",
            "readers could neither confirm nor unsubscribe",
            "let your web server pass requests on; see docs/guides/behind-a-proxy.md".to_owned(),
        ),
        PublicUrl::Good => {}
    }
    if newsletter.sender_address.as_str() == PLACEHOLDER_SENDER {
        must(
            "sender address",
            "it is still the example's",
            "no relay accepts it",
            format!("daily newsletter set {} --sender-address news@your-domain", newsletter.slug),
        );
    }
    let postal = newsletter.postal_address.trim();
    if postal.is_empty() || postal == PLACEHOLDER_POSTAL_ADDRESS {
        must(
            "postal address",
            "there is none",
            "the law asks newsletters for one in most countries",
            format!("daily newsletter set {} --postal-address \"…\"", newsletter.slug),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(has_real_relay: bool, url: &str) -> Setup {
        Setup { has_real_relay, public_url: PublicUrl::of(url), is_required: true }
    }

    fn newsletter() -> Newsletter {
        Newsletter {
            sender_address: crate::domain::subscriber::email_address::EmailAddress::parse(
                "news@lamp.example",
            )
            .unwrap(),
            postal_address: "Quay 1, Port".into(),
            ..Newsletter::default()
        }
    }

    #[test]
    fn links_must_lead_readers_to_an_encrypted_public_address() {
        for (url, is_good) in [
            ("https://news.lamp.example", true),
            ("http://news.lamp.example", false),
            ("https://localhost", false),
            ("http://127.0.0.1:8080", false),
            ("https://[::1]:8080", false),
            ("https://0.0.0.0", false),
            ("nonsense", false),
        ] {
            assert_eq!(missing(setup(true, url), &newsletter()).is_empty(), is_good, "{url}");
            assert!(missing(setup(false, url), &newsletter()).is_empty(), "a mailbox shows any address");
        }
        let elsewhere =
            Setup { public_url: PublicUrl::Elsewhere, ..setup(true, "https://news.lamp.example") };
        assert_eq!(missing(elsewhere, &newsletter()).len(), 1);
    }

    #[test]
    fn the_examples_values_must_be_replaced() {
        let found = missing(setup(true, "https://news.lamp.example"), &Newsletter::default());
        assert_eq!(found.iter().map(|it| it.what).collect::<Vec<_>>(), ["sender address", "postal address"]);
    }
}
