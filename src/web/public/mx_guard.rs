//! Refuses addresses whose domain can't receive email, according to DNS.

use crate::{
    actions::rate_limiter,
    domain::{
        signup::{mail_domains::suggestion, mail_exchange::Deliverability},
        subscriber::email_address::EmailAddress,
        validation::{Code, Problems},
    },
    web::{
        AppError, Site, error,
        public::{
            did_you_mean,
            signup_form::{SignupFields, SignupResponder},
        },
    },
};
use axum::response::Response;
use std::net::SocketAddr;

/// Returns the response for an address whose domain can't receive email. `None`: the address may be valid.
pub(super) async fn check(
    site: &Site,
    responder: &SignupResponder<'_>,
    fields: &SignupFields,
    peer: SocketAddr,
    address: &EmailAddress,
) -> Result<Option<Response>, AppError> {
    let signup = &site.signup;
    let (domain, now) = (address.domain(), signup.clock.now());
    let cached = signup.mail_servers.cached(domain, now);
    // Limits the DNS queries that a client can cause with made-up names. Each one counts, also if the signup is
    // refused later.
    if cached.is_none() {
        let too_many = |wait| Ok(Some(AppError::TooMany(wait).in_language(responder.locale.language)));
        if let Err(wait) = rate_limiter::peek_client(signup, peer.ip()).await? {
            return too_many(wait);
        }
        if let Err(wait) = rate_limiter::debit_dns(signup, peer.ip()).await? {
            return too_many(wait);
        }
    }
    if signup.mail_servers.check(domain, now).await != Deliverability::No {
        return Ok(None);
    }
    if cached.is_none() {
        rate_limiter::debit_client(signup, peer.ip()).await?;
    }
    let suggestion = suggestion_for(site, address);
    let problem = match &suggestion {
        Some(suggestion) => Code::NoMailServerMeant.at("email").with("address", suggestion),
        None => Code::NoMailServer.at("email"),
    };
    let problems = Problems::from(problem);
    match suggestion.filter(|_| responder.is_json) {
        Some(suggestion) => {
            let members = [
                ("suggestion", suggestion.as_str().into()),
                ("take", did_you_mean::take_label(responder.locale, &suggestion).into()),
            ];
            Ok(Some(error::invalid(responder.locale, &problems, members)))
        }
        None => responder.invalid(site, fields, &problems).await.map(Some),
    }
}

/// Suggests an address for one that looks mistyped, unless its domain is known to receive no email either.
pub(super) fn suggestion_for(site: &Site, address: &EmailAddress) -> Option<EmailAddress> {
    let now = site.signup.clock.now();
    suggestion(address)
        .filter(|it| site.signup.mail_servers.cached(it.domain(), now) != Some(Deliverability::No))
}
