//! The welcome email to a reader who confirmed a signup, or subscribed to another newsletter on the
//! preferences page. It names the time of the next issue and shows the latest one.

use jiff::civil::{Date, DateTime};
use maud::{Markup, html};

use crate::i18n::{Texts, interpolate, interpolate_markup};
use crate::layout::{button, headline, inline_link, paragraph, row, row_end, small_print, transactional};
use crate::text::TextPart;
use crate::theme::{BREAK, INK, Look, SANS, light};
use crate::wording::{shorten, tidy, tidy_some};
use crate::{Email, Masthead, href};

const TITLE_MAX_CHARS: usize = 160;
const DEK_MAX_CHARS: usize = 200;

#[derive(Debug, Clone, Copy)]
pub struct Welcome<'a> {
    /// The newsletter that the reader subscribed to.
    pub masthead: Masthead<'a>,
    pub address: &'a str,
    pub next: NextIssue<'a>,
    /// Whether the reader subscribed on the preferences page instead of confirming a signup.
    pub joined: bool,
    /// The latest issue, if the reader gets it in no other way.
    pub latest: Option<LatestIssue<'a>>,
    /// Unsubscribe link, used verbatim; may be a placeholder.
    pub unsubscribe_url: &'a str,
    /// Link to the preferences page, used verbatim; may be a placeholder.
    pub preferences_url: &'a str,
}

/// Due time of the next issue.
#[derive(Debug, Clone, Copy)]
pub struct NextIssue<'a> {
    /// Date and time on the newsletter's clock.
    pub at: DateTime,
    /// Today's date on that clock.
    pub today: Date,
    pub clock: Clock<'a>,
}

/// The name of a clock.
#[derive(Debug, Clone, Copy)]
pub enum Clock<'a> {
    /// A place whose local time it shows: "Berlin".
    Place(&'a str),
    /// The name of its time zone: "UTC".
    Zone(&'a str),
}

/// A summary of an issue.
#[derive(Debug, Clone, Copy)]
pub struct LatestIssue<'a> {
    pub date: Date,
    pub language: &'a str,
    /// Its first stories, in order.
    pub headlines: &'a [Headline<'a>],
    /// Number of further stories.
    pub more: usize,
    /// URL of the issue's page, used verbatim.
    pub web_url: &'a str,
}

/// A story's headline and dek. They may come from any feed and are not trusted.
#[derive(Debug, Clone, Copy)]
pub struct Headline<'a> {
    pub title: &'a str,
    pub dek: Option<&'a str>,
    /// The story's URL. The headline becomes a link only if this is an HTTP(S) URL.
    pub url: &'a str,
}

impl Headline<'_> {
    fn display_texts(&self, texts: &Texts) -> (String, Option<String>) {
        let title = tidy_some(Some(self.title)).unwrap_or_else(|| texts.shared.untitled.clone());
        let dek = tidy_some(self.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS));
        (shorten(&title, TITLE_MAX_CHARS), dek)
    }
}

/// Renders the email.
pub fn render(welcome: &Welcome<'_>) -> Email {
    let (masthead, texts) = &welcome.masthead.localized();
    let t = &texts.welcome;
    let look = Look::from_theme(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(welcome.address);
    let when = due_text(&welcome.next, texts);
    let sender = tidy(masthead.sender_address);
    let values = &[("title", title.as_str()), ("when", &when), ("address", &address)];

    let subject = interpolate(&t.subject, values);
    let preheader = interpolate(&t.preheader, values);
    let (next, why) = if welcome.joined { (&t.joined, &t.why_joined) } else { (&t.next, &t.why) };
    let why = interpolate(why, values);
    let marked = [
        ("title", html! { (title) }),
        ("when", html! { (when) }),
        ("address", html! { strong { (address) } }),
    ];

    let rows = html! {
        (row(html! {
            (headline(&look, &t.greeting))
            (paragraph(interpolate_markup(next, &marked)))
            @if welcome.joined { (paragraph(html! { (t.not_you) })) }
            (paragraph(html! {
                (t.change) " " (inline_link(&look, welcome.preferences_url, &t.preferences)) " · "
                (inline_link(&look, welcome.unsubscribe_url, &texts.shared.unsubscribe))
            }))
            (small_print(html! { (interpolate(&t.contacts, &[("sender", &sender)])) }))
        }))
        @if let Some(latest) = &welcome.latest { (latest_issue(&look, masthead, latest, texts)) }
        (row_end())
    };
    let html = transactional(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &t.greeting).gap();
    part.paragraph(0, &interpolate(next, values)).gap();
    if welcome.joined {
        part.paragraph(0, &t.not_you).gap();
    }
    part.paragraph(0, &t.change).gap();
    part.paragraph(0, &texts.label(&t.preferences)).link(0, welcome.preferences_url).gap();
    part.paragraph(0, &texts.label(&texts.shared.unsubscribe)).link(0, welcome.unsubscribe_url).gap();
    part.paragraph(0, &interpolate(&t.contacts, &[("sender", &sender)])).gap();
    if let Some(latest) = &welcome.latest {
        latest_issue_text(latest, texts, &mut part);
    }
    part.footer(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}

/// "today at 18:00 (Berlin time)", "tomorrow, Friday, at …" or "on Monday, 4 May at …".
fn due_text(next: &NextIssue<'_>, texts: &Texts) -> String {
    let (t, date) = (&texts.welcome, next.at.date());
    let clock = match next.clock {
        Clock::Place(place) => interpolate(&t.clock, &[("place", &tidy(place))]),
        Clock::Zone(name) => tidy(name),
    };
    let time = next.at.strftime("%H:%M").to_string();
    let text = if date == next.today {
        &t.today
    } else if next.today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
        &t.tomorrow
    } else {
        &t.later
    };
    let coming = texts.date.coming(date);
    let weekday = texts.date.weekday(date);
    interpolate(text, &[("time", &time), ("clock", &clock), ("weekday", weekday), ("date", &coming)])
}

fn latest_heading(latest: &LatestIssue<'_>, texts: &Texts) -> String {
    interpolate(&texts.welcome.until_then, &[("date", &texts.date.long(latest.date))])
}

fn read_all_label(latest: &LatestIssue<'_>, texts: &Texts) -> String {
    match latest.more {
        0 => texts.welcome.read.clone(),
        more => {
            let stories = latest.headlines.len() + more;
            interpolate(&texts.welcome.read_all, &[("stories", &stories.to_string())])
        }
    }
}

fn latest_issue(look: &Look, masthead: &Masthead<'_>, latest: &LatestIssue<'_>, texts: &Texts) -> Markup {
    let own = (latest.language != masthead.language).then_some(latest.language);
    html! {
        tr { td.pad style="padding:34px 32px 0;" {
            h2.ink.thick style={ (SANS) (INK) "margin:0;padding:8px 0 0;border-top:2px solid " (light::INK) ";font-size:14px;line-height:20px;font-weight:700;" } {
                (latest_heading(latest, texts))
            }
        } }
        @for (index, story) in latest.headlines.iter().enumerate() {
            (headline_row(look, &story.display_texts(texts), href::web_url(story.url), own, index == 0))
        }
        tr { td.pad style="padding:0 32px;" { (button(look, latest.web_url, &read_all_label(latest, texts))) } }
    }
}

/// A headline's row. `language` is that of the story, if it differs from the email's.
fn headline_row(
    look: &Look,
    (title, dek): &(String, Option<String>),
    url: Option<&str>,
    language: Option<&str>,
    first: bool,
) -> Markup {
    let border = if first { String::new() } else { format!("border-top:1px solid {};", light::HAIRLINE) };
    html! {
        tr { td.pad style="padding:0 32px;" {
            table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style=(border) {
                tr { td lang=[language] style="padding:14px 0;" {
                    h3.ink dir="auto" style={ (look.headlines) (INK) (BREAK) "margin:0;font-size:19px;line-height:25px;font-weight:700;" } {
                        @match url {
                            Some(url) => a.head.ink href=(url) style={ (INK) "text-decoration:none;" } { (title) },
                            None => (title),
                        }
                    }
                    @if let Some(dek) = dek {
                        p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:4px 0 0;font-size:15px;line-height:23px;" } { (dek) }
                    }
                } }
            }
        } }
    }
}

fn latest_issue_text(latest: &LatestIssue<'_>, texts: &Texts, part: &mut TextPart) {
    part.rule('-').gap();
    part.paragraph(0, &latest_heading(latest, texts)).gap();
    for (index, story) in latest.headlines.iter().enumerate() {
        let (title, dek) = story.display_texts(texts);
        let lead = format!("{}. ", index + 1);
        part.hanging(&lead, &title);
        part.paragraph(lead.len(), dek.as_deref().unwrap_or_default());
        if let Some(url) = href::web_url(story.url) {
            part.link(lead.len(), url);
        }
        part.gap();
    }
    part.paragraph(0, &texts.label(&read_all_label(latest, texts))).link(0, latest.web_url).gap();
}
