//! Errors as answers: a page that says what to do, or problem JSON (RFC 9457) for programs.

use super::{
    layout::{Frame, respond},
    negotiate::{media_type, wants_json},
};
use crate::db::DbError;
use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use maud::html;

/// Why a request can't be answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Nothing is there.
    #[error("{0}")]
    NotFound(String),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The built-in mailbox can't be read.
    #[error("the mailbox can't be read: {0}")]
    Mailbox(std::io::Error),
    /// The feed of issues can't be written.
    #[error("the feed of issues can't be written: {0}")]
    Feed(std::io::Error),
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(what) => page(StatusCode::NOT_FOUND, "Not found", &what),
            Self::Db(error) => {
                tracing::error!(%error, "a request failed in the database");
                trouble()
            }
            Self::Mailbox(error) => {
                tracing::error!(%error, "a request failed in the mailbox");
                trouble()
            }
            Self::Feed(error) => {
                tracing::error!(%error, "the feed of issues can't be written");
                trouble()
            }
        }
    }
}

/// Something on our side, which a reader can only wait for.
pub fn trouble() -> Response {
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "A moment, please",
        "Something on our side does not work right now. Nothing is lost: please try again in a minute.",
    )
}

/// A page that says what happened and what to do.
pub fn page(status: StatusCode, title: &str, what: &str) -> Response {
    let frame = Frame { title, brand: ("Daily", ""), language: "en" };
    respond(
        status,
        frame,
        &html! {
            h1 { (title) }
            p { (what) }
        },
    )
}

/// What is wrong, for a program (RFC 9457).
pub fn problem(status: StatusCode, title: &str, detail: &str, field: Option<&str>) -> Response {
    let mut body = serde_json::json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    if let Some(field) = field {
        body["field"] = field.into();
    }
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Either, as the client wishes.
pub fn either(headers: &HeaderMap, status: StatusCode, title: &str, what: &str) -> Response {
    if wants_json(headers) { problem(status, title, what, None) } else { page(status, title, what) }
}

/// Too many requests; the next one is taken after `wait`.
pub fn too_many(headers: &HeaderMap, wait: SignedDuration) -> Response {
    let seconds = wait.as_secs().saturating_add(1).max(1);
    let minutes = seconds.unsigned_abs().div_ceil(60);
    let what = format!(
        "There are too many signups right now. Please try again in {minutes} minute{}.",
        if minutes == 1 { "" } else { "s" }
    );
    let mut answer = either(headers, StatusCode::TOO_MANY_REQUESTS, "A little later, please", &what);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// Gives every error one of the two forms, whoever made it: the framework answers some in plain text.
pub fn normalise(asked: &HeaderMap, answer: Response) -> Response {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let kind = media_type(answer.headers(), &header::CONTENT_TYPE);
    let json = wants_json(asked);
    if kind == "application/problem+json" || (kind == "text/html" && !json) {
        return answer;
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let what = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "What you sent is too long.",
        status if status.is_server_error() => {
            "Something on our side does not work right now; please try again in a minute."
        }
        _ => "The request can't be understood.",
    };
    if json { problem(status, title, what, None) } else { page(status, title, what) }
}

/// No such address.
pub async fn not_found(request: Request) -> Response {
    either(request.headers(), StatusCode::NOT_FOUND, "Not found", "There is no page at this address.")
}

/// The address is right, the method is not.
pub async fn method_not_allowed(request: Request) -> Response {
    let what = format!("This address can't be asked with {}.", request.method());
    either(request.headers(), StatusCode::METHOD_NOT_ALLOWED, "Not like this", &what)
}
