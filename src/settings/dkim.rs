//! `[[dkim]]`: keys that sign email.

use crate::{
    domain::delivery::dkim,
    settings::{problems::is_named, text::text},
};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use validator::Validate;

/// All keys of a section. None can be left out.
pub(super) const MODEL: &str = r#"
domain = "example.org"
selector = "daily"
key_file = "/etc/daily/dkim.pem"
"#;

pub(super) const CURES: &[(&str, &str)] = &[
    ("dkim", "write sections [[dkim]] with domain, selector and key_file"),
    ("dkim.domain", "give the domain of the sender's address, such as example.org"),
    ("dkim.selector", "give a name of letters, digits and hyphens, such as daily"),
    ("dkim.key_file", "give the path of the file that `daily dkim new` made"),
];

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate)]
pub struct Dkim {
    /// The domain to sign for: that of senders' addresses, or one above it.
    #[serde(deserialize_with = "domain")]
    pub domain: String,
    /// The name that receivers look the key up by.
    #[serde(deserialize_with = "selector")]
    pub selector: String,
    /// A PEM file with the private key.
    #[validate(custom(function = is_named))]
    pub key_file: PathBuf,
}

fn domain<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, dkim::parse_domain)
}

fn selector<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, dkim::parse_selector)
}
