//! The top of an issue: the list of its headlines, and the lead.

use maud::{Markup, html};

use super::Sheet;
use crate::digest::{Period, story_view::StoryView};
use crate::i18n::interpolate;
use crate::layout::{
    SHEET_PX, box_title, button, headline, isolated, marked_list, paragraph, row, small_print, space,
    space_row, tinted_box,
};
use crate::story::{Frame, linked_headline, linked_picture};
use crate::wording::{Direction, tidy};

const LEAD: Frame = Frame { width: SHEET_PX, max_height: 320, fills: true, style: "" };
/// A lead's picture that is too small to lead.
const SMALL_LEAD: Frame = Frame { width: 112, max_height: 150, fills: false, style: "border-radius:4px;" };

/// Fewest stories of an issue that begins with a list of its headlines.
const OPENING_MIN_STORIES: usize = 6;
/// Headlines of that list.
const OPENING_HEADLINES: usize = 4;
/// Longest name in its heading.
const NAME_MAX_CHARS: usize = 24;
/// Longest byline beside the button, in characters.
const BESIDE_MAX_CHARS: usize = 20;

impl Sheet<'_> {
    /// "In today's …": headlines of the issue, linked to their stories, because several mail programs ignore
    /// links within an email.
    pub(super) fn opening(&self) -> Markup {
        if self.issue.stories.len() < OPENING_MIN_STORIES {
            return html! {};
        }
        let title = tidy(self.digest.masthead.title);
        let name = title.strip_prefix("The ").unwrap_or(&title);
        let t = &self.texts.digest;
        let heading = if self.digest.period == Period::Day && name.chars().count() <= NAME_MAX_CHARS {
            interpolate(&t.in_day, &[("name", name), ("title", &title)])
        } else {
            t.in_issue.clone()
        };
        let headlines = self.issue.list().iter().take(OPENING_HEADLINES);
        let items: Vec<Markup> = headlines
            .map(|story| html! { span dir="auto" { (linked_headline(&story.title, story.url.as_deref())) } })
            .collect();
        let sign = if self.direction == Direction::RightToLeft { "‹" } else { "›" };
        row(16, tinted_box(self.look, html! { (box_title(&heading)) (marked_list(self.look, sign, &items)) }))
    }

    pub(super) fn lead(&self, story: &StoryView) -> Markup {
        let picture = story.picture.as_ref();
        let large = picture.and_then(|it| Some((it.lead.as_ref()?, it.alt.as_str())));
        let small = picture
            .filter(|_| large.is_none())
            .and_then(|it| Some((it.thumbnail.as_ref()?, it.alt.as_str())));
        let words = html! {
            (self.kicker(story))
            (space(6))
            (headline(self.look, linked_headline(&story.title, story.url.as_deref())))
        };
        let byline: Vec<&str> =
            [&story.author, &story.date].into_iter().filter_map(|it| it.as_deref()).collect();
        let chars: usize = byline.iter().map(|part| part.chars().count()).sum();
        let byline = (!byline.is_empty()).then(|| {
            html! {
                @for (index, part) in byline.iter().enumerate() {
                    @if index > 0 { " · " }
                    (isolated(part, self.direction))
                }
            }
        });
        // A long byline would take the button's room on a phone.
        let is_short = chars <= BESIDE_MAX_CHARS && story.url.is_some();
        let (beside, below) = if is_short { (byline, None) } else { (None, byline) };
        html! {
            @if let Some((file, alt)) = large {
                (space_row(24))
                tr { td { (linked_picture(self.look, file, alt, story.url.as_deref(), &LEAD)) } }
            }
            (row(if large.is_some() { 20 } else { 28 }, html! {
                @match small {
                    None => (words),
                    Some((file, alt)) => (self.beside(words, file, alt, story.url.as_deref(), &SMALL_LEAD, "0")),
                }
                @if let Some(dek) = &story.dek { (paragraph(html! { (dek) })) }
                @if let Some(url) = &story.url {
                    (space(18))
                    (button(self.look, url, &self.texts.digest.read, beside, self.direction))
                }
                @if let Some(byline) = below { (small_print(byline)) }
            }))
        }
    }
}
