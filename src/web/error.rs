//! Errors as responses. Handlers return an [`AppError`]. The middleware, which knows the request's language
//! and `Accept` header, turns it into a page or into problem JSON (RFC 9457). Neither quotes the request.

use crate::{
    db::DbError,
    domain::{
        newsletter::Newsletter,
        validation::{Code, Problems},
    },
    i18n::{self, Locale, Texts, interpolate},
    web::{
        Site,
        layout::{DisplayMode, Page, PageInfo, page_response_in, sheet},
        negotiate::{media_type, wants_json},
    },
};
use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use maud::html;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use std::{io, sync::Arc};
use url::form_urlencoded;

/// An error of a request.
#[derive(Debug)]
pub enum AppError {
    /// No page has this address.
    NoPage,
    /// No newsletter has this short name.
    NoNewsletter,
    /// The newsletter of this title has no issue of the date.
    NoIssue(String),
    /// The newsletter has no public archive, or there is none with this short name.
    NoIssuesOf,
    /// No newsletter has a public archive.
    NoFeed,
    /// A link that is invalid or incomplete.
    BrokenLink,
    /// An invalid confirmation link. The page suggests signing up again.
    BrokenConfirmLink,
    /// The unsubscribe link of a test email.
    TestLink,
    /// The preferences link of a test email.
    TestPreferencesLink,
    /// A signup was refused. The reason is in the reader's language.
    NotAccepted(String),
    /// Too many signups. The next one is accepted after this time.
    TooMany(SignedDuration),
    /// The path exists, but doesn't support this method.
    Method,
    /// The body is too long.
    TooLong,
    /// The body's media type is not supported.
    UnknownBody,
    /// The body is no form, and the page takes nothing else.
    NoForm,
    /// The request has problems with its fields.
    Invalid(StatusCode, Problems),
    /// The database failed.
    Db(DbError),
    /// The built-in mailbox can't be read.
    Mailbox(io::Error),
    /// The feed of issues can't be written.
    Feed(io::Error),
    /// An error response that the framework made.
    Other(StatusCode),
}

/// An error without its text. `language` applies unless the query names another one.
#[derive(Clone)]
struct Unlocalized {
    error: Arc<AppError>,
    language: Option<&'static str>,
}

impl AppError {
    /// Makes the response in a known language.
    pub fn in_language(self, language: &'static str) -> Response {
        self.unlocalized(Some(language))
    }

    fn unlocalized(self, language: Option<&'static str>) -> Response {
        match &self {
            Self::Db(error) => tracing::error!(%error, "request failed: the database returned an error"),
            Self::Mailbox(error) => tracing::error!(%error, "request failed: the mailbox can't be read"),
            Self::Feed(error) => {
                tracing::error!(%error, "request failed: the feed of issues can't be written");
            }
            _ => {}
        }
        let mut response = self.status().into_response();
        if let Self::TooMany(wait) = &self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(*wait)));
        }
        response.extensions_mut().insert(Unlocalized { error: Arc::new(self), language });
        response
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::NoPage
            | Self::NoNewsletter
            | Self::NoIssue(_)
            | Self::NoIssuesOf
            | Self::NoFeed
            | Self::BrokenLink
            | Self::BrokenConfirmLink => StatusCode::NOT_FOUND,
            Self::NotAccepted(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TestLink | Self::TestPreferencesLink => StatusCode::OK,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Db(_) | Self::Mailbox(_) | Self::Feed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownBody | Self::NoForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(status, _) | Self::Other(status) => *status,
        }
    }

    /// Returns a headline and an explanation.
    fn text<'a>(&self, texts: &'a Texts) -> (&'a str, String) {
        let t = &texts.errors;
        match self {
            Self::NoPage => (&t.not_found, t.no_page.clone()),
            Self::NoNewsletter => (&t.not_found, t.no_newsletter.clone()),
            Self::NoIssue(title) => (&t.not_found, interpolate(&t.no_issue, &[("newsletter", title)])),
            Self::NoIssuesOf => (&t.not_found, t.no_issues_of.clone()),
            Self::NoFeed => (&t.not_found, t.no_feed.clone()),
            Self::BrokenLink => (&t.broken_link, t.cut_off.clone()),
            Self::BrokenConfirmLink => (&t.broken_link, t.cut_off_confirm.clone()),
            Self::TestLink => (&t.test_link, t.test_link_hint.clone()),
            Self::TestPreferencesLink => (&t.test_link, t.test_preferences_hint.clone()),
            Self::NotAccepted(why) => (&t.address_refused, why.clone()),
            Self::TooMany(wait) => match seconds(*wait).div_ceil(60) {
                1 => (&t.too_many_title, t.too_many_minute.clone()),
                minutes => (
                    &t.too_many_title,
                    interpolate(&t.too_many_minutes, &[("minutes", &minutes.to_string())]),
                ),
            },
            Self::Method => (&t.unsupported, t.unsupported_method.clone()),
            Self::TooLong => (&t.failed, t.too_long.clone()),
            Self::UnknownBody => (&t.failed, t.unsupported_body.clone()),
            Self::NoForm => (&t.unsupported, t.unsupported_form.clone()),
            Self::Invalid(_, problems) => (&t.invalid, texts.summary(problems)),
            Self::Other(status) if !status.is_server_error() => (&t.failed, t.not_understood.clone()),
            Self::Db(_) | Self::Mailbox(_) | Self::Feed(_) | Self::Other(_) => {
                (&t.unavailable, t.unavailable_hint.clone())
            }
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        self.unlocalized(None)
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Returns a time to wait in whole seconds, rounded up, at least 1.
fn seconds(wait: SignedDuration) -> u64 {
    let started = i64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(started).max(1).unsigned_abs()
}

/// Renders an error as a page, or as a problem for JSON clients. Other responses stay unchanged.
pub async fn localize(
    site: Option<&Site>,
    address: &Uri,
    headers: &HeaderMap,
    response: Response,
) -> Response {
    let mut response = classify(headers, response);
    let Some(Unlocalized { error, language }) = response.extensions_mut().remove() else { return response };
    let is_json = wants_json(headers);
    // Without a database there is no brand.
    let newsletter = match &*error {
        AppError::Db(_) | AppError::Other(_) => None,
        _ if is_json => None,
        _ => page_newsletter(site, address).await,
    };
    // Nothing else is known of a reader whose browser asks for no language.
    let own = newsletter.as_ref().map(|it| it.language.as_str());
    let own = own.filter(|_| i18n::browser_locale(headers).is_none());
    let requested = query_value(address, "lang");
    let locale = i18n::negotiate_locale([requested.as_deref(), language, own], headers);
    let (title, detail) = error.text(locale.texts);
    let mut localized = if is_json {
        let errors = match &*error {
            AppError::Invalid(_, problems) => Some(("errors", errors(locale.texts, problems))),
            _ => None,
        };
        problem(locale.language, error.status(), title, &detail, errors)
    } else {
        let mode = DisplayMode::from_path(address.path());
        page(mode, newsletter.as_ref().ok_or(host(site)), locale, (error.status(), title, &detail))
    };
    // Keeps headers such as Retry-After, Allow and those of CORS.
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            localized.headers_mut().append(name, value.clone());
        }
    }
    localized
}

/// Finds error responses that are neither page nor problem, such as the framework's in plain text.
fn classify(headers: &HeaderMap, mut response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.extensions().get::<Unlocalized>().is_some() {
        return response;
    }
    let kind = media_type(response.headers(), &header::CONTENT_TYPE);
    if kind == PROBLEM_JSON || (kind == "text/html" && !wants_json(headers)) {
        return response;
    }
    let error = match status {
        StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLong,
        status => AppError::Other(status),
    };
    response.extensions_mut().insert(Unlocalized { error: Arc::new(error), language: None });
    response
}

/// Returns a value of the query.
fn query_value(address: &Uri, wanted: &str) -> Option<String> {
    let query = address.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned())
}

/// Returns the newsletter whose brand an error page has: the one that the query names, or the first one.
async fn page_newsletter(site: Option<&Site>, address: &Uri) -> Option<Newsletter> {
    let site = site?;
    let named = query_value(address, "newsletter");
    let found = match site.newsletter(named.as_deref()).await {
        Err(AppError::NoNewsletter) => site.newsletter(None).await,
        other => other,
    };
    found.ok().map(|it| it.newsletter)
}

/// Returns the host of the pages, which readers know from the address bar and the emails.
fn host(site: Option<&Site>) -> &str {
    let url = site.map_or("", |it| &*it.public_url);
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    host.unwrap_or("Daily")
}

/// Renders an error in the brand of a newsletter, or under the name of the site.
fn page(
    mode: DisplayMode,
    brand: Result<&Newsletter, &str>,
    locale: Locale,
    (status, title, detail): (StatusCode, &str, &str),
) -> Response {
    let content = html! {
        h1 { (title) }
        p { (detail) }
    };
    let content = if mode == DisplayMode::Window { sheet(&content) } else { content };
    let response = match brand {
        Ok(newsletter) => Page { mode, ..Page::new(newsletter, title, locale) }.respond(status, &content),
        Err(name) => {
            let info = PageInfo { title, name, language: locale.language };
            page_response_in(mode, status, info, &content)
        }
    };
    in_language(locale.language, response)
}

const PROBLEM_JSON: &str = "application/problem+json";

/// Makes a problem response (RFC 9457). The OpenAPI description lists the possible members.
pub fn problem(
    language: &'static str,
    status: StatusCode,
    title: &str,
    detail: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Response {
    let mut body =
        json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    for (name, value) in members {
        body[name] = value;
    }
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    in_language(language, response)
}

/// Makes the problem response about invalid fields: all problems in `errors`, their texts in `detail`.
pub fn invalid(
    locale: Locale,
    problems: &Problems,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let members = members.into_iter().chain([("errors", errors(locale.texts, problems))]);
    let title = &locale.texts.errors.invalid;
    problem(locale.language, status, title, &locale.texts.summary(problems), members)
}

/// A problem with one field.
#[derive(serde::Serialize, JsonSchema)]
pub struct FieldError {
    /// JSON pointer to the field as a URI fragment, such as `#/email`. `#` for the whole request.
    #[schemars(extend("examples" = ["#/email"]))]
    pointer: String,
    #[schemars(schema_with = "code_schema")]
    code: Code,
    /// Text for the user, in the language of the response.
    detail: String,
}

fn code_schema(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "enum": Code::ALL, "description": "The kind of problem." })
}

/// Makes the member `errors` of a problem.
fn errors(texts: &Texts, problems: &Problems) -> Value {
    let errors = problems.iter().map(|it| FieldError {
        pointer: it.pointer.clone(),
        code: it.code,
        detail: texts.problem(it),
    });
    json!(errors.collect::<Vec<_>>())
}

/// Declares the language of a page in `Content-Language`.
pub fn in_language(language: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    response
}

/// Handles paths without a route.
pub async fn not_found() -> AppError {
    AppError::NoPage
}

/// Handles methods that a route doesn't support.
pub async fn method_not_allowed() -> AppError {
    AppError::Method
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_seconds_and_minutes() {
        let told = |millis| {
            let wait = SignedDuration::from_millis(millis);
            let (_, text) = AppError::TooMany(wait).text(i18n::texts_in("en"));
            let (_, rest) = text.split_once("try again in ").expect("the time to wait");
            (seconds(wait), rest.to_owned())
        };
        for (millis, whole_seconds, words) in [
            (-5_000, 1, "a minute."),
            (0, 1, "a minute."),
            (1, 1, "a minute."),
            (1_001, 2, "a minute."),
            (60_000, 60, "a minute."),
            (60_001, 61, "2 minutes."),
            (120_000, 120, "2 minutes."),
            (1_200_000, 1_200, "20 minutes."),
            (3_540_001, 3_541, "60 minutes."),
        ] {
            assert_eq!(told(millis), (whole_seconds, words.to_owned()), "{millis} ms");
        }
    }
}
