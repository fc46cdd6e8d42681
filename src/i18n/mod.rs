//! The texts of pages: one TOML file per language, compiled into the program.
//!
//! To add a language, copy `en.toml`, translate the texts, keep the placeholders in braces, and add a line to
//! [`FILES`]. Tests check that every file has all texts and no others.

/// Defines groups of texts.
macro_rules! texts {
    ($($name:ident { $($text:ident,)+ })+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(pub $text: String,)+ }
    )+};
}

mod dates;
mod preferences;
mod problems;
mod texts;

use axum::http::{HeaderMap, header};
use email_templates::dates::Dates;
use std::sync::LazyLock;

pub use crate::i18n::preferences::Preferences;
pub use crate::i18n::texts::{Embed, Issues, Texts, Unsubscribe};
pub use email_templates::{dates::capitalize, interpolate};

/// The files by language tag (BCP 47). The first one is the fallback.
const FILES: &[(&str, &str)] = &[
    ("en", include_str!("en.toml")),
    ("de", include_str!("de.toml")),
    ("es", include_str!("es.toml")),
    ("fr", include_str!("fr.toml")),
    ("pt", include_str!("pt.toml")),
];

/// Most languages of an `Accept-Language` header that are considered.
const MAX_ACCEPTED: usize = 20;

static ALL: LazyLock<Vec<(&str, Texts)>> = LazyLock::new(|| {
    let parse = |&(tag, text): &(&'static str, &str)| {
        // The files are compiled in, and a test parses each of them.
        let texts: Texts =
            toml::from_str(text).unwrap_or_else(|error| panic!("src/i18n/{tag}.toml: {error}"));
        (tag, Texts { language: tag, ..texts })
    };
    FILES.iter().map(parse).collect()
});

/// Splits a text at a placeholder, to put markup in its place.
pub fn split_at<'a>(text: &'a str, placeholder: &str) -> (&'a str, &'a str) {
    text.split_once(&format!("{{{placeholder}}}")).unwrap_or((text, ""))
}

/// A language and its texts.
#[derive(Debug, Clone, Copy)]
pub struct Locale {
    /// The language tag.
    pub language: &'static str,
    pub texts: &'static Texts,
    /// The forms of dates and times, which follow the region.
    pub dates: &'static Dates,
}

/// Chooses the locale of a page: the first preferred language that has texts, else the browser's preference,
/// else English. Preferred languages are, in this order, that of the request (`lang`), the reader's and the
/// newsletter's.
pub fn negotiate_locale<'a>(
    preferred: impl IntoIterator<Item = Option<&'a str>>,
    headers: &HeaderMap,
) -> Locale {
    let tags: Vec<&str> = preferred.into_iter().flatten().collect();
    let first = tags.iter().find_map(|tag| find_locale(tag));
    let locale = first.or_else(|| browser_locale(headers)).unwrap_or_else(fallback);
    // A reader who chose English gets the conventions of the newsletter's English.
    let mut regions = tags.iter().filter(|tag| primary(tag).eq_ignore_ascii_case(locale.language));
    let dates = regions.find_map(|tag| Dates::of_region(tag)).unwrap_or(locale.dates);
    Locale { dates, ..locale }
}

/// Returns the locale that the browser asks for. `None` if it asks for none that has texts.
pub fn browser_locale(headers: &HeaderMap) -> Option<Locale> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted_locale(accepted.unwrap_or_default())
}

/// Returns the texts of a language, or the English ones.
pub fn texts_in(language: &str) -> &'static Texts {
    find_locale(language).unwrap_or_else(fallback).texts
}

/// Finds the locale of a language tag: `pt-BR` gets `pt`.
pub fn find_locale(tag: &str) -> Option<Locale> {
    let language = primary(tag);
    let (language, texts) = ALL.iter().find(|(own, _)| own.eq_ignore_ascii_case(language))?;
    Some(Locale { language, texts, dates: Dates::of(tag) })
}

/// Returns the language of a tag.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

fn fallback() -> Locale {
    let (language, texts) = &ALL[0];
    Locale { language, texts, dates: Dates::of(language) }
}

/// Chooses a locale by an `Accept-Language` header (RFC 9110 section 12.5.4).
fn accepted_locale(accepted: &str) -> Option<Locale> {
    let mut best: Option<(f32, Locale)> = None;
    for part in accepted.split(',').take(MAX_ACCEPTED) {
        let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(0.0);
        if let Some(locale) = find_locale(tag.trim())
            && weight > best.map_or(0.0, |(highest, _)| highest)
        {
            best = Some((weight, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

/// Returns the tags of all languages, each with the language's own name.
pub fn languages() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|(tag, texts)| (*tag, texts.preferences.language_name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, path::Path};

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

    /// Returns the sorted names of the placeholders.
    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text
            .split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').map_or("unclosed", |(name, _)| name))
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_file_has_all_texts_and_their_placeholders() {
        let tags: Vec<&str> = FILES.iter().map(|(tag, _)| *tag).collect();
        assert_eq!(tags, crate::domain::newsletter::LANGUAGES);
        let english = texts("en");
        for (tag, _) in FILES {
            let own = texts(tag);
            for (name, text) in &english {
                let own = own.get(name).unwrap_or_else(|| panic!("{tag}.toml lacks {name}"));
                assert_eq!(placeholders(own), placeholders(text), "{tag}.toml: {name}");
                assert!(!own.trim().is_empty() && own.trim() == own, "{tag}.toml: {name}");
            }
            assert_eq!(own.len(), english.len(), "{tag}.toml has unused texts");
        }
    }

    #[test]
    fn the_request_comes_before_the_newsletter_and_that_before_the_browser() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, "xx, es;q=0.5, FR-ca;q=0.9, de;q=0".parse().unwrap());
        let day = jiff::civil::date(2026, 11, 30);
        let dated = |tags: [&str; 2]| negotiate_locale(tags.map(Some), &headers).dates.day(day);
        assert_eq!(dated(["en", "en-US"]), "Monday, November 30", "the newsletter's English");
        assert_eq!(dated(["en-GB", "en-US"]), "Monday 30 November");
        assert_eq!(dated(["en", "de"]), "Monday 30 November");
        let chosen =
            |requested, newsletter| negotiate_locale([requested, Some(newsletter)], &headers).language;
        assert_eq!(chosen(Some("pt-BR"), "de"), "pt");
        assert_eq!(chosen(Some("<script>"), "de-AT"), "de");
        assert_eq!(chosen(None, "ja"), "fr");
        assert_eq!(negotiate_locale([Some("ja")], &HeaderMap::new()).language, "en");
    }

    #[test]
    fn lists_of_days_and_times_are_complete() {
        for (tag, texts) in ALL.iter() {
            let count = |names: &str| names.split('|').count();
            assert_eq!(count(&texts.dates.each), 7, "{tag}");
            let pauses = (count(&texts.preferences.in_weeks), count(&texts.preferences.in_months));
            assert_eq!(pauses, (2, 2), "{tag}");
        }
    }

    #[test]
    fn every_language_has_a_signup_wording() {
        for (tag, _) in FILES {
            assert_eq!(crate::domain::signup_wording::signup_wording(Some(tag)).language, *tag);
        }
    }

    #[test]
    fn every_file_is_compiled_in() {
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
