//! The stories tidied, arranged and numbered: what both parts of the mail tell.

use jiff::civil::Date;

use super::{Digest, Story, sections};
use crate::href;
use crate::wording::{shorten, tidy, tidy_some};
use crate::words::{self, Words, fill};

const TITLE_MAX_CHARS: usize = 200;
const DEK_MAX_CHARS: usize = 280;
const LABEL_MAX_CHARS: usize = 80;

/// An issue's stories.
pub(super) struct Issue {
    /// The first story.
    pub(super) hero: Option<Told>,
    /// The others, in the order they are shown in.
    pub(super) groups: Vec<Group>,
}

/// A part of the list.
pub(super) struct Group {
    /// The section, where the list has sections.
    pub(super) heading: Option<String>,
    pub(super) stories: Vec<Told>,
}

/// What a story says about itself.
pub(super) struct Told {
    /// Its place in the issue, from 1.
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
    /// What it shows; may be empty.
    pub(super) alt: String,
    /// Width and height in pixels.
    pub(super) size: Option<(u32, u32)>,
}

impl Issue {
    pub(super) fn of(digest: &Digest<'_>) -> Self {
        let Some((hero, list)) = digest.stories.split_first() else {
            return Self { hero: None, groups: Vec::new() };
        };
        let words = words::of(digest.masthead.language);
        let names: Vec<Option<String>> = list.iter().map(|story| label(story.section)).collect();
        let mut number = 1;
        let groups = sections::arranged(&names, &words.digest.more)
            .into_iter()
            .map(|group| Group {
                heading: group.heading,
                stories: group
                    .stories
                    .into_iter()
                    .map(|index| {
                        number += 1;
                        told(&list[index], number, digest.date, words)
                    })
                    .collect(),
            })
            .collect();
        Self { hero: Some(told(hero, 1, digest.date, words)), groups }
    }

    /// All stories but the first.
    pub(super) fn list(&self) -> impl Iterator<Item = &Told> {
        self.groups.iter().flat_map(|group| &group.stories)
    }
}

fn label(text: Option<&str>) -> Option<String> {
    tidy_some(text).map(|text| shorten(&text, LABEL_MAX_CHARS))
}

fn told(story: &Story<'_>, number: usize, issue: Date, words: &Words) -> Told {
    let byline: Vec<String> = [
        label(story.author).map(|author| fill(&words.digest.by, &[("author", &author)])),
        label(story.site_name),
        story.published.filter(|day| *day != issue).map(|day| words.date.short(day, issue)),
    ]
    .into_iter()
    .flatten()
    .collect();
    Told {
        number,
        title: tidy_some(Some(story.title))
            .map_or_else(|| words.letter.untitled.clone(), |title| shorten(&title, TITLE_MAX_CHARS)),
        section: label(story.section),
        dek: tidy_some(story.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS)),
        byline,
        url: href::web(story.url).map(str::to_owned),
        picture: story.image_url.and_then(href::web).map(|url| Picture {
            url: url.to_owned(),
            alt: shorten(&tidy(story.image_alt.unwrap_or_default()), DEK_MAX_CHARS),
            size: story
                .image_width
                .zip(story.image_height)
                .filter(|(width, height)| *width > 0 && *height > 0),
        }),
    }
}
