//! Requests to the app's pages, like those of a browser or a program. A place is a path, or a complete URL
//! from an email.

use super::app::TestApp;
use reqwest::{RequestBuilder, Response, header::HeaderValue};
use serde_json::Value;
use std::{fmt, ops::Deref};

pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// An answer's status and text. It derefs to the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    text: String,
}

impl Page {
    /// Reads a complete answer.
    pub async fn read(answer: Response) -> Self {
        Self { status: answer.status().as_u16(), text: answer.text().await.expect("a text") }
    }
}

impl Deref for Page {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.text)
    }
}

impl TestApp {
    fn at(&self, place: &str) -> String {
        if place.starts_with('/') { format!("{}{place}", self.url) } else { place.to_owned() }
    }

    /// Starts a GET request to which the story adds headers.
    pub fn getting(&self, place: &str) -> RequestBuilder {
        self.client.get(self.at(place))
    }

    /// Starts a POST request to which the story adds headers and a body.
    pub fn posting(&self, place: &str) -> RequestBuilder {
        self.client.post(self.at(place))
    }

    pub async fn get(&self, place: &str) -> Response {
        self.getting(place).send().await.expect("an answer")
    }

    pub async fn post(&self, place: &str) -> Response {
        self.posting(place).send().await.expect("an answer")
    }

    pub async fn post_form(&self, place: &str, fields: &[(&str, &str)]) -> Response {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        let request = self.posting(place).header("content-type", URLENCODED);
        request.body(body).send().await.expect("an answer")
    }

    pub async fn post_json(&self, place: &str, body: &Value) -> Response {
        let request = self.posting(place).header("content-type", "application/json");
        request.body(body.to_string()).send().await.expect("an answer")
    }

    /// Opens a page.
    pub async fn page(&self, place: &str) -> Page {
        Page::read(self.get(place).await).await
    }

    /// Submits the form of a page with nothing but a button.
    pub async fn press(&self, place: &str) -> Page {
        Page::read(self.post(place).await).await
    }

    /// Submits a form.
    pub async fn submit(&self, place: &str, fields: &[(&str, &str)]) -> Page {
        Page::read(self.post_form(place, fields).await).await
    }

    /// Posts the signup form.
    pub async fn sign_up(&self, address: &str) -> Response {
        self.post_form("/subscribe", &[("email", address)]).await
    }

    /// Posts the signup form through a proxy that reports this client.
    pub async fn sign_up_from(&self, client: impl AsRef<[u8]>, address: &str) -> Response {
        let body = serde_urlencoded::to_string([("email", address)]).expect("a form");
        let client = HeaderValue::from_bytes(client.as_ref()).expect("a header");
        let request = self.posting("/subscribe").header("content-type", URLENCODED);
        request.header("x-forwarded-for", client).body(body).send().await.expect("an answer")
    }

    /// Returns the form token of the signup form.
    pub async fn form_token(&self) -> String {
        form_token_in(&self.page("/").await)
    }
}

/// Returns the form token in a page.
pub fn form_token_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"started\" value=\"").expect("the token");
    rest.split('"').next().expect("its end").to_owned()
}
