//! `/admin/sign-in`: a password, then a code.

use super::{
    Admin,
    desk::{Answer, Refused, browser, csrf_token, has_csrf, signed_in},
    forms::{BROWSER_COOKIE, CSRF_FIELD, FORM_COOKIE, SESSION_COOKIE, cookie, is_same_site, own_path},
    layout,
};
use crate::{
    actions::operator::{
        second_factor::{begin_enrolment, check_code, enrol},
        sessions::{OpenedSession, SignedIn, end_session},
        sign_in::{SignInError, form_key, sign_in},
    },
    domain::{
        actor::Actor,
        operator::{session::Stage, totp},
    },
    web::submission::read_form,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Query, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use qrcode::{Color, QrCode};
use std::fmt::Write as _;
use url::form_urlencoded;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Next {
    pub next: String,
    /// A form came after the session had ended.
    unsaved: bool,
}

const UNSAVED: &str = "You were signed out, so what you sent was not saved. Your browser may still show it if you go back. \
    Copy it, then sign in.";

/// Fields of the steps of signing in.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Fields {
    address: String,
    password: String,
    code: String,
    next: String,
}

pub(super) fn with_next(path: &str, next: &str) -> String {
    let query: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("next", own_path(next)).finish();
    format!("{path}?{query}")
}

/// Redirects to the step that a session is at.
pub fn continue_at(admin: &Admin, opened: &OpenedSession, next: &str) -> Response {
    let path = match opened.stage {
        Stage::Open => own_path(next).to_owned(),
        Stage::SecondFactor => with_next("/admin/sign-in/code", next),
        Stage::Enrolment => with_next("/admin/sign-in/second-factor", next),
    };
    with_cookies(admin, opened, Redirect::to(&path).into_response())
}

/// Sets the cookies of a session that was opened.
fn with_cookies(admin: &Admin, opened: &OpenedSession, mut response: Response) -> Response {
    let secure = admin.secure_cookies;
    response.headers_mut().append(header::SET_COOKIE, SESSION_COOKIE.set(&opened.token, secure));
    if let Some(mark) = &opened.device_cookie {
        response.headers_mut().append(header::SET_COOKIE, BROWSER_COOKIE.set(mark, secure));
    }
    response
}

/// Shows the form for address and password.
pub async fn get(State(admin): State<Admin>, Query(query): Query<Next>, headers: HeaderMap) -> Answer {
    if let Some((who, _)) = signed_in(&headers, &admin).await?
        && who.session.stage == Stage::Open
    {
        return Ok(Redirect::to(own_path(&query.next)).into_response());
    }
    Ok(form(&admin, StatusCode::OK, "", &query.next, query.unsaved.then_some(UNSAVED)))
}

pub(super) fn form(
    admin: &Admin,
    status: StatusCode,
    address: &str,
    next: &str,
    problem: Option<&str>,
) -> Response {
    let key = form_key();
    let token = csrf_token(admin, &key);
    let content = html! {
        div.narrow.sheet {
            header { h1 { "Sign in" } }
            @if let Some(problem) = problem { div.notice.alarm role="alert" { (problem) } }
            form method="post" action="/admin/sign-in" {
                input type="hidden" name=(CSRF_FIELD) value=(token);
                input type="hidden" name="next" value=(own_path(next));
                div.field { label for="address" { "Email address" }
                    input type="email" id="address" name="address" value=(address) autocomplete="username" required autofocus; }
                div.field { label for="password" { "Password" }
                    input type="password" id="password" name="password" autocomplete="current-password" required; }
                div.acts { button.filled.big { "Sign in" } }
            }
            @if let Some(label) = admin.operators.provider_label() {
                div.acts.after { a.btn.big href=(with_next("/admin/sign-in/oidc", next)) { "Sign in with " (label) } }
            }
            details.fold.after { summary { "No account, or no password any more?" }
                p.small { "An admin invites you under People, or by the command " code { "daily operator add" } ". "
                    code { "daily operator link" } " makes a new link to choose a password." } }
        }
    };
    let cookie = FORM_COOKIE.set(&key, admin.secure_cookies);
    (status, [(header::SET_COOKIE, cookie)], layout::bare("Sign in · Daily", &content)).into_response()
}

/// Reads a form of somebody who is not signed in completely, if its token is that of `key`.
async fn read(request: Request, admin: &Admin, key: Option<&str>) -> Result<(Parts, Fields), Refused> {
    let (parts, body) = request.into_parts();
    let same_site = is_same_site(&parts.headers);
    let (copy, body) = (parts.clone(), body);
    let body =
        Bytes::from_request(Request::from_parts(parts, body), admin).await.map_err(|_| Refused::Form)?;
    let expected = key.map(|key| csrf_token(admin, key)).ok_or(Refused::Form)?;
    if !same_site || !has_csrf(&body, &expected) {
        return Err(Refused::Form);
    }
    Ok((copy, read_form(&body).map_err(|_| Refused::Form)?))
}

pub async fn post(State(admin): State<Admin>, request: Request) -> Answer {
    let key = cookie(request.headers(), FORM_COOKIE.name(admin.secure_cookies));
    let (parts, fields) = read(request, &admin, key.as_deref()).await?;
    let mark = cookie(&parts.headers, BROWSER_COOKIE.name(admin.secure_cookies));
    let (browser, mark) = (browser(&parts), mark.as_deref());
    match sign_in(&admin.operators, &fields.address, fields.password, &browser, mark).await {
        Ok(opened) => Ok(continue_at(&admin, &opened, &fields.next)),
        Err(error) => {
            let (status, problem) = problem(error)?;
            Ok(form(&admin, status, &fields.address, &fields.next, Some(&problem)))
        }
    }
}

pub(super) fn problem(error: SignInError) -> Result<(StatusCode, String), Refused> {
    match error {
        SignInError::Wrong => Ok((StatusCode::UNPROCESSABLE_ENTITY, error.to_string())),
        SignInError::TooMany(wait) => {
            let minutes = wait.as_mins() + 1;
            let text =
                format!("Too many attempts. Try again in {}.", super::words::counted(minutes, "minute"));
            Ok((StatusCode::TOO_MANY_REQUESTS, text))
        }
        SignInError::Db(error) => Err(error.into()),
    }
}

/// Returns the session of a request that is at this stage. Others go where they belong.
async fn at_stage(headers: &HeaderMap, admin: &Admin, stage: Stage) -> Result<(SignedIn, String), Refused> {
    match signed_in(headers, admin).await? {
        Some((who, token)) if who.session.stage == stage => Ok((who, token)),
        Some((who, _)) if who.session.stage == Stage::Open => Err(Refused::Step("/admin")),
        _ => Err(Refused::SignIn("/admin".into())),
    }
}

/// Asks for a code.
pub async fn code(State(admin): State<Admin>, Query(query): Query<Next>, headers: HeaderMap) -> Answer {
    let (_, token) = at_stage(&headers, &admin, Stage::SecondFactor).await?;
    Ok(code_form(&admin, &token, StatusCode::OK, &query.next, None))
}

fn code_form(admin: &Admin, token: &str, status: StatusCode, next: &str, problem: Option<&str>) -> Response {
    let content = html! {
        div.narrow.sheet {
            header { h1 { "Your code" } }
            @if let Some(problem) = problem { div.notice.alarm role="alert" { (problem) } }
            form method="post" action="/admin/sign-in/code" {
                input type="hidden" name=(CSRF_FIELD) value=(csrf_token(admin, token));
                input type="hidden" name="next" value=(own_path(next));
                (code_field("From your authenticator program, or one of your recovery codes."))
                div.acts { button.filled.big { "Continue" } }
            }
        }
    };
    (status, layout::bare("Your code · Daily", &content)).into_response()
}

fn code_field(hint: &str) -> Markup {
    html! {
        div.field { label for="code" { "Code" }
            input id="code" name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false"
                required autofocus aria-describedby="code-hint";
            p.hint id="code-hint" { (hint) } }
    }
}

const WRONG_CODE: &str = "This code is wrong, too old, or was used before. Enter the next one.";

pub async fn post_code(State(admin): State<Admin>, request: Request) -> Answer {
    let (who, token) = at_stage(request.headers(), &admin, Stage::SecondFactor).await?;
    let (_, fields) = read(request, &admin, Some(&token)).await?;
    match check_code(&admin.operators, &who, &fields.code).await {
        Ok(opened) => Ok(continue_at(&admin, &opened, &fields.next)),
        Err(SignInError::Wrong) => {
            Ok(code_form(&admin, &token, StatusCode::UNPROCESSABLE_ENTITY, &fields.next, Some(WRONG_CODE)))
        }
        Err(error) => {
            let (status, problem) = problem(error)?;
            Ok(code_form(&admin, &token, status, &fields.next, Some(&problem)))
        }
    }
}

/// Shows the key to enter in an authenticator program.
pub async fn enrolment(State(admin): State<Admin>, Query(query): Query<Next>, headers: HeaderMap) -> Answer {
    let (who, token) = at_stage(&headers, &admin, Stage::Enrolment).await?;
    enrolment_form(&admin, &who, &token, StatusCode::OK, &query.next, None).await
}

async fn enrolment_form(
    admin: &Admin,
    who: &SignedIn,
    token: &str,
    status: StatusCode,
    next: &str,
    problem: Option<&str>,
) -> Answer {
    let key = begin_enrolment(&admin.operators, who).await?;
    let key = key.ok_or_else(|| Refused::SignIn("/admin".into()))?;
    let host = admin.url.split("://").nth(1).unwrap_or("Daily");
    let address = totp::setup_url(&key, host, who.operator.address.as_str());
    let content = html! {
        div.narrow.sheet {
            header { h1 { "Set up your second factor" } }
            @if let Some(problem) = problem { div.notice.alarm role="alert" { (problem) } }
            p { "Scan this with an authenticator program on your phone. From now on you sign in with your password and the "
                "code that it shows." }
            p.after { (qr(&address)) }
            p.small { "Or enter this key: " code { (totp::written_key(&key)) } }
            form.after method="post" action="/admin/sign-in/second-factor" {
                input type="hidden" name=(CSRF_FIELD) value=(csrf_token(admin, token));
                input type="hidden" name="next" value=(own_path(next));
                (code_field("The six digits that the program shows now."))
                div.acts { button.filled.big { "Turn it on" } }
            }
        }
    };
    Ok((status, layout::bare("Second factor · Daily", &content)).into_response())
}

/// Draws a QR code.
fn qr(text: &str) -> Markup {
    let Ok(code) = QrCode::new(text.as_bytes()) else { return html! {} };
    let width = code.width();
    let mut path = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", index % width, index / width);
        }
    }
    html! {
        svg.qr viewBox={ "0 0 " (width) " " (width) } role="img" aria-label="QR code with the key" shape-rendering="crispEdges" {
            path d=(path) {}
        }
    }
}

pub async fn post_enrolment(State(admin): State<Admin>, request: Request) -> Answer {
    let (who, token) = at_stage(request.headers(), &admin, Stage::Enrolment).await?;
    let (_, fields) = read(request, &admin, Some(&token)).await?;
    let (opened, codes) = match enrol(&admin.operators, &who, &fields.code).await {
        Ok(done) => done,
        Err(SignInError::Wrong) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return enrolment_form(&admin, &who, &token, status, &fields.next, Some(WRONG_CODE)).await;
        }
        Err(error) => {
            let (status, problem) = problem(error)?;
            return enrolment_form(&admin, &who, &token, status, &fields.next, Some(&problem)).await;
        }
    };
    let content = html! {
        div.narrow.sheet {
            header { h1 { "Keep these recovery codes" } }
            p { "Each of them replaces your phone once. Print them, or put them where you keep passwords: they are never "
                "shown again." }
            ul.codes.after { @for code in &codes { li { (code) } } }
            div.acts.after { a.btn.filled.big href=(own_path(&fields.next)) { "I have kept them" } }
        }
    };
    let page = layout::bare("Recovery codes · Daily", &content).into_response();
    Ok(with_cookies(&admin, &opened, page))
}

pub async fn sign_out(State(admin): State<Admin>, request: Request) -> Answer {
    let Some((who, token)) = signed_in(request.headers(), &admin).await? else {
        return Ok(Redirect::to("/admin/sign-in").into_response());
    };
    read(request, &admin, Some(&token)).await?;
    let actor = Actor::Operator { id: who.operator.id };
    end_session(&admin.operators, &actor, who.operator.id, who.session.id).await?;
    let set = SESSION_COOKIE.set("", admin.secure_cookies);
    Ok(([(header::SET_COOKIE, set)], Redirect::to("/admin/sign-in")).into_response())
}
