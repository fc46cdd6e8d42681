//! `POST /subscribe`: a signup, as a form or as JSON.
//!
//! Body and status are the same for every address, so that the response doesn't reveal who is subscribed.

use crate::{
    actions::signup::{
        request::{Proof, Signup, SubscribeError},
        subscribe::subscribe,
    },
    db::newsletters::{self, NewsletterRecord},
    domain::{
        newsletter::parse_time_zone,
        signup::form_token::{self, SubmissionOrigin, submission_origin},
        signup_wording::signup_wording,
        subscriber::email_address::EmailAddress,
        validation::Problems,
    },
    i18n::{self, Locale, interpolate, split_at},
    web::{
        AppError, Site, error,
        layout::{DisplayMode, Page},
        negotiate::{BROWSER_COOKIE, evidence},
        public::{
            challenge, did_you_mean, field_errors,
            latest::LatestIssue,
            mx_guard,
            signup::Form,
            signup_form::{SignupFields, SignupResponder, newsletter_of_page},
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
use maud::{Markup, html};
use std::net::SocketAddr;

/// The response to a JSON client whose signup was accepted.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Accepted {
    #[schemars(extend("const" = "accepted"))]
    status: &'static str,
    /// Text for the reader, in the language of the response.
    message: &'static str,
}

/// Accepts a signup.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    Submitted { fields, json: is_json }: Submitted<SignupFields>,
) -> Result<Response, AppError> {
    let chosen = fields.newsletters();
    let newsletters = newsletters::list(&mut site.signup.db.read().await?).await?;
    let newsletter = newsletter_of_page(&newsletters, &chosen);
    // The locale of the page with the form, the newsletter's, or the browser's.
    let own = newsletter.map(|it| it.newsletter.language.as_str());
    let locale = i18n::negotiate_locale([fields.lang.as_deref(), own], &headers);
    let mode = DisplayMode::from_path(uri.path());
    let context = &site.signup;
    let (honeypot, token) = (fields.website.as_deref(), fields.started.as_deref());
    let origin = submission_origin(&context.keys, honeypot, token, context.minimum_time, context.clock.now());
    let (chosen, newsletters) = (&*chosen, &*newsletters);
    let responder = SignupResponder { is_json, mode, chosen, newsletters, newsletter, locale, origin };
    // People and programs get the same problems, and only then may the honeypot decide: its answer is the usual one.
    let address = match responder.check(&site, &fields) {
        Ok(address) => address,
        Err(problems) => return responder.invalid(&site, &fields, &problems).await,
    };
    let browser_cookie = browser_cookie(&site, &headers, &address);
    if origin == SubmissionOrigin::TooFast {
        return timing_guard::ask_again(&responder, &fields);
    }
    if origin != SubmissionOrigin::Automated {
        let signup = Signup {
            address,
            newsletters: chosen.to_vec(),
            language: Some(locale.language.to_owned()),
            method: if is_json { "json" } else { "form" },
            // Only our own form shows the wording.
            wording: (origin == SubmissionOrigin::OwnForm).then(|| signup_wording(Some(locale.language))),
            time_zone: fields.time_zone.as_deref().and_then(|zone| parse_time_zone(zone).ok()),
            evidence: evidence(peer, &headers, fields.source.as_deref()),
            proof: Proof::NotRequired,
        };
        if let Some(response) = process(&site, &responder, peer, &fields, signup).await? {
            return Ok(response);
        }
    }
    if is_json {
        let body = Accepted { status: "accepted", message: &locale.texts.signup.accepted };
        return Ok(error::in_language(locale.language, (StatusCode::ACCEPTED, Json(body)).into_response()));
    }
    let mut response = responder.accepted(&site, &fields).await?;
    if let Some(cookie) = browser_cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Saves a signup, or returns the response that explains a problem. The challenge is redeemed last, so that a
/// JSON client that corrects a typo can send the same solution again.
async fn process(
    site: &Site,
    responder: &SignupResponder<'_>,
    peer: SocketAddr,
    fields: &SignupFields,
    signup: Signup,
) -> Result<Option<Response>, AppError> {
    let proof = challenge::check(site, fields.proof.as_deref()).await?;
    let meant = mx_guard::suggestion_for(site, &signup.address).filter(|_| fields.as_typed.is_none());
    if let Some(suggestion) = meant {
        // An address that can't receive email is no choice. Clients without a solution must not cause DNS queries.
        if proof != Proof::Missing
            && let Some(response) = mx_guard::check(site, responder, fields, peer, &signup.address).await?
        {
            return Ok(Some(response));
        }
        return Ok(Some(if responder.is_json {
            did_you_mean::problem(responder.locale, &suggestion)
        } else {
            let newsletter = responder.newsletter.ok_or(AppError::NoNewsletter)?;
            did_you_mean::page(responder.mode, newsletter, responder.locale, fields, &suggestion)
        }));
    }
    if responder.is_json && proof == Proof::Missing {
        return Ok(Some(challenge::required_problem(site)));
    }
    // Clients without a solution must not cause DNS queries.
    if proof != Proof::Missing
        && let Some(response) = mx_guard::check(site, responder, fields, peer, &signup.address).await?
    {
        return Ok(Some(response));
    }
    let signup = Signup { proof, ..signup };
    let result = match subscribe(&site.signup, signup.clone()).await {
        // A form that is submitted twice counts as one without a solution.
        Err(SubscribeError::Redeemed) if !responder.is_json => {
            subscribe(&site.signup, Signup { proof: Proof::Missing, ..signup }).await
        }
        result => result,
    };
    match result {
        Ok(()) => Ok(None),
        Err(error) => responder.rejected(site, fields, error).await.map(Some),
    }
}

/// Makes the cookie by which the link in the email confirms at once in this browser. Pages of other sites get
/// none, because they can submit the form without their visitor's knowledge.
fn browser_cookie(site: &Site, headers: &HeaderMap, address: &EmailAddress) -> Option<HeaderValue> {
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

impl SignupResponder<'_> {
    /// Checks everything that needs no DNS query. Returns the address, or all problems.
    fn check(&self, site: &Site, fields: &SignupFields) -> Result<EmailAddress, Problems> {
        let mut others = self.unknown_newsletters(fields);
        if let Ok(address) = EmailAddress::parse(&fields.email)
            && let Err(rejection) = site.signup.address_policy.check(&address, site.signup.clock.now())
        {
            others.push(field_errors::address_problem(rejection));
        }
        match (fields.checked(), Problems::new(others)) {
            (Ok(address), None) => Ok(address),
            (Ok(_), Some(problems)) | (Err(problems), None) => Err(problems),
            (Err(problems), Some(others)) => Err(problems.and(others)),
        }
    }

    /// Shows each problem beside its field. JSON clients get a problem document.
    pub async fn invalid(
        &self,
        site: &Site,
        fields: &SignupFields,
        problems: &Problems,
    ) -> Result<Response, AppError> {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        if self.is_json {
            return Ok(error::invalid(self.locale, problems, []));
        }
        let Some(newsletter) = self.newsletter else {
            // Without a newsletter there is no form to show.
            return Ok(AppError::Invalid(status, problems.clone()).in_language(self.locale.language));
        };
        let entered: String = fields.email.chars().take(300).collect();
        let form = Form {
            mode: self.mode,
            newsletter,
            chosen: self.chosen,
            locale: self.locale,
            entered: &entered,
            source: fields.source.as_deref(),
            // The form keeps its first token, because readers may correct a typo within seconds.
            started: fields.started.as_deref().filter(|_| self.origin.has_token()),
            problems: Some(problems),
        };
        form.show(site, status).await
    }

    /// Explains why a signup is rejected.
    pub async fn rejected(
        &self,
        site: &Site,
        fields: &SignupFields,
        error: SubscribeError,
    ) -> Result<Response, AppError> {
        match (field_errors::problem(&error), error) {
            (Some(problem), _) => self.invalid(site, fields, &problem.into()).await,
            (None, SubscribeError::TooMany { wait }) => {
                Ok(AppError::TooMany(wait).in_language(self.locale.language))
            }
            (None, SubscribeError::Db(error)) => Err(error.into()),
            (None, _) => Ok(challenge::required_problem(site)),
        }
    }

    /// Makes the page after a signup.
    async fn accepted(&self, site: &Site, fields: &SignupFields) -> Result<Response, AppError> {
        let newsletter = self.newsletter.ok_or(AppError::NoNewsletter)?;
        // The page repeats what the visitor entered, so it is the same for every address.
        let entered = fields.email.trim();
        let again = html! {
            form.actions method="post" action=(self.mode.form_action()) data-challenge="/challenge" {
                (did_you_mean::hidden_fields(fields, entered))
                input type="hidden" name="as_typed" value="yes";
                button.quiet type="submit" { (self.locale.texts.signup.again) }
                a href={ (self.start()) "?newsletter=" (newsletter.newsletter.slug) "&lang=" (self.locale.language) } {
                    (self.locale.texts.signup.different)
                }
            }
            (challenge::script(self.locale.texts))
        };
        accepted(site, self.mode, newsletter, (&self.titles(), entered), self.locale, &again).await
    }

    /// Returns the path of the empty form.
    const fn start(&self) -> &'static str {
        match self.mode {
            DisplayMode::Frame => DisplayMode::FRAME_PATH,
            DisplayMode::Window => "/",
        }
    }
}

/// Makes the page after a signup of an address for newsletters of these titles. `buttons` lead on.
pub(super) async fn accepted(
    site: &Site,
    mode: DisplayMode,
    newsletter: &NewsletterRecord,
    (titles, address): (&str, &str),
    locale: Locale,
    buttons: &Markup,
) -> Result<Response, AppError> {
    let (t, it) = (&locale.texts.signup, &newsletter.newsletter);
    let (before, rest) = split_at(&t.sent, "address");
    let with_titles = |text: &str| interpolate(text, &[("newsletter", titles)]);
    let told = html! {
        h1 { (t.check) }
        p.lede { (with_titles(before)) b { (address) } (with_titles(rest)) }
        p { b { (t.missing) } " " (interpolate(&t.spam, &[("sender", it.sender_address.as_str())])) }
        (buttons)
    };
    let page = Page { mode, ..Page::new(it, &t.check, locale) };
    if mode == DisplayMode::Frame {
        return Ok(page.respond(StatusCode::OK, &told));
    }
    let latest = LatestIssue::find(site, newsletter).await?;
    let pictures: Vec<&str> = latest.as_ref().and_then(LatestIssue::picture).into_iter().collect();
    let content = html! {
        div.narrow.stack {
            section.card { (told) }
            @if let Some(latest) = &latest { (latest.card(it, locale, false)) }
        }
    };
    Ok(Page { pictures: &pictures, ..page }.respond(StatusCode::OK, &content))
}
