//! `/admin/sign-in/oidc`: signing in through an OpenID provider. Two redirects, which need no scripts and no forms.

use super::{
    Admin,
    desk::{Answer, Refused, browser, signed_in},
    forms::{OIDC_COOKIE, cookie, own_path},
    sign_in::{Next, continue_at, form, problem},
};
use crate::{
    actions::operator::oidc::{OidcError, ProviderAnswer, begin_sign_in, finish_sign_in},
    domain::operator::session::Stage,
};
use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};

/// Leads to the provider.
pub async fn begin(State(admin): State<Admin>, Query(query): Query<Next>, headers: HeaderMap) -> Answer {
    let next = own_path(&query.next);
    if let Some((who, _)) = signed_in(&headers, &admin).await?
        && who.session.stage == Stage::Open
    {
        return Ok(Redirect::to(next).into_response());
    }
    match begin_sign_in(&admin.operators, next).await {
        Ok(begun) => {
            let set = OIDC_COOKIE.set(&begun.cookie, admin.secure_cookies);
            Ok(([(header::SET_COOKIE, set)], Redirect::to(&begun.url)).into_response())
        }
        Err(error) => explain(&admin, error, next),
    }
}

/// Takes the provider's answer.
pub async fn finish(
    State(admin): State<Admin>,
    Query(answer): Query<ProviderAnswer>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let flow = cookie(&parts.headers, OIDC_COOKIE.name(admin.secure_cookies));
    let finished = finish_sign_in(&admin.operators, &answer, flow.as_deref(), &browser(&parts)).await;
    let mut response = match finished {
        Ok((opened, next)) => continue_at(&admin, &opened, &next),
        Err(error) => explain(&admin, error, "/admin")?,
    };
    let end = OIDC_COOKIE.set("", admin.secure_cookies);
    response.headers_mut().append(header::SET_COOKIE, end);
    Ok(response)
}

/// Shows the sign-in page with the reason, but without any text of the provider, which is in the log.
fn explain(admin: &Admin, error: OidcError, next: &str) -> Result<Response, Refused> {
    let label = admin.operators.provider_label().unwrap_or("the provider");
    let (status, text) = match error {
        OidcError::Off => return Err(Refused::Missing("Operators sign in with passwords here.".into())),
        OidcError::Unavailable(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "Signing in with {label} doesn’t work at the moment. Use your password, or try again later."
            ),
        ),
        OidcError::Refused(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            format!(
                "Signing in with {label} didn’t work. Try again, or ask an admin whether your account here has the same \
                 email address."
            ),
        ),
        OidcError::SignIn(error) => problem(error)?,
    };
    Ok(form(admin, status, "", next, Some(&text)))
}
