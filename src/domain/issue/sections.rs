//! The sections of an issue: which headings it has, and which stories stand below each.
//!
//! A newsletter names its sections in order, or has none. The first story leads, before any heading. Each section with
//! at least two stories gets its heading, and the other stories come last, in brief. Stories that an operator pinned or
//! gave a place never move.

use crate::domain::{
    content::article::title_key,
    subscriber::sections::{MAX_SECTION_CHARS, MAX_SECTIONS},
};
use std::fmt;

/// Fewest stories below a heading.
const LEAST: usize = 2;

/// The sections of a newsletter, in the order of its issues. Empty: its issues have no headings.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SectionOrder(Vec<String>);

impl SectionOrder {
    /// Parses names such as `Science, Local News`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if title_key(name).is_empty() || name.chars().any(char::is_control) {
                return Err(format!("`{}` is not the name of a section", name.escape_debug()));
            }
            if name.chars().count() > MAX_SECTION_CHARS {
                return Err(format!("a section's name has more than {MAX_SECTION_CHARS} characters"));
            }
            if names.iter().any(|known| title_key(known) == title_key(name)) {
                return Err(format!("`{name}` is named twice"));
            }
            names.push(name.to_owned());
        }
        if names.len() > MAX_SECTIONS {
            return Err(format!("more than {MAX_SECTIONS} sections are named"));
        }
        Ok(Self(names))
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the place of a section, given as the key of its name.
    fn place(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|name| title_key(name) == key)
    }
}

impl fmt::Display for SectionOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// A story to be arranged.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The key of its section; empty: none.
    pub section: &'a str,
    /// An operator pinned it or gave it a place.
    pub is_fixed: bool,
}

/// A heading before a story.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Heading {
    /// The index of the first story below it.
    pub at: usize,
    /// The section's name. `None`: the rest, in brief.
    pub section: Option<String>,
}

/// Returns the indices of stories in the order of their sections.
pub fn arranged(order: &SectionOrder, items: &[Item<'_>]) -> Vec<usize> {
    if order.is_empty() {
        return (0..items.len()).collect();
    }
    let groups = groups(order, items);
    let mut movable: Vec<usize> = (0..items.len()).filter(|index| !items[*index].is_fixed).collect();
    movable.sort_by_key(|index| groups[*index]);
    let mut movable = movable.into_iter();
    (0..items.len())
        .map(|index| if items[index].is_fixed { index } else { movable.next().unwrap_or(index) })
        .collect()
}

/// Returns the headings of arranged stories.
pub fn headings(order: &SectionOrder, items: &[Item<'_>]) -> Vec<Heading> {
    if order.is_empty() {
        return Vec::new();
    }
    let groups = groups(order, items);
    let (mut headings, mut below) = (Vec::new(), Group::Lead);
    for (at, group) in groups.into_iter().enumerate().filter(|(at, _)| !items[*at].is_fixed) {
        if group != below {
            let section = match group {
                Group::Section(place) => Some(order.0[place].clone()),
                Group::Lead | Group::Brief => None,
            };
            headings.push(Heading { at, section });
            below = group;
        }
    }
    headings
}

/// Where a story stands, in the order of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Lead,
    /// By the place of its section.
    Section(usize),
    Brief,
}

fn groups(order: &SectionOrder, items: &[Item<'_>]) -> Vec<Group> {
    let place =
        |index: usize| order.place(items[index].section).filter(|_| index > 0 && !items[index].is_fixed);
    let places: Vec<Option<usize>> = (0..items.len()).map(place).collect();
    let is_large = |place: usize| places.iter().filter(|other| **other == Some(place)).count() >= LEAST;
    let group = |(index, place): (usize, &Option<usize>)| match place {
        _ if index == 0 => Group::Lead,
        Some(place) if is_large(*place) => Group::Section(*place),
        _ => Group::Brief,
    };
    places.iter().enumerate().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Arranges stories given as sections, `-` for none, with `!` for those that an operator fixed. Returns the
    /// indices, with the headings before them.
    fn outcome(order: &str, stories: &str) -> String {
        let order = SectionOrder::parse(order).unwrap();
        let items: Vec<Item<'_>> = stories
            .split_whitespace()
            .map(|word| Item { section: word.trim_matches(['!', '-']), is_fixed: word.ends_with('!') })
            .collect();
        let indices = arranged(&order, &items);
        let moved: Vec<Item<'_>> = indices.iter().map(|index| items[*index]).collect();
        let headings = headings(&order, &moved);
        let mut words = Vec::new();
        for (at, index) in indices.iter().enumerate() {
            if let Some(heading) = headings.iter().find(|heading| heading.at == at) {
                words.push(format!("[{}]", heading.section.as_deref().unwrap_or("brief")));
            }
            words.push(index.to_string());
        }
        words.join(" ")
    }

    #[test]
    fn sections_come_in_the_newsletters_order_and_small_ones_in_brief() {
        assert_eq!(outcome("", "a b a"), "0 1 2", "without sections, nothing changes");
        assert_eq!(
            outcome("Local,Science", "science science local science local arts"),
            "0 [Local] 2 4 [Science] 1 3 [brief] 5"
        );
        assert_eq!(
            outcome("Local,Science", "local science local -"),
            "0 [brief] 1 2 3",
            "one story is no section"
        );
        assert_eq!(outcome("Local", "local"), "0");
    }

    #[test]
    fn stories_that_an_operator_fixed_never_move() {
        assert_eq!(outcome("Local", "arts! arts local arts local!  local"), "0 [Local] 2 5 [brief] 1 4 3");
        assert_eq!(outcome("Local", "arts! arts! local local"), "0 1 [Local] 2 3", "pinned ones lead");
    }

    #[test]
    fn names_are_checked() {
        assert_eq!(SectionOrder::parse(" Science , Local News,").unwrap().to_string(), "Science, Local News");
        for wrong in ["!!!", "Science,science", "a\u{7}b"] {
            assert!(SectionOrder::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn every_story_appears_once_and_fixed_ones_stay(stories in proptest::collection::vec((0..4_usize, any::<bool>()), 0..20)) {
            let order = SectionOrder::parse("a,b,c").unwrap();
            let names = ["a", "b", "c", ""];
            let items: Vec<Item<'_>> =
                stories.iter().map(|(name, is_fixed)| Item { section: names[*name], is_fixed: *is_fixed }).collect();
            let indices = arranged(&order, &items);
            let mut sorted = indices.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..items.len()).collect::<Vec<_>>());
            for (at, index) in indices.iter().enumerate().filter(|(_, index)| items[**index].is_fixed) {
                prop_assert_eq!(at, *index);
            }
            // Arranging again changes nothing, unless another story leads now.
            let moved: Vec<Item<'_>> = indices.iter().map(|index| items[*index]).collect();
            if indices.first() == Some(&0) {
                prop_assert_eq!(arranged(&order, &moved), (0..items.len()).collect::<Vec<_>>());
            }
            prop_assert!(headings(&order, &moved).iter().all(|heading| heading.at > 0));
        }
    }
}
