//! Where signups look like an attack, who signs up shows first that it is no mass of requests: a browser solves a small puzzle
//! (`GET /challenge`), without scripts a reader waits a moment and presses a button, a program that sends JSON gets a problem with
//! the challenge's address. `signup.proof_of_work` says when.

use super::{
    did_you_mean::again,
    subscribe::{Asked, Fields},
};
use crate::{
    actions::{
        prove::{self, Redeemed},
        rate_limiter,
    },
    domain::proof_of_work::{Ticket, WAIT},
    web::{AppError, Site, layout::respond_for, words::fill},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use maud::html;
use std::net::SocketAddr;

/// A challenge, for one signup.
pub async fn challenge(State(site): State<Site>) -> Result<impl IntoResponse, AppError> {
    Ok(Json(prove::challenge(&site.actions).await?))
}

/// What a signup shows, before it is used up.
pub(super) enum Shows {
    /// Nothing, and it need not.
    Nothing,
    Proof(String),
    Ticket(String),
}

/// Looks at what a signup shows; nothing is used up by it. Or the answer for one that lacks what it needs.
pub(super) async fn look(
    site: &Site,
    asked: &Asked<'_>,
    fields: &Fields,
) -> Result<Result<Shows, Response>, AppError> {
    let actions = &site.actions;
    if !prove::is_needed(actions).await? {
        return Ok(Ok(Shows::Nothing));
    }
    let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    if let Some(proof) = given(&fields.proof).filter(|proof| prove::is_right(actions, proof)) {
        return Ok(Ok(Shows::Proof(proof)));
    }
    let (ticket, wait) = match given(&fields.ticket).filter(|_| !asked.json) {
        None => (None, WAIT),
        Some(ticket) => match prove::look_at(actions, &ticket) {
            Ticket::Good(_) => return Ok(Ok(Shows::Ticket(ticket))),
            // The same ticket: its time goes on.
            Ticket::TooSoon { wait } => (Some(ticket), wait),
            Ticket::Void => (None, WAIT),
        },
    };
    ask(site, asked, fields, ticket, wait).await.map(Err)
}

/// Uses it up. `None`: the signup may go on.
pub(super) async fn redeem(
    site: &Site,
    asked: &Asked<'_>,
    peer: SocketAddr,
    fields: &Fields,
    shows: Shows,
) -> Result<Option<Response>, AppError> {
    if matches!(shows, Shows::Nothing) {
        return Ok(None);
    }
    // Where a limit is reached nothing is used up for nothing.
    if let Err(wait) = rate_limiter::peek_client(&site.actions, peer.ip()).await? {
        return Ok(Some(AppError::TooMany(wait).in_language(asked.spoken.0)));
    }
    let used = match shows {
        Shows::Nothing => Redeemed::Taken,
        Shows::Proof(proof) if prove::prove(&site.actions, &proof).await? => Redeemed::Taken,
        Shows::Proof(_) => Redeemed::Void,
        Shows::Ticket(ticket) => prove::redeem(&site.actions, &ticket, peer.ip()).await?,
    };
    match used {
        Redeemed::Taken => Ok(None),
        Redeemed::TooMany { wait } => Ok(Some(AppError::TooMany(wait).in_language(asked.spoken.0))),
        Redeemed::TooSoon { .. } | Redeemed::Void => {
            // One proof, sent again and again, must not be good for any number of questions to the name system.
            rate_limiter::debit_client(&site.actions, peer.ip()).await?;
            ask(site, asked, fields, None, WAIT).await.map(Some)
        }
    }
}

/// Asks for a proof, or a wait.
async fn ask(
    site: &Site,
    asked: &Asked<'_>,
    fields: &Fields,
    ticket: Option<String>,
    wait: SignedDuration,
) -> Result<Response, AppError> {
    if asked.json {
        return Ok(problem(site));
    }
    page(site, asked, fields, &ticket.unwrap_or_else(|| prove::ticket(&site.actions)), wait).await
}

/// What a program does: get the challenge, send the same again with the proof.
fn problem(site: &Site) -> Response {
    let status = StatusCode::PRECONDITION_REQUIRED;
    let body = serde_json::json!({
        "type": "about:blank", "title": "A proof of work is needed", "status": status.as_u16(),
        "detail": "Many signups are coming in. Get the challenge, find the number that, written after the salt, has its SHA-256, and \
                   send the signup again with \"proof\": base64 of {algorithm, challenge, number, salt, signature}.",
        "challenge": format!("{}/challenge", site.public_url),
    });
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer
}

/// A page that goes on by itself; without scripts, after a wait and with a button.
async fn page(
    site: &Site,
    asked: &Asked<'_>,
    fields: &Fields,
    ticket: &str,
    wait: SignedDuration,
) -> Result<Response, AppError> {
    let newsletter = asked.newsletter(site).await?;
    let (language, words) = asked.spoken;
    let say = &words.proof;
    let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
    // Texts and a number: it has a JSON form. Without it the reader waits.
    let challenge = serde_json::to_string(&prove::challenge(&site.actions).await?).unwrap_or_default();
    let content = html! {
        h1 { (say.title) }
        p { (say.why) }
        p #status role="status" data-working=(say.working) {}
        form.signup method="post" action=(asked.place.form_action()) data-challenge=(challenge) {
            (again(fields, fields.email.trim()))
            @if let Some(value) = &fields.as_typed { input type="hidden" name="as_typed" value=(value); }
            input type="hidden" name="ticket" value=(ticket);
            input type="hidden" name="proof" value="";
            div #wait {
                p { (fill(&say.wait, &[("seconds", &seconds.to_string())])) }
                button type="submit" { (say.button) }
            }
        }
        script src="/prove.js" type="module" {}
    };
    let about = (say.title.as_str(), language);
    Ok(respond_for(asked.place, StatusCode::OK, &newsletter.newsletter, about, &content))
}
