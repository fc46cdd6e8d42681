//! The stories cleaned and numbered, as both parts of the email show them.

use jiff::civil::Date;

use super::{Digest, Period, Story};
use crate::href;
use crate::i18n::{self, Texts, interpolate};
use crate::reading::ReadingTime;
use crate::story::PictureView;
use crate::wording::{shorten, tidy_some};

const TITLE_MAX_CHARS: usize = 200;
const DEK_MAX_CHARS: usize = 280;
const LABEL_MAX_CHARS: usize = 80;
/// Age in days up to which the lead's date is not shown.
const FRESH_DAYS: i32 = 1;
const FRESH_DAYS_IN_A_WEEK: i32 = 7;

/// An issue's stories.
pub(super) struct Issue {
    /// The first story.
    pub(super) lead: Option<StoryView>,
    /// The others, in order.
    pub(super) groups: Vec<Group>,
    pub(super) reading_minutes: u32,
}

/// Stories under one heading, or under none.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) heading: Option<String>,
    /// The stories are those without a section, in brief.
    pub(super) is_brief: bool,
    pub(super) stories: Vec<StoryView>,
}

/// A story, ready to be displayed.
#[derive(Debug, Clone)]
pub(super) struct StoryView {
    /// Position in the issue, from 1.
    pub(super) number: usize,
    pub(super) title: String,
    /// The section, unless it is the heading above the story.
    pub(super) section: Option<String>,
    /// The site it is from, in an issue of several sites' stories.
    pub(super) site: Option<String>,
    pub(super) dek: Option<String>,
    /// "By Ada Quill"
    pub(super) author: Option<String>,
    /// "21 November", if it is not fresh.
    pub(super) date: Option<String>,
    pub(super) url: Option<String>,
    pub(super) picture: Option<PictureView>,
}

impl Issue {
    pub(super) fn from_digest(digest: &Digest<'_>) -> Self {
        let texts = i18n::texts_in(digest.masthead.language);
        let all = || digest.stories.iter().chain(digest.sections.iter().flat_map(|section| section.stories));
        let mut sites = all().filter_map(|story| label(story.site_name));
        let has_several_sites = sites.next().is_some_and(|first| sites.any(|site| site != first));
        let mut number = 0;
        let mut view = |story: &Story<'_>, heading: Option<&str>| {
            number += 1;
            story_view(story, number, heading, has_several_sites, digest, texts)
        };
        let mut groups = vec![Group {
            heading: None,
            is_brief: false,
            stories: digest.stories.iter().map(|story| view(story, None)).collect(),
        }];
        groups.extend(digest.sections.iter().map(|section| {
            let heading = label(section.heading.or(Some(&texts.digest.brief)));
            let stories = section.stories.iter().map(|story| view(story, heading.as_deref())).collect();
            Group { heading, is_brief: section.heading.is_none(), stories }
        }));
        groups.retain(|group| !group.stories.is_empty());
        let lead = groups.first_mut().map(|group| group.stories.remove(0));
        groups.retain(|group| !group.stories.is_empty());
        let reading_minutes =
            reading_minutes(digest, lead.iter().chain(groups.iter().flat_map(|it| &it.stories)));
        Self { lead, groups, reading_minutes }
    }

    /// All stories but the first.
    pub(super) fn list(&self) -> impl Iterator<Item = &StoryView> {
        self.groups.iter().flat_map(|group| &group.stories)
    }
}

fn reading_minutes<'v>(digest: &Digest<'_>, stories: impl Iterator<Item = &'v StoryView>) -> u32 {
    let note = digest.note.map_or("", |note| note.text);
    let time = stories.fold(ReadingTime::default().text(note), |time, story| {
        let time = time.text(&story.title).text(story.dek.as_deref().unwrap_or_default());
        if story.picture.is_some() { time.picture() } else { time }
    });
    time.minutes()
}

fn label(text: Option<&str>) -> Option<String> {
    tidy_some(text).map(|text| shorten(&text, LABEL_MAX_CHARS))
}

fn story_view(
    story: &Story<'_>,
    number: usize,
    heading: Option<&str>,
    has_several_sites: bool,
    digest: &Digest<'_>,
    texts: &Texts,
) -> StoryView {
    let is_heading = |section: &String| heading.is_some_and(|it| it.to_lowercase() == section.to_lowercase());
    StoryView {
        number,
        title: tidy_some(Some(story.title))
            .map_or_else(|| texts.shared.untitled.clone(), |title| shorten(&title, TITLE_MAX_CHARS)),
        section: label(story.section).filter(|section| !is_heading(section)),
        site: label(story.site_name).filter(|_| has_several_sites),
        dek: tidy_some(story.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS)),
        author: label(story.author).map(|author| interpolate(&texts.digest.by, &[("author", &author)])),
        date: story
            .published
            .filter(|published| !is_fresh(*published, digest))
            .map(|published| texts.date.short(published, digest.date)),
        url: href::web_url(story.url).map(str::to_owned),
        picture: story.picture.as_ref().and_then(PictureView::from_picture),
    }
}

/// Returns whether a story is as new as its readers expect, so that its date adds nothing.
fn is_fresh(published: Date, digest: &Digest<'_>) -> bool {
    let days = if digest.period == Period::Week { FRESH_DAYS_IN_A_WEEK } else { FRESH_DAYS };
    digest.date.since(published).is_ok_and(|age| age.get_days() <= days)
}
