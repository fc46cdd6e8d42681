//! `[database]` and `[data]`: where Daily keeps its data.

use crate::{db::DatabaseUrl, settings::text::text};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("database.url", "write sqlite://data/daily.db or postgres://user:password@host/name"),
    ("data.folder", "give the path of a folder"),
];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Database {
    #[serde(deserialize_with = "url")]
    pub url: DatabaseUrl,
}

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Data {
    /// The folder of Daily's own files.
    pub folder: PathBuf,
}

impl Database {
    /// Returns the folder for Daily's own files if none is configured.
    pub(super) fn usual_folder(&self) -> PathBuf {
        match &self.url {
            DatabaseUrl::Sqlite(file) => file.parent().map(PathBuf::from).unwrap_or_default(),
            DatabaseUrl::Postgres(_) => "data".into(),
        }
    }
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<DatabaseUrl, D::Error> {
    text(from, DatabaseUrl::parse)
}
