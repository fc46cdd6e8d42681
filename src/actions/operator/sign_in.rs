//! An operator signs in with a password.

use crate::{
    actions::operator::{
        context::OperatorContext,
        sessions::{Browser, OpenedSession, begin_session},
    },
    db::{
        DbError, operators,
        rate_limits::{self, Request},
    },
    domain::{rate_limit::Limit, subscriber::email_address::EmailAddress},
    random,
};
use jiff::SignedDuration;
use std::net::IpAddr;

/// Attempts of one client, whatever the account.
const CLIENT: Limit = Limit { max: 30, window: SignedDuration::from_mins(15) };
/// Attempts of one client on one account.
const CLIENT_ON_ACCOUNT: Limit = Limit { max: 10, window: SignedDuration::from_mins(15) };
/// Attempts of all clients on one account.
const ACCOUNT: Limit = Limit { max: 60, window: SignedDuration::from_hours(1) };
/// Attempts in browsers in which the operator has signed in before. So others' attempts don't lock the operator out.
const KNOWN_BROWSER: Limit = Limit { max: 60, window: SignedDuration::from_hours(1) };
/// Attempts on one account's second factor.
const CODES: Limit = Limit { max: 6, window: SignedDuration::from_mins(15) };

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The address, the password or both are wrong. Nothing tells which.
    #[error("This address and password don't belong together.")]
    Wrong,
    /// There were too many attempts. The next one counts after this time.
    #[error("Too many attempts.")]
    TooMany(SignedDuration),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Checks an address and a password, and begins a session. Right and wrong attempts count alike. `mark` is what the
/// browser got when somebody signed in with it.
pub async fn sign_in(
    context: &OperatorContext,
    address: &str,
    password: String,
    browser: &Browser,
    mark: Option<&str>,
) -> Result<OpenedSession, SignInError> {
    let address = EmailAddress::parse(address.trim()).ok();
    let operator = match &address {
        Some(address) => operators::get_by_address(&mut context.actions.db.read().await?, address).await?,
        None => None,
    };
    let key = address.as_ref().map_or_else(|| "none".to_owned(), EmailAddress::key);
    let client = network(browser.client);
    let expected = operator.as_ref().and_then(|operator| context.device_cookie(operator));
    let of_account = if is_same_mark(mark, expected.as_deref()) {
        (format!("operator browser {key}"), KNOWN_BROWSER)
    } else {
        (format!("operator account {key}"), ACCOUNT)
    };
    debit(
        context,
        &[
            client_limit(browser.client),
            (format!("operator client {client} {key}"), CLIENT_ON_ACCOUNT),
            of_account,
        ],
    )
    .await?;
    let is_right = context.password_matches(password, operator.as_ref()).await;
    let Some(operator) = operator.filter(|_| is_right) else {
        tracing::warn!(client = %browser.client, "an operator's sign-in failed");
        return Err(SignInError::Wrong);
    };
    let mut tx = context.actions.db.begin().await?;
    let opened = begin_session(context, &mut tx, &operator, browser).await?;
    tx.commit().await?;
    Ok(opened)
}

fn is_same_mark(mark: Option<&str>, expected: Option<&str>) -> bool {
    mark.zip(expected).is_some_and(|(mark, expected)| {
        aws_lc_rs::constant_time::verify_slices_are_equal(mark.as_bytes(), expected.as_bytes()).is_ok()
    })
}

/// Makes the random key that ties a sign-in form to its browser.
pub fn form_key() -> String {
    random::hex::<16>()
}

/// Debits an attempt on an operator's second factor.
pub(super) async fn debit_code(context: &OperatorContext, operator: i64) -> Result<(), SignInError> {
    debit(context, &[(format!("operator code {operator}"), CODES)]).await
}

/// Debits an attempt of a client, whatever the account.
pub(super) async fn debit_client(context: &OperatorContext, client: IpAddr) -> Result<(), SignInError> {
    debit(context, &[client_limit(client)]).await
}

fn client_limit(client: IpAddr) -> (String, Limit) {
    (format!("operator client {}", network(client)), CLIENT)
}

pub(super) async fn debit(context: &OperatorContext, limits: &[(String, Limit)]) -> Result<(), SignInError> {
    let request: Request =
        limits.iter().map(|(name, limit)| (context.keys.fingerprint(name), *limit)).collect();
    let mut tx = context.actions.db.begin().await?;
    let mut verdicts = rate_limits::check(&mut tx, &[request], context.actions.clock.now()).await?;
    tx.commit().await?;
    verdicts.pop().unwrap_or(Ok(())).map_err(SignInError::TooMany)
}

/// Returns the network that a client counts for: an IPv4 address, or a /64 of IPv6.
fn network(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_counts_with_its_network() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
