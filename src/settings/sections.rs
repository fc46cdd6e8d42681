//! The sections of the configuration, and how each is read and checked.

use crate::{
    db::DatabaseUrl,
    domain::{
        content::polling::Pace,
        issue::{schedule::Margins, selection},
        signup::{challenge::ChallengePolicy, client_address::ForwardedBy, limits::SignupLimits},
        token::MIN_SECRET_BYTES,
    },
    settings::{reader::Reader, signup_protection},
};
use jiff::SignedDuration;
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
    /// Proxies trusted to report the client's IP address.
    pub proxies: Proxies,
}

/// Proxies trusted to report the client's IP address.
#[derive(Debug, Clone)]
pub struct Proxies {
    /// The networks of the reverse proxies.
    pub trusted: Vec<ipnet::IpNet>,
    /// The header they write.
    pub forwarded_by: ForwardedBy,
}

/// How feeds and pages are read.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// How often a feed is read.
    pub pace: Pace,
    /// The pause between two requests to one host.
    pub host_pause: Duration,
    /// Whether the pages of articles are looked at.
    pub look_at_pages: bool,
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
    let proxies = proxies(r);
    let listen: SocketAddr = listen?;
    let public_url = public_url?.unwrap_or_else(|| {
        let ip = if listen.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listen.ip() };
        format!("http://{}", SocketAddr::new(ip, listen.port()))
    });
    Some(Http { listen, public_url, allowed_origins: allowed_origins?, proxies: proxies? })
}

fn proxies(r: &mut Reader<'_>) -> Option<Proxies> {
    let trusted = r.list("http.trusted_proxies", "write each as 10.1.0.0/16 or as a single address", network);
    let forwarded_by =
        r.text("http.forwarded_header", "write \"x-forwarded-for\" or \"forwarded\"", |text| {
            text.to_ascii_lowercase().parse().map_err(|_| format!("`{text}` is neither"))
        });
    Some(Proxies { trusted: trusted?, forwarded_by: forwarded_by? })
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

fn minutes(number: u64) -> Option<SignedDuration> {
    i64::try_from(number).ok().map(SignedDuration::from_mins)
}

pub(super) fn schedule(r: &mut Reader<'_>) -> Option<Margins> {
    let plan_ahead = r.number("schedule.plan_ahead_minutes", 0, 24 * 60);
    let grace = r.number("schedule.grace_minutes", 1, 24 * 60);
    Some(Margins { plan_ahead: minutes(plan_ahead?)?, grace: minutes(grace?)? })
}

pub(super) fn digest(r: &mut Reader<'_>) -> Option<selection::Rules> {
    let number = |r: &mut Reader<'_>, key: &str, least, most| {
        r.number(key, least, most).and_then(|number| usize::try_from(number).ok())
    };
    let min_stories = number(r, "digest.min_stories", 1, 50);
    let max_stories = number(r, "digest.max_stories", 1, 50);
    let max_age = r.number("digest.max_age_hours", 1, 24 * 365);
    let max_per_source = number(r, "digest.max_per_source", 0, 50);
    let max_per_section = number(r, "digest.max_per_section", 0, 50);
    let max_variants = number(r, "digest.max_variants", 2, 100);
    let too_few = r.text("digest.too_few", "write \"skip\", \"send\" or \"ask\"", |text| {
        text.parse().map_err(|_| format!("`{text}` is none of them"))
    });
    let (min_stories, max_stories) = (min_stories?, max_stories?);
    if min_stories > max_stories {
        r.report("digest.min_stories", "it is more than digest.max_stories", "make it smaller");
        return None;
    }
    Some(selection::Rules {
        min_stories,
        max_stories,
        too_few: too_few?,
        max_age: SignedDuration::from_hours(i64::try_from(max_age?).ok()?),
        max_per_source: max_per_source?,
        max_per_section: max_per_section?,
        max_variants: max_variants?,
    })
}

/// What readers are mailed when they come and go.
#[derive(Debug, Clone)]
pub struct Signup {
    /// How long a confirmation link works.
    pub confirmation_days: u32,
    /// Whether a reader who confirms is greeted, with the latest issue.
    pub welcome_mail: bool,
    /// Whether a reader who leaves by the link is told that nothing more will come.
    pub goodbye_mail: bool,
    /// Who has not confirmed is reminded after this time. `None`: nobody is.
    pub remind_after: Option<SignedDuration>,
    /// Who has not confirmed is erased after this time. `None`: nobody is.
    pub erase_after: Option<SignedDuration>,
    /// A file with domains whose addresses are not taken.
    pub blocked_domains_file: Option<PathBuf>,
    /// Whether addresses of posts, such as `info@`, are taken.
    pub allow_role_accounts: bool,
    /// Who sends the form back sooner is a program.
    pub minimum_time: SignedDuration,
    /// How many signups are taken.
    pub limits: SignupLimits,
    /// Whether the name system is asked if mail can reach an address's domain.
    pub check_mx: bool,
    /// Who is asked. `None`: the system's name server.
    pub dns_server: Option<SocketAddr>,
    /// When a signup needs a solved challenge.
    pub proof_of_work: ChallengePolicy,
    /// So many unconfirmed signups in ten minutes are an attack. `None`: no number of them is.
    pub most_waiting: Option<u32>,
}

pub(super) fn signup(r: &mut Reader<'_>) -> Option<Signup> {
    let confirmation_days = r.number("signup.confirmation_days", 1, 365);
    let welcome_mail = r.switch("signup.welcome_mail");
    let goodbye_mail = r.switch("signup.goodbye_mail");
    let reminder_hours = r.number("signup.reminder_hours", 0, 14 * 24);
    let pending_days = r.number("signup.pending_days", 0, 3650);
    let blocked_domains_file = signup_protection::blocked_domains_file(r);
    let allow_role_accounts = r.switch("signup.allow_role_accounts");
    let minimum = r.number("signup.minimum_seconds", 0, 60);
    let limits = signup_protection::limits(r);
    let (check_mx, dns_server) = (r.switch("signup.check_mx"), signup_protection::dns_server(r));
    let (proof_of_work, most_waiting) =
        (signup_protection::proof_of_work(r), signup_protection::most_waiting(r));
    Some(Signup {
        confirmation_days: u32::try_from(confirmation_days?).ok()?,
        welcome_mail: welcome_mail?,
        goodbye_mail: goodbye_mail?,
        remind_after: signup_protection::hours(reminder_hours?),
        erase_after: signup_protection::hours(pending_days? * 24),
        blocked_domains_file: blocked_domains_file?,
        allow_role_accounts: allow_role_accounts?,
        minimum_time: SignedDuration::from_secs(i64::try_from(minimum?).ok()?),
        limits: limits?,
        check_mx: check_mx?,
        dns_server: dns_server?,
        proof_of_work: proof_of_work?,
        most_waiting: most_waiting?,
    })
}

pub(super) fn feeds(r: &mut Reader<'_>) -> Option<Feeds> {
    let poll = r.number("feeds.poll_minutes", 1, 24 * 60);
    let slowest = r.number("feeds.max_poll_minutes", 1, 7 * 24 * 60);
    if let (Some(fastest), Some(slowest)) = (poll, slowest)
        && slowest < fastest
    {
        let problem = format!("{slowest} is less than feeds.poll_minutes, {fastest}");
        r.report("feeds.max_poll_minutes", problem, "give the longest pause between two readings of a feed");
    }
    let host_pause = r.number("feeds.host_pause_ms", 0, 60_000);
    let look_at_pages = r.switch("feeds.look_at_pages");
    let timeout = r.number("feeds.timeout_seconds", 1, 300);
    let max_bytes = r.number("feeds.max_bytes", 10_000, 200_000_000);
    let allow_networks =
        r.list("feeds.allow_networks", "write each as 10.1.0.0/16 or as a single address", network);
    Some(Feeds {
        pace: Pace { fastest: minutes(poll?)?, slowest: minutes(slowest?)? },
        host_pause: Duration::from_millis(host_pause?),
        look_at_pages: look_at_pages?,
        timeout: Duration::from_secs(timeout?),
        max_bytes: max_bytes?,
        allow_networks: allow_networks?,
    })
}

/// A network, or a single address.
fn network(text: &str) -> Result<ipnet::IpNet, String> {
    text.parse::<ipnet::IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from))
        .map_err(|_| format!("`{text}` is not a network"))
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
