//! The sections of a newsletter that a reader wants.

use crate::domain::content::article::title_key;

/// Most sections a reader may name.
pub const MAX_SECTIONS: usize = 30;
/// Most bytes of all keys together: they are part of what groups of readers are looked up by.
pub const MAX_SECTIONS_BYTES: usize = 1_000;
/// Longest key of a section, in characters.
pub const MAX_SECTION_CHARS: usize = 100;

/// The sections that a reader wants, by their keys (a section's key is the [`title_key`] of its name); none: all of them.
///
/// Written with commas between, sorted, each once: who wants the same has the same text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Sections(Vec<String>);

/// Why a list of sections can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionsError {
    /// Nothing is left of a name but signs.
    #[error("`{0}` is not the name of a section: it has neither letters nor digits")]
    NoName(String),
    /// A name is too long.
    #[error("`{0}` is longer than {MAX_SECTION_CHARS} characters")]
    TooLong(String),
    /// There are too many.
    #[error(
        "more than {MAX_SECTIONS} sections are named, or their names are too long together; name fewer, or choose all"
    )]
    TooMany,
}

impl Sections {
    /// All sections, whatever they are.
    pub const ALL: Self = Self(Vec::new());

    /// Reads names with commas between, such as `science,Local News`; an empty text stands for all.
    pub fn parse(text: &str) -> Result<Self, SectionsError> {
        if text.trim().is_empty() { Ok(Self::ALL) } else { Self::of(text.split(',')) }
    }

    /// The sections with these names or keys; all without any.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, SectionsError> {
        let mut keys = Vec::new();
        for name in names {
            let key = title_key(name);
            let start = || name.chars().take(MAX_SECTION_CHARS).collect();
            if key.is_empty() {
                return Err(SectionsError::NoName(start()));
            }
            if key.chars().count() > MAX_SECTION_CHARS {
                return Err(SectionsError::TooLong(start()));
            }
            if let Err(place) = keys.binary_search(&key) {
                if keys.len() == MAX_SECTIONS {
                    return Err(SectionsError::TooMany);
                }
                keys.insert(place, key);
            }
        }
        if keys.iter().map(|key| key.len() + 1).sum::<usize>() > MAX_SECTIONS_BYTES {
            return Err(SectionsError::TooMany);
        }
        Ok(Self(keys))
    }

    /// Whether the section with this key is wanted.
    pub fn contains(&self, key: &str) -> bool {
        self.is_all() || self.0.iter().any(|it| it == key)
    }

    /// Whether all are wanted.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, sorted; none: all are wanted.
    pub fn keys(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for Sections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0.join(","))
    }
}

impl TryFrom<String> for Sections {
    type Error = SectionsError;

    fn try_from(text: String) -> Result<Self, SectionsError> {
        Self::parse(&text)
    }
}

impl serde::Serialize for Sections {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sections_are_known_by_their_keys() {
        let chosen = Sections::parse("Science, local news,SCIENCE!").unwrap();
        assert_eq!(chosen.to_string(), "local news,science");
        assert!(chosen.contains("science") && !chosen.contains("sport"));
        assert!(Sections::parse("  ").unwrap().is_all() && Sections::ALL.contains("anything"));
    }

    #[test]
    fn lists_of_sections_are_bounded() {
        assert!(matches!(Sections::parse("science,,local"), Err(SectionsError::NoName(_))));
        assert!(matches!(Sections::parse(&"x".repeat(101)), Err(SectionsError::TooLong(_))));
        let many: Vec<String> = (0..31).map(|number| format!("section {number}")).collect();
        assert_eq!(Sections::parse(&many.join(",")), Err(SectionsError::TooMany));
        assert_eq!(Sections::parse(&many[1..].join(",")).unwrap().keys().len(), 30);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(text in "[\\PC,]{0,60}") {
            if let Ok(sections) = Sections::parse(&text) {
                prop_assert_eq!(Sections::parse(&sections.to_string()), Ok(sections));
            }
        }
    }
}
