//! The request of an operator: who they are, which newsletter they look at, and what the last page has to say.

use super::{
    Admin,
    bare::bare,
    client_of,
    forms::{CSRF_FIELD, SESSION_COOKIE, cookie, is_same_site},
};
use crate::{
    actions::operator::sessions::{Browser, SignedIn, find_session, peek_session, set_flash},
    db::{
        Db, DbError,
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        actor::Actor,
        issue::schedule,
        newsletter::Newsletter,
        operator::{role::Permission, session::Stage},
        subscriber::address_text::mask_addresses,
    },
    web::submission::read_form,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{Timestamp, civil::Date};
use maud::{Markup, html};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use url::form_urlencoded;

/// A request without an answer of its own.
#[derive(Debug)]
pub enum Refused {
    /// Nobody is signed in. The page to return to.
    SignIn(String),
    /// Nobody is signed in any more, so that a form was not read.
    SessionEnded,
    /// A step of signing in is missing.
    Step(&'static str),
    /// The form is not from our pages, or is too old.
    Form,
    /// The operator's roles don't allow it.
    MayNot(Permission),
    /// There is no such page, with what is missing.
    Missing(String),
    /// Something can't be done, with the reason.
    Failed(String),
    Db(DbError),
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, title, detail) = match self {
            Self::SignIn(next) => {
                let query: String =
                    form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
                return Redirect::to(&format!("/admin/sign-in?{query}")).into_response();
            }
            Self::SessionEnded => return Redirect::to("/admin/sign-in?unsaved=true").into_response(),
            Self::Step(path) => return Redirect::to(path).into_response(),
            Self::Form => (
                StatusCode::FORBIDDEN,
                "This form is too old",
                "Nothing was changed. Go back, reload the page, and send it again.".to_owned(),
            ),
            Self::MayNot(permission) => (
                StatusCode::FORBIDDEN,
                "You may not do that",
                format!(
                    "Your roles don’t include “{}”. An admin can change that under People.",
                    permission.as_str().replace('_', " ")
                ),
            ),
            Self::Missing(what) => (StatusCode::NOT_FOUND, "There is nothing here", what),
            Self::Failed(why) => (StatusCode::CONFLICT, "That didn’t work", why),
            Self::Db(error) => {
                tracing::error!(%error, "an operator's request failed: the database returned an error");
                let detail =
                    "The database didn’t answer. Nothing was changed; try again in a moment.".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "That didn’t work", detail)
            }
        };
        let content = html! {
            div.narrow.sheet.stack {
                h1 { (title) }
                p { (detail) }
                p { a href="/admin" { "To Today" } }
            }
        };
        (status, bare(title, &content)).into_response()
    }
}

pub type Answer = Result<Response, Refused>;

/// The message at the top of the next page.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Flash {
    pub kind: FlashKind,
    pub title: String,
    pub text: String,
    /// A form that undoes it: its path and fields.
    pub undo: Option<(String, Vec<(String, String)>)>,
}

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub enum FlashKind {
    Fine,
    Wait,
    Alarm,
}

impl Flash {
    pub fn fine(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Fine, title: title.into(), text: text.into(), undo: None }
    }

    pub fn wait(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Wait, ..Self::fine(title, text) }
    }

    pub fn alarm(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Alarm, ..Self::fine(title, text) }
    }
}

/// The end of the paths that open pages stream from.
const STREAM: &str = "/events";

/// An operator who is signed in, at one newsletter.
pub struct Desk {
    pub admin: Admin,
    pub who: SignedIn,
    pub newsletters: Vec<NewsletterRecord>,
    /// Index of the newsletter that the page is about.
    current: usize,
    pub now: Timestamp,
    /// Proves that a form came from a page of this session.
    csrf: String,
}

impl FromRequestParts<Admin> for Desk {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Refused> {
        let found = if parts.uri.path().ends_with(STREAM) {
            watching(&parts.headers, admin).await?
        } else {
            signed_in(&parts.headers, admin).await?
        };
        let (who, token) = found.ok_or_else(|| {
            let path = parts.uri.path_and_query().map_or("/admin", |path| path.as_str());
            if parts.method.is_safe() { Refused::SignIn(path.to_owned()) } else { Refused::SessionEnded }
        })?;
        match who.session.stage {
            Stage::Open => {}
            Stage::SecondFactor => return Err(Refused::Step("/admin/sign-in/code")),
            Stage::Enrolment => return Err(Refused::Step("/admin/sign-in/second-factor")),
        }
        let slug = match RawPathParams::from_request_parts(parts, admin).await {
            Ok(params) => params.iter().find(|(name, _)| *name == "slug").map(|(_, slug)| slug.to_owned()),
            Err(_) => None,
        };
        let mut tx = admin.actions().db.read().await?;
        let newsletters = newsletters::list(&mut tx).await?;
        drop(tx);
        let current = match &slug {
            Some(slug) => newsletters
                .iter()
                .position(|it| it.newsletter.slug == *slug)
                .ok_or_else(|| Refused::Missing("There is no such newsletter.".into()))?,
            None => 0,
        };
        if newsletters.is_empty() {
            return Err(Refused::Missing("There is no newsletter yet.".into()));
        }
        let csrf = csrf_token(admin, &token);
        let desk =
            Self { admin: admin.clone(), who, newsletters, current, now: admin.actions().clock.now(), csrf };
        desk.require(Permission::See)?;
        Ok(desk)
    }
}

/// Returns the session of a request, in any stage, with its token.
pub async fn signed_in(headers: &HeaderMap, admin: &Admin) -> Result<Option<(SignedIn, String)>, Refused> {
    let Some(token) = cookie(headers, SESSION_COOKIE.name(admin.secure_cookies)) else { return Ok(None) };
    Ok(find_session(&admin.operators, &token).await?.map(|who| (who, token)))
}

/// Returns the session of a request that a page makes by itself.
async fn watching(headers: &HeaderMap, admin: &Admin) -> Result<Option<(SignedIn, String)>, Refused> {
    let Some(token) = cookie(headers, SESSION_COOKIE.name(admin.secure_cookies)) else { return Ok(None) };
    Ok(peek_session(&admin.operators, &token).await?.map(|who| (who, token)))
}

pub fn csrf_token(admin: &Admin, token: &str) -> String {
    admin.operators.keys.fingerprint(&format!("csrf {token}"))
}

/// Returns the browser of a request.
pub fn browser(parts: &Parts) -> Browser {
    let user_agent =
        parts.headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    Browser { user_agent: user_agent.to_owned(), client: client_of(parts) }
}

/// A form of our pages, and the operator who sent it.
pub struct Posted<T> {
    pub desk: Desk,
    pub fields: T,
}

impl<T: DeserializeOwned> FromRequest<Admin> for Posted<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let desk = Desk::from_request_parts(&mut parts, admin).await?;
        let same_site = is_same_site(&parts.headers);
        let request = Request::from_parts(parts, body);
        let body = Bytes::from_request(request, admin)
            .await
            .map_err(|_| Refused::Failed("The form is too long.".into()))?;
        if !same_site || !has_csrf(&body, &desk.csrf) {
            return Err(Refused::Form);
        }
        let fields = read_form(&body)
            .map_err(|_| Refused::Failed("A field of the form is missing or has the wrong form.".into()))?;
        Ok(Self { desk, fields })
    }
}

/// Whether a form has the token of its session.
pub fn has_csrf(body: &[u8], expected: &str) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == CSRF_FIELD && is_same(&value, expected))
}

/// Compares tokens in constant time.
fn is_same(token: &str, expected: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(token.as_bytes(), expected.as_bytes()).is_ok()
}

impl Desk {
    pub fn db(&self) -> &Db {
        &self.admin.actions().db
    }

    pub fn record(&self) -> &NewsletterRecord {
        &self.newsletters[self.current]
    }

    pub fn newsletter(&self) -> &Newsletter {
        &self.record().newsletter
    }

    /// The date on the newsletter's clock.
    pub fn today(&self) -> Date {
        schedule::date_at(self.newsletter(), self.now)
    }

    pub fn actor(&self) -> Actor {
        Actor::Operator { id: self.who.operator.id }
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.who.operator.roles.allow(permission)
    }

    pub fn require(&self, permission: Permission) -> Result<(), Refused> {
        if self.may(permission) { Ok(()) } else { Err(Refused::MayNot(permission)) }
    }

    /// Returns what a relay said, with addresses masked unless the operator may see readers.
    pub fn said<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.may(Permission::SeeReaders) { text.into() } else { mask_addresses(text).into() }
    }

    /// Returns the path of one of the newsletter's pages.
    pub fn path(&self, rest: &str) -> String {
        let slug = &self.newsletter().slug;
        if rest.is_empty() { format!("/admin/n/{slug}") } else { format!("/admin/n/{slug}/{rest}") }
    }

    /// Returns the path of an issue's page.
    pub fn issue_path(&self, date: Date, rest: &str) -> String {
        let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
        self.path(&format!("issues/{date}{rest}"))
    }

    /// The hidden field of every form.
    pub fn csrf(&self) -> Markup {
        html! { input type="hidden" name=(CSRF_FIELD) value=(self.csrf); }
    }

    /// Whether this is the token of the session's forms.
    pub fn is_csrf(&self, token: &str) -> bool {
        is_same(token, &self.csrf)
    }

    /// Renders a form that posts to a path.
    pub fn form(&self, path: &str, content: &Markup) -> Markup {
        html! { form method="post" action=(path) { (self.csrf()) (content) } }
    }

    /// Redirects to a page, which says what was done.
    pub async fn done(&self, path: &str, flash: Flash) -> Answer {
        let text = serde_json::to_string(&flash).map_err(|error| DbError::Encode(Box::new(error)))?;
        set_flash(&self.admin.operators, self.who.session.id, Some(&text)).await?;
        Ok(Redirect::to(path).into_response())
    }
}
