//! `GET /embed.json`: what the signup box of a newsletter shows, for the script on publishers' pages.

use crate::{
    domain::{newsletter::Newsletter, signup_wording::signup_wording},
    i18n::{self, Locale, interpolate},
    web::{
        AppError, Site, brand_style, cached,
        public::{latest::LatestIssue, signup::promise_sentence},
    },
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The box's style sheet without its first comment, and with placeholders for the newsletter's tokens.
static STYLE: LazyLock<String> = LazyLock::new(|| {
    let lines: Vec<&str> = include_str!("../assets/box.css").lines().skip(1).map(str::trim).collect();
    lines.concat()
});

#[derive(Debug, serde::Deserialize)]
pub struct EmbedQuery {
    newsletter: Option<String>,
    /// Language of the page with the box.
    lang: Option<String>,
}

/// Returns texts and colours. Every site may read them: they are as public as the signup page.
pub async fn get(
    State(site): State<Site>,
    Query(query): Query<EmbedQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let newsletter = site.newsletter(query.newsletter.as_deref()).await?;
    let it = &newsletter.newsletter;
    let locale = i18n::negotiate_locale([query.lang.as_deref(), Some(&it.language)], &headers);
    let latest = LatestIssue::find(&site, &newsletter).await?;
    let mut hint = promise_sentence(&newsletter, locale);
    if let Some(latest) = latest {
        hint = format!("{hint} {}.", latest.reading_time(locale));
    }
    let body = texts(it, locale, &hint).to_string();
    let for_other_origins = [
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    Ok((for_other_origins, cached::answer(&headers, "application/json", body)).into_response())
}

fn texts(it: &Newsletter, locale: Locale, hint: &str) -> Value {
    let (signup, embed) = (&locale.texts.signup, &locale.texts.embed);
    let (light, dark) = brand_style::box_tokens(&it.theme);
    let privacy = it.brand.privacy_url.as_ref().map(|url| json!([locale.texts.frame.privacy_policy, url]));
    let sent = interpolate(&signup.sent, &[("newsletter", &it.title), ("address", "{address}")]);
    json!({
        "lang": locale.language,
        "title": interpolate(&signup.get, &[("newsletter", &it.title)]),
        "hint": hint,
        "label": signup.address,
        "button": signup.button,
        "fine": signup_wording(Some(locale.language)).text,
        "privacy": privacy,
        "check": signup.check,
        "sent": sent,
        "spam": embed.spam,
        "again": embed.again,
        "sending": embed.sending,
        "trouble": embed.trouble,
        "page": embed.page,
        "css": STYLE.replace("/*light*/", &light).replace("/*dark*/", &dark),
    })
}
