//! Challenges, which browsers must solve while signups look like an attack (`signup.proof_of_work`).
//! `/challenge.js` solves them, in our own form before it is sent, in the signup box when the server asks. A
//! JSON client without a solution gets a problem that names `GET /challenge`. A form without a solution is
//! accepted and held back.

use crate::{
    actions::signup::{challenge, request::Proof},
    domain::signup::challenge::Challenge,
    i18n::Texts,
    web::{AppError, Site, error},
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use maud::{Markup, html};

/// A challenge in ALTCHA's format, and whether a signup needs one now.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Offer {
    #[serde(flatten)]
    challenge: Challenge,
    /// Whether a signup needs a solution now.
    required: bool,
}

/// `GET /challenge`: a new challenge, and whether one is required.
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

/// The problem for a JSON client without a solution.
pub(super) fn required_problem(site: &Site) -> Response {
    let detail = "Get the challenge, find the number that yields its SHA-256 when appended to the salt, and send the signup again \
                  with \"proof\": base64 of {algorithm, challenge, number, salt, signature}.";
    let challenge = format!("{}/challenge", site.public_url).into();
    let status = StatusCode::PRECONDITION_REQUIRED;
    error::problem("en", status, "A proof of work is needed", detail, [("challenge", challenge)])
}

/// Renders the script that solves challenges for the forms of a page, and its status line.
pub(super) fn script(texts: &Texts) -> Markup {
    html! {
        p #status role="status" data-working=(texts.challenge.working) {}
        script src="/challenge.js" type="module" {}
    }
}
