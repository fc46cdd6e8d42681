//! What mails say, in several languages: a file a language, built into the program.
//!
//! To add a language, copy `en.toml`, translate what is between the quotes, keep what is in braces, and add a line to
//! [`FILES`]. A file that lacks a text or has one too many is refused by the tests.

mod texts;

use std::sync::LazyLock;

use jiff::civil::Date;
use maud::{Markup, html};

pub(crate) use texts::{Dates, Words};

/// The languages there are, by tag (BCP 47). The first one is what everybody else gets.
const FILES: &[(&str, &str)] = &[
    ("en", include_str!("en.toml")),
    ("de", include_str!("de.toml")),
    ("es", include_str!("es.toml")),
    ("fr", include_str!("fr.toml")),
    ("pt", include_str!("pt.toml")),
];

static ALL: LazyLock<Vec<(&str, Words)>> = LazyLock::new(|| {
    let read = |&(tag, text): &(&'static str, &str)| {
        // They are part of the program: a test reads each of them.
        (tag, toml::from_str(text).unwrap_or_else(|error| panic!("words/{tag}.toml: {error}")))
    };
    FILES.iter().map(read).collect()
});

/// The words of a language, if it is spoken here: `pt-BR` is served with `pt`.
pub(crate) fn find(tag: &str) -> Option<&'static Words> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    ALL.iter().find(|(own, _)| own.eq_ignore_ascii_case(primary)).map(|(_, words)| words)
}

/// The words for a mail in this language, or English ones.
pub(crate) fn of(tag: &str) -> &'static Words {
    find(tag).unwrap_or(&ALL[0].1)
}

/// What English is called.
pub(crate) const ENGLISH: &str = "en";

/// A text with its places filled.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let value = |name: &str| values.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value);
    pieces(text).map(|(words, name)| [words, name.map_or("", value)].concat()).collect()
}

/// A text with its places filled with more than words.
pub(crate) fn filled(text: &str, values: &[(&str, Markup)]) -> Markup {
    html! {
        @for (words, name) in pieces(text) {
            (words)
            @for (_, value) in values.iter().filter(|(it, _)| name == Some(*it)).take(1) { (value) }
        }
    }
}

/// The words before each place, with the place's name; then what is left.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let left = rest?;
        let place = left
            .split_once('{')
            .and_then(|(words, after)| after.split_once('}').map(|(name, after)| (words, name, after)));
        match place {
            Some((words, name, after)) => {
                rest = Some(after);
                Some((words, Some(name)))
            }
            None => {
                rest = None;
                Some((left, None))
            }
        }
    })
}

/// A text that begins a line: with a capital letter.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

impl Words {
    /// "Unsubscribe:", before an address.
    pub(crate) fn label(&self, words: &str) -> String {
        fill(&self.letter.label, &[("words", words)])
    }
}

impl Dates {
    /// "Saturday, 22 November 2025".
    pub(crate) fn long(&self, date: Date) -> String {
        self.said(&self.long, date)
    }

    /// "22 November", with the year where it isn't the issue's own.
    pub(crate) fn short(&self, date: Date, issue: Date) -> String {
        self.said(if date.year() == issue.year() { &self.short } else { &self.of_year }, date)
    }

    /// "Saturday, 22 November", after a word such as "on".
    pub(crate) fn coming(&self, date: Date) -> String {
        self.said(&self.coming, date)
    }

    /// "Saturday".
    pub(crate) fn weekday(&self, date: Date) -> &str {
        nth(&self.weekdays, date.weekday().to_monday_zero_offset())
    }

    fn said(&self, text: &str, date: Date) -> String {
        let day = if date.day() == 1 { self.first.clone() } else { date.day().to_string() };
        fill(
            text,
            &[
                ("weekday", self.weekday(date)),
                ("day", &day),
                ("month", nth(&self.months, date.month() - 1)),
                ("year", &date.year().to_string()),
            ],
        )
    }
}

fn nth(names: &str, index: i8) -> &str {
    names.split(' ').nth(usize::from(index.unsigned_abs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
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

    /// The names in braces, sorted.
    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> = pieces(text).filter_map(|(_, name)| name).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn every_file_says_everything_and_keeps_the_places() {
        let english = texts(ENGLISH);
        assert_eq!(FILES[0].0, ENGLISH);
        for (tag, words) in ALL.iter() {
            let own = texts(tag);
            for (name, text) in &english {
                let own = own.get(name).unwrap_or_else(|| panic!("{tag}.toml lacks {name}"));
                // A day's own words need not name all of it.
                if !name.starts_with("date.") {
                    assert_eq!(places(own), places(text), "{tag}.toml: {name}");
                }
                assert!(!own.trim().is_empty() && own.trim() == own, "{tag}.toml: {name}");
                assert!(!own.replace(['{', '}'], "").contains("{"), "{tag}.toml: {name}");
            }
            assert_eq!(own.len(), english.len(), "{tag}.toml has texts that nothing says");
            let count = |names: &str| names.split(' ').count();
            assert_eq!((count(&words.date.months), count(&words.date.weekdays)), (12, 7), "{tag}");
        }
    }

    #[test]
    fn every_file_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/words");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        there.sort();
        let mut known: Vec<&str> = FILES.iter().map(|(tag, _)| *tag).collect();
        known.sort_unstable();
        assert_eq!(there, known);
    }

    #[test]
    fn places_are_filled_once_and_escaped() {
        assert_eq!(fill("{a} of {b}, {c}", &[("a", "{b}"), ("b", "x")]), "{b} of x, ");
        let value = html! { strong { "<x>" } };
        assert_eq!(filled("a & {b}.", &[("b", value)]).0, "a &amp; <strong>&lt;x&gt;</strong>.");
    }

    #[test]
    fn dates_are_said_as_each_language_says_them() {
        let day = date(2025, 11, 22);
        for (tag, long, new_year) in [
            ("en", "Saturday, 22 November 2025", "1 January"),
            ("de-AT", "Samstag, 22. November 2025", "1. Januar"),
            ("fr", "samedi 22 novembre 2025", "1er janvier"),
            ("es", "sábado, 22 de noviembre de 2025", "1 de enero"),
            ("pt_BR", "sábado, 22 de novembro de 2025", "1 de janeiro"),
            ("ja", "Saturday, 22 November 2025", "1 January"),
        ] {
            let say = &of(tag).date;
            assert_eq!(say.long(day), long);
            assert_eq!(say.short(date(2025, 1, 1), day), new_year);
        }
        assert_eq!(of("en").date.short(date(2024, 12, 31), date(2025, 1, 1)), "31 December 2024");
        assert_eq!(capitalised(&of("fr").date.long(day)), "Samedi 22 novembre 2025");
    }
}
