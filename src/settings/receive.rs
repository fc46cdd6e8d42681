//! `[receive]`: incoming email.

use crate::domain::{string_enum::string_enum, subscriber::email_address::EmailAddress};
use crate::settings::{
    problems::{is_file, wrong},
    text::{list, optional, word},
};
use serde::{Deserialize, Deserializer};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use validator::{Validate, ValidationError};

pub(super) const CURES: &[(&str, &str)] = &[
    ("receive.listen", "write an IP address and a port, such as 127.0.0.1:2424, or nothing"),
    ("receive.protocol", "write \"lmtp\" or \"smtp\""),
    ("receive.addresses", "write each as fbl@news.example.org"),
    ("receive.tls_certificate_file", "give the path of a PEM file that Daily may read"),
    ("receive.tls_key_file", "give the path of a PEM file that Daily may read"),
];

string_enum! {
    /// The protocol of the listener.
    ReceiveProtocol {
        /// RFC 2033, for a mail server on the same machine or network.
        Lmtp = "lmtp",
        /// RFC 5321, for mail servers elsewhere.
        Smtp = "smtp",
    }
}

#[derive(Debug, Clone, Deserialize, Validate)]
#[validate(schema(function = complete_tls, skip_on_field_errors = false))]
pub struct Receive {
    /// Where to listen for incoming email. `None`: nowhere.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    #[serde(deserialize_with = "word")]
    pub protocol: ReceiveProtocol,
    /// Further addresses that take email, such as that of a feedback loop.
    #[serde(deserialize_with = "addresses")]
    pub addresses: Vec<EmailAddress>,
    #[serde(deserialize_with = "path")]
    #[validate(custom(function = is_file))]
    pub tls_certificate_file: Option<PathBuf>,
    #[serde(deserialize_with = "path")]
    #[validate(custom(function = is_file))]
    pub tls_key_file: Option<PathBuf>,
    /// Most connections at once.
    #[validate(range(min = 1, max = 1000))]
    pub connections: u32,
    /// Size limit of a message.
    #[validate(range(min = 10_000, max = 100_000_000))]
    pub max_bytes: u32,
    /// Time limit for each command and for each part of a message.
    #[validate(range(min = 1, max = 3600))]
    pub timeout_seconds: u32,
}

impl Receive {
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }
}

fn complete_tls(receive: &Receive) -> Result<(), ValidationError> {
    let missing = match (&receive.tls_certificate_file, &receive.tls_key_file) {
        (None, Some(_)) => "tls_certificate_file",
        (Some(_), None) => "tls_key_file",
        _ => return Ok(()),
    };
    Err(wrong(missing, "only the other TLS file is given", Some("give both files, or neither")))
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    optional(from, |text| text.parse().map_err(|_| format!("`{text}` is not an address and port")))
}

fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<EmailAddress>, D::Error> {
    list(from, |text| EmailAddress::parse(text).map_err(|error| format!("`{text}`: {error}")))
}

fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    optional(from, |text| Ok(PathBuf::from(text)))
}
