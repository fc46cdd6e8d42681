//! `[[relays]]`: where email leaves.

use crate::{
    domain::delivery::relay::{OauthToken, RelayUrl, TokenCommand},
    settings::{
        problems::{is_file, is_named, wrong},
        text::text,
    },
};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use validator::{Validate, ValidationError};

/// Default number of connections to a relay.
const CONNECTIONS: usize = 10;
/// Relays close longer connections at a moment of their choosing.
const MESSAGES_PER_CONNECTION: u32 = 500;

/// All keys of a relay with what they hold if they are left out. Empty: nothing.
pub(super) const MODEL: &str = r#"
url = "mailbox:data/mailbox"
ca_file = ""
oauth_token_file = ""
oauth_token_command = ""
connections = 10
messages_per_connection = 500
rate_per_minute = 0
"#;

pub(super) const CURES: &[(&str, &str)] = &[
    ("relays", "add a section [[relays]] with a url"),
    (
        "relays.url",
        "write smtp://host:25, smtp+starttls://user:password@host:587, smtps://user:password@host:465, \
         sendmail:/usr/sbin/sendmail or mailbox:DIR",
    ),
    ("relays.ca_file", "give the path of a PEM file that Daily may read"),
    ("relays.oauth_token_file", "give the path of a file with an access token in it"),
    ("relays.oauth_token_command", "give a command that prints an access token"),
];

#[derive(Debug, Clone, Deserialize, Validate)]
#[validate(
    schema(function = one_token, skip_on_field_errors = false),
    schema(function = complete_login, skip_on_field_errors = false)
)]
pub struct Relay {
    #[serde(deserialize_with = "url")]
    pub url: RelayUrl,
    /// A PEM file with a certificate authority to trust besides the system's.
    #[validate(custom(function = is_file))]
    pub ca_file: Option<PathBuf>,
    /// A file with the token for AUTH XOAUTH2, in place of a password.
    #[validate(custom(function = is_named))]
    pub oauth_token_file: Option<PathBuf>,
    /// A command that prints that token.
    pub oauth_token_command: Option<TokenCommand>,
    /// Most connections at once, over all processes together.
    #[validate(range(min = 1, max = 1000))]
    pub connections: usize,
    #[validate(range(min = 1, max = 1_000_000))]
    pub messages_per_connection: u32,
    /// Most messages a minute, over all processes together; 0: no limit.
    #[validate(range(max = 10_000_000))]
    pub rate_per_minute: u32,
}

impl Relay {
    /// Returns a relay with the defaults of everything but its URL.
    pub fn new(url: RelayUrl) -> Self {
        Self {
            url,
            ca_file: None,
            oauth_token_file: None,
            oauth_token_command: None,
            connections: CONNECTIONS,
            messages_per_connection: MESSAGES_PER_CONNECTION,
            rate_per_minute: 0,
        }
    }

    /// Returns where the OAuth token comes from. `None`: the relay takes a password, or no login.
    pub fn oauth_token(&self) -> Option<OauthToken> {
        let file = self.oauth_token_file.clone().map(OauthToken::File);
        file.or_else(|| self.oauth_token_command.clone().map(OauthToken::Command))
    }
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<RelayUrl, D::Error> {
    text(from, RelayUrl::parse)
}

fn one_token(relay: &Relay) -> Result<(), ValidationError> {
    match (&relay.oauth_token_file, &relay.oauth_token_command) {
        (Some(_), Some(_)) => Err(wrong(
            "oauth_token_command",
            "there is a file with the token as well",
            Some("give one of them"),
        )),
        (None, Some(command)) if command.as_str().is_empty() => {
            Err(wrong("oauth_token_command", "it is empty", None))
        }
        _ => Ok(()),
    }
}

fn complete_login(relay: &Relay) -> Result<(), ValidationError> {
    let (user, password) = match &relay.url {
        RelayUrl::Smtp(relay) => (relay.user.is_some(), relay.password.is_some()),
        RelayUrl::Mailbox(_) | RelayUrl::Sendmail(_) => (false, false),
    };
    let (problem, cure) = match (user, password, relay.oauth_token().is_some()) {
        (true, false, false) => (
            "it has a user name without a password",
            "write user:password@host, or add oauth_token_file or oauth_token_command",
        ),
        (true, true, true) => ("it has a password, and there is a token as well", "leave one of them out"),
        (false, _, true) => (
            "there is an OAuth token, but no user to log in as",
            "write the user before the host: smtps://user@host",
        ),
        (true, true, false) | (true, false, true) | (false, _, false) => return Ok(()),
    };
    Err(wrong("url", problem, Some(cure)))
}
