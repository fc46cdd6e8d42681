//! The effective settings for people: each key with its value, where that comes from, and no secrets.

use crate::settings::Settings;
use toml::{Table, Value};
use url::Url;

/// The layer that a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Default,
    File,
    Environment,
    /// The command itself set it, as `daily demo` does.
    Command,
}

impl Origin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Command => "command",
        }
    }
}

/// A setting as people may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Such as `http.listen`.
    pub key: String,
    /// The value without secrets. Empty: nothing is set.
    pub value: String,
    pub origin: Origin,
}

impl Settings {
    /// Records that the command itself set a value.
    pub fn set_by_command(&mut self, key: &str, value: impl std::fmt::Display) {
        let value = without_password(&value.to_string());
        match self.effective.iter_mut().find(|it| it.key == key) {
            Some(it) => (it.value, it.origin) = (value, Origin::Command),
            None => self.effective.push(Effective { key: key.to_owned(), value, origin: Origin::Command }),
        }
    }
}

/// Stands for what is not shown.
const HIDDEN: &str = "•••";
/// Keys whose values are never shown.
const SECRET_KEYS: [&str; 4] = ["secrets", "secret", "client_secret", "oauth_token_command"];

/// Lists the settings of all layers, in the order of their keys.
pub(super) fn list(all: &Table, file: &Table, environment: &Table) -> Vec<Effective> {
    let mut found = Vec::new();
    flatten(&Value::Table(all.clone()), String::new(), &mut |key, value| {
        let origin = if has(environment, &key) {
            Origin::Environment
        } else if has(file, &key) {
            Origin::File
        } else {
            Origin::Default
        };
        found.push(Effective { value: shown(&key, value), key, origin });
    });
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

/// Calls `add` for each value that has no keys of its own.
fn flatten(value: &Value, key: String, add: &mut impl FnMut(String, &Value)) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                flatten(value, below(name), add);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (place, value) in list.iter().enumerate() {
                flatten(value, below(&place.to_string()), add);
            }
        }
        other => add(key, other),
    }
}

/// Whether a layer has a key. Lists are replaced as a whole, so a list counts with all its items.
fn has(layer: &Table, key: &str) -> bool {
    let mut value: Option<&Value> = None;
    for part in key.split('.') {
        let next = match value {
            None => layer.get(part),
            Some(Value::Table(table)) => table.get(part),
            Some(Value::Array(list)) => part.parse::<usize>().ok().and_then(|place| list.get(place)),
            Some(_) => None,
        };
        match next {
            Some(next) => value = Some(next),
            None => return false,
        }
    }
    value.is_some()
}

fn shown(key: &str, value: &Value) -> String {
    let name = key.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Array(list) if SECRET_KEYS.contains(&name) => match list.len() {
            0 => String::new(),
            count => format!("{HIDDEN} ({count})"),
        },
        Value::String(text) if SECRET_KEYS.contains(&name) && !text.is_empty() => HIDDEN.to_owned(),
        Value::Array(list) => list.iter().map(|it| shown(key, it)).collect::<Vec<_>>().join(", "),
        Value::String(text) if name == "heartbeat_url" => host_of(text),
        Value::String(text) => without_password(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(answer) => answer.to_string(),
        Value::Datetime(moment) => moment.to_string(),
        // Tables have been taken apart.
        Value::Table(_) => String::new(),
    }
}

/// Returns a heartbeat URL without its path, which is a secret of its own.
fn host_of(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) => format!("{}/{HIDDEN}", url.origin().ascii_serialization()),
        Err(_) if text.is_empty() => String::new(),
        Err(_) => HIDDEN.to_owned(),
    }
}

/// Masks the password of a URL, and its query, which may have one, too.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // The last one: a password may have the sign itself.
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, rest),
    };
    let (host, query) = host.split_once('?').map_or((host, ""), |(host, _)| (host, "?…"));
    match user.map(|user| user.split_once(':').map_or((user, ""), |(name, _)| (name, HIDDEN))) {
        Some((name, "")) => format!("{scheme}://{name}@{host}{query}"),
        Some((name, hidden)) => format!("{scheme}://{name}:{hidden}@{host}{query}"),
        None => format!("{scheme}://{host}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_origin_and_no_secret() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        let file =
            table("[http]\nlisten = \"0.0.0.0:80\"\n[[relays]]\nurl = \"smtps://u:pa@ss@relay.example:465\"");
        let environment = table("[tokens]\nsecrets = [\"abc\", \"def\"]");
        let all = table(
            "[http]\nlisten = \"0.0.0.0:80\"\nmax_connections = 1000\nallowed_origins = [\"https://a.example\", \
             \"https://b.example\"]\n[[relays]]\nurl = \"smtps://u:pa@ss@relay.example:465\"\n[tokens]\nsecrets = \
             [\"abc\", \"def\"]\n[monitoring]\nheartbeat_url = \"https://hc.example/uuid\"\n[database]\nurl = \
             \"postgres://daily:pw@db/daily?sslpassword=x\"",
        );
        let found = list(&all, &file, &environment);
        let lines: Vec<String> =
            found.iter().map(|it| format!("{} = {} ({})", it.key, it.value, it.origin.as_str())).collect();
        assert_eq!(
            lines,
            [
                "database.url = postgres://daily:•••@db/daily?… (default)",
                "http.allowed_origins = https://a.example, https://b.example (default)",
                "http.listen = 0.0.0.0:80 (file)",
                "http.max_connections = 1000 (default)",
                "monitoring.heartbeat_url = https://hc.example/••• (default)",
                "relays.0.url = smtps://u:•••@relay.example:465 (file)",
                "tokens.secrets = ••• (2) (environment)",
            ]
        );
    }
}
