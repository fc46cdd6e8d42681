//! `POST /subscribe`: a signup, as a form or as JSON.
//!
//! The answer tells nobody whether an address is subscribed: body and status are the same for every address.

use crate::{
    actions::signup::{
        request::{Proof, Signup, SubscribeError},
        subscribe::{judge, subscribe},
    },
    db::newsletters::NewsletterRecord,
    domain::{
        newsletter::parse_time_zone,
        signup::{
            form_token::{self, SubmissionOrigin, submission_origin},
            mail_domains::suggestion,
        },
        signup_wording::signup_wording,
        subscriber::email_address::EmailAddress,
        validation::Problems,
    },
    i18n::{self, Spoken, fill},
    web::{
        AppError, Site, error,
        layout::{Place, respond_for},
        negotiate::{BROWSER_COOKIE, evidence},
        public::{
            challenge, did_you_mean, field_errors, mx_guard,
            signup::Form,
            signup_form::{Asked, DEFAULT_NEWSLETTER, SignupFields},
            timing_guard,
        },
        submission::Submitted,
    },
};
use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use maud::html;
use std::net::SocketAddr;

/// The answer to a program whose signup was accepted.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Accepted {
    #[schemars(extend("const" = "accepted"))]
    status: &'static str,
    /// What to tell the reader, in the language of the answer.
    message: &'static str,
}

/// Takes a signup.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    Submitted { fields, json }: Submitted<SignupFields>,
) -> Result<Response, AppError> {
    let newsletters = fields.newsletters();
    // In its name the answer is given.
    let slug = newsletters.first().map_or(DEFAULT_NEWSLETTER, String::as_str);
    let (spoken, newsletter) = speak(&site, fields.lang.as_deref(), slug, &headers).await?;
    let place = Place::of(uri.path());
    let context = &site.signup;
    let (hidden, mark) = (fields.website.as_deref(), fields.started.as_deref());
    let submission_origin =
        submission_origin(&context.keys, hidden, mark, context.minimum_time, context.clock.now());
    let asked = Asked { json, place, newsletters: &newsletters, slug, newsletter, spoken, submission_origin };
    let address = match fields.checked() {
        Ok(address) => address,
        Err(problems) => return asked.refuse(&site, &fields, &problems).await,
    };
    let mark = browser_binding(&site, &headers, &address);
    if submission_origin == SubmissionOrigin::TooFast {
        return timing_guard::ask(&site, &asked, &fields).await;
    }
    if submission_origin != SubmissionOrigin::Automated {
        let signup = Signup {
            address,
            newsletters: newsletters.clone(),
            language: Some(spoken.0.to_owned()),
            method: if json { "json" } else { "form" },
            // Nobody but our own form shows it.
            wording: (submission_origin == SubmissionOrigin::OwnForm).then(|| signup_wording(Some(spoken.0))),
            time_zone: fields.time_zone.as_deref().and_then(|zone| parse_time_zone(zone).ok()),
            evidence: evidence(peer, &headers, fields.source.as_deref()),
            proof: Proof::NotRequired,
        };
        if let Some(answer) = take(&site, &asked, peer, &fields, signup).await? {
            return Ok(answer);
        }
    }
    if json {
        let body = Accepted { status: "accepted", message: &spoken.1.signup.accepted };
        return Ok(error::in_language(spoken.0, (StatusCode::ACCEPTED, Json(body)).into_response()));
    }
    let mut answer = asked.accepted(&site).await?;
    if let Some(mark) = mark {
        answer.headers_mut().insert(header::SET_COOKIE, mark);
    }
    Ok(answer)
}

/// Takes a signup, or answers why not. The challenge is redeemed last, so that a JSON client that corrects a typo can send the same
/// solution again.
async fn take(
    site: &Site,
    asked: &Asked<'_>,
    peer: SocketAddr,
    fields: &SignupFields,
    signup: Signup,
) -> Result<Option<Response>, AppError> {
    if let Err(why) = judge(&site.signup, &signup) {
        return asked.not_taken(site, fields, why).await.map(Some);
    }
    if let Some(meant) = suggestion(&signup.address).filter(|_| fields.as_typed.is_none()) {
        return Ok(Some(if asked.json {
            did_you_mean::problem(fields, asked.spoken, &meant)
        } else {
            did_you_mean::page(asked.place, &asked.newsletter(site).await?, asked.spoken, fields, &meant)
        }));
    }
    let proof = challenge::check(site, fields.proof.as_deref()).await?;
    if asked.json && proof == Proof::Missing {
        return Ok(Some(challenge::problem(site)));
    }
    // Nothing is asked in our name for clients that showed no work.
    if proof != Proof::Missing
        && let Some(answer) = mx_guard::ask(site, asked, fields, peer, &signup.address).await?
    {
        return Ok(Some(answer));
    }
    let signup = Signup { proof, ..signup };
    let taken = match subscribe(&site.signup, signup.clone()).await {
        // A form that is sent twice counts as one without a solution.
        Err(SubscribeError::Redeemed) if !asked.json => {
            subscribe(&site.signup, Signup { proof: Proof::Missing, ..signup }).await
        }
        taken => taken,
    };
    match taken {
        Ok(()) => Ok(None),
        Err(why) => asked.not_taken(site, fields, why).await.map(Some),
    }
}

/// The language of the answer: that of the page the form stands on, then the newsletter's, then what the browser prefers. And the
/// newsletter, if it had to be looked at.
async fn speak(
    site: &Site,
    asked: Option<&str>,
    slug: &str,
    headers: &HeaderMap,
) -> Result<(Spoken, Option<NewsletterRecord>), AppError> {
    if let Some(spoken) = asked.and_then(i18n::find) {
        return Ok((spoken, None));
    }
    let newsletter = match site.newsletter(Some(slug)).await {
        Ok(newsletter) => Some(newsletter),
        // What is wrong is said when the signup is taken.
        Err(AppError::NoNewsletter(_)) => None,
        Err(error) => return Err(error),
    };
    let own = newsletter.as_ref().map(|it| it.newsletter.language.as_str());
    Ok((i18n::spoken([own], headers), newsletter))
}

/// The cookie by which the browser is known again that signed an address up, so that the link in the mail confirms at once in
/// it. Not for a page of another site that posts by itself: its visitor may know nothing of it.
fn browser_binding(site: &Site, headers: &HeaderMap, address: &EmailAddress) -> Option<HeaderValue> {
    let from = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if from == Some("cross-site") {
        return None;
    }
    let value = form_token::browser_binding(&site.signup.keys, address, site.signup.clock.now());
    let seconds = u64::from(site.signup.confirmation_days) * 24 * 60 * 60;
    let secure = if site.secure_cookies { "; Secure" } else { "" };
    let cookie =
        format!("{BROWSER_COOKIE}={value}; Path=/confirm; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(cookie).ok()
}

impl Asked<'_> {
    /// Shows each problem beside its field; programs get a problem document.
    pub async fn refuse(
        &self,
        site: &Site,
        fields: &SignupFields,
        problems: &Problems,
    ) -> Result<Response, AppError> {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        if self.json {
            return Ok(error::invalid(self.spoken, problems, []));
        }
        let newsletter = match self.newsletter(site).await {
            Ok(newsletter) => newsletter,
            // There is no form in the name of a newsletter that doesn't exist.
            Err(AppError::NoNewsletter(_)) => {
                return Ok(AppError::Invalid(status, problems.clone()).in_language(self.spoken.0));
            }
            Err(error) => return Err(error),
        };
        let entered: String = fields.email.chars().take(300).collect();
        let form = Form {
            place: self.place,
            newsletter: &newsletter,
            chosen: self.newsletters,
            spoken: self.spoken,
            entered: &entered,
            source: fields.source.as_deref(),
            // With its first token: readers who quickly correct a typo are not automated.
            started: fields.started.as_deref().filter(|_| self.submission_origin.has_token()),
            problems: Some(problems),
        };
        form.show(site, status).await
    }

    /// Why a signup is not taken.
    async fn not_taken(
        &self,
        site: &Site,
        fields: &SignupFields,
        why: SubscribeError,
    ) -> Result<Response, AppError> {
        match (field_errors::problem(&why), why) {
            (Some(problem), _) => self.refuse(site, fields, &problem.into()).await,
            (None, SubscribeError::TooMany { wait }) => {
                Ok(AppError::TooMany(wait).in_language(self.spoken.0))
            }
            (None, SubscribeError::Db(error)) => Err(error.into()),
            (None, _) => Ok(challenge::problem(site)),
        }
    }

    /// What comes now.
    async fn accepted(&self, site: &Site) -> Result<Response, AppError> {
        let newsletter = self.newsletter(site).await?;
        let mut titles = vec![newsletter.newsletter.title.clone()];
        for slug in self.newsletters.iter().filter(|slug| *slug != self.slug) {
            titles.push(site.newsletter(Some(slug)).await?.newsletter.title);
        }
        Ok(accepted(self.place, &newsletter, &titles.join(", "), self.spoken))
    }
}

/// The page after a signup for newsletters of these titles.
pub(super) fn accepted(
    place: Place,
    newsletter: &NewsletterRecord,
    titles: &str,
    (language, words): Spoken,
) -> Response {
    let say = &words.signup;
    let content = html! {
        h1 { (say.check) }
        p { (fill(&say.sent, &[("newsletter", titles)])) }
        p.fine-print { (say.missing) }
    };
    respond_for(place, StatusCode::OK, &newsletter.newsletter, (&say.check, language), &content)
}
