//! An address whose domain takes no mail, by the word of the name system: answered like any other wrong address.

use crate::{
    actions::rate_limiter,
    domain::{
        signup::{mail_domains::suggestion, mail_exchange::Reach},
        subscriber::email_address::EmailAddress,
    },
    i18n::fill,
    web::{
        AppError, Site, error,
        public::{
            field_errors::{Field, Wrong},
            signup_form::{Asked, Fields},
        },
    },
};
use axum::{http::StatusCode, response::Response};
use std::net::SocketAddr;

/// Returns the problem with the domain of an address. `None`: none is known.
pub(super) async fn ask(
    site: &Site,
    asked: &Asked<'_>,
    fields: &Fields,
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
    if signup.mail_servers.reach(domain, now).await != Reach::No {
        return Ok(None);
    }
    if known.is_none() {
        rate_limiter::debit_client(signup, peer.ip()).await?;
    }
    let (meant, say) = (suggestion(address), &asked.spoken.1.unreachable);
    let why = match &meant {
        Some(meant) => fill(&say.meant, &[("domain", address.domain()), ("address", meant.as_str())]),
        None => fill(&say.check, &[("domain", address.domain())]),
    };
    match meant.filter(|_| asked.json) {
        Some(meant) => {
            let (language, words) = asked.spoken;
            let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, &words.address.refused);
            let members = [("field", "email".into()), ("suggestion", meant.as_str().into())];
            Ok(Some(error::problem(language, status, title, &why, members)))
        }
        None => asked.refuse(site, fields, &Wrong { field: Field::Email, what: why }).await.map(Some),
    }
}
