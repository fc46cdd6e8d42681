//! The digest as HTML.

use maud::{Markup, PreEscaped, html};

use super::story_view::{Group, Issue, Picture, StoryView};
use super::{Digest, note};
use crate::i18n::{self, Texts, interpolate, interpolate_markup};
use crate::layout::{Page, footer, inline_link, isolated, paragraph, row, row_end};
use crate::theme::{BREAK, INK, Look, MUTED, SANS, light};
use crate::wording::{Direction, shorten, tidy};
use crate::{CLIP_BYTES, Masthead, href};

/// The width of the sheet without its margins.
const COLUMN_PX: u32 = 536;
/// A taller picture is shown narrower.
const HERO_MAX_HEIGHT_PX: u32 = 420;
const THUMBNAIL_PX: u32 = 128;
const THUMBNAIL_MAX_HEIGHT_PX: u32 = 160;

/// The amount of detail of the stories after the first.
#[derive(Clone, Copy)]
struct Detail {
    title_chars: usize,
    dek_chars: usize,
    pictures: bool,
    bylines: bool,
}

const FULL: Detail = Detail { title_chars: usize::MAX, dek_chars: usize::MAX, pictures: true, bylines: true };
/// Tried in order, until the email is small enough.
const DETAILS: [Detail; 5] = [
    FULL,
    Detail { dek_chars: 140, ..FULL },
    Detail { dek_chars: 140, pictures: false, ..FULL },
    Detail { dek_chars: 80, pictures: false, ..FULL },
    Detail { title_chars: 100, dek_chars: 0, pictures: false, bylines: false },
];

/// Renders the email, with the hidden preheader and the reader's own links.
pub(super) fn render(digest: &Digest<'_>, issue: &Issue, subject: &str, preheader: &str) -> String {
    let look = Look::from_theme(&digest.masthead.theme);
    let texts = i18n::texts_in(digest.masthead.language);
    let t = &texts.digest;
    let links = [
        (Some(digest.links.unsubscribe), &texts.shared.unsubscribe),
        (Some(digest.links.preferences), &t.preferences),
        (digest.links.web_view, &t.web),
    ];
    let links = links.into_iter().filter_map(|(url, label)| Some((url?, label)));
    let links = html! {
        @for (index, (url, label)) in links.enumerate() {
            @if index > 0 { " · " }
            (inline_link(&look, url, label))
        }
    };
    let sheet = Sheet {
        digest,
        issue,
        look: &look,
        direction: Direction::of_language(digest.masthead.language),
        subject,
        preheader: Some(preheader),
        meta_tags: None,
        notice: super::test_banner(digest, &t.test, &[("title", &tidy(digest.masthead.title))]),
        texts,
        footer: footer(&digest.masthead, &[why(&look, &digest.masthead, texts), links]),
    };
    let mut mail = String::new();
    for detail in DETAILS {
        mail = sheet.page(detail).into_string();
        if mail.len() <= CLIP_BYTES {
            break;
        }
    }
    mail
}

/// Renders the page of the archive. It is public, so it has none of the reader's own links.
pub(super) fn archive_page(digest: &Digest<'_>, issue: &Issue, subject: &str, tags: Markup) -> Markup {
    let look = Look::from_theme(&digest.masthead.theme);
    let texts = i18n::texts_in(digest.masthead.language);
    let (t, title) = (&texts.digest, tidy(digest.masthead.title));
    let sign_up = href::web_url(digest.masthead.site_url)
        .map(|url| inline_link(&look, url, &interpolate(&t.get, &[("title", &title)])));
    Sheet {
        digest,
        issue,
        look: &look,
        direction: Direction::of_language(digest.masthead.language),
        subject,
        preheader: None,
        meta_tags: Some(tags),
        notice: interpolate(&t.test_page, &[("title", &title)]),
        texts,
        footer: footer(&digest.masthead, sign_up.as_slice()),
    }
    .page(FULL)
}

fn why(look: &Look, masthead: &Masthead<'_>, texts: &Texts) -> Markup {
    let (_, at_site) = masthead.at_site(look, texts);
    interpolate_markup(
        &texts.digest.why,
        &[("title", html! { (tidy(masthead.title)) }), ("at_site", at_site)],
    )
}

/// An issue to be rendered, in any degree of detail.
struct Sheet<'a> {
    digest: &'a Digest<'a>,
    issue: &'a Issue,
    look: &'a Look,
    direction: Direction,
    subject: &'a str,
    preheader: Option<&'a str>,
    meta_tags: Option<Markup>,
    notice: String,
    texts: &'static Texts,
    footer: Markup,
}

impl Sheet<'_> {
    fn page(&self, detail: Detail) -> Markup {
        Page {
            masthead: &self.digest.masthead,
            title: self.subject,
            preheader: self.preheader,
            meta_tags: self.meta_tags.as_ref(),
            date: Some(self.digest.date),
            notice: self.digest.is_test.then_some(self.notice.as_str()),
            rows: self.rows(detail),
            footer: self.footer.clone(),
        }
        .render()
    }

    fn rows(&self, detail: Detail) -> Markup {
        html! {
            @if let Some(note) = self.digest.note { (self.note(note.html)) }
            @match &self.issue.hero {
                None => (row(paragraph(html! { (self.texts.digest.no_stories) }))),
                Some(hero) => (self.hero(hero)),
            }
            @for group in &self.issue.groups {
                (self.heading(group))
                @for (index, story) in group.stories.iter().enumerate() {
                    (self.story_row(story, index == 0, group.heading.is_none(), detail))
                }
            }
            (row_end())
        }
    }

    fn note(&self, source: &str) -> Markup {
        html! {
            tr { td.pad style="padding:20px 32px 0;" {
                table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                    style={ "border-bottom:1px solid " (light::HAIRLINE) ";" } {
                    tr { td style="padding:0 0 8px;" { (note::styled(source, self.look, self.direction)) } }
                }
            } }
        }
    }

    fn hero(&self, story: &StoryView) -> Markup {
        html! {
            @if let Some(picture) = &story.picture {
                tr { td.bleed style="padding:22px 32px 0;" {
                    (linked_picture(picture, story.url.as_deref(), COLUMN_PX, HERO_MAX_HEIGHT_PX, ""))
                } }
            }
            tr { td.ink.pad style={ (SANS) (INK) (BREAK) "padding:20px 32px 0;font-size:17px;line-height:26px;" } {
                (self.label(story.section.as_deref(), None))
                h1.ink.hero dir="auto" style={ (self.look.headlines) (INK) "margin:4px 0 0;font-size:34px;line-height:40px;font-weight:700;letter-spacing:-0.4px;" } {
                    (headline(story, &story.title))
                }
                @if let Some(dek) = &story.dek {
                    p dir="auto" style="margin:10px 0 0;" { (dek) }
                }
                (byline(story, self.direction))
                @if let Some(url) = &story.url {
                    p style="margin:12px 0 0;font-size:16px;line-height:24px;font-weight:600;" {
                        (inline_link(self.look, url, &self.texts.digest.read))
                    }
                }
            } }
        }
    }

    /// The line above a group, with the section's name on a tab that hangs from it.
    fn heading(&self, group: &Group) -> Markup {
        html! {
            tr { td.pad style="padding:24px 32px 0;" {
                table.thick role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                    style={ "border-top:2px solid " (light::INK) ";" } {
                    tr { td {
                        table role="presentation" cellpadding="0" cellspacing="0" border="0" {
                            tr { td.tab bgcolor=(light::INK) style={ "background:" (light::INK) ";padding:3px 10px 5px;" } {
                                h2.tab dir="auto" style={ (SANS) (BREAK) "margin:0;color:#ffffff;font-size:14px;line-height:20px;font-weight:600;" } {
                                    (group.heading.as_deref().unwrap_or(&self.texts.digest.others))
                                }
                            } }
                        }
                    } }
                }
            } }
        }
    }

    fn story_row(&self, story: &StoryView, first: bool, with_section: bool, detail: Detail) -> Markup {
        let border = if first { String::new() } else { format!("border-top:1px solid {};", light::HAIRLINE) };
        let section = story.section.as_deref().filter(|_| with_section);
        let dek = story.dek.as_deref().filter(|_| detail.dek_chars > 0);
        let picture = story.picture.as_ref().filter(|_| detail.pictures);
        let (start, end) = (self.direction.start(), self.direction.end());
        html! {
            tr { td.pad style="padding:0 32px;" {
                table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style=(border) {
                    tr {
                        // The cell's content inherits these styles.
                        td.ink valign="top" style={ (SANS) (INK) (BREAK) "padding:18px 0;font-size:15px;line-height:23px;" } {
                            (self.label(section, Some(story.number)))
                            h3.ink dir="auto" style={ (self.look.headlines) (INK) "margin:2px 0 0;font-size:21px;line-height:27px;font-weight:700;" } {
                                (headline(story, &shorten(&story.title, detail.title_chars)))
                            }
                            @if let Some(dek) = dek {
                                p dir="auto" style="margin:6px 0 0;" { (shorten(dek, detail.dek_chars)) }
                            }
                            @if detail.bylines { (byline(story, self.direction)) }
                        }
                        @if let Some(picture) = picture {
                            td.gutter width="20" style="width:20px;font-size:0;" { (PreEscaped("&nbsp;")) }
                            td.thumb valign="top" align=(end) width="128" style="width:128px;padding:22px 0;" {
                                (linked_picture(picture, story.url.as_deref(), THUMBNAIL_PX, THUMBNAIL_MAX_HEIGHT_PX,
                                    &format!("margin-{start}:auto;")))
                            }
                        }
                    }
                }
            } }
        }
    }

    /// "2 · Science". The text part has the same number.
    fn label(&self, section: Option<&str>, number: Option<usize>) -> Markup {
        html! {
            @if section.is_some() || number.is_some() {
                p.accent style={ (self.look.accent_text()) "margin:0;font-size:13px;line-height:18px;font-weight:700;" } {
                    @if let Some(number) = number { (number) @if section.is_some() { " · " } }
                    @if let Some(section) = section { (section) }
                }
            }
        }
    }
}

fn headline(story: &StoryView, title: &str) -> Markup {
    html! {
        @match &story.url {
            Some(url) => a.head.ink href=(url) style={ (INK) "text-decoration:none;" } { (title) },
            None => (title),
        }
    }
}

/// "By Ada Quill · The Harbour Lamp · 21 November"
fn byline(story: &StoryView, direction: Direction) -> Markup {
    html! {
        @if !story.byline.is_empty() {
            p.muted style={ (MUTED) "margin:6px 0 0;font-size:13px;line-height:19px;" } {
                @for (index, part) in story.byline.iter().enumerate() {
                    @if index > 0 { " · " }
                    (isolated(part, direction))
                }
            }
        }
    }
}

/// A picture within the maximum width and height, neither distorted nor enlarged.
fn picture(picture: &Picture, max_width: u32, max_height: u32, place: &str) -> Markup {
    let shown = picture.size.map(|size| fitted(size, max_width, max_height));
    let width = shown.map_or(max_width, |(width, _)| width);
    html! {
        // Outlook for Windows uses the attributes. Without a height it keeps the picture's proportions.
        img.muted src=(picture.url) alt=(picture.alt) width=(width) height=[shown.map(|(_, height)| height)] border="0"
            style={ (SANS) (MUTED) "width:100%;max-width:" (width) "px;height:auto;display:block;border:0;" (place) "font-size:13px;line-height:19px;" };
    }
}

/// Scales a size down to the limits, keeping its proportions.
fn fitted((width, height): (u32, u32), max_width: u32, max_height: u32) -> (u32, u32) {
    let (width, height) = (u64::from(width), u64::from(height));
    let (mut shown_width, mut shown_height) = (width, height);
    if shown_width > u64::from(max_width) {
        shown_width = u64::from(max_width);
        shown_height = (height * shown_width + width / 2) / width;
    }
    if shown_height > u64::from(max_height) {
        shown_height = u64::from(max_height);
        shown_width = (width * shown_height + height / 2) / height;
    }
    let pixels = |length: u64| u32::try_from(length.max(1)).unwrap_or(u32::MAX);
    (pixels(shown_width), pixels(shown_height))
}

/// A picture that links to its story. Without a description it adds nothing to the headline's link, so screen
/// readers and the keyboard skip it.
fn linked_picture(
    shown: &Picture,
    url: Option<&str>,
    max_width: u32,
    max_height: u32,
    place: &str,
) -> Markup {
    let image = picture(shown, max_width, max_height, place);
    html! {
        @match url {
            None => (image),
            Some(url) if !shown.alt.is_empty() => a href=(url) style="text-decoration:none;" { (image) },
            Some(url) => a href=(url) tabindex="-1" aria-hidden="true" style="text-decoration:none;" { (image) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_proportions_and_is_never_enlarged() {
        assert_eq!(fitted((1200, 800), 536, 420), (536, 357));
        assert_eq!(fitted((800, 1200), 536, 420), (280, 420));
        assert_eq!(fitted((300, 200), 536, 420), (300, 200));
        assert_eq!(fitted((1, u32::MAX), 128, 160), (1, 160));
        assert_eq!(fitted((u32::MAX, 1), 128, 160), (128, 1));
    }
}
