//! Errors as responses. Handlers return an [`AppError`]; one place turns it into a page or, for programs, into problem JSON
//! (RFC 9457), where the request's language and its `Accept` header are known.

use crate::{
    db::DbError,
    domain::validation::{Code, Problems},
    i18n::{self, Spoken, Words, fill},
    web::{
        layout::{Frame, Place, respond_in},
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

/// Why a request can't be answered as asked.
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
    /// A link that is not from one of our emails, or is incomplete.
    BrokenLink,
    /// The same for a link to confirm: signing up again helps.
    BrokenConfirmLink,
    /// The unsubscribe link of a test email.
    TestLink,
    /// A signup was refused, and why, in the reader's language.
    NotAccepted(String),
    /// Too many signups. The next one is accepted after this time.
    TooMany(SignedDuration),
    /// The address is right, the method is not.
    Method(String),
    /// The body is too long.
    TooLong,
    /// The body's media type is not supported.
    UnknownBody,
    /// The request has problems, each at its place.
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

/// An error that is not yet put into words, and the language for it unless the request asks for another.
#[derive(Clone)]
struct Unlocalized {
    error: Arc<AppError>,
    language: Option<&'static str>,
}

impl AppError {
    /// The response, in a language that is known already.
    pub fn in_language(self, language: &'static str) -> Response {
        self.unlocalized(Some(language))
    }

    fn unlocalized(self, language: Option<&'static str>) -> Response {
        match &self {
            Self::Db(error) => tracing::error!(%error, "a request failed in the database"),
            Self::Mailbox(error) => tracing::error!(%error, "a request failed in the mailbox"),
            Self::Feed(error) => tracing::error!(%error, "the feed of issues can't be written"),
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

    /// A headline, and what to do.
    fn text<'a>(&self, words: &'a Words) -> (&'a str, String) {
        let say = &words.errors;
        let of = |text: &str, newsletter: &str| fill(text, &[("newsletter", newsletter)]);
        match self {
            Self::NoPage => (&say.not_found, say.no_page.clone()),
            Self::NoNewsletter(slug) => (&say.not_found, of(&say.no_newsletter, slug)),
            Self::NoIssue(title) => (&say.not_found, of(&say.no_issue, title)),
            Self::NoIssuesOf(slug) => (&say.not_found, of(&say.no_issues_of, slug)),
            Self::NoFeed => (&say.not_found, say.no_feed.clone()),
            Self::BrokenLink => (&say.broken_link, say.cut_off.clone()),
            Self::BrokenConfirmLink => (&say.broken_link, say.cut_off_confirm.clone()),
            Self::TestLink => (&say.test, say.test_leave.clone()),
            Self::NotAccepted(why) => (&say.address_refused, why.clone()),
            Self::TooMany(wait) => match seconds(*wait).div_ceil(60) {
                1 => (&say.later, say.too_many_minute.clone()),
                minutes => (&say.later, fill(&say.too_many, &[("minutes", &minutes.to_string())])),
            },
            Self::Method(method) => (&say.not_so, fill(&say.method, &[("method", method)])),
            Self::TooLong => (&say.failed, say.too_long.clone()),
            Self::UnknownBody => (&say.failed, say.body_kind.clone()),
            Self::Invalid(_, problems) => (&say.invalid, summary(words, problems)),
            Self::Other(status) if !status.is_server_error() => (&say.failed, say.not_understood.clone()),
            Self::Db(_) | Self::Mailbox(_) | Self::Feed(_) | Self::Other(_) => {
                (&say.moment, say.trouble.clone())
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

/// Puts an error into words: a page, or a problem for programs. Other responses stay as they are.
pub fn localize(address: &Uri, headers: &HeaderMap, response: Response) -> Response {
    let mut response = classify(headers, response);
    let Some(Unlocalized { error, language }) = response.extensions_mut().remove() else { return response };
    let (language, words) = i18n::spoken([query_language(address).as_deref(), language], headers);
    let (title, detail) = error.text(words);
    let mut localized = if wants_json(headers) {
        let errors = match &*error {
            AppError::Invalid(_, problems) => Some(("errors", errors(words, problems))),
            _ => None,
        };
        problem(language, error.status(), title, &detail, errors)
    } else {
        page(Place::of(address.path()), language, error.status(), title, &detail)
    };
    // Keeps the response's own headers: when to come again, which methods are allowed, who may read it.
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            localized.headers_mut().append(name, value.clone());
        }
    }
    localized
}

/// Recognizes error responses that are neither page nor problem: the framework makes some in plain text.
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

/// The language that an address asks for.
fn query_language(address: &Uri) -> Option<String> {
    let query = address.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang").map(|(_, tag)| tag.into_owned())
}

fn page(place: Place, language: &'static str, status: StatusCode, title: &str, detail: &str) -> Response {
    let frame = Frame { title, brand: ("Daily", ""), language };
    let content = html! {
        h1 { (title) }
        p { (detail) }
    };
    in_language(language, respond_in(place, status, frame, &content))
}

const PROBLEM_JSON: &str = "application/problem+json";

/// A problem for programs (RFC 9457), with further members that the OpenAPI description names.
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

/// The answer to a program about problems with its request: all of them in `errors`, and their texts in `detail`.
pub fn invalid(
    (language, words): Spoken,
    problems: &Problems,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let members = members.into_iter().chain([("errors", errors(words, problems))]);
    problem(language, status, &words.errors.invalid, &summary(words, problems), members)
}

/// A problem with one field, for programs.
#[derive(serde::Serialize, JsonSchema)]
pub struct FieldError {
    /// Where: a JSON pointer as a URI fragment, such as `#/email`; `#` for the whole request.
    #[schemars(extend("examples" = ["#/email"]))]
    pointer: String,
    #[schemars(schema_with = "code_schema")]
    code: Code,
    /// What to do, in the language of the answer.
    detail: String,
}

fn code_schema(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "enum": Code::ALL, "description": "What is wrong. Every code has a text in every language." })
}

/// The member `errors` of a problem.
fn errors(words: &Words, problems: &Problems) -> Value {
    let errors = problems.iter().map(|it| FieldError {
        pointer: it.pointer.clone(),
        code: it.code,
        detail: words.problem(it),
    });
    json!(errors.collect::<Vec<_>>())
}

/// All problems in sentences, each once.
fn summary(words: &Words, problems: &Problems) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in problems.iter().map(|it| words.problem(it)) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(" ")
}

/// Says which language a response is in.
pub fn in_language(language: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    response
}

/// The response for an address that no route has.
pub async fn not_found() -> AppError {
    AppError::NoPage
}

/// The response for a method that a route does not support.
pub async fn method_not_allowed(request: Request) -> AppError {
    AppError::Method(request.method().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn told(error: AppError, address: &'static str, accept: &str) -> (StatusCode, String) {
        let mut asked = HeaderMap::new();
        asked.insert(header::ACCEPT, accept.parse().unwrap());
        asked.insert(header::ACCEPT_LANGUAGE, "fr".parse().unwrap());
        let answer = localize(&Uri::from_static(address), &asked, error.into_response());
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
    async fn it_is_told_in_the_language_asked_for_then_the_browsers() {
        let (_, page) = told(AppError::NoPage, "/nowhere?lang=de-AT", "text/html").await;
        assert!(page.contains("<html lang=\"de\"") && page.contains("Nicht gefunden"), "{page}");
        let (status, problem) = told(AppError::NoPage, "/nowhere?lang=xx", "application/json").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(problem.contains("Introuvable"), "{problem}");
    }

    #[tokio::test]
    async fn times_are_rounded_up_and_one_minute_is_one() {
        for (seconds, says) in [(0, "dans une minute"), (59, "dans une minute"), (61, "dans 2 minutes")] {
            let wait = SignedDuration::from_secs(seconds);
            let (_, page) = told(AppError::TooMany(wait), "/subscribe", "text/html").await;
            assert!(page.contains(says), "{seconds}: {page}");
        }
    }
}
