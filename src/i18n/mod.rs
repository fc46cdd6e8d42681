//! What pages say, in several languages: a file a language, built into the program.
//!
//! To add a language, copy `en.toml`, translate what is between the quotes, keep what is in braces, and add a line to
//! [`FILES`]. A file that lacks a text or has one too many is refused by the tests.

/// Structs of texts. A placeholder is written in braces and named in the text's description.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident { $($(#[$tmeta:meta])* $text:ident,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$tmeta])* pub $text: String,)+ }
    )+};
}

mod preferences;
mod problems;
mod texts;

use axum::http::{HeaderMap, header};
use jiff::civil::Date;
use std::{collections::BTreeMap, sync::LazyLock};

pub use crate::i18n::preferences::Preferences;
pub use crate::i18n::texts::{Embed, Issues, Unsubscribe, Words};

/// The languages there are, by tag (BCP 47). The first one is what everybody else gets.
const FILES: &[(&str, &str)] = &[
    ("en", include_str!("en.toml")),
    ("de", include_str!("de.toml")),
    ("es", include_str!("es.toml")),
    ("fr", include_str!("fr.toml")),
    ("pt", include_str!("pt.toml")),
];

/// Languages of a browser that are looked at.
const MAX_ACCEPTED: usize = 20;

static ALL: LazyLock<Vec<(&str, Words)>> = LazyLock::new(|| {
    let read = |&(tag, text): &(&'static str, &str)| {
        // They are part of the program: a test reads each of them.
        (tag, toml::from_str(text).unwrap_or_else(|error| panic!("src/i18n/{tag}.toml: {error}")))
    };
    FILES.iter().map(read).collect()
});

impl Issues {
    /// `23 November 2026`.
    pub fn long_date(&self, date: Date) -> String {
        let month = usize::from(date.month().unsigned_abs()) - 1;
        let month = self.months.split(' ').nth(month).unwrap_or_default();
        fill(
            &self.date,
            &[("day", &date.day().to_string()), ("month", month), ("year", &date.year().to_string())],
        )
    }
}

/// A text with its places filled.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() * 2);
    let mut rest = text;
    // What fills a place is not looked through for others.
    while let Some((before, name, after)) = rest
        .split_once('{')
        .and_then(|(before, rest)| rest.split_once('}').map(|(name, after)| (before, name, after)))
    {
        filled.push_str(before);
        filled.push_str(values.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled + rest
}

/// The text before a place and that after it: for what is not just text.
pub fn around<'a>(text: &'a str, place: &str) -> (&'a str, &'a str) {
    text.split_once(&format!("{{{place}}}")).unwrap_or((text, ""))
}

/// A language that is spoken here, by its tag, and its words.
pub type Spoken = (&'static str, &'static Words);

/// The language of a page and its words: the first of these wishes that is spoken here, then what the browser prefers, else
/// English. Wishes are, in this order: what the request asks for (`lang`), the reader's own, the newsletter's.
pub fn spoken<'a>(wishes: impl IntoIterator<Item = Option<&'a str>>, headers: &HeaderMap) -> Spoken {
    let accepted =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = wishes.into_iter().flatten().find_map(find);
    first.or_else(|| preferred(accepted)).unwrap_or((ALL[0].0, &ALL[0].1))
}

/// [`spoken`], where no reader is known: what the address asks for, then the newsletter's language.
pub fn choose(asked: Option<&str>, newsletter: &str, headers: &HeaderMap) -> Spoken {
    spoken([asked, Some(newsletter)], headers)
}

/// The words for a page in this language, or in English.
pub fn of(language: &str) -> &'static Words {
    find(language).map_or(&ALL[0].1, |(_, words)| words)
}

/// A language by its tag, if it is spoken here: `pt-BR` is served with `pt`.
pub fn find(tag: &str) -> Option<Spoken> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    let found = ALL.iter().find(|(own, _)| own.eq_ignore_ascii_case(primary));
    found.map(|(own, words)| (*own, words))
}

/// What a browser prefers of what is spoken here (RFC 9110 section 12.5.4). Of equal ones the first.
fn preferred(accepted: &str) -> Option<Spoken> {
    let mut best: Option<(f32, _)> = None;
    for part in accepted.split(',').take(MAX_ACCEPTED) {
        let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(0.0);
        if let Some(found) = find(tag.trim())
            && weight > best.map_or(0.0, |(most, _)| most)
        {
            best = Some((weight, found));
        }
    }
    best.map(|(_, found)| found)
}

/// The languages that are spoken here, by tag, each with its own name.
pub fn languages() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|(tag, words)| (*tag, words.preferences.language_name.as_str()))
}

/// What the signup box says, by language.
pub fn of_box() -> BTreeMap<&'static str, &'static Embed> {
    ALL.iter().map(|(tag, words)| (*tag, &words.embed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn texts(tag: &str) -> BTreeMap<String, String> {
        let (_, text) = FILES.iter().find(|(it, _)| *it == tag).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let mut texts = BTreeMap::new();
        for (page, entries) in &table {
            for (name, text) in entries.as_table().unwrap() {
                texts.insert(format!("{page}.{name}"), text.as_str().unwrap().to_owned());
            }
        }
        texts
    }

    /// The names in braces, sorted.
    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> = text
            .split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').map_or("unclosed", |(name, _)| name))
            .collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn every_file_says_everything_and_keeps_the_places() {
        assert_eq!(ALL.len(), FILES.len());
        let english = texts("en");
        for (tag, _) in FILES {
            let own = texts(tag);
            for (name, text) in &english {
                let own = own.get(name).unwrap_or_else(|| panic!("{tag}.toml lacks {name}"));
                assert_eq!(places(own), places(text), "{tag}.toml: {name}");
                assert!(!own.trim().is_empty() && own.trim() == own, "{tag}.toml: {name}");
            }
            assert_eq!(own.len(), english.len(), "{tag}.toml has texts that nothing says");
        }
    }

    #[test]
    fn the_address_comes_before_the_newsletter_and_that_before_the_browser() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, "xx, es;q=0.5, FR-ca;q=0.9, de;q=0".parse().unwrap());
        let chosen = |asked, newsletter| choose(asked, newsletter, &headers).0;
        assert_eq!(chosen(Some("pt-BR"), "de"), "pt");
        assert_eq!(chosen(Some("<script>"), "de-AT"), "de");
        assert_eq!(chosen(None, "ja"), "fr");
        assert_eq!(choose(None, "ja", &HeaderMap::new()).0, "en");
    }

    #[test]
    fn places_are_filled_once_and_dates_written_out() {
        assert_eq!(fill("{a} of {b}", &[("a", "{b}"), ("b", "x")]), "{b} of x");
        let day = jiff::civil::date(2026, 3, 5);
        assert_eq!(of("de").issues.long_date(day), "5. März 2026");
        assert_eq!(of("es").issues.long_date(day), "5 de marzo de 2026");
        assert_eq!(of("en-GB").issues.long_date(day), "5 March 2026");
        for (tag, words) in ALL.iter() {
            assert_eq!(words.issues.months.split(' ').count(), 12, "{tag}");
            assert_eq!(words.preferences.day_names.split(' ').count(), 7, "{tag}");
        }
    }

    #[test]
    fn what_is_agreed_to_is_said_in_every_language() {
        for (tag, _) in FILES {
            assert_eq!(crate::domain::signup_wording::signup_wording(Some(tag)).language, *tag);
        }
    }

    #[test]
    fn every_file_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/i18n");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        there.sort();
        let mut known: Vec<&str> = FILES.iter().map(|(tag, _)| *tag).collect();
        known.sort_unstable();
        assert_eq!(there, known);
    }
}
