//! The digest as HTML.

mod blocks;
mod top;

use maud::{Markup, html};

use super::arrangement::Block;
use super::story_view::{Issue, StoryView};
use super::{Digest, note};
use crate::dates::capitalize;
use crate::i18n::{self, Texts, interpolate};
use crate::layout::{
    Page, closing_rule, dateline, inline_link, paragraph, publisher_links, quiet_links, row, space,
    tinted_box,
};
use crate::theme::{BREAK, INK, Look, SANS};
use crate::wording::{Direction, tidy};
use crate::{CLIP_BYTES, href};

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
        preheader,
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

/// An issue to be rendered, in any degree of detail.
struct Sheet<'a> {
    digest: &'a Digest<'a>,
    issue: &'a Issue,
    look: &'a Look,
    direction: Direction,
    subject: &'a str,
    preheader: &'a str,
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
            dateline: Some(self.dateline()),
            notice: self.digest.is_test.then_some(self.notice.as_str()),
            rows: self.rows(detail),
            footer: self.footer,
        }
        .render()
    }

    /// "Monday 30 November · 4-minute read", and the link to the web.
    fn dateline(&self) -> Markup {
        let date = capitalize(&self.texts.date.day(self.digest.date));
        let minutes = self.issue.stories.first().map(|_| self.texts.minutes(self.issue.reading_minutes));
        let starts: Vec<String> = [date].into_iter().chain(minutes).collect();
        let link = self.digest.links.web_view.map(|url| (url, self.texts.digest.web.as_str()));
        dateline(&starts, link, self.direction)
    }

    fn rows(&self, detail: Detail) -> Markup {
        let arrangement = self.issue.arrangement();
        let blocks = arrangement.blocks(StoryView::has_card);
        let above = std::iter::once(Above::Lead).chain(blocks.iter().map(|block| match block {
            Block::Heading(_) => Above::Heading,
            Block::Pair(_) => Above::Pair,
            Block::Row { .. } | Block::Brief(_) => Above::Row,
        }));
        html! {
            @if let Some(note) = self.digest.note { (row(20, note::styled(note.html, self.look, self.direction))) }
            (self.opening())
            @match arrangement.lead {
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

    /// The end of the issue: a farewell, and the way to an own subscription for those who got it from others.
    fn close(&self) -> Markup {
        let masthead = &self.digest.masthead;
        let t = &self.texts.digest;
        let tip = masthead.brand.takes_replies.then_some(&t.tip);
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
                    (tinted_box(self.look, html! {
                        p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:0;font-size:15px;line-height:22px;" } {
                            strong { (t.forwarded) } " " (inline_link(self.look, url, &t.get_own))
                        }
                    }))
                }
            },
        )
    }
}
