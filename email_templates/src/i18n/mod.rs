//! The texts of emails: one TOML file per language, compiled into the program.
//!
//! To add a language, copy `en.toml`, translate the texts, keep the placeholders in braces, and add a line to
//! [`FILES`]. Tests check that every file has all texts and no others.

mod texts;

use std::sync::LazyLock;

use maud::{Markup, html};

use crate::dates::Dates;
pub(crate) use texts::Texts;

/// The files by language tag (BCP 47). The first one is the fallback.
const FILES: &[(&str, &str)] = &[
    ("en", include_str!("en.toml")),
    ("de", include_str!("de.toml")),
    ("es", include_str!("es.toml")),
    ("fr", include_str!("fr.toml")),
    ("pt", include_str!("pt.toml")),
];

/// The files of regions, which replace some texts of their language: the tags, and the file.
const REGIONS: &[(&[&str], &str)] = &[
    (&["en-GB", "en-IE", "en-AU", "en-NZ"], include_str!("en-GB.toml")),
    (&["en-US", "en-CA", "en-PH"], include_str!("en-US.toml")),
];

/// The texts by tag. Those of a language come before those of its regions.
static ALL: LazyLock<Vec<(&str, Texts)>> = LazyLock::new(|| {
    let languages = FILES.iter().map(|(tag, text)| (*tag, read(tag, text, None)));
    let regions = REGIONS.iter().flat_map(|(tags, region)| {
        let language = primary(tags[0]);
        let (_, text) = FILES.iter().find(|(tag, _)| *tag == language).expect("a region has a language");
        tags.iter().map(|tag| (*tag, read(tag, text, Some(region))))
    });
    languages.chain(regions).collect()
});

/// Parses a file, with the texts of a region in place of its own.
fn read(tag: &str, text: &str, region: Option<&str>) -> Texts {
    // The files are compiled in, and a test parses each of them.
    let parse = |text: &str| -> toml::Table {
        text.parse().unwrap_or_else(|error| panic!("i18n/{tag}.toml: {error}"))
    };
    let mut texts = parse(text);
    for (group, replaced) in region.map(parse).unwrap_or_default() {
        if let (Some(toml::Value::Table(own)), toml::Value::Table(replaced)) =
            (texts.get_mut(&group), replaced)
        {
            own.extend(replaced);
        }
    }
    texts.try_into().unwrap_or_else(|error| panic!("i18n/{tag}.toml: {error}"))
}

/// Returns the language of a tag.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

/// Returns whether a tag is that of English, in any region.
pub(crate) fn is_english(tag: &str) -> bool {
    primary(tag).eq_ignore_ascii_case(ENGLISH)
}

/// Returns the texts for a language tag: those of its region, or of its language.
pub(crate) fn find(tag: &str) -> Option<&'static Texts> {
    let is_language = |own: &str| own.eq_ignore_ascii_case(primary(tag));
    find_region(tag).or_else(|| ALL.iter().find(|(own, _)| is_language(own)).map(|(_, texts)| texts))
}

/// Returns the texts for exactly this tag.
fn find_region(tag: &str) -> Option<&'static Texts> {
    let is_region = |own: &str| own.eq_ignore_ascii_case(&tag.replace('_', "-"));
    ALL.iter().find(|(own, _)| is_region(own)).map(|(_, texts)| texts)
}

impl Dates {
    /// Returns the conventions for a language tag: those of its region, or of its language, or the English
    /// ones.
    pub fn of(tag: &str) -> &'static Self {
        &texts_in(tag).date
    }

    /// Returns the conventions of a region, such as `en-US`, if it has its own.
    pub fn of_region(tag: &str) -> Option<&'static Self> {
        let is_region = tag.contains(['-', '_']);
        find_region(tag).filter(|_| is_region).map(|texts| &texts.date)
    }
}

/// Returns the texts of a language, or the English ones.
pub(crate) fn texts_in(tag: &str) -> &'static Texts {
    find(tag).unwrap_or(&ALL[0].1)
}

pub(crate) const ENGLISH: &str = "en";

/// Replaces the placeholders of a text by values.
pub fn interpolate(text: &str, values: &[(&str, &str)]) -> String {
    let value = |name: &str| values.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value);
    pieces(text).map(|(literal, name)| [literal, name.map_or("", value)].concat()).collect()
}

/// Replaces the placeholders of a text by markup.
pub(crate) fn interpolate_markup(text: &str, values: &[(&str, Markup)]) -> Markup {
    html! {
        @for (literal, name) in pieces(text) {
            (literal)
            @for (_, value) in values.iter().filter(|(it, _)| name == Some(*it)).take(1) { (value) }
        }
    }
}

/// Splits a text at its placeholders: the literal text before each, with its name, then the rest.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let remaining = rest?;
        let placeholder = remaining
            .split_once('{')
            .and_then(|(literal, after)| after.split_once('}').map(|(name, after)| (literal, name, after)));
        if let Some((literal, name, after)) = placeholder {
            rest = Some(after);
            Some((literal, Some(name)))
        } else {
            rest = None;
            Some((remaining, None))
        }
    })
}

impl Texts {
    /// "Unsubscribe:", before a URL.
    pub(crate) fn label(&self, text: &str) -> String {
        interpolate(&self.shared.label, &[("words", text)])
    }

    /// Formats a number of days, such as "7 days".
    pub(crate) fn days(&self, days: u32) -> String {
        match days {
            1 => self.shared.one_day.clone(),
            days => interpolate(&self.shared.days, &[("days", &days.to_string())]),
        }
    }

    /// Formats a reading time, such as "4-minute read".
    pub(crate) fn minutes(&self, minutes: u32) -> String {
        let text = if minutes == 1 { &self.shared.reading_one } else { &self.shared.reading };
        interpolate(text, &[("minutes", &minutes.to_string())])
    }

    /// "About a 4-minute read"
    pub(crate) fn about_minutes(&self, minutes: u32) -> String {
        let text = match minutes {
            1 => &self.promise.about_one,
            8 | 11 | 18 | 80..=89 => &self.promise.about_eight,
            _ => &self.promise.about,
        };
        interpolate(text, &[("minutes", &minutes.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    fn texts(tag: &str) -> BTreeMap<String, String> {
        let (_, text) = FILES.iter().find(|(it, _)| *it == tag).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let entries = table.iter().flat_map(|(mail, entries)| {
            let entries = entries.as_table().unwrap().iter();
            entries.map(move |(name, text)| (format!("{mail}.{name}"), text.as_str().unwrap().to_owned()))
        });
        entries.collect()
    }

    /// Returns the sorted names of the placeholders.
    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = pieces(text).filter_map(|(_, name)| name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_file_has_all_texts_and_their_placeholders() {
        // Here a language may need fewer placeholders than English, or others.
        let free = |name: &str| {
            name.starts_with("date.")
                || name.starts_with("digest.close_")
                || ["digest.in_day", "welcome.tomorrow"].contains(&name)
        };
        let english = texts(ENGLISH);
        assert_eq!(FILES[0].0, ENGLISH);
        for (tag, _) in FILES {
            let own = texts(tag);
            for (name, text) in &english {
                let own = own.get(name).unwrap_or_else(|| panic!("{tag}.toml lacks {name}"));
                if !free(name) {
                    assert_eq!(placeholders(own), placeholders(text), "{tag}.toml: {name}");
                }
                assert!(!own.trim().is_empty() && own.trim() == own, "{tag}.toml: {name}");
            }
            assert_eq!(own.len(), english.len(), "{tag}.toml has unused texts");
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
        let regions = REGIONS.iter().map(|(tags, _)| tags[0]);
        let mut known: Vec<&str> = FILES.iter().map(|(tag, _)| *tag).chain(regions).collect();
        known.sort_unstable();
        assert_eq!(there, known);
    }

    #[test]
    fn a_region_replaces_texts_that_exist() {
        let english = texts(ENGLISH);
        for (tags, text) in REGIONS {
            let table: toml::Table = text.parse().unwrap();
            for (group, texts) in &table {
                for (name, text) in texts.as_table().unwrap() {
                    let own = english.get(&format!("{group}.{name}"));
                    assert!(
                        own.is_some_and(|own| Some(own.as_str()) != text.as_str()),
                        "{tags:?}: {group}.{name}"
                    );
                }
            }
        }
    }

    #[test]
    fn placeholders_are_replaced_once_and_escaped() {
        assert_eq!(interpolate("{a} of {b}, {c}", &[("a", "{b}"), ("b", "x")]), "{b} of x, ");
        let value = html! { strong { "<x>" } };
        assert_eq!(interpolate_markup("a & {b}.", &[("b", value)]).0, "a &amp; <strong>&lt;x&gt;</strong>.");
    }
}
