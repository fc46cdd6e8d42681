//! Challenges, while signups look like an attack. A browser solves one with `/challenge.js`: our own form before it is sent, the
//! box of other sites when it is asked to. A JSON client without a solution gets a problem that names `GET /challenge`. A form
//! without one is accepted and held back. `signup.proof_of_work` says when.

use crate::{
    actions::signup::{challenge, request::Proof},
    domain::signup::challenge::Challenge,
    i18n::Words,
    web::{AppError, Site, error},
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use maud::{Markup, html};

/// A challenge, as ALTCHA has it, and whether a signup needs one now.
#[derive(serde::Serialize)]
pub struct Offer {
    #[serde(flatten)]
    challenge: Challenge,
    required: bool,
}

/// `GET /challenge`.
pub async fn get(State(site): State<Site>) -> Result<Json<Offer>, AppError> {
    let required = challenge::is_required(&site.signup).await?;
    Ok(Json(Offer { challenge: challenge::issue(&site.signup), required }))
}

/// Verifies the solution that came with a signup, if it needs one.
pub(super) async fn check(site: &Site, solution: Option<&str>) -> Result<Proof, AppError> {
    if !challenge::is_required(&site.signup).await? {
        return Ok(Proof::NotRequired);
    }
    let token = solution.and_then(|solution| challenge::verify(&site.signup, solution));
    Ok(token.map_or(Proof::Missing, Proof::Solved))
}

/// What a JSON client does: get the challenge, and send the same again with its solution.
pub(super) fn problem(site: &Site) -> Response {
    let detail = "Many signups are coming in. Get the challenge, find the number that, written after the salt, has its SHA-256, and \
                  send the signup again with \"proof\": base64 of {algorithm, challenge, number, salt, signature}.";
    let challenge = format!("{}/challenge", site.public_url).into();
    let status = StatusCode::PRECONDITION_REQUIRED;
    error::problem("en", status, "A proof of work is needed", detail, [("challenge", challenge)])
}

/// The script that solves challenges for the forms of a page, and where it says so.
pub(super) fn script(words: &Words) -> Markup {
    html! {
        p #status role="status" data-working=(words.challenge.working) {}
        script src="/challenge.js" type="module" {}
    }
}
