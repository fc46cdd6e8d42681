//! Newsletter: identity, schedule and look, with the next five issues that follow from them.

mod look;

pub use look::{post as preview, saved as saved_look};

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
fn values(it: &Newsletter) -> Values {
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

/// The field with the settings from which a form was made, as JSON.
const SHOWN: &str = "shown";

/// Settings by the names of their fields.
type Values = BTreeMap<&'static str, String>;

/// Why nothing was saved.
enum NotSaved {
    Fields(Problems),
    /// Somebody else changed these settings meanwhile, to these values.
    Changed(Values),
}

pub async fn get(desk: Desk) -> Answer {
    let values = values(desk.newsletter());
    page(&desk, &values, &values, None).await
}

/// Shows the form with these texts. `base` are the settings that the operator has seen.
async fn page(desk: &Desk, values: &Values, base: &Values, problem: Option<&NotSaved>) -> Answer {
    let base = serde_json::to_string(base).map_err(|error| DbError::Encode(Box::new(error)))?;
    let problems = match problem {
        Some(NotSaved::Fields(problems)) => Some(problems),
        _ => None,
    };
    let may = desk.may(Permission::ChangeNewsletter);
    let content = html! {
        div.opening { div { p.over { "Newsletter · " (desk.newsletter().slug) } h1 { (sentence(desk.newsletter())) } } }
        @match problem {
            None => {}
            Some(NotSaved::Fields(_)) => { div.notice.alarm role="alert" { b { "Not saved." } " Look at the fields below." } }
            Some(NotSaved::Changed(theirs)) => { div.notice.alarm role="alert" {
                b { "Not saved." } " Somebody else changed the same settings. Save again to replace theirs:"
                ul { @for (name, value) in theirs { li { (label(name)) ": " (value) } } } } }
        }
        div.split {
            section.sheet {
                (desk.form(&desk.path("settings"), &html! {
                    input type="hidden" name=(SHOWN) value=(base);
                    @for (title, fields) in GROUPS {
                        fieldset.group disabled[!may] { legend { h2 { (title) } } @for field in fields { (input(field, values, problems)) } }
                    }
                    div.acts { button.filled disabled[!may] { "Save" }
                        @if may { button formaction=(desk.path("settings/look")) formtarget=(look::FRAME) formnovalidate data-look { "Show the look" } }
                        @if !may { span.small.soft { "Your roles don’t include changing newsletters." } } }
                }))
            }
            div.stack.stay {
                section.sheet aria-labelledby="look" { header { h2 id="look" { "The look" } a href=(desk.path("issues")) { "Issue" } }
                    iframe.mail.phone name=(look::FRAME) src=(desk.path("settings/look")) title="An email as the form makes it" sandbox="allow-popups allow-popups-to-escape-sandbox" {}
                    p.hint { "As the form is filled in, before it is saved. Examples stand in until there are stories." } }
                section.sheet aria-labelledby="next" { header { h2 id="next" { "The next five issues" } }
                    table { tbody { @for (date, due) in next(desk) { tr { th scope="row" { (short_day(date)) } td { (weekday(date)) } td.end { (clock(due, desk.newsletter())) } } } } }
                    p.hint { "As saved. A new schedule moves planned issues, and sends nothing at once." } }
            }
        }
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(NotSaved::Fields(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(NotSaved::Changed(_)) => StatusCode::CONFLICT,
    };
    desk.page_with(status, Tab::Newsletter, "Newsletter", &content).await
}

fn label(name: &str) -> &'static str {
    let field = GROUPS.iter().flat_map(|(_, fields)| fields.iter()).find(|field| field.name == name);
    field.map_or("", |field| field.label)
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

fn input(field: &Field, values: &Values, problems: Option<&Problems>) -> Markup {
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

/// An error of the change.
enum SaveError {
    Fields(Problems),
    /// Somebody else changed the same settings meanwhile: the settings as they are.
    Changed(Values),
    Db(DbError),
}

impl From<DbError> for SaveError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Returns the fields that were changed in a form, with their texts. Others stay as somebody may have set them since.
fn touched<'a>(
    entered: &'a BTreeMap<String, String>,
    shown: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&'static str, &'a String)> {
    GROUPS.iter().flat_map(|(_, fields)| fields.iter()).filter_map(|field| {
        let text = entered.get(field.name)?;
        // An empty tagline stays as it is, because a newsletter always has one.
        let is_kept = field.name == "tagline" && text.trim().is_empty();
        (!is_kept && shown.get(field.name) != Some(text)).then_some((field.name, text))
    })
}

/// Returns changed fields as the command line takes them.
fn details_of(touched: &[(&'static str, &String)]) -> Result<NewsletterDetails, DbError> {
    let fields: serde_json::Map<String, Value> =
        touched.iter().map(|(name, text)| ((*name).to_owned(), Value::from(text.as_str()))).collect();
    serde_json::from_value(fields.into()).map_err(|error| DbError::Decode(Box::new(error)))
}

pub async fn post(Posted { desk, fields: entered }: Posted<BTreeMap<String, String>>) -> Answer {
    desk.require(Permission::ChangeNewsletter)?;
    let shown: BTreeMap<String, String> =
        entered.get(SHOWN).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let touched: Vec<(&'static str, &String)> = touched(&entered, &shown).collect();
    let change = |it: &mut Newsletter| {
        let now = values(it);
        let is_changed = |(name, text): &(&str, &String)| {
            let now = now.get(*name);
            now != Some(*text) && shown.get(*name).is_some_and(|shown| now != Some(shown))
        };
        if touched.iter().any(is_changed) {
            return Err(SaveError::Changed(now));
        }
        details_of(&touched)?.apply(it).map_err(SaveError::Fields)
    };
    let saved = set_newsletter(desk.admin.actions(), &desk.actor(), desk.record().id, change).await;
    let Err(error) = saved else {
        let flash = Flash::fine("Saved.", "The next issues are below.");
        return desk.done(&desk.path("settings"), flash).await;
    };
    let now = match &error {
        SaveError::Changed(now) => now.clone(),
        _ => values(desk.newsletter()),
    };
    let (mut texts, mut base) = (now.clone(), now);
    for (name, text) in &touched {
        texts.insert(*name, (*text).clone());
    }
    match error {
        SaveError::Db(error) => Err(Refused::Db(error)),
        SaveError::Fields(problems) => {
            // The next attempt still notices what somebody else changed since the form was opened.
            for (name, _) in &touched {
                if let Some(shown) = shown.get(*name) {
                    base.insert(*name, shown.clone());
                }
            }
            page(&desk, &texts, &base, Some(&NotSaved::Fields(problems))).await
        }
        SaveError::Changed(_) => {
            let theirs = |(name, text): &(&'static str, &String)| {
                let now = base.get(*name).filter(|now| *now != *text && shown.get(*name) != Some(*now))?;
                Some((*name, now.clone()))
            };
            let theirs = touched.iter().filter_map(theirs).collect();
            page(&desk, &texts, &base, Some(&NotSaved::Changed(theirs))).await
        }
    }
}
