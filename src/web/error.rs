//! Errors as responses. Handlers return an [`AppError`]. The middleware, which knows the request's language
//! and `Accept` header, turns it into a page or into problem JSON (RFC 9457).

use crate::{
    db::DbError,
    domain::validation::{Code, Problems},
    i18n::{self, Locale, Texts, interpolate},
    web::{
        layout::{DisplayMode, PageInfo, page_response_in},
        negotiate::{media_type, wants_json},
    },
};
use axum::{
    Json,
    extract::Request,
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
    NoNewsletter(String),
    /// The newsletter of this title has no issue of the date.
    NoIssue(String),
    /// No newsletter with this short name has an archive.
    NoIssuesOf(String),
    /// No newsletter has a public archive.
    NoFeed,
    /// A link that is invalid or incomplete.
    BrokenLink,
    /// An invalid confirmation link. The page suggests signing up again.
    BrokenConfirmLink,
    /// The unsubscribe link of a test email.
    TestLink,
    /// A signup was refused. The reason is in the reader's language.
    NotAccepted(String),
    /// Too many signups. The next one is accepted after this time.
    TooMany(SignedDuration),
    /// The path exists, but doesn't support this method.
    Method(String),
    /// The body is too long.
    TooLong,
    /// The body's media type is not supported.
    UnknownBody,
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
            | Self::NoNewsletter(_)
            | Self::NoIssue(_)
            | Self::NoIssuesOf(_)
            | Self::NoFeed
            | Self::BrokenLink
            | Self::BrokenConfirmLink => StatusCode::NOT_FOUND,
            Self::NotAccepted(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TestLink => StatusCode::OK,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Db(_) | Self::Mailbox(_) | Self::Feed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(status, _) | Self::Other(status) => *status,
        }
    }

    /// Returns a headline and an explanation.
    fn text<'a>(&self, texts: &'a Texts) -> (&'a str, String) {
        let t = &texts.errors;
        let with_name = |text: &str, newsletter: &str| interpolate(text, &[("newsletter", newsletter)]);
        match self {
            Self::NoPage => (&t.not_found, t.no_page.clone()),
            Self::NoNewsletter(slug) => (&t.not_found, with_name(&t.no_newsletter, slug)),
            Self::NoIssue(title) => (&t.not_found, with_name(&t.no_issue, title)),
            Self::NoIssuesOf(slug) => (&t.not_found, with_name(&t.no_issues_of, slug)),
            Self::NoFeed => (&t.not_found, t.no_feed.clone()),
            Self::BrokenLink => (&t.broken_link, t.cut_off.clone()),
            Self::BrokenConfirmLink => (&t.broken_link, t.cut_off_confirm.clone()),
            Self::TestLink => (&t.test_link, t.test_link_hint.clone()),
            Self::NotAccepted(why) => (&t.address_refused, why.clone()),
            Self::TooMany(wait) => match seconds(*wait).div_ceil(60) {
                1 => (&t.too_many_title, t.too_many_minute.clone()),
                minutes => (
                    &t.too_many_title,
                    interpolate(&t.too_many_minutes, &[("minutes", &minutes.to_string())]),
                ),
            },
            Self::Method(method) => {
                (&t.unsupported, interpolate(&t.unsupported_method, &[("method", method)]))
            }
            Self::TooLong => (&t.failed, t.too_long.clone()),
            Self::UnknownBody => (&t.failed, t.unsupported_body.clone()),
            Self::Invalid(_, problems) => (&t.invalid, summary(texts, problems)),
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

fn seconds(wait: SignedDuration) -> u64 {
    wait.as_secs().saturating_add(1).max(1).unsigned_abs()
}

/// Renders an error as a page, or as a problem for JSON clients. Other responses stay unchanged.
pub fn localize(address: &Uri, headers: &HeaderMap, response: Response) -> Response {
    let mut response = classify(headers, response);
    let Some(Unlocalized { error, language }) = response.extensions_mut().remove() else { return response };
    let locale = i18n::negotiate_locale([query_language(address).as_deref(), language], headers);
    let (title, detail) = error.text(locale.texts);
    let mut localized = if wants_json(headers) {
        let errors = match &*error {
            AppError::Invalid(_, problems) => Some(("errors", errors(locale.texts, problems))),
            _ => None,
        };
        problem(locale.language, error.status(), title, &detail, errors)
    } else {
        page(DisplayMode::from_path(address.path()), locale.language, error.status(), title, &detail)
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

/// Returns the language that the query names.
fn query_language(address: &Uri) -> Option<String> {
    let query = address.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang").map(|(_, tag)| tag.into_owned())
}

fn page(
    mode: DisplayMode,
    language: &'static str,
    status: StatusCode,
    title: &str,
    detail: &str,
) -> Response {
    let info = PageInfo { title, brand: ("Daily", ""), language };
    let content = html! {
        h1 { (title) }
        p { (detail) }
    };
    in_language(language, page_response_in(mode, status, info, &content))
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
    problem(locale.language, status, title, &summary(locale.texts, problems), members)
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

/// Joins the distinct texts of all problems.
fn summary(texts: &Texts, problems: &Problems) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for text in problems.iter().map(|it| texts.problem(it)) {
        if !sentences.contains(&text) {
            sentences.push(text);
        }
    }
    sentences.join(" ")
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
pub async fn method_not_allowed(request: Request) -> AppError {
    AppError::Method(request.method().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn render(error: AppError, address: &'static str, accept: &str) -> (StatusCode, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, "fr".parse().unwrap());
        let answer = localize(&Uri::from_static(address), &headers, error.into_response());
        assert!(answer.headers().contains_key(header::CONTENT_LANGUAGE));
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        (answer_status(&body), String::from_utf8(body.to_vec()).unwrap())
    }

    fn answer_status(body: &[u8]) -> StatusCode {
        let problem: Result<serde_json::Value, _> = serde_json::from_slice(body);
        let status = problem.ok().and_then(|it| u16::try_from(it["status"].as_u64()?).ok());
        status.and_then(|it| StatusCode::from_u16(it).ok()).unwrap_or(StatusCode::OK)
    }

    #[tokio::test]
    async fn the_query_decides_the_language_then_the_browser() {
        let (_, page) = render(AppError::NoPage, "/nowhere?lang=de-AT", "text/html").await;
        assert!(page.contains("<html lang=\"de\"") && page.contains("Nicht gefunden"), "{page}");
        let (status, problem) = render(AppError::NoPage, "/nowhere?lang=xx", "application/json").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(problem.contains("Introuvable"), "{problem}");
    }

    #[tokio::test]
    async fn wait_times_are_rounded_up_with_the_right_plural() {
        for (seconds, expected) in [(0, "dans une minute"), (59, "dans une minute"), (61, "dans 2 minutes")] {
            let wait = SignedDuration::from_secs(seconds);
            let (_, page) = render(AppError::TooMany(wait), "/subscribe", "text/html").await;
            assert!(page.contains(expected), "{seconds}: {page}");
        }
    }
}
