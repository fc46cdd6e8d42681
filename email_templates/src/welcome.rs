//! The welcome email to a reader who confirmed a signup, or subscribed to another newsletter on the
//! preferences page. It names the time of the first issue and shows the lead of the latest one.

use jiff::civil::{Date, DateTime};
use maud::{Markup, html};

use crate::dates::single_full_stops;
use crate::i18n::{Texts, interpolate, interpolate_markup};
use crate::layout::{
    SHEET_PX, button, headline, inline_link, kicker, outline_button, paragraph, quiet_links, row,
    small_headline, small_print, space, space_row, transactional, whole,
};
use crate::story::{Frame, PictureView, Story, linked_headline, linked_picture};
use crate::text::TextPart;
use crate::theme::{BREAK, INK, Look, SANS, light};
use crate::wording::{Direction, shorten, tidy, tidy_some};
use crate::{Email, Masthead, href};

const TITLE_MAX_CHARS: usize = 160;
const DEK_MAX_CHARS: usize = 200;
const LABEL_MAX_CHARS: usize = 80;
const LEAD: Frame = Frame { width: SHEET_PX, max_height: 320, fills: true, style: "" };
/// Age in days from which a weekday's name no longer tells an issue.
const WEEK_DAYS: i32 = 7;

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
    /// Whether readers can choose topics.
    pub has_topics: bool,
    /// Whether readers can choose one issue a week.
    pub can_be_weekly: bool,
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

/// An issue, as its first story shows it.
#[derive(Debug, Clone, Copy)]
pub struct LatestIssue<'a> {
    pub date: Date,
    pub language: &'a str,
    pub lead: Story<'a>,
    /// URL of the issue's page, used verbatim. `None`: it has none, and the button leads to the story.
    pub web_url: Option<&'a str>,
}

/// The lead of the latest issue, ready to be displayed.
struct Lead {
    title: String,
    dek: Option<String>,
    section: Option<String>,
    url: Option<String>,
    picture: Option<PictureView>,
    /// The button: its URL and label.
    read: Option<(String, String)>,
}

impl Lead {
    fn from_issue(latest: &LatestIssue<'_>, today: Date, texts: &Texts) -> Self {
        let story = &latest.lead;
        let url = href::web_url(story.url).map(str::to_owned);
        let title = tidy_some(Some(story.title)).unwrap_or_else(|| texts.shared.untitled.clone());
        let is_this_week = today.since(latest.date).is_ok_and(|age| age.get_days() < WEEK_DAYS);
        let label = if is_this_week {
            interpolate(&texts.welcome.read_day, &[("weekday", texts.date.weekday(latest.date.weekday()))])
        } else {
            interpolate(&texts.welcome.read, &[("date", &texts.date.short(latest.date, today))])
        };
        let read = match (latest.web_url, &url) {
            (Some(page), _) => Some((page.to_owned(), label)),
            (None, Some(url)) => Some((url.clone(), texts.digest.read.clone())),
            (None, None) => None,
        };
        Self {
            title: shorten(&title, TITLE_MAX_CHARS),
            dek: tidy_some(story.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS)),
            section: tidy_some(story.section).map(|section| shorten(&section, LABEL_MAX_CHARS)),
            picture: story.picture.as_ref().and_then(PictureView::from_picture),
            url,
            read,
        }
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
    let at_site = masthead.at_site(texts);
    let values = &[("title", title.as_str()), ("when", &when), ("address", &address), ("at_site", &at_site)];

    let subject = interpolate(&t.subject, values);
    let preheader = single_full_stops(&interpolate(&t.preheader, values));
    let first = single_full_stops(&interpolate(if welcome.joined { &t.joined } else { &t.first }, values));
    let first = if welcome.latest.is_some() { format!("{first} {}", t.until_then) } else { first };
    let why = interpolate(if welcome.joined { &t.why_joined } else { &t.why }, values);
    let lead = welcome.latest.as_ref().map(|latest| Lead::from_issue(latest, welcome.next.today, texts));
    let own = [
        (welcome.preferences_url, texts.shared.change.as_str()),
        (welcome.unsubscribe_url, texts.shared.unsubscribe.as_str()),
    ];
    let (choices, choose) = choices(welcome, texts);
    let contact = interpolate_markup(
        &t.contacts,
        &[("sender", inline_link(&look, &format!("mailto:{sender}"), &sender))],
    );

    let rows = html! {
        (row(28, html! {
            (headline(&look, interpolate_markup(&t.greeting, &[("title", whole(&title))])))
            (paragraph(html! { (first) }))
            @if welcome.joined { (small_print(html! { (t.not_you) })) }
        }))
        @if let (Some(latest), Some(lead)) = (&welcome.latest, &lead) {
            (lead_rows(&look, masthead, latest, lead))
        }
        (row(30, html! {
            table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                style={ "border-top:1px solid " (light::LINE) ";" } {
                tr { td style="padding:24px 0 0;" {
                    (small_headline(&look, &t.yours))
                    p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:6px 0 0;font-size:16px;line-height:25px;" } { (choices) }
                    (space(14))
                    (outline_button(&look, welcome.preferences_url, choose))
                } }
            }
        }))
        (row(26, html! {
            p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:0;font-size:15px;line-height:23px;" } {
                strong { (t.spam) } " " (contact)
            }
        }))
    };
    let below = html! { (why) " " (quiet_links(own)) };
    let html = transactional(masthead, &look, &subject, &preheader, rows, &[below]);

    let mut part = TextPart::default();
    part.header(masthead);
    part.paragraph(0, &interpolate(&t.greeting, values)).gap();
    part.paragraph(0, &first).gap();
    if welcome.joined {
        part.paragraph(0, &t.not_you).gap();
    }
    if let Some(lead) = &lead {
        lead_text(lead, texts, &mut part);
    }
    part.paragraph(0, &t.yours);
    part.paragraph(0, choices);
    part.paragraph(0, &texts.label(choose)).link(0, welcome.preferences_url).gap();
    part.paragraph(0, &format!("{} {}", t.spam, interpolate(&t.contacts, &[("sender", &sender)]))).gap();
    part.paragraph(0, &texts.label(&texts.shared.unsubscribe)).link(0, welcome.unsubscribe_url).gap();
    part.footer(&why, masthead);
    Email { subject, preheader, html, text: part.finish(), language: masthead.language.to_owned() }
}

/// Returns what readers of this newsletter can choose, and the label of the link to it.
fn choices<'t>(welcome: &Welcome<'_>, texts: &'t Texts) -> (&'t str, &'t str) {
    let t = &texts.welcome;
    match (welcome.has_topics, welcome.can_be_weekly) {
        (true, true) => (&t.topics_or_weekly, &t.pick),
        (true, false) => (&t.topics, &t.pick),
        (false, true) => (&t.weekly, &texts.shared.change),
        (false, false) => (&t.choices, &texts.shared.change),
    }
}

/// "today at 6 pm (Berlin time)", "tomorrow, Friday 1 May, at …" or "on Monday 4 May at …".
fn due_text(next: &NextIssue<'_>, texts: &Texts) -> String {
    let (t, date) = (&texts.welcome, next.at.date());
    let clock = match next.clock {
        Clock::Place(place) => interpolate(&t.clock, &[("place", &tidy(place))]),
        Clock::Zone(name) => tidy(name),
    };
    let at = format!("{} ({clock})", texts.date.at(next.at.time()));
    let text = if date == next.today {
        &t.today
    } else if next.today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
        &t.tomorrow
    } else {
        &t.later
    };
    let (coming, weekday) = (texts.date.coming(date), texts.date.weekday(date.weekday()));
    interpolate(text, &[("at", &at), ("weekday", weekday), ("date", &coming)])
}

fn lead_rows(look: &Look, masthead: &Masthead<'_>, latest: &LatestIssue<'_>, lead: &Lead) -> Markup {
    let own = (latest.language != masthead.language).then_some(latest.language);
    let direction = Direction::of_language(masthead.language);
    let picture = lead.picture.as_ref().and_then(|it| Some((it.lead.as_ref()?, it.alt.as_str())));
    html! {
        @if let Some((file, alt)) = picture {
            (space_row(24))
            tr { td { (linked_picture(look, file, alt, lead.url.as_deref(), &LEAD)) } }
        }
        (row(if picture.is_some() { 18 } else { 24 }, html! {
            div lang=[own] {
                @if let Some(section) = &lead.section { (kicker(look, html! { (section) })) }
                h2.ink dir="auto" style={ (look.headlines) (INK) (BREAK) "margin:5px 0 0;font-size:26px;line-height:31px;font-weight:700;" } {
                    (linked_headline(&lead.title, lead.url.as_deref()))
                }
                @if let Some(dek) = &lead.dek {
                    p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:8px 0 0;font-size:16px;line-height:25px;" } { (dek) }
                }
            }
            @if let Some((url, label)) = &lead.read {
                (space(16))
                (button(look, url, label, None, direction))
            }
        }))
    }
}

fn lead_text(lead: &Lead, texts: &Texts, part: &mut TextPart) {
    part.rule('-').gap();
    part.paragraph(0, lead.section.as_deref().unwrap_or_default());
    part.paragraph(0, &lead.title).gap();
    part.paragraph(0, lead.dek.as_deref().unwrap_or_default());
    if let Some(url) = &lead.url {
        part.link(0, url);
    }
    part.gap();
    if let Some((url, label)) = lead.read.as_ref().filter(|(url, _)| Some(url) != lead.url.as_ref()) {
        part.paragraph(0, &texts.label(label)).link(0, url).gap();
    }
    part.rule('-').gap();
}
