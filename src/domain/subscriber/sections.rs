//! The sections of a newsletter that a reader chose.

use crate::domain::content::article::title_key;

/// Maximum number of sections per reader.
pub const MAX_SECTIONS: usize = 30;
/// Maximum length of all keys together, in bytes. They are part of the key that readers are grouped by.
pub const MAX_SECTIONS_BYTES: usize = 1_000;
/// Maximum length of a section's key, in characters.
pub const MAX_SECTION_CHARS: usize = 100;

/// The sections that a reader chose, as keys (the [`title_key`] of each name). Empty: all sections.
///
/// The stored form is sorted, without duplicates and comma-separated, so equal choices have equal text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Sections(Vec<String>);

/// Reasons why a list of sections is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionsError {
    /// A name has neither letters nor digits.
    #[error("`{0}` is not the name of a section: it has neither letters nor digits")]
    NoName(String),
    /// A name is too long.
    #[error("`{0}` is longer than {MAX_SECTION_CHARS} characters")]
    TooLong(String),
    /// There are too many names, or they are too long together.
    #[error(
        "more than {MAX_SECTIONS} sections are named, or their names are too long together; name fewer, or choose all"
    )]
    TooMany,
}

impl Sections {
    pub const ALL: Self = Self(Vec::new());

    /// Parses comma-separated names such as `science,Local News`. An empty text means all sections.
    pub fn parse(text: &str) -> Result<Self, SectionsError> {
        if text.trim().is_empty() { Ok(Self::ALL) } else { Self::from_names(text.split(',')) }
    }

    /// Creates a choice from names or keys; without any, all sections.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, SectionsError> {
        let mut keys = Vec::new();
        for name in names {
            let key = title_key(name);
            let excerpt = || name.chars().take(MAX_SECTION_CHARS).collect();
            if key.is_empty() {
                return Err(SectionsError::NoName(excerpt()));
            }
            if key.chars().count() > MAX_SECTION_CHARS {
                return Err(SectionsError::TooLong(excerpt()));
            }
            if let Err(index) = keys.binary_search(&key) {
                if keys.len() == MAX_SECTIONS {
                    return Err(SectionsError::TooMany);
                }
                keys.insert(index, key);
            }
        }
        if keys.iter().map(|key| key.len() + 1).sum::<usize>() > MAX_SECTIONS_BYTES {
            return Err(SectionsError::TooMany);
        }
        Ok(Self(keys))
    }

    /// Whether the section with this key is included.
    pub fn contains(&self, key: &str) -> bool {
        self.is_all() || self.0.iter().any(|own| own == key)
    }

    /// Whether all sections are included.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the keys, sorted; none: all sections.
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
    fn sections_are_compared_by_their_keys() {
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
        fn the_stored_form_parses_to_the_same_choice(text in "[\\PC,]{0,60}") {
            if let Ok(sections) = Sections::parse(&text) {
                prop_assert_eq!(Sections::parse(&sections.to_string()), Ok(sections));
            }
        }
    }
}
