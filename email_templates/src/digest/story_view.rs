//! The stories cleaned, grouped and numbered, as both parts of the email show them.

use jiff::civil::Date;

use super::{Digest, Story, sections};
use crate::href;
use crate::i18n::{self, Texts, interpolate};
use crate::wording::{shorten, tidy, tidy_some};

const TITLE_MAX_CHARS: usize = 200;
const DEK_MAX_CHARS: usize = 280;
const LABEL_MAX_CHARS: usize = 80;

/// An issue's stories.
pub(super) struct Issue {
    /// The first story.
    pub(super) hero: Option<StoryView>,
    /// The others, in display order.
    pub(super) groups: Vec<Group>,
}

/// A group of stories in the list.
pub(super) struct Group {
    /// The section's name, if the list has sections.
    pub(super) heading: Option<String>,
    pub(super) stories: Vec<StoryView>,
}

/// A story, ready to be displayed.
pub(super) struct StoryView {
    /// Position in the issue, from 1.
    pub(super) number: usize,
    pub(super) title: String,
    pub(super) section: Option<String>,
    pub(super) dek: Option<String>,
    /// "By Ada Quill", "The Harbour Lamp", "21 November"
    pub(super) byline: Vec<String>,
    pub(super) url: Option<String>,
    pub(super) picture: Option<Picture>,
}

/// A story's picture.
pub(super) struct Picture {
    pub(super) url: String,
    /// Description; may be empty.
    pub(super) alt: String,
    /// Width and height in pixels.
    pub(super) size: Option<(u32, u32)>,
}

impl Issue {
    pub(super) fn from_digest(digest: &Digest<'_>) -> Self {
        let Some((hero, list)) = digest.stories.split_first() else {
            return Self { hero: None, groups: Vec::new() };
        };
        let texts = i18n::texts_in(digest.masthead.language);
        let names: Vec<Option<String>> = list.iter().map(|story| label(story.section)).collect();
        let mut number = 1;
        let groups = sections::group_by_section(&names, &texts.digest.more)
            .into_iter()
            .map(|group| Group {
                heading: group.heading,
                stories: group
                    .stories
                    .into_iter()
                    .map(|index| {
                        number += 1;
                        story_view(&list[index], number, digest.date, texts)
                    })
                    .collect(),
            })
            .collect();
        Self { hero: Some(story_view(hero, 1, digest.date, texts)), groups }
    }

    /// All stories but the first.
    pub(super) fn list(&self) -> impl Iterator<Item = &StoryView> {
        self.groups.iter().flat_map(|group| &group.stories)
    }
}

fn label(text: Option<&str>) -> Option<String> {
    tidy_some(text).map(|text| shorten(&text, LABEL_MAX_CHARS))
}

fn story_view(story: &Story<'_>, number: usize, issue: Date, texts: &Texts) -> StoryView {
    let byline: Vec<String> = [
        label(story.author).map(|author| interpolate(&texts.digest.by, &[("author", &author)])),
        label(story.site_name),
        story.published.filter(|day| *day != issue).map(|day| texts.date.short(day, issue)),
    ]
    .into_iter()
    .flatten()
    .collect();
    StoryView {
        number,
        title: tidy_some(Some(story.title))
            .map_or_else(|| texts.shared.untitled.clone(), |title| shorten(&title, TITLE_MAX_CHARS)),
        section: label(story.section),
        dek: tidy_some(story.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS)),
        byline,
        url: href::web_url(story.url).map(str::to_owned),
        picture: story.image_url.and_then(href::web_url).map(|url| Picture {
            url: url.to_owned(),
            alt: shorten(&tidy(story.image_alt.unwrap_or_default()), DEK_MAX_CHARS),
            size: story
                .image_width
                .zip(story.image_height)
                .filter(|(width, height)| *width > 0 && *height > 0),
        }),
    }
}
