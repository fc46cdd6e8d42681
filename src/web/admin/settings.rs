//! Newsletter: identity, schedule and look, with the next five issues that follow from them.

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::Tab,
    words::{clock, short_day, weekday},
};
use crate::{
    actions::newsletter::{details::NewsletterDetails, set_newsletter::set_newsletter, settings},
    db::DbError,
    domain::{issue::schedule, newsletter::Newsletter, operator::role::Permission, validation::Problems},
    i18n,
};
use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// Issues ahead that are shown.
const AHEAD: usize = 5;

/// A field of the form: its name, label, hint and possible words.
struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    words: &'static [(&'static str, &'static str)],
}

const fn text(name: &'static str, label: &'static str, hint: &'static str) -> Field {
    Field { name, label, hint, words: &[] }
}

const GROUPS: [(&str, &[Field]); 3] = [
    (
        "Identity",
        &[
            text("title", "Title", ""),
            text("tagline", "Line below the title", ""),
            text("sender_name", "Name that emails come from", ""),
            text(
                "sender_address",
                "Address that emails come from",
                "Your relays must be allowed to send for its domain.",
            ),
            text("reply_to", "Address that replies go to", "none: to the sender"),
            text("postal_address", "Postal address", "In every email, as the law of most countries asks."),
            text("language", "Language", "Such as en or pt-BR."),
        ],
    ),
    (
        "Schedule",
        &[
            text("days", "Days", "daily, weekdays, or such as mon,fri"),
            text("send_time", "Time", "Such as 07:00."),
            text("time_zone", "Time zone", "Such as Europe/Berlin."),
            Field {
                name: "clock",
                label: "Whose clock",
                hint: "",
                words: &[("newsletter", "The newsletter’s: all at once"), ("reader", "Each reader’s own")],
            },
            Field {
                name: "selection",
                label: "Stories",
                hint: "",
                words: &[("news", "New since the last issue"), ("round-up", "The best of the week")],
            },
            text("min_stories", "Fewest stories", "default: as configured"),
            text("max_stories", "Most stories", "default: as configured"),
            text("sections", "Sections in order", "Such as Local,Science, or none"),
            Field {
                name: "approval",
                label: "Approval",
                hint: "",
                words: &[
                    ("none", "Issues go out by themselves"),
                    ("required", "Each issue waits for somebody"),
                ],
            },
        ],
    ),
    (
        "Look and archive",
        &[
            text("site", "Site that the title links to", "Its address, or none"),
            text("privacy_url", "Privacy policy", "Its address, or none"),
            text("footer", "Line in the footer", "none: no line"),
            text("social", "Profiles", "Name=URL, separated by commas, or none"),
            text("utm", "Tags of story links", "Such as utm_source=daily, or none"),
            text("logo", "Picture in place of the title", "Its address, or none"),
            text("accent", "Colour of links and labels", "Such as #0a6048, or none"),
            Field {
                name: "fonts",
                label: "Headlines",
                hint: "",
                words: &[("serif", "With serifs"), ("sans", "Without serifs")],
            },
            Field {
                name: "archive",
                label: "Past issues on the web",
                hint: "",
                words: &[
                    ("public", "Listed, and in search engines"),
                    ("unlisted", "By link only"),
                    ("none", "None"),
                ],
            },
        ],
    ),
];

/// Settings that have another name, or other words, in forms than in records.
const RENAMED: [(&str, &str); 2] = [("site", "site_url"), ("logo", "logo_url")];

/// Returns the settings as the form shows them.
fn values(it: &Newsletter) -> BTreeMap<&'static str, String> {
    let record = settings(it);
    let shown = |name: &'static str| {
        let key = RENAMED.iter().find(|(field, _)| *field == name).map_or(name, |(_, key)| *key);
        match (name, record.get(key).unwrap_or(&Value::Null)) {
            ("approval", _) => if it.needs_approval { "required" } else { "none" }.to_owned(),
            ("sections", _) if !it.sections.to_string().is_empty() => it.sections.to_string(),
            ("min_stories" | "max_stories", Value::Null) => "default".into(),
            ("selection", Value::String(text)) => text.replace('_', "-"),
            (_, Value::String(text)) if !text.is_empty() => text.clone(),
            (_, Value::Number(number)) => number.to_string(),
            ("tagline", _) => String::new(),
            _ => "none".into(),
        }
    };
    GROUPS.iter().flat_map(|(_, fields)| fields.iter()).map(|field| (field.name, shown(field.name))).collect()
}

pub async fn get(desk: Desk) -> Answer {
    let values = values(desk.newsletter());
    page(&desk, &values, None).await
}

async fn page(desk: &Desk, values: &BTreeMap<&'static str, String>, problems: Option<&Problems>) -> Answer {
    let may = desk.may(Permission::ChangeNewsletter);
    let content = html! {
        div.opening { div { p.over { "Newsletter · " (desk.newsletter().slug) } h1 { (sentence(desk.newsletter())) } } }
        @if problems.is_some() { div.notice.alarm role="alert" { b { "Not saved." } " Look at the fields below." } }
        div.split {
            section.sheet {
                (desk.form(&desk.path("settings"), &html! {
                    @for (title, fields) in GROUPS {
                        fieldset.group disabled[!may] { legend { h2 { (title) } } @for field in fields { (input(field, values, problems)) } }
                    }
                    div.acts { button.filled disabled[!may] { "Save" } @if !may { span.small.soft { "Your roles don’t include changing newsletters." } } }
                }))
            }
            div.stack {
                section.sheet aria-labelledby="next" { header { h2 id="next" { "The next five issues" } }
                    table { tbody { @for (date, due) in next(desk) { tr { th scope="row" { (short_day(date)) } td { (weekday(date)) } td.end { (clock(due, desk.newsletter())) } } } } }
                    p.hint { "As saved. A new schedule moves planned issues, and sends nothing at once." } }
                section.sheet aria-labelledby="look" { header { h2 id="look" { "The look" } a href=(desk.path("issues")) { "Issue" } }
                    iframe.mail.phone src={ (desk.issue_path(next(desk).first().map_or(desk.today(), |(date, _)| *date), "email")) } title="The next email" sandbox="allow-popups allow-popups-to-escape-sandbox" {} }
            }
        }
    };
    let status = if problems.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    desk.page_with(status, Tab::Newsletter, "Newsletter", &content).await
}

fn sentence(it: &Newsletter) -> String {
    let time = it.send_time.strftime("%H:%M");
    let approval = if it.needs_approval { ", after somebody’s approval" } else { "" };
    format!(
        "{} goes out {} at {time}{approval}.",
        it.title,
        if it.days.count() == 7 { "every day".into() } else { format!("on {}", it.days) }
    )
}

fn next(desk: &Desk) -> Vec<(jiff::civil::Date, jiff::Timestamp)> {
    let mut now = desk.now;
    let mut found = Vec::new();
    while found.len() < AHEAD {
        let (date, due) = schedule::next_slot(desk.newsletter(), now);
        found.push((date, due));
        if due <= now {
            break;
        }
        now = due;
    }
    found
}

fn input(field: &Field, values: &BTreeMap<&'static str, String>, problems: Option<&Problems>) -> Markup {
    let value = values.get(field.name).map(String::as_str).unwrap_or_default();
    let texts = i18n::texts_in("en");
    let problem = problems
        .and_then(|problems| problems.iter().find(|it| it.field() == field.name))
        .map(|it| texts.problem(it));
    let described = (problem.is_some() || !field.hint.is_empty()).then(|| format!("{}-hint", field.name));
    html! {
        div.field { label for=(field.name) { (field.label) }
            @if field.words.is_empty() {
                input id=(field.name) name=(field.name) value=(value) aria-invalid=[problem.as_ref().map(|_| "true")] aria-describedby=[described.as_deref()];
            } @else {
                select id=(field.name) name=(field.name) { @for (word, label) in field.words { option value=(word) selected[*word == value] { (label) } } }
            }
            @if let Some(problem) = &problem { p.hint.alarm id={ (field.name) "-hint" } { (problem) } }
            @else if !field.hint.is_empty() { p.hint id={ (field.name) "-hint" } { (field.hint) } } }
    }
}

/// An error of the change: a field, or the database.
enum SaveError {
    Fields(Problems),
    Db(DbError),
}

impl From<DbError> for SaveError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

pub async fn post(Posted { desk, fields }: Posted<NewsletterDetails>) -> Answer {
    desk.require(Permission::ChangeNewsletter)?;
    // An empty tagline stays as it is, because a newsletter always has one.
    let details = NewsletterDetails {
        tagline: fields.tagline.clone().filter(|text| !text.trim().is_empty()),
        ..fields
    };
    let change = |it: &mut Newsletter| details.apply(it).map_err(SaveError::Fields);
    match set_newsletter(desk.admin.actions(), &desk.actor(), desk.record().id, change).await {
        Ok(_) => desk.done(&desk.path("settings"), Flash::fine("Saved.", "The next issues are below.")).await,
        Err(SaveError::Db(error)) => Err(Refused::Db(error)),
        Err(SaveError::Fields(problems)) => {
            let entered = serde_json::to_value(Entered(&details)).unwrap_or_default();
            let mut shown = values(desk.newsletter());
            for (name, value) in &mut shown {
                if let Some(text) = entered.get(*name).and_then(|it| it.as_str()) {
                    text.clone_into(value);
                }
            }
            page(&desk, &shown, Some(&problems)).await
        }
    }
}

/// The entered texts, by their names.
struct Entered<'a>(&'a NewsletterDetails);

impl serde::Serialize for Entered<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let it = self.0;
        let all = [
            ("title", &it.title),
            ("tagline", &it.tagline),
            ("sender_name", &it.sender_name),
            ("sender_address", &it.sender_address),
            ("reply_to", &it.reply_to),
            ("postal_address", &it.postal_address),
            ("language", &it.language),
            ("days", &it.days),
            ("send_time", &it.send_time),
            ("time_zone", &it.time_zone),
            ("min_stories", &it.min_stories),
            ("max_stories", &it.max_stories),
            ("sections", &it.sections),
            ("site", &it.site),
            ("privacy_url", &it.privacy_url),
            ("footer", &it.footer),
            ("social", &it.social),
            ("utm", &it.utm),
            ("logo", &it.logo),
            ("accent", &it.accent),
        ];
        to.collect_map(all.iter().filter_map(|(name, text)| Some((name, (*text).as_ref()?))))
    }
}
