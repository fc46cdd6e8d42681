//! The greeting of a reader who has just confirmed: when the next issue comes, how to change or end it, and the latest
//! issue to begin with.

use jiff::civil::{Date, DateTime};
use maud::{Markup, html};

use crate::layout::{button, headline, inline_link, letter, paragraph, row, row_end, small_print};
use crate::text::TextPart;
use crate::theme::{BREAK, INK, Look, SANS, light};
use crate::wording::{long_date, shorten, tidy, tidy_some};
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
    /// Where that clock is: "Berlin time", "UTC".
    pub clock: &'a str,
}

/// An issue in brief.
#[derive(Debug, Clone, Copy)]
pub struct LatestIssue<'a> {
    /// Its date.
    pub date: Date,
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
    fn told(&self) -> (String, Option<String>) {
        let title = tidy_some(Some(self.title)).unwrap_or_else(|| "Untitled".to_owned());
        let dek = tidy_some(self.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS));
        (shorten(&title, TITLE_MAX_CHARS), dek)
    }
}

/// The mail that greets.
pub fn render(welcome: &Welcome<'_>) -> Email {
    let masthead = &welcome.masthead;
    let look = Look::of(&masthead.theme);
    let title = tidy(masthead.title);
    let address = tidy(welcome.address);
    let when = in_words(&welcome.next);

    let subject = format!("Welcome to {title}");
    let preheader = format!("You are in. The next issue comes {when}.");
    let greeting = "You are in";
    let next = format!("Thank you for confirming. The next issue of {title} comes {when}, to");
    let change = "What comes, and how often, is yours to choose; and you can leave whenever you like.";
    let contacts = "So that it lands in your inbox, add us to your contacts.";
    let why = format!("You get this one mail because you signed up for {title} and confirmed your address.");

    let rows = html! {
        (row(html! {
            (headline(&look, greeting))
            (paragraph(html! { (next) " " strong { (address) } "." }))
            (paragraph(html! {
                (change) " " (inline_link(&look, welcome.preferences_url, "Your preferences")) " · "
                (inline_link(&look, welcome.unsubscribe_url, "Unsubscribe"))
            }))
            (small_print(html! { (contacts) }))
        }))
        @if let Some(latest) = &welcome.latest { (latest_issue(&look, latest)) }
        (row_end())
    };
    let html = letter(masthead, &subject, &preheader, rows, &[html! { (why) }]);

    let mut part = TextPart::default();
    part.letterhead(masthead);
    part.paragraph(0, greeting).gap();
    part.paragraph(0, &format!("{next} {address}.")).gap();
    part.paragraph(0, change).gap();
    part.paragraph(0, "Your preferences:").link(0, welcome.preferences_url).gap();
    part.paragraph(0, "Unsubscribe:").link(0, welcome.unsubscribe_url).gap();
    part.paragraph(0, contacts).gap();
    if let Some(latest) = &welcome.latest {
        latest_issue_text(latest, &mut part);
    }
    part.letter_foot(&why, masthead);
    Email { subject, preheader, html, text: part.finish() }
}

/// "today at 18:00, Berlin time"; another day than today or tomorrow by its name and date.
fn in_words(next: &NextIssue<'_>) -> String {
    let date = next.at.date();
    let day = if date == next.today {
        "today".to_owned()
    } else if next.today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
        format!("tomorrow, {},", date.strftime("%A"))
    } else {
        format!("on {},", date.strftime("%A, %-d %B"))
    };
    format!("{day} at {} ({})", next.at.strftime("%H:%M"), tidy(next.clock))
}

fn introduction(latest: &LatestIssue<'_>) -> String {
    format!("Until then: the issue of {}", long_date(latest.date))
}

fn whole(latest: &LatestIssue<'_>) -> String {
    match latest.more {
        0 => "Read it on the web".to_owned(),
        more => format!("Read all {} stories on the web", latest.headlines.len() + more),
    }
}

fn latest_issue(look: &Look, latest: &LatestIssue<'_>) -> Markup {
    html! {
        tr { td.pad style="padding:34px 32px 0;" {
            h2.ink.thick style={ (SANS) (INK) "margin:0;padding:8px 0 0;border-top:2px solid " (light::INK) ";font-size:14px;line-height:20px;font-weight:700;" } {
                (introduction(latest))
            }
        } }
        @for (index, story) in latest.headlines.iter().enumerate() { (brief(look, story, index == 0)) }
        tr { td.pad style="padding:0 32px;" { (button(look, latest.web_url, &whole(latest))) } }
    }
}

fn brief(look: &Look, story: &Headline<'_>, first: bool) -> Markup {
    let (title, dek) = story.told();
    let border = if first { String::new() } else { format!("border-top:1px solid {};", light::HAIRLINE) };
    html! {
        tr { td.pad style="padding:0 32px;" {
            table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style=(border) {
                tr { td style="padding:14px 0;" {
                    h3.ink dir="auto" style={ (look.headlines) (INK) (BREAK) "margin:0;font-size:19px;line-height:25px;font-weight:700;" } {
                        @match href::web(story.url) {
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

fn latest_issue_text(latest: &LatestIssue<'_>, part: &mut TextPart) {
    part.rule('-').gap();
    part.paragraph(0, &introduction(latest)).gap();
    for (index, story) in latest.headlines.iter().enumerate() {
        let (title, dek) = story.told();
        let lead = format!("{}. ", index + 1);
        part.hanging(&lead, &title);
        part.paragraph(lead.len(), dek.as_deref().unwrap_or_default());
        if let Some(url) = href::web(story.url) {
            part.link(lead.len(), url);
        }
        part.gap();
    }
    part.paragraph(0, &format!("{}:", whole(latest))).link(0, latest.web_url).gap();
}
