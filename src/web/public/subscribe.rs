//! `POST /subscribe`: a signup, as a form or as JSON.
//!
//! The answer tells nobody whether an address is subscribed: body and status are the same for every address.

use super::{did_you_mean, proof, reach, signup};
use crate::{
    actions::subscribe::{Signup, SubscribeError, subscribe},
    domain::{
        email_address::EmailAddress,
        mail_domains::suggestion,
        newsletter::parse_time_zone,
        signup_proof::{self, is_automatic},
    },
    web::{
        Site, WebError, error,
        layout::{Frame, respond},
        negotiate::{BROWSER_COOKIE, evidence, media_type, sends_json},
        words::{self, fill},
    },
};
use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;
use std::net::SocketAddr;

/// Short name of the newsletter that a signup without one is for.
const DEFAULT_NEWSLETTER: &str = "daily";

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub email: String,
    pub newsletter: Option<String>,
    /// The page the form stands on.
    pub source: Option<String>,
    /// The zone of the reader's clock, by its IANA name. It comes from a browser: one that is unknown is no error.
    pub time_zone: Option<String>,
    /// The mark of our own form.
    pub started: Option<String>,
    /// The field that no person sees.
    website: Option<String>,
    /// The reader was asked about a slip, and insists.
    pub as_typed: Option<String>,
    /// The answer to a challenge, or the ticket of who waited instead.
    pub proof: Option<String>,
    pub ticket: Option<String>,
}

/// Takes a signup.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let json = sends_json(&headers);
    let fields = match read(json, &headers, &body) {
        Ok(fields) => fields,
        Err(response) => return Ok(*response),
    };
    let slug = fields.newsletter.as_deref().filter(|slug| !slug.is_empty()).unwrap_or(DEFAULT_NEWSLETTER);
    let address = match EmailAddress::parse(&fields.email) {
        Ok(address) => address,
        Err(why) => return refuse(&site, json, slug, &fields, &why.to_string()).await,
    };
    let automatic = is_automatic(
        &site.actions.keys,
        fields.website.as_deref(),
        fields.started.as_deref(),
        site.actions.minimum_time,
        site.actions.clock.now(),
    );
    if let Some(meant) = suggestion(&address).filter(|_| !automatic && fields.as_typed.is_none()) {
        if json {
            return Ok(did_you_mean::problem(&meant));
        }
        return Ok(did_you_mean::page(&site.newsletter(Some(slug)).await?, &fields, &meant));
    }
    let asking = proof::Asking { peer, headers: &headers, json, slug };
    if !automatic && let Some(answer) = proof::ask(&site, asking, &fields).await? {
        return Ok(answer);
    }
    if !automatic && let Some(answer) = reach::ask(&site, json, slug, &fields, &address).await? {
        return Ok(answer);
    }
    let mark = browser_mark(&site, &headers, &address);
    let signup = Signup {
        address,
        newsletter: slug.to_owned(),
        method: if json { "json" } else { "form" },
        time_zone: fields.time_zone.as_deref().and_then(|zone| parse_time_zone(zone).ok()),
        evidence: evidence(peer, &headers, fields.source.as_deref()),
    };
    let taken = if automatic { Ok(()) } else { subscribe(&site.actions, &signup).await };
    match taken {
        Ok(()) => {}
        Err(SubscribeError::NoSuchNewsletter(slug)) => {
            let what = format!("there is no newsletter `{slug}`");
            return Ok(error::either(
                &headers,
                StatusCode::UNPROCESSABLE_ENTITY,
                "No such newsletter",
                &what,
            ));
        }
        Err(why @ (SubscribeError::Blocked(_) | SubscribeError::RoleAccount)) => {
            return refuse(&site, json, slug, &fields, &why.to_string()).await;
        }
        Err(SubscribeError::TooMany { wait }) => return Ok(error::too_many(&headers, wait)),
        Err(SubscribeError::Db(error)) => return Err(error.into()),
    }
    if json {
        let body = serde_json::json!({
            "status": "accepted", "message": "Check your inbox: we have sent a link to confirm.",
        });
        return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
    }
    let mut answer = accepted(&site, slug).await?;
    if let Some(mark) = mark {
        answer.headers_mut().insert(header::SET_COOKIE, mark);
    }
    Ok(answer)
}

/// The cookie by which the browser is known again that signed an address up, so that the link in the mail confirms at once in
/// it. Not for a page of another site that posts by itself: its visitor may know nothing of it.
fn browser_mark(site: &Site, headers: &HeaderMap, address: &EmailAddress) -> Option<HeaderValue> {
    let from = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if from == Some("cross-site") {
        return None;
    }
    let value = signup_proof::browser_mark(&site.actions.keys, address, site.actions.clock.now());
    let seconds = u64::from(site.actions.confirmation_days) * 24 * 60 * 60;
    let secure = if site.secure_cookies { "; Secure" } else { "" };
    let cookie =
        format!("{BROWSER_COOKIE}={value}; Path=/confirm; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(cookie).ok()
}

/// What is wrong with the address: beside the field, or as a problem.
pub(super) async fn refuse(
    site: &Site,
    json: bool,
    slug: &str,
    fields: &Fields,
    why: &str,
) -> Result<Response, WebError> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if json {
        return Ok(error::problem(status, "That address can't be taken", why, Some("email")));
    }
    let newsletter = site.newsletter(Some(slug)).await?;
    let entered: String = fields.email.chars().take(300).collect();
    Ok(signup::show(site, status, &newsletter, &entered, Some(&sentence(why))))
}

fn read(json: bool, headers: &HeaderMap, body: &[u8]) -> Result<Fields, Box<Response>> {
    if json {
        // An object first: a list would do for the fields one by one.
        let object: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_slice(body);
        return object.and_then(|object| serde_json::from_value(object.into())).map_err(|why| {
            let status =
                if why.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
            Box::new(error::problem(status, "The body is not a signup", &why.to_string(), None))
        });
    }
    if media_type(headers, &header::CONTENT_TYPE) != "application/x-www-form-urlencoded" {
        let what = "Send a form (application/x-www-form-urlencoded) or JSON (application/json).";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Box::new(error::either(headers, status, "Unknown kind of body", what)));
    }
    serde_urlencoded::from_bytes(body).map_err(|why| {
        let what = format!("The form can't be read: {why}.");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Box::new(error::either(headers, status, "The form is not a signup", &what))
    })
}

pub(super) async fn accepted(site: &Site, slug: &str) -> Result<Response, WebError> {
    let newsletter = site.newsletter(Some(slug)).await?;
    let it = &newsletter.newsletter;
    let say = &words::of(&it.language).signup;
    let frame = Frame { title: &say.check, brand: (&it.title, &it.tagline), language: &it.language };
    let content = html! {
        h1 { (say.check) }
        p { (fill(&say.sent, &[("newsletter", &it.title)])) }
        p.fine-print { (say.missing) }
    };
    Ok(respond(StatusCode::OK, frame, &content))
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
