//! `[sending]`: how email leaves.

use crate::{
    domain::{
        delivery::{
            bounce_address::{BounceAddress, Returned, key},
            breaker::Breaker,
        },
        installation::Marker,
        string_enum::string_enum,
        subscriber::{email_address::EmailAddress, unsubscribe_address::UnsubscribeAddress},
        token::KeyRing,
    },
    settings::text::{list, optional, text, word},
};
use jiff::SignedDuration;
use lettre::transport::smtp::extension::ClientId;
use serde::{Deserialize, Deserializer};
use std::time::Duration;
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("sending.hello_name", "give this machine's full name, such as news.example.org"),
    (
        "sending.unsubscribe_mailto",
        "write an address whose email goes to `daily receive`, such as leave+{token}@news.example.org, or nothing",
    ),
    (
        "sending.bounce_address",
        "write an address whose email comes back to Daily, such as bounce+{key}@bounces.example.org, or nothing",
    ),
    ("sending.uncertain", "write \"retry\" or \"hold\""),
    ("sending.armed", "write KEY:EPOCH as `daily arm` prints it, or nothing"),
    ("sending.domain_rates", "write each as \"example.org=1200\": messages a minute"),
];

string_enum! {
    /// The fate of a message whose delivery is unknown after a crash.
    Uncertain {
        /// It is sent again, with the same Message-ID.
        Retry = "retry",
        /// It waits for an operator.
        Hold = "hold",
    }
}

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Sending {
    /// The name of this machine in EHLO.
    #[serde(deserialize_with = "hello_name")]
    pub hello_name: ClientId,
    /// The address for emails that unsubscribe their sender. `None`: no email does.
    #[serde(deserialize_with = "unsubscribe_mailto")]
    pub unsubscribe_mailto: Option<UnsubscribeAddress>,
    /// The envelope sender. `None`: the newsletter's address.
    #[serde(deserialize_with = "bounce_address")]
    pub bounce_address: Option<BounceAddress>,
    #[serde(deserialize_with = "word")]
    pub uncertain: Uncertain,
    /// Readers who must have got an answer before the others' email begins; 0: no canary.
    #[validate(range(max = 1_000_000))]
    pub canary: u32,
    /// The share of refused readers beyond which an issue is held. 100: never.
    #[validate(range(min = 1, max = 100))]
    pub max_failed_percent: u32,
    /// How long a claim lasts that its worker doesn't renew.
    #[validate(range(min = 5, max = 3600))]
    pub lease_seconds: u32,
    /// Messages a minute to a destination domain, for domains with a limit.
    #[serde(deserialize_with = "domain_rates")]
    pub domain_rates: Vec<(String, u32)>,
    /// The marker of a machine without a lasting folder. `None`: the file of the data folder.
    #[serde(deserialize_with = "armed")]
    pub armed: Option<Marker>,
    /// Longest time for one step of a conversation with a relay.
    #[validate(range(min = 1, max = 600))]
    pub timeout_seconds: u32,
    /// Longest time for a relay's answer to a whole message.
    #[validate(range(min = 10, max = 1200))]
    pub answer_timeout_seconds: u32,
}

impl Sending {
    pub fn hold_uncertain(&self) -> bool {
        self.uncertain == Uncertain::Hold
    }

    /// Returns the envelope sender of an email: the configured address with the email's key, else the given
    /// address.
    pub fn envelope_sender(&self, keys: &KeyRing, email: Returned, otherwise: &EmailAddress) -> EmailAddress {
        let own = self.bounce_address.as_ref();
        own.and_then(|address| address.with(&key(keys, email)?)).unwrap_or_else(|| otherwise.clone())
    }

    pub fn breaker(&self) -> Breaker {
        Breaker { canary: self.canary.into(), max_failed_percent: self.max_failed_percent.into() }
    }

    pub fn lease(&self) -> SignedDuration {
        SignedDuration::from_secs(self.lease_seconds.into())
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }

    pub fn answer_timeout(&self) -> Duration {
        Duration::from_secs(self.answer_timeout_seconds.into())
    }
}

fn hello_name<'de, D: Deserializer<'de>>(from: D) -> Result<ClientId, D::Error> {
    text(from, |text| {
        if text.len() > 253 || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(format!("`{}` is not a host name", text.escape_debug()));
        }
        Ok(ClientId::Domain(text.to_owned()))
    })
}

fn unsubscribe_mailto<'de, D: Deserializer<'de>>(from: D) -> Result<Option<UnsubscribeAddress>, D::Error> {
    optional(from, UnsubscribeAddress::parse)
}

fn bounce_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BounceAddress>, D::Error> {
    optional(from, BounceAddress::parse)
}

fn armed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Marker>, D::Error> {
    optional(from, Marker::parse)
}

fn domain_rates<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, u32)>, D::Error> {
    list(from, |text| {
        let (domain, rate) = text.split_once('=').ok_or_else(|| format!("`{text}` has no ="))?;
        let Ok(rate @ 1..=6_000_000) = rate.trim().parse() else {
            return Err(format!("`{rate}` is not a number from 1 to 6000000"));
        };
        // The rules are those for the part after the @ of an address.
        let address = EmailAddress::parse(&format!("x@{}", domain.trim()))
            .map_err(|_| format!("`{domain}` is not a domain name"))?;
        Ok((address.domain().to_owned(), rate))
    })
}
