//! Requests to the provider, limited in time and size.
//!
//! The addresses come from the configuration and from the provider's own document, not from strangers. So providers on
//! private networks are fine, and `content::fetch` with its filter is not used.

use super::error::ProviderError;
use crate::http_client::LazyClient;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use std::{error::Error as _, time::Duration};
use url::Url;

/// Time limit of a request.
const REQUEST_LIMIT: Duration = Duration::from_secs(8);
/// Size limit of an answer in bytes. Discovery documents and key sets have a few thousand.
const MAX_BYTES: usize = 256 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

pub struct Http(LazyClient);

/// An answer of any status.
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Http {
    /// Creates a client. It follows no redirects: a document's address is the one that was configured or named.
    pub fn new(is_local: bool) -> Self {
        Self(LazyClient::new(move || {
            let builder = Client::builder()
                .user_agent(concat!("Daily/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .timeout(REQUEST_LIMIT);
            if is_local { builder.no_proxy() } else { builder }
        }))
    }

    fn client(&self) -> Result<&Client, ProviderError> {
        self.0.get().map_err(|error| ProviderError::Setup(reason(&error)))
    }

    /// Gets a JSON document, with an access token if the document is about somebody.
    pub async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        access_token: Option<&str>,
    ) -> Result<T, ProviderError> {
        let mut request = self.client()?.get(url);
        if let Some(token) = access_token {
            request = request.bearer_auth(token);
        }
        let answer = send(url, request).await?;
        if answer.status != StatusCode::OK {
            return Err(ProviderError::Status { url: url.to_owned(), status: answer.status.as_u16() });
        }
        read_json(url, &answer.body)
    }

    /// Posts a form. `login` are a user and a password.
    pub async fn post(
        &self,
        url: &Url,
        form: String,
        login: Option<(String, String)>,
    ) -> Result<Answer, ProviderError> {
        let mut request = self.client()?.post(url.clone()).header(header::CONTENT_TYPE, FORM).body(form);
        if let Some((user, password)) = login {
            request = request.basic_auth(user, Some(password));
        }
        send(url.as_str(), request).await
    }
}

/// Reads JSON. Messages of serde may quote what the provider sent, which is no secret of ours.
pub fn read_json<T: DeserializeOwned>(url: &str, body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body)
        .map_err(|error| ProviderError::Unreadable { url: url.to_owned(), reason: error.to_string() })
}

async fn send(url: &str, request: RequestBuilder) -> Result<Answer, ProviderError> {
    let unreachable =
        |error: reqwest::Error| ProviderError::Unreachable { url: url.to_owned(), reason: reason(&error) };
    let answer = request.header(header::ACCEPT, "application/json").send().await.map_err(unreachable)?;
    let status = answer.status();
    match read(answer).await.map_err(unreachable)? {
        Some(body) => Ok(Answer { status, body }),
        None => Err(ProviderError::TooLarge { url: url.to_owned(), limit: MAX_BYTES }),
    }
}

/// Reads a body after decompression. `None`: it is too large.
async fn read(mut answer: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Returns the innermost cause, without the address and with what the system said.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut cause = error.source();
    let mut last = None;
    while let Some(current) = cause {
        last = Some(current.to_string());
        cause = current.source();
    }
    last.unwrap_or_else(|| error.to_string())
}
