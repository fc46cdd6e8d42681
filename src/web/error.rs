//! Errors as answers: a page that says what to do, or problem JSON (RFC 9457) for programs.

use super::{
    layout::{Frame, respond},
    negotiate::{media_type, wants_json},
    refusal::Refusal,
};
use crate::db::DbError;
use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;

/// Why a request can't be answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Nothing is there.
    #[error("what was asked for is not there: {0:?}")]
    NotFound(Refusal),
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
            Self::NotFound(what) => what.into_response(),
            Self::Db(error) => {
                tracing::error!(%error, "a request failed in the database");
                Refusal::Trouble.into_response()
            }
            Self::Mailbox(error) => {
                tracing::error!(%error, "a request failed in the mailbox");
                Refusal::Trouble.into_response()
            }
            Self::Feed(error) => {
                tracing::error!(%error, "the feed of issues can't be written");
                Refusal::Trouble.into_response()
            }
        }
    }
}

/// A page that says what happened and what to do.
pub fn page_in(language: &str, status: StatusCode, title: &str, what: &str) -> Response {
    let frame = Frame { title, brand: ("Daily", ""), language };
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

/// Gives every error one of the two forms, whoever made it: the framework answers some in plain text.
pub fn normalise(asked: &HeaderMap, mut answer: Response) -> Response {
    let status = answer.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || answer.extensions().get::<Refusal>().is_some() {
        return answer;
    }
    let kind = media_type(answer.headers(), &header::CONTENT_TYPE);
    if kind == "application/problem+json" || (kind == "text/html" && !wants_json(asked)) {
        return answer;
    }
    let refusal = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLong,
        status => Refusal::Other(status),
    };
    answer.extensions_mut().insert(refusal);
    answer
}

/// No such address.
pub async fn not_found() -> Refusal {
    Refusal::NoPage
}

/// The address is right, the method is not.
pub async fn method_not_allowed(request: Request) -> Refusal {
    Refusal::Method(request.method().to_string())
}
