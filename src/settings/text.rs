//! Deserializes values that are written as text. Errors say what is wrong with the value.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{net::IpAddr, str::FromStr};

/// Deserializes a text that `parse` understands.
pub(super) fn text<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// Deserializes a text that `parse` understands. `None` if the text is empty.
pub(super) fn optional<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    text(from, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
}

/// Deserializes a list of texts that `parse` understands. The error names every text that it doesn't.
pub(super) fn list<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, D::Error> {
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for item in Vec::<String>::deserialize(from)? {
        match parse(&item) {
            Ok(item) => read.push(item),
            Err(problem) if problems.contains(&problem) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(D::Error::custom(problems.join(", "))) }
}

/// Deserializes one word of a closed set, in lower or upper case.
pub(super) fn word<'de, D: Deserializer<'de>, T: FromStr>(from: D) -> Result<T, D::Error> {
    let parse = |text: &str| text.to_ascii_lowercase().parse();
    text(from, |text| parse(text).map_err(|_| format!("`{text}` is not one of the choices")))
}

/// Deserializes networks. A single address is a network, too.
pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ipnet::IpNet>, D::Error> {
    list(from, |text| {
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(ipnet::IpNet::from))
            .map_err(|_| format!("`{text}` is not a network"))
    })
}
