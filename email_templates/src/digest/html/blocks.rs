//! The stories after the lead: in pairs, in rows and in brief, and the headings above them.

use maud::{Markup, PreEscaped, html};

use super::{Above, Detail, PAIR_SPACE, Sheet};
use crate::digest::{
    Period,
    arrangement::{BRIEF_DEK_CHARS, Heading, Size},
    story_view::StoryView,
};
use crate::layout::{isolated, kicker, space};
use crate::story::{File, Frame, linked_headline, linked_picture};
use crate::theme::{BREAK, INK, SANS, light};
use crate::typography::{first_sentences, with_full_stop};
use crate::wording::shorten;

const CARD: Frame = Frame { width: 258, max_height: 145, fills: true, style: "border-radius:4px;" };
const THUMBNAIL: Frame = Frame { width: 96, max_height: 128, fills: false, style: "border-radius:4px;" };

impl Sheet<'_> {
    /// The section, and the site of the story where there are several.
    pub(super) fn kicker(&self, story: &StoryView) -> Markup {
        let parts: Vec<&str> =
            [&story.section, &story.site].into_iter().filter_map(|it| it.as_deref()).collect();
        if parts.is_empty() {
            return html! {};
        }
        kicker(
            self.look,
            html! {
                @for (index, part) in parts.iter().enumerate() {
                    @if index > 0 { " · " }
                    (isolated(part, self.direction))
                }
            },
        )
    }

    pub(super) fn heading(&self, heading: Heading<'_>, above: Above) -> Markup {
        let t = &self.texts.digest;
        let text = match (heading, self.digest.period) {
            (Heading::Section(name), _) => name,
            (Heading::More, Period::Day) => &t.more_day,
            (Heading::More, Period::Week) => &t.more_week,
            (Heading::More, Period::Other) => &t.more_issue,
            (Heading::Brief, _) => &t.brief,
        };
        let space = match (heading, above) {
            (_, Above::Pair) => 34 - PAIR_SPACE,
            (Heading::Brief, _) => 20,
            _ => 34,
        };
        html! {
            tr { td.pad style={ "padding:" (space) "px 32px 10px;" } {
                h2.ink dir="auto" style={ (self.look.headlines) (INK) (BREAK) "margin:0;font-size:22px;line-height:28px;font-weight:700;letter-spacing:-.2px;" } { (text) }
            } }
        }
    }

    /// Two stories side by side. The columns stack on a narrow screen by themselves, without a media query.
    /// Outlook for Windows gets a table of its own.
    pub(super) fn pair(&self, stories: [&StoryView; 2], above: Above, detail: Detail) -> Markup {
        const OPEN: &str = "<!--[if mso]><table role=\"presentation\" width=\"100%\" cellpadding=\"0\" \
            cellspacing=\"0\" border=\"0\"><tr><td width=\"278\" valign=\"top\"><![endif]-->";
        const BETWEEN: &str = "<!--[if mso]></td><td width=\"278\" valign=\"top\"><![endif]-->";
        const CLOSE: &str = "<!--[if mso]></td></tr></table><![endif]-->";
        let space = if above == Above::Lead { 36 } else { 6 };
        html! {
            tr { td.two style={ "padding:" (space) "px 22px 0;font-size:0;line-height:0;" } {
                (PreEscaped(OPEN))
                @for (index, story) in stories.into_iter().enumerate() {
                    @if index > 0 { (PreEscaped(BETWEEN)) }
                    div.col style="display:inline-block;width:100%;max-width:278px;vertical-align:top;" {
                        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
                            tr { td style={ "padding:0 10px " (PAIR_SPACE) "px;" } { (self.card(story, detail)) } }
                        }
                    }
                }
                (PreEscaped(CLOSE))
            } }
        }
    }

    pub(super) fn card(&self, story: &StoryView, detail: Detail) -> Markup {
        let picture = story.picture.as_ref().and_then(|it| Some((it.card.as_ref()?, it.alt.as_str())));
        html! {
            @if let Some((file, alt)) = picture { (linked_picture(self.look, file, alt, story.url.as_deref(), &CARD)) }
            (space(14))
            (self.kicker(story))
            h2.ink dir="auto" style={ (self.look.headlines) (INK) (BREAK) "margin:4px 0 0;font-size:20px;line-height:25px;font-weight:700;" } {
                (linked_headline(&shorten(&story.title, detail.title_chars), story.url.as_deref()))
            }
            (dek(story, detail))
        }
    }

    pub(super) fn story_row(&self, story: &StoryView, size: Size, above: Above, detail: Detail) -> Markup {
        let picture = story.picture.as_ref().filter(|_| detail.thumbnails);
        let picture = picture.and_then(|it| Some((it.thumbnail.as_ref()?, it.alt.as_str())));
        let letters = match size {
            Size::Large => "margin:3px 0 0;font-size:22px;line-height:27px;font-weight:700;",
            Size::Regular => "margin:3px 0 0;font-size:18px;line-height:23px;font-weight:700;",
        };
        let style = format!("{}{INK}{BREAK}{letters}", self.look.headlines);
        let headline = linked_headline(&shorten(&story.title, detail.title_chars), story.url.as_deref());
        let words = html! {
            (self.kicker(story))
            // The level follows the lead's, or that of the heading above.
            @match size {
                Size::Large => h2.ink dir="auto" style=(style) { (headline) },
                Size::Regular => h3.ink dir="auto" style=(style) { (headline) },
            }
            (dek(story, detail))
        };
        // The first row after the lead keeps its distance from the button.
        let space = if above == Above::Lead { 30 } else { 0 };
        html! {
            tr { td.pad style={ "padding:" (space) "px 32px 0;" } {
                table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                    style={ "border-top:1px solid " (light::LINE) ";" } {
                    tr { td style="padding:16px 0 17px;" {
                        @match picture {
                            None => (words),
                            Some((file, alt)) => (self.beside(words, file, alt, story.url.as_deref(), &THUMBNAIL, "2px 0 0")),
                        }
                    } }
                }
            } }
        }
    }

    /// Words with a small picture at their end.
    pub(super) fn beside(
        &self,
        words: Markup,
        file: &File,
        alt: &str,
        url: Option<&str>,
        frame: &Frame,
        space: &str,
    ) -> Markup {
        html! {
            table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
                tr {
                    td valign="top" { (words) }
                    td width="16" style="width:16px;font-size:0;" { (PreEscaped("&nbsp;")) }
                    td.thumb valign="top" align=(self.direction.end()) width=(frame.width) style={ "width:" (frame.width) "px;padding:" (space) ";" } {
                        (linked_picture(self.look, file, alt, url, frame))
                    }
                }
            }
        }
    }

    /// Stories as a bold headline with a sentence after it.
    pub(super) fn brief(&self, stories: &[StoryView], detail: Detail) -> Markup {
        let chars = BRIEF_DEK_CHARS.min(detail.dek_chars);
        html! {
            tr { td.pad style="padding:0 32px;" {
                table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
                    @for story in stories {
                        tr { td.ink.line style={ (SANS) (INK) (BREAK) "padding:11px 0 12px;border-top:1px solid " (light::LINE) ";font-size:15px;line-height:22px;" } {
                            span dir="auto" { (self.brief_story(story, chars, detail)) }
                        } }
                    }
                }
            } }
        }
    }

    pub(super) fn brief_story(&self, story: &StoryView, dek_chars: usize, detail: Detail) -> Markup {
        let title = shorten(&story.title, detail.title_chars);
        let dek = story.dek.as_deref().filter(|_| dek_chars > 0).map(|dek| first_sentences(dek, dek_chars));
        let title = if dek.is_some() { with_full_stop(&title) } else { title };
        html! {
            @match &story.url {
                Some(url) => a.accent href=(url) style={ (self.look.accent) "font-weight:700;text-decoration:none;" } { (title) },
                None => strong { (title) },
            }
            @if let Some(dek) = dek { " " (dek) }
        }
    }
}

fn dek(story: &StoryView, detail: Detail) -> Markup {
    let dek = story.dek.as_deref().filter(|_| detail.dek_chars > 0);
    html! {
        @if let Some(dek) = dek {
            p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:5px 0 0;font-size:15px;line-height:22px;" } { (shorten(dek, detail.dek_chars)) }
        }
    }
}
