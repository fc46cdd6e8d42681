//! The stories cleaned and numbered, as both parts of the email show them.

use jiff::civil::Date;

use super::arrangement::{Arrangement, SectionStart};
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
    /// All stories in order.
    pub(super) stories: Vec<StoryView>,
    /// Indices at which sections begin, each with its heading. `None`: in brief.
    sections: Vec<(usize, Option<String>)>,
    pub(super) reading_minutes: u32,
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
        let mut stories: Vec<StoryView> = Vec::new();
        let mut sections = Vec::new();
        let mut add = |own: &[Story<'_>], heading: Option<&str>| {
            for story in own {
                // The lead stands above its heading.
                let heading = heading.filter(|_| !stories.is_empty());
                let number = stories.len() + 1;
                stories.push(story_view(story, number, heading, has_several_sites, digest, texts));
            }
            stories.len()
        };
        let mut at = add(digest.stories, None);
        for section in digest.sections {
            let heading = label(section.heading);
            let end = add(section.stories, heading.as_deref());
            sections.push((at, heading));
            at = end;
        }
        let reading_minutes = reading_minutes(digest, &stories);
        Self { stories, sections, reading_minutes }
    }

    /// All stories but the first.
    pub(super) fn list(&self) -> &[StoryView] {
        self.stories.get(1..).unwrap_or_default()
    }

    pub(super) fn arrangement(&self) -> Arrangement<'_, StoryView> {
        let starts = self.sections.iter();
        let starts: Vec<SectionStart<'_>> =
            starts.map(|(at, heading)| SectionStart { at: *at, heading: heading.as_deref() }).collect();
        Arrangement::new(&self.stories, &starts)
    }
}

impl StoryView {
    /// Returns whether the story's picture is fit for a pair.
    pub(super) fn has_card(&self) -> bool {
        self.picture.as_ref().is_some_and(|picture| picture.card.is_some())
    }
}

fn reading_minutes(digest: &Digest<'_>, stories: &[StoryView]) -> u32 {
    let note = digest.note.map_or("", |note| note.text);
    let time = stories.iter().fold(ReadingTime::default().text(note), |time, story| {
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
