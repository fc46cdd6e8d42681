//! Groups the list of stories by section.

/// Consecutive stories under one heading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SectionGroup {
    /// `None` if the list has no headings.
    pub(super) heading: Option<String>,
    /// Indices into the list.
    pub(super) stories: Vec<usize>,
}

/// Groups stories by the section of each. `more` is the heading of stories without a section.
///
/// There are headings only if at least two sections have two or more stories. Otherwise the label above each
/// headline is enough. Sections come in the order of their first stories, and stories without a section come
/// last. Upper and lower case make no difference; the first spelling is the heading.
pub(super) fn group_by_section(sections: &[Option<String>], more: &str) -> Vec<SectionGroup> {
    let mut groups: Vec<(Option<String>, SectionGroup)> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let key = section.as_ref().map(|name| name.to_lowercase());
        if let Some((_, group)) = groups.iter_mut().find(|(other, _)| *other == key) {
            group.stories.push(index);
        } else {
            let heading = section.as_deref().unwrap_or(more).to_owned();
            groups.push((key, SectionGroup { heading: Some(heading), stories: vec![index] }));
        }
    }
    let large = groups.iter().filter(|(key, group)| key.is_some() && group.stories.len() >= 2).count();
    if large < 2 {
        let stories: Vec<usize> = (0..sections.len()).collect();
        return if stories.is_empty() { Vec::new() } else { vec![SectionGroup { heading: None, stories }] };
    }
    groups.sort_by_key(|(key, _)| key.is_none()); // stable
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups a list given as section names, `-` for none. Returns `heading: indices`.
    fn outcome(sections: &str) -> Vec<String> {
        let sections: Vec<Option<String>> =
            sections.split_whitespace().map(|name| (name != "-").then(|| name.to_owned())).collect();
        group_by_section(&sections, "More")
            .into_iter()
            .map(|group| {
                let heading = group.heading.unwrap_or_else(|| "*".to_owned());
                format!("{heading}: {:?}", group.stories)
            })
            .collect()
    }

    #[test]
    fn a_list_with_fewer_than_two_large_sections_stays_as_it_is() {
        assert!(outcome("").is_empty());
        assert_eq!(outcome("Local"), ["*: [0]"]);
        assert_eq!(outcome("Local Food Local - Local"), ["*: [0, 1, 2, 3, 4]"]);
        assert_eq!(outcome("- - - Local Local"), ["*: [0, 1, 2, 3, 4]"], "no section is no section");
    }

    #[test]
    fn sections_come_in_the_order_of_their_first_stories() {
        assert_eq!(outcome("Local Food Local Food"), ["Local: [0, 2]", "Food: [1, 3]"]);
        assert_eq!(
            outcome("Food Culture Local Local Culture"),
            ["Food: [0]", "Culture: [1, 4]", "Local: [2, 3]"]
        );
    }

    #[test]
    fn stories_without_a_section_come_last() {
        assert_eq!(outcome("- Local Food - Food Local"), ["Local: [1, 5]", "Food: [2, 4]", "More: [0, 3]"]);
    }

    #[test]
    fn capital_letters_make_no_other_section() {
        assert_eq!(outcome("Local FOOD local food"), ["Local: [0, 2]", "FOOD: [1, 3]"]);
    }
}
