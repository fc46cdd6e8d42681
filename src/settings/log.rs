//! `[log]`: what is logged.

use crate::{
    domain::string_enum::string_enum,
    settings::text::{text, word},
};
use serde::{Deserialize, Deserializer};
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("log.filter", "write info, debug, or a filter such as info,daily::jobs=debug"),
    ("log.format", "write \"text\" or \"json\""),
];

string_enum! {
    /// The form of log lines.
    LogFormat {
        /// Text for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Log {
    /// A tracing filter.
    #[serde(deserialize_with = "filter")]
    pub filter: String,
    #[serde(deserialize_with = "word")]
    pub format: LogFormat,
}

fn filter<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, |text| {
        tracing_subscriber::EnvFilter::try_new(text)
            .map(|_| text.to_owned())
            .map_err(|error| format!("`{text}` is not a filter ({error})"))
    })
}
