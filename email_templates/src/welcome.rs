//! The greeting of a reader who has just confirmed, or taken another newsletter on their page: when the next issue comes, how to change or end it, and the latest
//! issue to begin with.

use jiff::civil::{Date, DateTime};
use maud::{Markup, html};

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::{BREAK, INK, Look, SANS, light};
use crate::wording::{shorten, tidy, tidy_some};
use crate::words::{Words, fill, filled};
use crate::{Email, Masthead, href};

const TITLE_MAX_CHARS: usize = 160;
const DEK_MAX_CHARS: usize = 200;

/// A reader who is in.
#[derive(Debug, Clone, Copy)]
pub struct Welcome<'a> {
    /// What they get from now on.
    pub masthead: Masthead<'a>,
    /// The address it comes to.
    pub address: &'a str,
    /// When it comes first.
    pub next: NextIssue<'a>,
    /// Whether it was taken on the reader's page of preferences, and not with a signup that they confirmed.
    pub joined: bool,
    /// What went out last; `None` where there is nothing the reader does not have or will get.
    pub latest: Option<LatestIssue<'a>>,
    /// Leaves the newsletter. It stands verbatim and may be a placeholder.
    pub unsubscribe_url: &'a str,
    /// Changes what comes and when. It stands verbatim and may be a placeholder.
    pub preferences_url: &'a str,
}

/// When the next issue comes.
#[derive(Debug, Clone, Copy)]
pub struct NextIssue<'a> {
    /// Date and time on the newsletter's clock.
    pub at: DateTime,
    /// The date on that clock now.
    pub today: Date,
    /// Which clock that is.
    pub clock: Clock<'a>,
}

/// A clock, as it can be spoken of.
#[derive(Debug, Clone, Copy)]
pub enum Clock<'a> {
    /// That of a place: "Berlin".
    Of(&'a str),
    /// One that has a name of its own: "UTC".
    Named(&'a str),
}

/// An issue in brief.
#[derive(Debug, Clone, Copy)]
pub struct LatestIssue<'a> {
    /// Its date.
    pub date: Date,
    /// The language it is in.
    pub language: &'a str,
    /// Its first stories, in their order.
    pub headlines: &'a [Headline<'a>],
    /// How many more there are.
    pub more: usize,
    /// The whole of it. It stands verbatim.
    pub web_url: &'a str,
}

/// A story in brief. All of it may come from somebody else's feed: nothing in it is trusted.
#[derive(Debug, Clone, Copy)]
pub struct Headline<'a> {
    /// The headline.
    pub title: &'a str,
    /// The sentence or two under it.
    pub dek: Option<&'a str>,
    /// Where the story is. Anything but a web address is left out, and the headline is then no link.
    pub url: &'a str,
}

impl Headline<'_> {
    fn told(&self, words: &Words) -> (String, Option<String>) {
        let title = tidy_some(Some(self.title)).unwrap_or_else(|| words.letter.untitled.clone());
        let dek = tidy_some(self.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS));
        (shorten(&title, TITLE_MAX_CHARS), dek)
    }
}

/// The mail that greets.
pub fn render(welcome: &Welcome<'_>) -> Email {
    let (masthead, words) = &welcome.masthead.of_letter();
    let say = &words.welcome;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(welcome.address);
    let when = in_words(&welcome.next, words);
    let values = &[("title", title.as_str()), ("when", &when), ("address", &address)];

    let subject = fill(&say.subject, values);
    let preheader = fill(&say.preheader, values);
    let (next, why) = if welcome.joined { (&say.joined, &say.why_joined) } else { (&say.next, &say.why) };
    let why = fill(why, values);
    let marked = [
        ("title", html! { (title) }),
        ("when", html! { (when) }),
        ("address", html! { strong { (address) } }),
    ];

    let rows = html! {
        (row(html! {
            (headline(&look, &say.greeting))
            (paragraph(filled(next, &marked)))
            @if welcome.joined { (paragraph(html! { (say.not_you) })) }
            (paragraph(html! {
                (say.change) " " (inline_link(&look, welcome.preferences_url, &say.preferences)) " · "
                (inline_link(&look, welcome.unsubscribe_url, &words.letter.unsubscribe))
            }))
            (small_print(html! { (say.contacts) }))
        }))
        @if let Some(latest) = &welcome.latest { (latest_issue(&look, masthead, latest, words)) }
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, &say.greeting).gap();
    part.paragraph(0, &fill(next, values)).gap();
    if welcome.joined {
        part.paragraph(0, &say.not_you).gap();
    }
    part.paragraph(0, &say.change).gap();
    part.paragraph(0, &words.label(&say.preferences)).link(0, welcome.preferences_url).gap();
    part.paragraph(0, &words.label(&words.letter.unsubscribe)).link(0, welcome.unsubscribe_url).gap();
    part.paragraph(0, &say.contacts).gap();
    if let Some(latest) = &welcome.latest {
        latest_issue_text(latest, words, &mut part);
    }
    part.letter_foot(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}

/// "today at 18:00 (Berlin time)"; another day than today or tomorrow by its name and date.
fn in_words(next: &NextIssue<'_>, words: &Words) -> String {
    let (say, date) = (&words.welcome, next.at.date());
    let clock = match next.clock {
        Clock::Of(place) => fill(&say.clock, &[("place", &tidy(place))]),
        Clock::Named(name) => tidy(name),
    };
    let time = next.at.strftime("%H:%M").to_string();
    let text = if date == next.today {
        &say.today
    } else if next.today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
        &say.tomorrow
    } else {
        &say.later
    };
    let coming = words.date.coming(date);
    let weekday = words.date.weekday(date);
    fill(text, &[("time", &time), ("clock", &clock), ("weekday", weekday), ("date", &coming)])
}

fn introduction(latest: &LatestIssue<'_>, words: &Words) -> String {
    fill(&words.welcome.until_then, &[("date", &words.date.long(latest.date))])
}

fn whole(latest: &LatestIssue<'_>, words: &Words) -> String {
    match latest.more {
        0 => words.welcome.read.clone(),
        more => {
            let stories = latest.headlines.len() + more;
            fill(&words.welcome.read_all, &[("stories", &stories.to_string())])
        }
    }
}

fn latest_issue(look: &Look, masthead: &Masthead<'_>, latest: &LatestIssue<'_>, words: &Words) -> Markup {
    let own = (latest.language != masthead.language).then_some(latest.language);
    html! {
        tr { td.pad style="padding:34px 32px 0;" {
            h2.ink.thick style={ (SANS) (INK) "margin:0;padding:8px 0 0;border-top:2px solid " (light::INK) ";font-size:14px;line-height:20px;font-weight:700;" } {
                (introduction(latest, words))
            }
        } }
        @for (index, story) in latest.headlines.iter().enumerate() {
            (brief(look, &story.told(words), href::web(story.url), own, index == 0))
        }
        tr { td.pad style="padding:0 32px;" { (button(look, latest.web_url, &whole(latest, words))) } }
    }
}

/// A story, in a language of its own where that is not the letter's.
fn brief(
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

fn latest_issue_text(latest: &LatestIssue<'_>, words: &Words, part: &mut TextPart) {
    part.rule('-').gap();
    part.paragraph(0, &introduction(latest, words)).gap();
    for (index, story) in latest.headlines.iter().enumerate() {
        let (title, dek) = story.told(words);
        let lead = format!("{}. ", index + 1);
        part.hanging(&lead, &title);
        part.paragraph(lead.len(), dek.as_deref().unwrap_or_default());
        if let Some(url) = href::web(story.url) {
            part.link(lead.len(), url);
        }
        part.gap();
    }
    part.paragraph(0, &words.label(&whole(latest, words))).link(0, latest.web_url).gap();
}
