//! Settings: the built-in `config/default.toml`, then the file given by `--config`, then the environment.
//!
//! Everything is checked at start. A wrong configuration is refused with all its problems at once, each with the key, what
//! is wrong and what would be right.

mod reader;

pub use reader::Problem;

use crate::{
    db::DatabaseUrl,
    domain::{relay::RelayUrl, schedule::Margins, selection, token::MIN_SECRET_BYTES},
};
use config::{Config, Environment, File, FileFormat};
use jiff::SignedDuration;
use reader::Reader;
use serde_json::Value;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// The defaults, built into the binary.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// Everything that can be configured, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the store is.
    pub database: DatabaseUrl,
    /// Where Daily keeps its own files.
    pub data_folder: PathBuf,
    /// The web service.
    pub http: Http,
    /// Where mail leaves, in order of preference.
    pub relays: Vec<Relay>,
    /// How mail leaves.
    pub sending: Sending,
    /// How early an issue is planned and how late it may go out.
    pub schedule: Margins,
    /// The bounds of an issue.
    pub digest: selection::Rules,
    /// How long a confirmation link works.
    pub confirmation_days: u32,
    /// How feeds and pages are read.
    pub feeds: Feeds,
    /// Secrets that sign links; empty: the one in the data folder.
    pub secrets: Vec<Secret>,
    /// What is logged.
    pub log: Log,
}

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

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read or is not TOML.
    #[error("can't read the configuration: {0}")]
    Source(#[from] config::ConfigError),
    /// Keys or values are wrong.
    #[error("the configuration has problems:\n  {}", listed(.0))]
    Problems(Vec<Problem>),
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

const RELAY_KEYS: [&str; 2] = ["url", "ca_file"];

impl Settings {
    /// Reads the layers: defaults, `file`, the process's environment.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        Self::from_layers(file, Environment::with_prefix("DAILY").prefix_separator("__").separator("__"))
    }

    /// The built-in defaults alone.
    pub fn defaults() -> Result<Self, SettingsError> {
        Self::from_layers(
            None,
            Environment::with_prefix("DAILY").source(Some(std::collections::HashMap::new())),
        )
    }

    fn from_layers(file: Option<&Path>, environment: Environment) -> Result<Self, SettingsError> {
        let mut layers = Config::builder().add_source(File::from_str(DEFAULT_TOML, FileFormat::Toml));
        if let Some(file) = file {
            layers = layers.add_source(File::from(file).format(FileFormat::Toml).required(true));
        }
        let mut tree: Value = layers.add_source(environment).build()?.try_deserialize()?;
        relays_as_list(&mut tree);
        Self::read(&tree)
    }

    fn read(tree: &Value) -> Result<Self, SettingsError> {
        let mut r = Reader::new(tree);
        let mut known = Vec::new();
        let defaults: Value = Config::builder()
            .add_source(File::from_str(DEFAULT_TOML, FileFormat::Toml))
            .build()?
            .try_deserialize()?;
        reader::leaves(&defaults, String::new(), &mut known);
        reader::report_unknown(&mut r, &known, &RELAY_KEYS);

        let database = r.text(
            "database.url",
            "write sqlite://data/daily.db or postgres://user:password@host/name",
            DatabaseUrl::parse,
        );
        let folder = r.text("data.folder", "give the path of a folder", |text| Ok(PathBuf::from(text)));
        let http = http(&mut r);
        let relays = relays(&mut r);
        let sending = sending(&mut r, http.as_ref());
        let schedule = schedule(&mut r);
        let digest = digest(&mut r);
        let confirmation_days = r.number("signup.confirmation_days", 1, 365);
        let feeds = feeds(&mut r);
        let secrets = r.list(
            "tokens.secrets",
            "give each as 64 or more hexadecimal characters, such as `openssl rand -hex 32` prints",
            secret,
        );
        let log = log(&mut r);

        let problems = std::mem::take(&mut r.problems);
        let complete = move || {
            let database = database?;
            let folder = folder?;
            Some(Self {
                data_folder: data_folder(&folder, &database),
                database,
                http: http?,
                relays: relays?,
                sending: sending?,
                schedule: schedule?,
                digest: digest?,
                confirmation_days: u32::try_from(confirmation_days?).ok()?,
                feeds: feeds?,
                secrets: secrets?,
                log: log?,
            })
        };
        match complete() {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(SettingsError::Problems(problems)),
        }
    }
}

/// The environment can only write `relays.0.url`: a section with numbers for names. It stands for a list.
fn relays_as_list(tree: &mut Value) {
    let Some(relays) = tree.get_mut("relays") else { return };
    let Value::Object(numbered) = relays else { return };
    let mut list: Vec<(usize, Value)> =
        numbered.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.clone()))).collect();
    if list.len() == numbered.len() {
        list.sort_by_key(|(index, _)| *index);
        *relays = list.into_iter().map(|(_, value)| value).collect();
    }
}

fn data_folder(folder: &Path, database: &DatabaseUrl) -> PathBuf {
    match database {
        _ if !folder.as_os_str().is_empty() => folder.to_owned(),
        DatabaseUrl::Sqlite(file) => file.parent().map(Path::to_owned).unwrap_or_default(),
        DatabaseUrl::Postgres(_) => "data".into(),
    }
}

fn http(r: &mut Reader<'_>) -> Option<Http> {
    let listen = r.text("http.listen", "write an IP address and a port, such as 127.0.0.1:8080", |text| {
        text.parse().map_err(|_| format!("`{text}` is not an address and port"))
    });
    let without_path = |text: &str| match origin(text)? {
        url if url.matches('/').count() == 2 => Ok(url),
        _ => Err(format!("`{text}` has a path")),
    };
    let public_url =
        r.text("http.public_url", "write it as https://news.example.org, without a path", without_path);
    let allowed_origins =
        r.list("http.allowed_origins", "write each as https://www.example.org, without a path", without_path);
    Some(Http { listen: listen?, public_url: public_url?, allowed_origins: allowed_origins? })
}

fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("`{text}` does not begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has a query or fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn relays(r: &mut Reader<'_>) -> Option<Vec<Relay>> {
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

fn sending(r: &mut Reader<'_>, http: Option<&Http>) -> Option<Sending> {
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

fn schedule(r: &mut Reader<'_>) -> Option<Margins> {
    let plan_ahead = r.number("schedule.plan_ahead_minutes", 0, 24 * 60);
    let grace = r.number("schedule.grace_minutes", 1, 24 * 60);
    let minutes = |number: u64| i64::try_from(number).ok().map(SignedDuration::from_mins);
    Some(Margins { plan_ahead: minutes(plan_ahead?)?, grace: minutes(grace?)? })
}

fn digest(r: &mut Reader<'_>) -> Option<selection::Rules> {
    let max_stories = r.number("digest.max_stories", 1, 50);
    let max_age = r.number("digest.max_age_hours", 1, 24 * 365);
    Some(selection::Rules {
        max_stories: usize::try_from(max_stories?).ok()?,
        max_age: SignedDuration::from_hours(i64::try_from(max_age?).ok()?),
    })
}

fn feeds(r: &mut Reader<'_>) -> Option<Feeds> {
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

fn secret(text: &str) -> Result<Secret, String> {
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

fn log(r: &mut Reader<'_>) -> Option<Log> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashMap, io::Write as _};

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut toml = tempfile::NamedTempFile::new().unwrap();
        toml.write_all(file.as_bytes()).unwrap();
        let variables: HashMap<String, String> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Environment::with_prefix("DAILY").prefix_separator("__").separator("__");
        Settings::from_layers(Some(toml.path()), environment.source(Some(variables)))
    }

    #[test]
    fn the_defaults_are_complete_and_right() {
        let settings = load("", &[]).unwrap();
        assert_eq!(settings.database.to_string(), "sqlite://data/daily.db");
        assert_eq!(settings.data_folder, Path::new("data"));
        assert_eq!(settings.relays.len(), 1);
        assert_eq!(settings.sending.hello_name, "[127.0.0.1]");
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_defaults() {
        let file = "[http]\nlisten = \"127.0.0.1:9000\"\npublic_url = \"https://news.example.org/\"\n\
                    [[relays]]\nurl = \"smtp://127.0.0.1:25\"";
        let environment = [
            ("DAILY__HTTP__LISTEN", "127.0.0.1:9100"),
            ("DAILY__RELAYS__0__URL", "smtp+starttls://u:p@a.example"),
            ("DAILY__RELAYS__1__URL", "mailbox:/var/mail/daily"),
            ("DAILY__FEEDS__POLL_MINUTES", "5"),
            ("DAILY__FEEDS__ALLOW_NETWORKS", "127.0.0.0/8, ::1"),
        ];
        let settings = load(file, &environment).unwrap();
        assert_eq!(settings.http.listen.port(), 9100);
        assert_eq!(settings.http.public_url, "https://news.example.org");
        assert_eq!(settings.sending.hello_name, "news.example.org");
        assert_eq!(settings.relays.len(), 2);
        assert_eq!(settings.relays[1].url, RelayUrl::Mailbox("/var/mail/daily".into()));
        assert_eq!(settings.feeds.poll_every, SignedDuration::from_mins(5));
        assert_eq!(settings.feeds.allow_networks.len(), 2);
    }

    #[test]
    fn a_wrong_file_reports_every_problem_with_key_problem_and_cure() {
        let file = r#"
            [database]
            url = "mysql://x"
            [http]
            listen = "everywhere"
            public_url = "news.example.org"
            lisen = "127.0.0.1:1"
            [[relays]]
            url = "smtp://ann:secret@mail.example.org"
            color = "red"
            [sending]
            connections = 0
            uncertain = "maybe"
            [feeds]
            allow_networks = ["all"]
            [tokens]
            secrets = ["abcd"]
            [unheard]
            of = 1
        "#;
        let SettingsError::Problems(problems) = load(file, &[]).unwrap_err() else {
            panic!("not read at all")
        };
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        for key in [
            "database.url",
            "http.listen",
            "http.public_url",
            "http.lisen",
            "relays.0.url",
            "relays.0.color",
            "sending.connections",
            "sending.uncertain",
            "feeds.allow_networks",
            "tokens.secrets",
            "unheard.of",
        ] {
            assert!(keys.contains(&key), "{key} is missing in {keys:?}");
        }
        assert_eq!(keys.len(), 11, "{problems:#?}");
        let text = SettingsError::Problems(problems).to_string();
        assert!(text.contains("http.lisen: there is no such key; did you mean `http.listen`?"), "{text}");
        assert!(!text.contains("secret@"), "a password is shown: {text}");
    }

    #[test]
    fn a_file_that_is_not_toml_says_where() {
        let error = load("[http\nlisten = 1", &[]).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
