//! An address whose domain takes no mail, by the word of the name system: answered like any other wrong address.

use crate::{
    actions::rate_limiter,
    domain::{
        signup::{mail_domains::suggestion, mail_exchange::Deliverability},
        subscriber::email_address::EmailAddress,
        validation::{Code, Problems},
    },
    web::{
        AppError, Site, error,
        public::signup_form::{Asked, SignupFields},
    },
};
use axum::response::Response;
use std::net::SocketAddr;

/// Returns the problem with the domain of an address. `None`: none is known.
pub(super) async fn ask(
    site: &Site,
    asked: &Asked<'_>,
    fields: &SignupFields,
    peer: SocketAddr,
    address: &EmailAddress,
) -> Result<Option<Response>, AppError> {
    let signup = &site.signup;
    let (domain, now) = (address.domain(), signup.clock.now());
    let known = signup.mail_servers.known(domain, now);
    // A client that makes up names must not cause an unlimited number of DNS questions.
    if known.is_none()
        && let Err(wait) = rate_limiter::peek_client(signup, peer.ip()).await?
    {
        return Ok(Some(AppError::TooMany(wait).in_language(asked.spoken.0)));
    }
    if signup.mail_servers.reach(domain, now).await != Deliverability::No {
        return Ok(None);
    }
    if known.is_none() {
        rate_limiter::debit_client(signup, peer.ip()).await?;
    }
    let meant = suggestion(address);
    let problem = match &meant {
        Some(meant) => Code::NoMailServerMeant.at("email").with("address", meant),
        None => Code::NoMailServer.at("email"),
    };
    let problems: Problems = problem.with("domain", address.domain()).into();
    match meant.filter(|_| asked.json) {
        Some(meant) => {
            Ok(Some(error::invalid(asked.spoken, &problems, [("suggestion", meant.as_str().into())])))
        }
        None => asked.refuse(site, fields, &problems).await.map(Some),
    }
}
