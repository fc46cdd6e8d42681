//! The sections about mail on its way out: `[[relays]]`, `[[dkim]]` and `[sending]`.

use crate::{
    domain::{
        delivery::{
            breaker::Breaker,
            dkim,
            relay::{OauthToken, RelayUrl},
        },
        subscriber::{email_address::EmailAddress, unsubscribe_address::LeavingAddress},
    },
    settings::{reader::Reader, sections::Http},
};
use jiff::SignedDuration;
use lettre::transport::smtp::extension::ClientId;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Default number of connections to a relay.
const CONNECTIONS: u32 = 10;
/// Relays close longer connections at a moment of their choosing.
const MESSAGES_PER_CONNECTION: u32 = 500;

/// A relay.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Where it is.
    pub url: RelayUrl,
    /// A PEM file with a certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Where the token for AUTH XOAUTH2 comes from, in place of a password.
    pub oauth_token: Option<OauthToken>,
    /// Most connections to it at once, over all processes together.
    pub connections: usize,
    /// Most messages over one connection.
    pub messages_per_connection: u32,
    /// Most messages a minute, over all processes together; 0: as many as it takes.
    pub rate_per_minute: u32,
}

impl Relay {
    /// With the defaults of everything but where it is.
    pub fn new(url: RelayUrl) -> Self {
        Self {
            url,
            ca_file: None,
            oauth_token: None,
            connections: CONNECTIONS as usize,
            messages_per_connection: MESSAGES_PER_CONNECTION,
            rate_per_minute: 0,
        }
    }
}

/// A key that signs mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dkim {
    /// For whose mail: that from addresses of this domain and those below it.
    pub domain: String,
    /// How receivers find the key among the domain's.
    pub selector: String,
    /// A PEM file with the private key.
    pub key_file: PathBuf,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct Sending {
    /// The name of this machine in EHLO.
    pub hello_name: ClientId,
    /// Where readers' mail programs write to leave by mail; none: they can't.
    pub unsubscribe_mailto: Option<LeavingAddress>,
    /// Whether a mail in doubt waits for the operator instead of being sent again.
    pub hold_uncertain: bool,
    /// When an issue is held because of refusals.
    pub breaker: Breaker,
    /// How long a worker that fell silent keeps what it had claimed.
    pub lease: SignedDuration,
    /// Messages a minute to a destination domain, for those with a limit.
    pub domain_rates: Vec<(String, u32)>,
    /// Longest time for one step of a conversation with a relay.
    pub timeout: Duration,
    /// Longest time a relay may take to answer a message that it was given.
    pub answer_timeout: Duration,
}

pub(super) fn relays(r: &mut Reader<'_>) -> Option<Vec<Relay>> {
    let count = match r.value("relays") {
        Some(Value::Array(list)) if !list.is_empty() => list.len(),
        _ => {
            r.report("relays", "there is none", "add a section [[relays]] with a url");
            return None;
        }
    };
    let relays = (0..count).map(|index| {
        let url = r.text(
            &format!("relays.{index}.url"),
            "write smtp://host:25, smtp+starttls://user:password@host:587, smtps://user:password@host:465, \
             sendmail:/usr/sbin/sendmail or mailbox:DIR",
            RelayUrl::parse,
        );
        let key = |name: &str| format!("relays.{index}.{name}");
        let oauth_token = oauth_token(r, &key("oauth_token_file"), &key("oauth_token_command"));
        if let Some(url) = &url {
            let has_token =
                ["oauth_token_file", "oauth_token_command"].iter().any(|name| r.value(&key(name)).is_some());
            login(r, &key("url"), url, has_token);
        }
        let ca_key = key("ca_file");
        let ca_file = match r.value(&ca_key) {
            None => None,
            Some(_) => r.text(&ca_key, "give the path of a PEM file that Daily may read", |text| {
                if Path::new(text).is_file() {
                    Ok(PathBuf::from(text))
                } else {
                    Err(format!("there is no file `{text}`"))
                }
            }),
        };
        let mut number = |name: &str, least, most, usual: u32| {
            let key = key(name);
            let number = r.value(&key).map_or(Some(usual.into()), |_| r.number(&key, least, most))?;
            u32::try_from(number).ok()
        };
        let connections = number("connections", 1, 1000, CONNECTIONS);
        let messages_per_connection =
            number("messages_per_connection", 1, 1_000_000, MESSAGES_PER_CONNECTION);
        let rate_per_minute = number("rate_per_minute", 0, 10_000_000, 0);
        Some(Relay {
            url: url?,
            ca_file,
            oauth_token,
            connections: usize::try_from(connections?).ok()?,
            messages_per_connection: messages_per_connection?,
            rate_per_minute: rate_per_minute?,
        })
    });
    relays.collect::<Vec<_>>().into_iter().collect()
}

/// Reads where a relay's OAuth token comes from. `None` if it has none, or if a problem was reported.
fn oauth_token(r: &mut Reader<'_>, file_key: &str, command_key: &str) -> Option<OauthToken> {
    let not_empty =
        |text: &str| if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) };
    match (r.value(file_key).is_some(), r.value(command_key).is_some()) {
        (false, false) => None,
        (true, false) => r
            .text(file_key, "give the path of a file with an access token in it", not_empty)
            .map(|file| OauthToken::File(file.into())),
        (false, true) => r
            .text(command_key, "give a command that prints an access token", not_empty)
            .map(OauthToken::Command),
        (true, true) => {
            r.report(command_key, "there is a file with the token as well", "give one of them");
            None
        }
    }
}

/// Checks that the login in a relay's URL is complete.
fn login(r: &mut Reader<'_>, key: &str, url: &RelayUrl, has_token: bool) {
    let (user, password) = match url {
        RelayUrl::Smtp(relay) => (relay.user.is_some(), relay.password.is_some()),
        RelayUrl::Mailbox(_) | RelayUrl::Sendmail(_) => (false, false),
    };
    match (user, password, has_token) {
        (true, false, false) => r.report(
            key,
            "it has a user name without a password",
            "write user:password@host, or add oauth_token_file or oauth_token_command",
        ),
        (true, true, true) => {
            r.report(key, "it has a password, and there is a token as well", "leave one of them out");
        }
        (false, _, true) => r.report(
            key,
            "there is an OAuth token, but no user to log in as",
            "write the user before the host: smtps://user@host",
        ),
        (true, true, false) | (true, false, true) | (false, _, false) => {}
    }
}

pub(super) fn dkim(r: &mut Reader<'_>) -> Option<Vec<Dkim>> {
    let count = match r.value("dkim") {
        None => 0,
        Some(Value::Array(list)) => list.len(),
        Some(_) => {
            r.report(
                "dkim",
                "it is not a list",
                "write sections [[dkim]] with domain, selector and key_file",
            );
            return None;
        }
    };
    let keys = (0..count).map(|index| {
        let domain = r.text(
            &format!("dkim.{index}.domain"),
            "give the domain of the sender's address, such as example.org",
            dkim::parse_domain,
        );
        let selector = r.text(
            &format!("dkim.{index}.selector"),
            "give a name of letters, digits and hyphens, such as daily",
            dkim::parse_selector,
        );
        let key_file = r.text(
            &format!("dkim.{index}.key_file"),
            "give the path of the file that `daily dkim new` made",
            |text| if text.is_empty() { Err("it is empty".into()) } else { Ok(PathBuf::from(text)) },
        );
        Some(Dkim { domain: domain?, selector: selector?, key_file: key_file? })
    });
    keys.collect::<Vec<_>>().into_iter().collect()
}

pub(super) fn sending(r: &mut Reader<'_>, http: Option<&Http>) -> Option<Sending> {
    let hello_name =
        r.text("sending.hello_name", "give this machine's full name, such as news.example.org", |text| {
            match text {
                text if text.bytes().any(|byte| !byte.is_ascii_graphic()) || text.len() > 253 => {
                    Err(format!("`{}` is not a host name", text.escape_debug()))
                }
                text => Ok(text.to_owned()),
            }
        });
    let unsubscribe_mailto = r.text(
        "sending.unsubscribe_mailto",
        "write an address whose mail goes to `daily bounce`, such as leave+{token}@news.example.org, or nothing",
        |text| if text.is_empty() { Ok(None) } else { LeavingAddress::parse(text).map(Some) },
    );
    let hold_uncertain = r.text("sending.uncertain", "write \"retry\" or \"hold\"", |text| match text {
        "retry" => Ok(false),
        "hold" => Ok(true),
        other => Err(format!("`{other}` is neither")),
    });
    let timeout = r.number("sending.timeout_seconds", 1, 600);
    let canary = r.number("sending.canary", 0, 1_000_000);
    let max_failed_percent = r.number("sending.max_failed_percent", 1, 100);
    let lease = r.number("sending.lease_seconds", 5, 3600);
    let domain_rates =
        r.list("sending.domain_rates", "write each as \"example.org=1200\": messages a minute", domain_rate);
    let answer_timeout = r.number("sending.answer_timeout_seconds", 10, 1200);
    let hello_name = match hello_name? {
        name if name.is_empty() => {
            let url = http.and_then(|http| url::Url::parse(&http.public_url).ok());
            match url.as_ref().and_then(url::Url::host) {
                Some(url::Host::Domain(domain)) => ClientId::Domain(domain.to_owned()),
                Some(url::Host::Ipv4(ip)) => ClientId::Ipv4(ip),
                Some(url::Host::Ipv6(ip)) => ClientId::Ipv6(ip),
                None => ClientId::Domain("localhost".to_owned()),
            }
        }
        name => ClientId::Domain(name),
    };
    Some(Sending {
        hello_name,
        unsubscribe_mailto: unsubscribe_mailto?,
        hold_uncertain: hold_uncertain?,
        breaker: Breaker {
            canary: i64::try_from(canary?).ok()?,
            max_failed_percent: i64::try_from(max_failed_percent?).ok()?,
        },
        lease: SignedDuration::from_secs(i64::try_from(lease?).ok()?),
        domain_rates: domain_rates?,
        timeout: Duration::from_secs(timeout?),
        answer_timeout: Duration::from_secs(answer_timeout?),
    })
}

fn domain_rate(text: &str) -> Result<(String, u32), String> {
    let (domain, rate) = text.split_once('=').ok_or_else(|| format!("`{text}` has no ="))?;
    let Ok(rate @ 1..=6_000_000) = rate.trim().parse() else {
        return Err(format!("`{rate}` is not a number from 1 to 6000000"));
    };
    // What can stand after an @ is an address's to say.
    let address = EmailAddress::parse(&format!("x@{}", domain.trim()))
        .map_err(|_| format!("`{domain}` is not a domain name"))?;
    Ok((address.domain().to_owned(), rate))
}
