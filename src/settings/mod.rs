//! Settings: the built-in `config/default.toml`, then the file given by `--config`, then the environment.
//!
//! Everything is checked at start. A wrong configuration is refused with all its problems at once, each with the key, what
//! is wrong and what would be right.

mod outgoing;
mod reader;
mod retention;
mod sections;
mod signup_protection;

pub use reader::Problem;

pub use outgoing::{Dkim, Relay, Sending};
pub(crate) use sections::hex;
pub use sections::{Feeds, Http, Log, Proxies, Secret, Signup};

use crate::{
    db::DatabaseUrl,
    domain::issue::{schedule::Margins, selection},
    settings::reader::Reader,
};
use config::{Config, Environment, File, FileFormat};
use serde_json::Value;
use std::path::{Path, PathBuf};

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
    /// Who signs mail.
    pub dkim: Vec<Dkim>,
    /// How early an issue is planned and how late it may go out.
    pub schedule: Margins,
    /// Operators are reminded of what waits for them this long before it is due, in minutes.
    pub remind_minutes: u32,
    /// How long looking once more at the pages of an issue's stories may take, in seconds; 0: it is not done.
    pub recheck_seconds: u32,
    /// The bounds of an issue.
    pub digest: selection::Rules,
    /// What readers are mailed when they come and go.
    pub signup: Signup,
    /// How long is kept what is held about readers.
    pub retention: crate::domain::subscriber::retention::Retention,
    /// How feeds and pages are read.
    pub feeds: Feeds,
    /// Secrets that sign links; empty: the one in the data folder.
    pub secrets: Vec<Secret>,
    /// What is logged.
    pub log: Log,
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

/// The keys of each section of a list.
const LISTS: [(&str, &[&str]); 2] = [
    (
        "relays",
        &[
            "url",
            "ca_file",
            "oauth_token_file",
            "oauth_token_command",
            "connections",
            "messages_per_connection",
            "rate_per_minute",
        ],
    ),
    ("dkim", &["domain", "selector", "key_file"]),
];

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
        for (name, _) in LISTS {
            as_list(&mut tree, name);
        }
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
        reader::report_unknown(&mut r, &known, &LISTS);

        let database = r.text(
            "database.url",
            "write sqlite://data/daily.db or postgres://user:password@host/name",
            DatabaseUrl::parse,
        );
        let folder = r.text("data.folder", "give the path of a folder", |text| Ok(PathBuf::from(text)));
        let http = sections::http(&mut r);
        let relays = outgoing::relays(&mut r);
        let sending = outgoing::sending(&mut r, http.as_ref());
        let dkim = outgoing::dkim(&mut r);
        let schedule = sections::schedule(&mut r);
        let remind_minutes = r.number("schedule.remind_minutes", 0, 24 * 60);
        let recheck_seconds = r.number("schedule.recheck_seconds", 0, 300);
        let digest = sections::digest(&mut r);
        let signup = sections::signup(&mut r);
        let retention = retention::retention(&mut r);
        let feeds = sections::feeds(&mut r);
        let secrets = r.list(
            "tokens.secrets",
            "give each as 64 or more hexadecimal characters, such as `openssl rand -hex 32` prints",
            sections::secret,
        );
        let log = sections::log(&mut r);

        let problems = std::mem::take(&mut r.problems);
        let complete = move || {
            let database = database?;
            let folder = folder?;
            Some(Self {
                data_folder: sections::data_folder(&folder, &database),
                database,
                http: http?,
                relays: relays?,
                sending: sending?,
                dkim: dkim?,
                schedule: schedule?,
                remind_minutes: u32::try_from(remind_minutes?).ok()?,
                recheck_seconds: u32::try_from(recheck_seconds?).ok()?,
                digest: digest?,
                signup: signup?,
                retention: retention?,
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
fn as_list(tree: &mut Value, name: &str) {
    let Some(sections) = tree.get_mut(name) else { return };
    let Value::Object(numbered) = sections else { return };
    let mut list: Vec<(usize, Value)> =
        numbered.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.clone()))).collect();
    if list.len() == numbered.len() {
        list.sort_by_key(|(index, _)| *index);
        *sections = list.into_iter().map(|(_, value)| value).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::relay::{OauthToken, RelayUrl};
    use jiff::SignedDuration;
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
        let relay = &settings.relays[0];
        assert_eq!((relay.connections, relay.messages_per_connection, relay.rate_per_minute), (10, 500, 0));
        assert_eq!(
            (settings.sending.timeout.as_secs(), settings.sending.answer_timeout.as_secs()),
            (60, 300)
        );
        assert_eq!(settings.sending.hello_name.to_string(), "[127.0.0.1]");
        assert_eq!(settings.http.public_url, "http://127.0.0.1:8080");
    }

    #[test]
    fn without_a_public_url_links_lead_to_where_daily_listens() {
        for (listen, url) in
            [("127.0.0.1:9123", "http://127.0.0.1:9123"), ("0.0.0.0:80", "http://127.0.0.1:80")]
        {
            assert_eq!(load("", &[("DAILY__HTTP__LISTEN", listen)]).unwrap().http.public_url, url);
        }
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_defaults() {
        let file = "[http]\nlisten = \"127.0.0.1:9000\"\npublic_url = \"https://news.example.org/\"\n\
                    [[relays]]\nurl = \"smtp://127.0.0.1:25\"";
        let environment = [
            ("DAILY__HTTP__LISTEN", "127.0.0.1:9100"),
            ("DAILY__RELAYS__0__URL", "smtp+starttls://u:p@a.example"),
            ("DAILY__RELAYS__0__CONNECTIONS", "25"),
            ("DAILY__RELAYS__0__RATE_PER_MINUTE", "600"),
            ("DAILY__RELAYS__1__URL", "mailbox:/var/mail/daily"),
            ("DAILY__SENDING__ANSWER_TIMEOUT_SECONDS", "600"),
            ("DAILY__DKIM__0__DOMAIN", "Example.org"),
            ("DAILY__DKIM__0__SELECTOR", "daily"),
            ("DAILY__DKIM__0__KEY_FILE", "/etc/daily/dkim.pem"),
            ("DAILY__FEEDS__POLL_MINUTES", "5"),
            ("DAILY__FEEDS__ALLOW_NETWORKS", "127.0.0.0/8, ::1"),
        ];
        let settings = load(file, &environment).unwrap();
        assert_eq!(settings.http.listen.port(), 9100);
        assert_eq!(settings.http.public_url, "https://news.example.org");
        assert_eq!(settings.sending.hello_name.to_string(), "news.example.org");
        assert_eq!(settings.relays.len(), 2);
        let first = &settings.relays[0];
        assert_eq!((first.connections, first.messages_per_connection, first.rate_per_minute), (25, 500, 600));
        assert_eq!(settings.relays[1].connections, 10, "each has its own");
        assert_eq!(settings.sending.answer_timeout.as_secs(), 600);
        assert_eq!(settings.relays[1].url, RelayUrl::Mailbox("/var/mail/daily".into()));
        assert_eq!(settings.dkim.len(), 1);
        assert_eq!(
            (settings.dkim[0].domain.as_str(), settings.dkim[0].selector.as_str()),
            ("example.org", "daily")
        );
        assert_eq!(settings.feeds.pace.fastest, SignedDuration::from_mins(5));
        assert_eq!(settings.feeds.allow_networks.len(), 2);
    }

    #[test]
    fn a_login_is_complete_or_says_what_it_lacks() {
        let relay = |keys: &str| load(&format!("[[relays]]\n{keys}"), &[]);
        let one = "url = \"smtps://ann@mail.example.org\"";
        let settings = relay(&format!("{one}\noauth_token_command = \"token ann\"")).unwrap();
        assert_eq!(settings.relays[0].oauth_token, Some(OauthToken::Command("token ann".into())));
        let settings = relay(&format!("{one}\noauth_token_file = \"/run/token\"")).unwrap();
        assert_eq!(settings.relays[0].oauth_token, Some(OauthToken::File("/run/token".into())));
        for (keys, says) in [
            (one.to_owned(), "relays.0.url: it has a user name without a password"),
            (
                "url = \"smtps://ann:x@mail.example.org\"\noauth_token_file = \"t\"".to_owned(),
                "relays.0.url: it has a password, and there is a token as well",
            ),
            (
                "url = \"sendmail:/usr/sbin/sendmail\"\noauth_token_file = \"t\"".to_owned(),
                "relays.0.url: there is an OAuth token, but no user",
            ),
            (
                format!("{one}\noauth_token_file = \"t\"\noauth_token_command = \"t\""),
                "relays.0.oauth_token_command: there is a file with the token as well",
            ),
            (format!("{one}\noauth_token_file = \"\""), "relays.0.oauth_token_file: it is empty"),
        ] {
            let error = relay(&keys).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
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
            connections = 0
            [[dkim]]
            domain = "example"
            selector = "a_b"
            key = "x.pem"
            [sending]
            connections = 4
            answer_timeout_seconds = 5
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
            "relays.0.connections",
            "dkim.0.domain",
            "dkim.0.selector",
            "dkim.0.key_file",
            "dkim.0.key",
            "sending.connections",
            "sending.answer_timeout_seconds",
            "sending.uncertain",
            "feeds.allow_networks",
            "tokens.secrets",
            "unheard.of",
        ] {
            assert!(keys.contains(&key), "{key} is missing in {keys:?}");
        }
        assert_eq!(keys.len(), 17, "{problems:#?}");
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
