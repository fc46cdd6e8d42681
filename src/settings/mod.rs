//! Settings: the built-in `config/default.toml`, then the file given by `--config`, then the environment.
//!
//! Everything is checked at start. A wrong configuration is refused with all its problems at once, each with
//! the key, what is wrong and what would be right. A section is a struct with the keys of
//! `config/default.toml`: serde reads it, and validator checks its values.

mod admin;
mod database;
mod digest;
mod dkim;
mod effective;
mod feeds;
mod http;
mod layers;
mod log;
mod monitoring;
mod oidc;
mod pictures;
mod problems;
mod receive;
mod relays;
mod retention;
mod schedule;
mod sending;
mod shape;
mod signup;
#[cfg(test)]
mod tests;
mod text;
mod tokens;

pub use admin::Admin;
pub use database::{Data, Database};
pub use digest::Digest;
pub use dkim::Dkim;
pub use effective::{Effective, Origin};
pub use feeds::Feeds;
pub use http::Http;
pub use log::{Log, LogFormat};
pub use monitoring::Monitoring;
pub use oidc::Oidc;
pub use pictures::Pictures;
pub use problems::Problem;
pub use receive::{Receive, ReceiveProtocol};
pub use relays::Relay;
pub use retention::Retention;
pub use schedule::Schedule;
pub use sending::{Sending, Uncertain};
pub use signup::Signup;
pub(crate) use tokens::hex;
pub use tokens::{Secret, Tokens};

use crate::domain::issue::readiness::{PublicUrl, Setup};
use lettre::transport::smtp::extension::ClientId;
use problems::{Problems, wrong};
use serde::Deserialize;
use shape::Shaper;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};
use toml::{Table, Value};
use validator::{Validate, ValidationError};

/// The defaults, built into the binary.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// How each text is written, by key.
const CURES: [&[(&str, &str)]; 15] = [
    admin::CURES,
    database::CURES,
    digest::CURES,
    dkim::CURES,
    feeds::CURES,
    http::CURES,
    log::CURES,
    monitoring::CURES,
    oidc::CURES,
    pictures::CURES,
    receive::CURES,
    relays::CURES,
    sending::CURES,
    signup::CURES,
    tokens::CURES,
];

/// Everything that can be configured, checked.
#[derive(Debug, Clone, Deserialize, Validate)]
#[validate(
    schema(function = some_relay, skip_on_field_errors = false),
    schema(function = host_of_operators, skip_on_field_errors = false)
)]
pub struct Settings {
    #[validate(nested)]
    pub admin: Admin,
    #[validate(nested)]
    pub database: Database,
    #[validate(nested)]
    pub data: Data,
    #[validate(nested)]
    pub http: Http,
    /// In order of preference.
    #[validate(nested)]
    pub relays: Vec<Relay>,
    #[serde(default)]
    #[validate(nested)]
    pub dkim: Vec<Dkim>,
    #[validate(nested)]
    pub sending: Sending,
    #[validate(nested)]
    pub receive: Receive,
    #[validate(nested)]
    pub schedule: Schedule,
    #[validate(nested)]
    pub digest: Digest,
    #[validate(nested)]
    pub signup: Signup,
    #[validate(nested)]
    pub retention: Retention,
    #[validate(nested)]
    pub feeds: Feeds,
    #[validate(nested)]
    pub pictures: Pictures,
    #[validate(nested)]
    pub monitoring: Monitoring,
    #[validate(nested)]
    pub tokens: Tokens,
    #[validate(nested)]
    pub log: Log,
    /// All of them for people, without secrets.
    #[serde(skip)]
    pub effective: Vec<Effective>,
    /// The configuration file that was read.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("can't read the configuration file {file}: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("the configuration file {file} is not TOML at line {line}, column {column}: {reason}")]
    NotToml { file: String, line: usize, column: usize, reason: String },
    /// Keys or values are wrong.
    #[error("the configuration has problems:\n  {}", listed(.0))]
    Problems(Vec<Problem>),
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

impl Settings {
    /// Reads the layers: defaults, `file`, the process's environment.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        Self::from_layers(file, std::env::vars_os())
    }

    /// Returns the built-in defaults.
    pub fn defaults() -> Result<Self, SettingsError> {
        Self::from_layers(None, [])
    }

    fn from_layers(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut problems = Problems::default();
        let mut tree = defaults();
        let layer = file.map(layers::file).transpose()?.unwrap_or_default();
        let environment = layers::environment(environment, &mut problems);
        layers::merge(&mut tree, layer.clone());
        layers::merge(&mut tree, environment.clone());
        let effective = effective::list(&tree, &layer, &environment);
        let file = file.map(Path::to_owned);
        Self::checked(tree, problems).map(|settings| Self { effective, file, ..settings })
    }

    /// Reads a tree that holds all layers. Fails with all its problems together with those noted before.
    fn checked(tree: Table, mut problems: Problems) -> Result<Self, SettingsError> {
        let model = model();
        let tree = Shaper::new(&model, &mut problems).section(tree, &model, "");
        let read = Self::read(tree, model.into(), &mut problems);
        if let Some(Err(errors)) = read.as_ref().map(Validate::validate) {
            problems.note_invalid(&errors, "");
        }
        match (read, problems.into_list()) {
            (Some(settings), problems) if problems.is_empty() => Ok(settings.completed()),
            (_, problems) => Err(SettingsError::Problems(problems)),
        }
    }

    /// Deserializes a tree. Values that can't be read are noted as problems and replaced by the model's,
    /// until the rest can.
    fn read(tree: Table, mut model: Value, problems: &mut Problems) -> Option<Self> {
        let mut tree = Value::Table(tree);
        loop {
            let error = match serde_path_to_error::deserialize(tree.clone()) {
                Ok(settings) => return Some(settings),
                Err(error) => error,
            };
            let key = error.path().to_string().replace('[', ".").replace(']', "");
            // The model's own values can be read, so each key comes here once.
            let is_new = problems.note(&key, error.inner().message());
            *at(&mut tree, &key).filter(|_| is_new)? = at(&mut model, &key)?.clone();
        }
    }

    /// Returns what must be set up for sending, as far as settings say it.
    pub fn setup(&self) -> Setup {
        Setup {
            has_real_relay: self.relays.iter().any(|relay| relay.url.mailbox().is_none()),
            public_url: PublicUrl::of(&self.http.public_url),
            is_required: self.schedule.require_ready,
        }
    }

    /// Returns the URL of the folder that readers get made pictures from, without a slash at the end.
    pub fn pictures_url(&self) -> String {
        match self.pictures.base_url.as_str() {
            "" => format!("{}/pictures", self.http.public_url),
            base_url => base_url.to_owned(),
        }
    }

    /// Fills in what follows from other settings if it is not configured.
    fn completed(mut self) -> Self {
        if self.data.folder.as_os_str().is_empty() {
            self.data.folder = self.database.usual_folder();
        }
        if self.http.public_url.is_empty() {
            self.http.public_url = self.http.local_url();
        }
        if self.sending.hello_name == ClientId::Domain(String::new()) {
            self.sending.hello_name = self.http.host();
        }
        self
    }
}

fn some_relay(settings: &Settings) -> Result<(), ValidationError> {
    if settings.relays.is_empty() { Err(wrong("relays", "there is none", None)) } else { Ok(()) }
}

/// Links and cookies of the operators' pages depend on how a port of their own is reached.
fn host_of_operators(settings: &Settings) -> Result<(), ValidationError> {
    let it = &settings.admin;
    if it.listen.is_some() && it.host.is_none() && settings.http.public_url.starts_with("https://") {
        let problem =
            "admin.listen is set, and public_url is HTTPS, so it must say how operators reach their pages";
        let cure = "write the name that your proxy serves over HTTPS, such as desk.example.org, or the address and port \
                    that operators open over plain HTTP, such as 127.0.0.1:8081";
        return Err(wrong("admin.host", problem, Some(cure)));
    }
    Ok(())
}

fn defaults() -> Table {
    DEFAULT_TOML.parse().expect("the build's own default.toml is TOML")
}

/// Returns the defaults, with one section in each list of sections.
fn model() -> Table {
    let mut model = defaults();
    for (list, section) in [("relays", relays::MODEL), ("dkim", dkim::MODEL)] {
        let section: Table = section.parse().expect("a constant that is TOML");
        model.insert(list.to_owned(), vec![Value::from(section)].into());
    }
    model
}

/// Returns the place of a dotted key. Numbers index lists, of which the model has only the first item.
fn at<'tree>(tree: &'tree mut Value, key: &str) -> Option<&'tree mut Value> {
    key.split('.').try_fold(tree, |value, part| match value {
        Value::Array(list) => {
            let index: usize = part.parse().ok()?;
            let greatest = list.len().checked_sub(1)?;
            list.get_mut(index.min(greatest))
        }
        other => other.get_mut(part),
    })
}
