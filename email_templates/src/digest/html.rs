//! The digest as HTML.

use maud::{Markup, PreEscaped, html};

use super::arrangement::{Block, Heading, Size, arrange};
use super::story_view::{Issue, StoryView};
use super::{Digest, Period, note};
use crate::i18n::{self, Texts, interpolate};
use crate::layout::{
    Page, SHEET_PX, box_title, button, closing_rule, dateline, headline, inline_link, isolated, kicker,
    marked_list, paragraph, publisher_links, quiet_links, row, small_print, space, space_row, tinted_box,
};
use crate::story::{File, Frame, linked_headline, linked_picture};
use crate::theme::{BREAK, INK, Look, SANS, light};
use crate::typography::{first_sentences, with_full_stop};
use crate::wording::{Direction, shorten, tidy};
use crate::{CLIP_BYTES, href};

const LEAD: Frame = Frame { width: SHEET_PX, max_height: 320, fills: true, style: "" };
const CARD: Frame = Frame { width: 258, max_height: 145, fills: true, style: "border-radius:4px;" };
const THUMBNAIL: Frame = Frame { width: 96, max_height: 128, fills: false, style: "border-radius:4px;" };
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
/// Longest dek of a story in brief, in characters.
const BRIEF_DEK_CHARS: usize = 120;

/// The amount of detail of the stories after the first.
#[derive(Clone, Copy)]
struct Detail {
    title_chars: usize,
    dek_chars: usize,
    thumbnails: bool,
}

const FULL: Detail = Detail { title_chars: usize::MAX, dek_chars: usize::MAX, thumbnails: true };
/// Tried in order, until the email is small enough.
const DETAILS: [Detail; 5] = [
    FULL,
    Detail { dek_chars: 140, ..FULL },
    Detail { dek_chars: 140, thumbnails: false, ..FULL },
    Detail { dek_chars: 80, thumbnails: false, ..FULL },
    Detail { title_chars: 100, dek_chars: 0, thumbnails: false },
];

/// White space below the stories of a pair, which are one below the other on a phone.
const PAIR_SPACE: u32 = 28;

/// The block above another, which decides the space between them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    Lead,
    Heading,
    Pair,
    Row,
}

/// Renders the email, with the hidden preheader and the reader's own links.
pub(super) fn render(digest: &Digest<'_>, issue: &Issue, subject: &str, preheader: &str) -> String {
    let look = Look::from_theme(&digest.masthead.theme);
    let texts = i18n::texts_in(digest.masthead.language);
    let own = [
        (digest.links.preferences, texts.shared.change.as_str()),
        (digest.links.unsubscribe, texts.shared.unsubscribe.as_str()),
    ];
    let links = publisher_links(&digest.masthead, texts);
    let footer = [
        quiet_links(links.iter().map(|(url, label)| (*url, label.as_str()))),
        quiet_links(own),
        html! { (interpolate(&texts.digest.why, &[("at_site", &digest.masthead.at_site(texts))])) },
    ];
    let sheet = Sheet {
        digest,
        issue,
        look: &look,
        direction: Direction::of_language(digest.masthead.language),
        subject,
        preheader: Some(preheader),
        meta_tags: None,
        notice: super::test_banner(digest, &texts.digest.test, &[("title", &tidy(digest.masthead.title))]),
        texts,
        footer: &footer[usize::from(links.is_empty())..],
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
    let links = publisher_links(&digest.masthead, texts);
    let links =
        (!links.is_empty()).then(|| quiet_links(links.iter().map(|(url, label)| (*url, label.as_str()))));
    Sheet {
        digest,
        issue,
        look: &look,
        direction: Direction::of_language(digest.masthead.language),
        subject,
        preheader: None,
        meta_tags: Some(tags),
        notice: interpolate(&texts.digest.test_page, &[("title", &tidy(digest.masthead.title))]),
        texts,
        footer: links.as_slice(),
    }
    .page(FULL)
}

/// An issue to be rendered, in any degree of detail.
struct Sheet<'a> {
    digest: &'a Digest<'a>,
    issue: &'a Issue,
    look: &'a Look,
    direction: Direction,
    subject: &'a str,
    /// `None` on the web.
    preheader: Option<&'a str>,
    meta_tags: Option<Markup>,
    notice: String,
    texts: &'static Texts,
    footer: &'a [Markup],
}

impl Sheet<'_> {
    fn page(&self, detail: Detail) -> Markup {
        Page {
            masthead: &self.digest.masthead,
            look: self.look,
            title: self.subject,
            preheader: self.preheader,
            meta_tags: self.meta_tags.as_ref(),
            dateline: Some(self.dateline()),
            notice: self.digest.is_test.then_some(self.notice.as_str()),
            rows: self.rows(detail),
            footer: self.footer,
        }
        .render()
    }

    fn is_web(&self) -> bool {
        self.preheader.is_none()
    }

    /// "Monday 30 November · 4-minute read", and the link to the web. On the web the date has its year.
    fn dateline(&self) -> Markup {
        let dates = &self.texts.date;
        let date = if self.is_web() {
            i18n::capitalize(&dates.long(self.digest.date))
        } else {
            dates.day(self.digest.date)
        };
        let minutes = self.issue.lead.as_ref().map(|_| self.texts.minutes(self.issue.reading_minutes));
        let starts: Vec<String> = [date].into_iter().chain(minutes).collect();
        let link = self.digest.links.web_view.filter(|_| !self.is_web());
        dateline(&starts, link.map(|url| (url, self.texts.digest.web.as_str())), self.direction)
    }

    fn rows(&self, detail: Detail) -> Markup {
        let blocks = arrange(self.issue);
        let above = std::iter::once(Above::Lead).chain(blocks.iter().map(|block| match block {
            Block::Heading(_) => Above::Heading,
            Block::Pair(_) => Above::Pair,
            Block::Row { .. } | Block::Brief(_) => Above::Row,
        }));
        html! {
            @if let Some(note) = self.digest.note { (row(20, note::styled(note.html, self.look, self.direction))) }
            (self.opening())
            @match &self.issue.lead {
                None => (row(20, paragraph(html! { (self.texts.digest.no_stories) }))),
                Some(lead) => (self.lead(lead)),
            }
            @for (block, above) in blocks.iter().zip(above) {
                @match block {
                    Block::Heading(heading) => (self.heading(*heading, above)),
                    Block::Pair(stories) => (self.pair(*stories, above, detail)),
                    Block::Row { story, size } => (self.story_row(story, *size, above, detail)),
                    Block::Brief(stories) => (self.brief(stories, detail)),
                }
            }
            (closing_rule(if matches!(blocks.last(), Some(Block::Pair(_))) { 30 - PAIR_SPACE } else { 30 }))
            (self.close())
        }
    }

    /// "In today's …": headlines of the issue, linked to their stories, because several mail programs ignore
    /// links within an email.
    fn opening(&self) -> Markup {
        let stories: Vec<&StoryView> = self.issue.list().take(OPENING_HEADLINES).collect();
        if self.issue.list().count() + 1 < OPENING_MIN_STORIES {
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
        let items: Vec<Markup> = stories
            .iter()
            .map(|story| html! { span dir="auto" { (linked_headline(&story.title, story.url.as_deref())) } })
            .collect();
        let sign = if self.direction == Direction::RightToLeft { "‹" } else { "›" };
        row(16, tinted_box(self.look, html! { (box_title(&heading)) (marked_list(self.look, sign, &items)) }))
    }

    fn lead(&self, story: &StoryView) -> Markup {
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

    /// The section, and the site of the story where there are several.
    fn kicker(&self, story: &StoryView) -> Markup {
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

    fn heading(&self, heading: Heading<'_>, above: Above) -> Markup {
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
    fn pair(&self, stories: [&StoryView; 2], above: Above, detail: Detail) -> Markup {
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

    fn card(&self, story: &StoryView, detail: Detail) -> Markup {
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

    fn story_row(&self, story: &StoryView, size: Size, above: Above, detail: Detail) -> Markup {
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
    fn beside(
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
    fn brief(&self, stories: &[StoryView], detail: Detail) -> Markup {
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

    fn brief_story(&self, story: &StoryView, dek_chars: usize, detail: Detail) -> Markup {
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

    /// The end of the issue: a farewell, and the way to an own subscription for those who got it from others.
    fn close(&self) -> Markup {
        let masthead = &self.digest.masthead;
        let t = &self.texts.digest;
        let tip = if masthead.brand.takes_replies && !self.is_web() { Some(&t.tip) } else { None };
        let farewell = super::farewell(self.digest, self.texts);
        let sign_up = href::web_url(masthead.sign_up_url);
        row(
            0,
            html! {
                p.ink dir="auto" style={ (self.look.headlines) (INK) (BREAK) "margin:19px 0 0;font-size:17px;line-height:26px;" } {
                    (farewell)
                    @if let Some(tip) = tip { " " (tip) }
                }
                @if let Some(url) = sign_up {
                    (space(18))
                    @if self.is_web() {
                        (button(self.look, url, &interpolate(&t.get, &[("title", &tidy(masthead.title))]), None, self.direction))
                    } @else {
                        (tinted_box(self.look, html! {
                            p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:0;font-size:15px;line-height:22px;" } {
                                strong { (t.forwarded) } " " (inline_link(self.look, url, &t.get_own))
                            }
                        }))
                    }
                }
            },
        )
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
