//! `/admin/welcome/…`: choosing a password with a link, and `/admin/demo/…`: the link of `daily demo`.

use super::{
    Admin,
    desk::{Answer, Refused, browser, csrf_token, has_csrf},
    forms::{CSRF_FIELD, FORM_COOKIE, cookie, is_same_site},
    layout,
    sign_in::continue_at,
};
use crate::{
    actions::operator::{
        links::{ChooseError, LinkTarget, NewPassword, choose_password, look_up_link},
        sessions::open_with_link,
        sign_in::form_key,
    },
    domain::operator::password::MIN_CHARS,
    web::submission::read_form,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};

fn ended() -> Refused {
    Refused::Missing("This link has been used or is too old. An admin makes a new one under People, or by the command `daily operator link`.".into())
}

pub async fn get(State(admin): State<Admin>, Path(token): Path<String>) -> Answer {
    let target = look_up_link(admin.actions(), &token).await?.ok_or_else(ended)?;
    let mut fields = NewPassword::default();
    if let LinkTarget::Account(operator) = &target {
        fields.name.clone_from(&operator.name);
    }
    Ok(form(&admin, &token, &target, &fields, StatusCode::OK, None))
}

fn form(
    admin: &Admin,
    token: &str,
    target: &LinkTarget,
    fields: &NewPassword,
    status: StatusCode,
    wrong: Option<(&'static str, String)>,
) -> Response {
    let key = form_key();
    let wrong_at =
        |field: &str| wrong.as_ref().filter(|(name, _)| *name == field).map(|(_, why)| why.as_str());
    let (title, lede) = match target {
        LinkTarget::FirstAccount => {
            ("Make the first account", "It may do everything, and invites the others.".to_owned())
        }
        LinkTarget::Account(operator) => {
            ("Choose a password", format!("For {}, as {}.", operator.address, operator.roles.in_words()))
        }
    };
    let content = html! {
        div.narrow.sheet {
            h1 { (title) }
            p.lede { (lede) }
            form.after method="post" action={ "/admin/welcome/" (token) } {
                input type="hidden" name=(CSRF_FIELD) value=(csrf_token(admin, &key));
                @if let LinkTarget::FirstAccount = target {
                    (field("address", "Email address", "email", "username", &fields.address, None, wrong_at("address")))
                } @else if let LinkTarget::Account(operator) = target {
                    input.unseen type="text" name="username" value=(operator.address) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
                }
                (field("name", "Your name", "text", "name", &fields.name, Some("As colleagues see it beside your edits."), wrong_at("name")))
                (field("password", "Password", "password", "new-password", "",
                    Some(&format!("At least {MIN_CHARS} characters. Four uncommon words are fine.")), wrong_at("password")))
                (field("again", "The same again", "password", "new-password", "", None, wrong_at("again")))
                div.acts { button.filled.big { "Continue" } }
            }
        }
    };
    let cookie = FORM_COOKIE.set(&key, admin.secure_cookies);
    (status, [(header::SET_COOKIE, cookie)], layout::bare(&format!("{title} · Daily"), &content))
        .into_response()
}

/// A field with a hint or a problem below it.
fn field(
    name: &str,
    label: &str,
    kind: &str,
    autocomplete: &str,
    value: &str,
    hint: Option<&str>,
    problem: Option<&str>,
) -> Markup {
    let described = (hint.is_some() || problem.is_some()).then(|| format!("{name}-hint"));
    html! {
        div.field {
            label for=(name) { (label) }
            input type=(kind) id=(name) name=(name) value=(value) autocomplete=(autocomplete) required
                aria-invalid=[problem.map(|_| "true")] aria-describedby=[described.as_deref()];
            @if let Some(problem) = problem { p.hint.alarm id={ (name) "-hint" } { (problem) } }
            @else if let Some(hint) = hint { p.hint id={ (name) "-hint" } { (hint) } }
        }
    }
}

pub async fn post(State(admin): State<Admin>, Path(token): Path<String>, request: Request) -> Answer {
    let key = cookie(request.headers(), FORM_COOKIE.name(admin.secure_cookies)).ok_or(Refused::Form)?;
    let (parts, body) = request.into_parts();
    let (same_site, browser) = (is_same_site(&parts.headers), browser(&parts));
    let body =
        Bytes::from_request(Request::from_parts(parts, body), &admin).await.map_err(|_| Refused::Form)?;
    if !same_site || !has_csrf(&body, &csrf_token(&admin, &key)) {
        return Err(Refused::Form);
    }
    let fields: NewPassword = read_form(&body).map_err(|_| Refused::Form)?;
    let target = look_up_link(admin.actions(), &token).await?.ok_or_else(ended)?;
    match choose_password(&admin.operators, &token, &fields, &browser).await {
        Ok(opened) => Ok(continue_at(&admin, &opened, "/admin")),
        Err(ChooseError::NoLink) => Err(ended()),
        Err(ChooseError::Field(name, why)) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(form(&admin, &token, &target, &fields, status, Some((name, why))))
        }
        Err(ChooseError::Db(error)) => Err(error.into()),
    }
}

/// Opens the pages for whoever ran `daily demo` on this machine.
pub async fn demo(State(admin): State<Admin>, Path(token): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let opened = open_with_link(&admin.operators, &token, &browser(&parts)).await?.ok_or_else(ended)?;
    Ok(continue_at(&admin, &opened, "/admin"))
}
