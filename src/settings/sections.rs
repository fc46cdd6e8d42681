//! The sections of the configuration, and how each is read and checked.

use super::reader::Reader;
use crate::{
    db::DatabaseUrl,
    domain::{relay::RelayUrl, schedule::Margins, selection, token::MIN_SECRET_BYTES},
};
use jiff::SignedDuration;
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// The web service.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where readers reach it, without a slash at the end.
    pub public_url: String,
    /// Whose pages may sign readers up by script.
    pub allowed_origins: Vec<String>,
}

/// A relay.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Where it is.
    pub url: RelayUrl,
    /// A PEM file with a certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct Sending {
    /// How many workers deliver at once.
    pub connections: usize,
    /// What this machine says in EHLO.
    pub hello_name: String,
    /// Whether a mail in doubt waits for the operator instead of being sent again.
    pub hold_uncertain: bool,
    /// Longest time one mail may take.
    pub timeout: Duration,
}

/// How feeds and pages are read.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// How often a feed is read.
    pub poll_every: SignedDuration,
    /// Longest time for one document.
    pub timeout: Duration,
    /// Largest document, in bytes.
    pub max_bytes: u64,
    /// Private networks that may be read.
    pub allow_networks: Vec<ipnet::IpNet>,
}

/// What is logged.
#[derive(Debug, Clone)]
pub struct Log {
    /// A tracing filter.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Bytes that must not be seen.
#[derive(Clone)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

pub(super) fn data_folder(folder: &Path, database: &DatabaseUrl) -> PathBuf {
    match database {
        _ if !folder.as_os_str().is_empty() => folder.to_owned(),
        DatabaseUrl::Sqlite(file) => file.parent().map(Path::to_owned).unwrap_or_default(),
        DatabaseUrl::Postgres(_) => "data".into(),
    }
}

pub(super) fn http(r: &mut Reader<'_>) -> Option<Http> {
    let listen = r.text("http.listen", "write an IP address and a port, such as 127.0.0.1:8080", |text| {
        text.parse().map_err(|_| format!("`{text}` is not an address and port"))
    });
    let without_path = |text: &str| match origin(text)? {
        url if url.matches('/').count() == 2 => Ok(url),
        _ => Err(format!("`{text}` has a path")),
    };
    let public_url = r.text(
        "http.public_url",
        "write it as https://news.example.org, without a path",
        |text| match text {
            "" => Ok(None),
            text => without_path(text).map(Some),
        },
    );
    let allowed_origins =
        r.list("http.allowed_origins", "write each as https://www.example.org, without a path", without_path);
    let listen: SocketAddr = listen?;
    let public_url = public_url?.unwrap_or_else(|| {
        let ip = if listen.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listen.ip() };
        format!("http://{}", SocketAddr::new(ip, listen.port()))
    });
    Some(Http { listen, public_url, allowed_origins: allowed_origins? })
}

fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("`{text}` does not begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password, which would stand in every mail".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has a query or fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
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
            "write smtp://host:25, smtp+starttls://user:password@host:587, smtps://user:password@host:465 or mailbox:DIR",
            RelayUrl::parse,
        );
        let key = format!("relays.{index}.ca_file");
        let ca_file = match r.value(&key) {
            None => None,
            Some(_) => r.text(&key, "give the path of a PEM file that Daily may read", |text| {
                if Path::new(text).is_file() {
                    Ok(PathBuf::from(text))
                } else {
                    Err(format!("there is no file `{text}`"))
                }
            }),
        };
        Some(Relay { url: url?, ca_file })
    });
    relays.collect::<Vec<_>>().into_iter().collect()
}

pub(super) fn sending(r: &mut Reader<'_>, http: Option<&Http>) -> Option<Sending> {
    let connections = r.number("sending.connections", 1, 64);
    let hello_name =
        r.text("sending.hello_name", "give this machine's full name, such as news.example.org", |text| {
            match text {
                text if text.bytes().any(|byte| !byte.is_ascii_graphic()) || text.len() > 253 => {
                    Err(format!("`{}` is not a host name", text.escape_debug()))
                }
                text => Ok(text.to_owned()),
            }
        });
    let hold_uncertain = r.text("sending.uncertain", "write \"retry\" or \"hold\"", |text| match text {
        "retry" => Ok(false),
        "hold" => Ok(true),
        other => Err(format!("`{other}` is neither")),
    });
    let timeout = r.number("sending.timeout_seconds", 1, 600);
    let hello_name = match hello_name? {
        name if name.is_empty() => {
            let url = http.and_then(|http| url::Url::parse(&http.public_url).ok());
            match url.as_ref().and_then(url::Url::host) {
                Some(url::Host::Domain(domain)) => domain.to_owned(),
                Some(url::Host::Ipv4(ip)) => format!("[{ip}]"),
                Some(url::Host::Ipv6(ip)) => format!("[IPv6:{ip}]"),
                None => "localhost".to_owned(),
            }
        }
        name => name,
    };
    Some(Sending {
        connections: usize::try_from(connections?).ok()?,
        hello_name,
        hold_uncertain: hold_uncertain?,
        timeout: Duration::from_secs(timeout?),
    })
}

pub(super) fn schedule(r: &mut Reader<'_>) -> Option<Margins> {
    let plan_ahead = r.number("schedule.plan_ahead_minutes", 0, 24 * 60);
    let grace = r.number("schedule.grace_minutes", 1, 24 * 60);
    let minutes = |number: u64| i64::try_from(number).ok().map(SignedDuration::from_mins);
    Some(Margins { plan_ahead: minutes(plan_ahead?)?, grace: minutes(grace?)? })
}

pub(super) fn digest(r: &mut Reader<'_>) -> Option<selection::Rules> {
    let max_stories = r.number("digest.max_stories", 1, 50);
    let max_age = r.number("digest.max_age_hours", 1, 24 * 365);
    Some(selection::Rules {
        max_stories: usize::try_from(max_stories?).ok()?,
        max_age: SignedDuration::from_hours(i64::try_from(max_age?).ok()?),
    })
}

pub(super) fn feeds(r: &mut Reader<'_>) -> Option<Feeds> {
    let poll = r.number("feeds.poll_minutes", 1, 24 * 60);
    let timeout = r.number("feeds.timeout_seconds", 1, 300);
    let max_bytes = r.number("feeds.max_bytes", 10_000, 200_000_000);
    let allow_networks =
        r.list("feeds.allow_networks", "write each as 10.1.0.0/16 or as a single address", |text| {
            text.parse::<ipnet::IpNet>()
                .or_else(|_| text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from))
                .map_err(|_| format!("`{text}` is not a network"))
        });
    Some(Feeds {
        poll_every: SignedDuration::from_mins(i64::try_from(poll?).ok()?),
        timeout: Duration::from_secs(timeout?),
        max_bytes: max_bytes?,
        allow_networks: allow_networks?,
    })
}

pub(super) fn secret(text: &str) -> Result<Secret, String> {
    match hex(text) {
        Some(bytes) if bytes.len() >= MIN_SECRET_BYTES => Ok(Secret(bytes)),
        Some(bytes) => Err(format!("one is {} bytes long, which can be guessed", bytes.len())),
        None => Err("one is not hexadecimal".into()),
    }
}

/// Reads hexadecimal text.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.trim().chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

pub(super) fn log(r: &mut Reader<'_>) -> Option<Log> {
    let filter =
        r.text("log.filter", "write info, debug, or a filter such as info,daily::jobs=debug", |text| {
            tracing_subscriber::EnvFilter::try_new(text)
                .map(|_| text.to_owned())
                .map_err(|error| format!("`{text}` is not a filter ({error})"))
        });
    let json = r.text("log.format", "write \"text\" or \"json\"", |text| match text {
        "text" => Ok(false),
        "json" => Ok(true),
        other => Err(format!("`{other}` is neither")),
    });
    Some(Log { filter: filter?, json: json? })
}
