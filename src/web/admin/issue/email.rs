//! The email of an issue, in a frame with a policy of its own.

use super::{date_of, seen_forecast};
use crate::{
    db::issues,
    domain::{issue::status::IssueStatus, token::Purpose},
    issues::{edition, forecast::Forecast, render::Rendering},
    web::admin::{
        desk::{Answer, Desk, Refused},
        layout::{Tab, rev},
        words::{counted, long_day, number},
    },
};
use axum::{
    extract::{Path, Query},
    http::header,
    response::{Html, IntoResponse as _, Response},
};
use email_templates::Email;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::HashMap;

/// Most variants that can be shown.
const MAX_VARIANTS: usize = 100;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    #[default]
    Phone,
    Desktop,
    Bare,
    Text,
}

impl View {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Phone, "phone", "Phone"),
        (Self::Desktop, "desktop", "Desktop"),
        (Self::Bare, "bare", "No pictures"),
        (Self::Text, "text", "Text, and read aloud"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, ..)| *it == self).map_or("phone", |(_, name, _)| name)
    }
}

/// The colours that readers chose for their mail program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Those of the operator's own screen.
    #[default]
    Own,
    Light,
    Dark,
}

impl Scheme {
    const ALL: [(Self, &'static str, &'static str); 3] =
        [(Self::Own, "own", "As here"), (Self::Light, "light", "Light"), (Self::Dark, "dark", "Dark")];

    const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Applies or drops an email's rules for dark screens, whatever the screen.
    fn apply(self, html: String) -> String {
        match self {
            Self::Own => html,
            Self::Light => html.replace(DARK_RULES, "@media not all{"),
            Self::Dark => html.replace(DARK_RULES, "@media all{"),
        }
    }
}

/// The beginning of an email's rules for dark screens.
const DARK_RULES: &str = "@media (prefers-color-scheme:dark){";

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Shown {
    view: View,
    scheme: Scheme,
    variant: Option<usize>,
}

impl Shown {
    fn variant(&self) -> usize {
        self.variant.unwrap_or(1).clamp(1, MAX_VARIANTS)
    }
}

/// Renders a variant as its readers would get it.
async fn render(desk: &Desk, date: Date, variant: usize) -> Result<Option<Email>, Refused> {
    let record = desk.record();
    let mut tx = desk.db().read().await?;
    let issue = issues::get_by_date(&mut tx, record.id, date).await?;
    let edition =
        edition::load_edition(desk.admin.planning(), &mut tx, record, date, issue.as_ref(), variant).await?;
    if edition.stories.is_empty() {
        return Ok(None);
    }
    let token = desk.admin.operators.keys.sign(Purpose::Test, 0);
    let rendering = Rendering {
        newsletter: record,
        date,
        edition: &edition,
        number: i64::try_from(variant).unwrap_or(1),
        public_url: &desk.admin.public_url,
        pictures_url: &desk.admin.pictures_url,
        reader_token: &token,
        is_test: false,
        revision: None,
    };
    Ok(Some(rendering.email()))
}

/// The email itself.
pub async fn frame(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(shown): Query<Shown>,
) -> Answer {
    let email = render(&desk, date_of(&path)?, shown.variant()).await?;
    let html = email.map_or_else(
        || "<!DOCTYPE html><title>Empty</title><p>No stories yet.</p>".to_owned(),
        |email| email.html,
    );
    Ok(answer(&shown.scheme.apply(html), shown.view != View::Bare))
}

/// Answers with an email for a frame. It may style itself, and can do nothing else.
pub fn answer(html: &str, with_pictures: bool) -> Response {
    // Links open in a new tab, as from a mail program.
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let pictures = if with_pictures { "img-src http: https: data:; " } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; {pictures}form-action 'none'; base-uri 'self'; \
         frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// The frame on a page.
fn framed(desk: &Desk, date: Date, view: View, scheme: Scheme, variant: usize) -> Markup {
    let class = if view == View::Phone { "mail phone" } else { "mail" };
    let class = if scheme == Scheme::Dark { format!("{class} dark") } else { class.to_owned() };
    let shown = if view == View::Bare { "&view=bare" } else { "" };
    html! {
        iframe class=(class) src={ (desk.issue_path(date, "email")) "?variant=" (variant) "&scheme=" (scheme.name()) (shown) } title="The email"
            sandbox="allow-popups allow-popups-to-escape-sandbox" {}
    }
}

/// The email beside the stories.
pub fn aside(desk: &Desk, it: &Forecast) -> Markup {
    html! {
        section.sheet aria-labelledby="email" {
            header { h2 id="email" { "The email" } a href=(desk.issue_path(it.date, "preview")) { "Larger" } }
            (framed(desk, it.date, View::Phone, Scheme::Own, 1))
            @if it.plan.variants.len() > 1 { div.after { (variants(desk, it, View::Phone, Scheme::Own, 1)) } }
        }
    }
}

/// Chooses a variant.
fn variants(desk: &Desk, it: &Forecast, view: View, scheme: Scheme, chosen: usize) -> Markup {
    html! {
        form method="get" action=(desk.issue_path(it.date, "preview")) {
            input type="hidden" name="view" value=(view.name());
            input type="hidden" name="scheme" value=(scheme.name());
            label for="variant" { "As readers of" }
            p.join { select id="variant" name="variant" {
                @for (variant, place) in it.plan.variants.iter().zip(1_usize..).take(MAX_VARIANTS) {
                    option value=(place) selected[place == chosen] { "variant " (place) ": " (counted(variant.readers(), "reader")) ", " (counted(variant.stories.len(), "story")) }
                } } button { "Show" } }
        }
    }
}

/// Bytes at which Gmail clips an email.
const CLIPPED_KB: usize = 102;

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(shown): Query<Shown>,
) -> Answer {
    let date = date_of(&path)?;
    let variant = shown.variant();
    let record = desk.record();
    let issue = issues::get_by_date(&mut desk.db().read().await?, record.id, date).await?;
    let open = if issue.as_ref().is_none_or(|issue| issue.status == IssueStatus::Planned) {
        Some(seen_forecast(&desk, date).await?)
    } else {
        None
    };
    let Some(email) = render(&desk, date, variant).await? else {
        return Err(Refused::Missing("There is no email yet: the issue has no stories.".into()));
    };
    let kilobytes = email.html_bytes().div_ceil(1024);
    let here = desk.issue_path(date, "preview");
    let content = html! {
        div.opening {
            div { p.over { a href=(desk.issue_path(date, "")) { (long_day(date)) }
                    @if let Some(open) = &open { " · revision " (rev(open.content.revision().as_str())) } }
                h1 { (email.subject) }
                p.lede { (email.preheader) }
                p.facts { span { b { (kilobytes) } " KB of " (CLIPPED_KB) " before Gmail clips it" }
                    @if email.clipped() { (super::state("alarm", "Gmail clips it")) }
                    @if let Some(open) = &open { span { b { (number(open.plan.readers())) } " readers" } } } }
            div.acts { a.btn href={ (desk.issue_path(date, "send")) "#test" } data-key="t" { "Test" kbd { "t" } } }
        }
        section.sheet {
            div.ends {
                p.views { @for (view, name, label) in View::ALL {
                    a href={ (here) "?view=" (name) "&scheme=" (shown.scheme.name()) "&variant=" (variant) } aria-current=[(view == shown.view).then_some("true")] { (label) } } }
                @if shown.view != View::Text { p.views { span.soft { "Colours:" } @for (scheme, name, label) in Scheme::ALL {
                    a href={ (here) "?view=" (shown.view.name()) "&scheme=" (name) "&variant=" (variant) } aria-current=[(scheme == shown.scheme).then_some("true")] { (label) } } } }
            }
            @if shown.view == View::Text { pre.plaintext tabindex="0" { (email.text) } } @else { (framed(&desk, date, shown.view, shown.scheme, variant)) }
            @if let Some(open) = open.as_ref().filter(|it| it.plan.variants.len() > 1) { div.after { (variants(&desk, open, shown.view, shown.scheme, variant)) } }
        }
    };
    desk.page(Tab::Issue, "Preview", &content).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_dark_screens_are_applied_or_dropped() {
        let html = || "<style>p{}@media (prefers-color-scheme:dark){p{}}</style>".to_owned();
        assert_eq!(Scheme::Own.apply(html()), html());
        assert!(Scheme::Dark.apply(html()).contains("@media all{p{}}"));
        assert!(Scheme::Light.apply(html()).contains("@media not all{p{}}"));
    }
}
