//! `/preferences/{token}`: how often, about what and when a newsletter comes. GET shows what is chosen; POST keeps what the form says,
//! without cookie, login or script. The token is the one of the link to leave.

use crate::{
    actions::set_preferences::{self, Choice, Choosing},
    db::newsletters::NewsletterRecord,
    domain::{
        article::title_key,
        cadence::Cadence,
        days::day_name,
        newsletter::{Newsletter, NewsletterError, WhoseClock, parse_send_time, parse_time_zone},
        preferences::Preferences,
        sections::{Sections, SectionsError},
        zones,
    },
    web::{
        Site, WebError, error,
        layout::{Frame, respond},
        negotiate::media_type,
    },
};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use maud::{Markup, html};
use std::collections::BTreeMap;
use url::form_urlencoded;

/// Shows what is chosen.
pub async fn get(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    Ok(match set_preferences::look(&site.actions, &token).await? {
        Choosing::Open(choice) => show(StatusCode::OK, &choice, &token, &Notice::None),
        other => closed(other),
    })
}

/// Keeps what the form says.
pub async fn post(
    State(site): State<Site>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let mut choice = match set_preferences::look(&site.actions, &token).await? {
        Choosing::Open(choice) => choice,
        other => return Ok(closed(other)),
    };
    if media_type(&headers, &header::CONTENT_TYPE) != "application/x-www-form-urlencoded" {
        let what = "Send the page's form (application/x-www-form-urlencoded).";
        return Ok(error::page(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unknown kind of body", what));
    }
    match read(&body, choice.preferences.clone()) {
        Ok(preferences) => choice.preferences = preferences,
        Err(problem) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(show(status, &choice, &token, &Notice::Problem(problem.to_string())));
        }
    }
    if !set_preferences::set_preferences(&site.actions, choice.subscription, &choice.preferences).await? {
        // The reader left in another window.
        return Ok(closed(Choosing::Gone { newsletter: choice.newsletter }));
    }
    Ok(show(StatusCode::OK, &choice, &token, &Notice::Saved))
}

/// What is wrong with a form.
#[derive(Debug, thiserror::Error)]
enum FormError {
    #[error("Choose one of the ways a newsletter can come")]
    Cadence,
    #[error("{0}")]
    Sections(#[from] SectionsError),
    #[error("{}", .0.problem)]
    Clock(#[from] NewsletterError),
}

/// Reads the form. What it has no field for stays as it was: sections and clock are not always asked about.
fn read(body: &[u8], mut preferences: Preferences) -> Result<Preferences, FormError> {
    let mut sections: Option<Vec<String>> = None;
    for (name, value) in form_urlencoded::parse(body) {
        match name.as_ref() {
            "cadence" => preferences.cadence = value.parse().map_err(|_| FormError::Cadence)?,
            "sections" => {
                let sections = sections.get_or_insert_default();
                // The field is there once without a value: no box that is not ticked is sent.
                if !value.is_empty() {
                    sections.push(value.into_owned());
                }
            }
            "time_zone" if value.is_empty() => preferences.time_zone = None,
            "time_zone" => preferences.time_zone = Some(parse_time_zone(&value)?),
            "send_time" if value.is_empty() => preferences.send_time = None,
            "send_time" => preferences.send_time = Some(parse_send_time(&value)?),
            _ => {}
        }
    }
    if let Some(sections) = sections {
        preferences.sections = Sections::of(sections.iter().map(String::as_str))?;
    }
    Ok(preferences)
}

fn closed(state: Choosing) -> Response {
    match state {
        Choosing::Test => error::page(
            StatusCode::OK,
            "This was a test",
            "In a reader's copy this link leads to the reader's own choices. In a test mail it leads nowhere.",
        ),
        Choosing::Gone { newsletter } => {
            let it = &newsletter.newsletter;
            let content = html! {
                p { "Nothing of " (it.title) " is sent to you, so there is nothing to choose." }
                p { a href={ "/?newsletter=" (it.slug) } { "Sign up" } ", and choose then." }
            };
            page(StatusCode::OK, &newsletter, "You are not subscribed", &content)
        }
        Choosing::Unknown | Choosing::Open(_) => error::page(
            StatusCode::NOT_FOUND,
            "This link does not work",
            "It may have been cut off on the way: copy the whole link from the mail.",
        ),
    }
}

/// What is to be said about the form.
enum Notice {
    None,
    Saved,
    Problem(String),
}

fn show(status: StatusCode, choice: &Choice, token: &str, notice: &Notice) -> Response {
    let it = &choice.newsletter.newsletter;
    let content = html! {
        @match notice {
            Notice::None => {}
            Notice::Saved => p.notice role="status" {
                strong { "Saved. " } (summary(it, &choice.preferences))
            },
            Notice::Problem(problem) => p.notice."notice--error" role="alert" { (problem) "." },
        }
        p { "For " strong { (choice.address) } "." }
        form.choices method="post" {
            (cadences(it, choice.preferences.cadence))
            (sections(choice))
            @if it.clock == WhoseClock::Reader { (clock(it, &choice.preferences)) }
            button type="submit" { "Save" }
        }
        p.fine-print { "Rather not get " (it.title) " at all? " a href={ "/unsubscribe/" (token) } { "Leave" } "." }
    };
    page(status, &choice.newsletter, &format!("Your {}", it.title), &content)
}

/// How often: the ways that differ for a newsletter with issues on these days.
fn cadences(it: &Newsletter, chosen: Cadence) -> Markup {
    let last = day_name(it.days.last());
    let ways = [
        (Cadence::EveryIssue, "Every issue".to_owned(), it.days.in_words()),
        (Cadence::Weekdays, "On weekdays".to_owned(), "Monday to Friday".to_owned()),
        (Cadence::Weekly, "Once a week".to_owned(), format!("on {last}")),
    ];
    let offered = |way: Cadence| way == chosen || way.is_a_choice(it.days);
    html! {
        fieldset {
            legend { "How often" }
            @for (way, name, hint) in ways.iter().filter(|(way, ..)| offered(*way)) {
                label.choice {
                    input type="radio" name="cadence" value=(way) checked[*way == chosen] required;
                    span { (name) " " span.hint { (hint) } }
                }
            }
        }
    }
}

/// About what: the sections of recent articles, and those chosen, of which there may be none just now.
fn sections(choice: &Choice) -> Markup {
    let chosen = &choice.preferences.sections;
    let mut names: BTreeMap<String, &str> =
        choice.sections.iter().map(|name| (title_key(name), name.as_str())).collect();
    for key in chosen.keys() {
        names.entry(key.clone()).or_insert(key);
    }
    html! {
        @if !names.is_empty() {
            fieldset {
                legend { "About what" }
                p.hint { "Tick what you want to read about. Without a tick you get everything." }
                input type="hidden" name="sections" value="";
                div.choice-list {
                    @for (key, name) in &names {
                        label.choice {
                            input type="checkbox" name="sections" value=(key)
                                checked[!chosen.is_all() && chosen.contains(key)];
                            span { (name) }
                        }
                    }
                }
            }
        }
    }
}

/// When: a time on the reader's clock.
fn clock(it: &Newsletter, chosen: &Preferences) -> Markup {
    let zone = chosen.time_zone_name();
    let regions = zones::by_region();
    let is_listed = |zone: &str| regions.values().flatten().any(|it| it == zone);
    html! {
        fieldset {
            legend { "When" }
            label for="send-time" { "Time of day" }
            input #send-time type="time" name="send_time" value=(chosen.send_time_text().unwrap_or_default())
                aria-describedby="send-time-hint";
            p.hint #send-time-hint { "Leave it empty for " (it.send_time.strftime("%H:%M")) ", the newsletter’s own time." }
            label for="time-zone" { "Where you live" }
            select #time-zone name="time_zone" autocomplete="off" {
                option value="" selected[zone.is_none()] {
                    "On the newsletter’s clock (" (zones::spoken(it.time_zone_name())) ")"
                }
                @if let Some(zone) = zone.filter(|zone| !is_listed(zone)) { option value=(zone) selected { (zone) } }
                @for (region, names) in &regions {
                    optgroup label=(region) {
                        @for name in names {
                            option value=(name) selected[zone == Some(name.as_str())] { (zones::spoken(name)) }
                        }
                    }
                }
            }
        }
    }
}

/// What is chosen, in a sentence.
fn summary(it: &Newsletter, chosen: &Preferences) -> String {
    let often = match chosen.cadence {
        Cadence::EveryIssue => "Every issue".to_owned(),
        Cadence::Weekdays => "Every issue from Monday to Friday".to_owned(),
        Cadence::Weekly => format!("One issue a week, on {},", day_name(it.days.last())),
    };
    let what = if chosen.sections.is_all() { "" } else { " with the sections you ticked" };
    let when = match it.clock {
        WhoseClock::Newsletter => String::new(),
        WhoseClock::Reader => {
            let time = chosen.send_time.unwrap_or(it.send_time).strftime("%H:%M");
            let zone = chosen.time_zone_name().unwrap_or(it.time_zone_name());
            format!(" at {time} ({} time)", zones::spoken(zone))
        }
    };
    format!("{often}{what} will come to you{when}.")
}

fn page(status: StatusCode, newsletter: &NewsletterRecord, title: &str, content: &Markup) -> Response {
    let it = &newsletter.newsletter;
    let frame = Frame { title, brand: (&it.title, &it.tagline), language: &it.language };
    respond(status, frame, &html! { h1 { (title) } (content) })
}
