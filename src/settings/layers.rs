//! The layers of the configuration: the defaults, a file, the environment. Each replaces values of those
//! before it.

use crate::settings::{SettingsError, problems::Problems};
use std::{ffi::OsString, path::Path};
use toml::{Table, Value};

/// Reads a file.
pub(super) fn file(path: &Path) -> Result<Table, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SettingsError::Unreadable { file: path.display().to_string(), source })?;
    toml(path, &text)
}

/// Reads the text of a file. An error names its place alone, because the line there may hold a password.
pub(super) fn toml(path: &Path, text: &str) -> Result<Table, SettingsError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        SettingsError::NotToml {
            file: path.display().to_string(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            reason: without_quotes(error.message()),
        }
    })
}

/// Removes what a message quotes from the file. Single characters that the parser expects may stay.
fn without_quotes(message: &str) -> String {
    let parts = message.split('`').enumerate();
    let parts: Vec<&str> = parts
        .map(|(place, text)| if place % 2 == 1 && text.chars().count() > 2 { "…" } else { text })
        .collect();
    parts.join("`")
}

/// Reads variables such as `DAILY__HTTP__LISTEN`.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Problems,
) -> Table {
    let ours = variables.into_iter().filter_map(|(name, value)| {
        let name = name.into_string().ok()?.to_ascii_lowercase();
        Some((name.strip_prefix("daily__")?.to_owned(), value))
    });
    // In order, a section comes before its keys.
    let mut ours: Vec<(String, OsString)> = ours.collect();
    ours.sort();
    let mut tree = Table::new();
    for (name, value) in ours {
        if let Ok(value) = value.into_string() {
            put(&mut tree, &name, value);
        } else {
            let key = name.replace("__", ".");
            problems.note_with(&key, "its environment variable is not UTF-8", "write it in UTF-8");
        }
    }
    tree
}

fn put(tree: &mut Table, name: &str, value: String) {
    let Some((section, name)) = name.split_once("__") else {
        tree.insert(name.to_owned(), value.into());
        return;
    };
    // A text in a section's place stays there, to be reported.
    if let Value::Table(section) = tree.entry(section).or_insert_with(|| Table::new().into()) {
        put(section, name, value);
    }
}

/// Puts the values of `upper` over those of `lower`. Lists are replaced as a whole.
pub(super) fn merge(lower: &mut Table, upper: Table) {
    for (name, value) in upper {
        match (lower.get_mut(&name), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => merge(lower, upper),
            (_, value) => drop(lower.insert(name, value)),
        }
    }
}
