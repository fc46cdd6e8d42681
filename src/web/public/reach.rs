//! An address whose domain takes no mail, by the word of the name system: answered like any other wrong address.

use super::{
    subscribe::{Asked, Fields, in_language},
    what_is_wrong::{Field, Wrong},
};
use crate::{
    actions::rate_limiter,
    domain::{email_address::EmailAddress, mail_domains::suggestion, mail_exchange::Reach},
    web::{
        Site, WebError,
        refusal::Refusal,
        words::{Spoken, fill},
    },
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::net::SocketAddr;

/// What is wrong with the domain of an address. `None`: nothing that is known.
pub(super) async fn ask(
    site: &Site,
    asked: &Asked<'_>,
    fields: &Fields,
    peer: SocketAddr,
    address: &EmailAddress,
) -> Result<Option<Response>, WebError> {
    let actions = &site.actions;
    let (domain, now) = (address.domain(), actions.clock.now());
    let known = actions.mail_servers.known(domain, now);
    // Whoever makes up names must not have any number of questions asked in our name.
    if known.is_none()
        && let Err(wait) = rate_limiter::peek_client(actions, peer.ip()).await?
    {
        return Ok(Some(Refusal::TooMany(wait).told_in(asked.spoken.0)));
    }
    if actions.mail_servers.reach(domain, now).await != Reach::No {
        return Ok(None);
    }
    if known.is_none() {
        rate_limiter::debit_client(actions, peer.ip()).await?;
    }
    let (meant, say) = (suggestion(address), &asked.spoken.1.unreachable);
    let why = match &meant {
        Some(meant) => fill(&say.meant, &[("domain", address.domain()), ("address", meant.as_str())]),
        None => fill(&say.check, &[("domain", address.domain())]),
    };
    match meant.filter(|_| asked.json) {
        Some(meant) => Ok(Some(problem(asked.spoken, &why, &meant))),
        None => asked.refuse(site, fields, &Wrong { field: Field::Email, what: why }).await.map(Some),
    }
}

/// For a program, with what was probably meant.
fn problem((language, words): Spoken, why: &str, meant: &EmailAddress) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let body = serde_json::json!({
        "type": "about:blank", "title": words.address.refused, "status": status.as_u16(), "detail": why,
        "field": "email", "suggestion": meant.as_str(),
    });
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    in_language(language, answer)
}
