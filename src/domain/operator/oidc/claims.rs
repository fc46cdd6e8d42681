//! Claims of ID tokens, and the rules by which they count (OpenID Connect Core 1.0, section 3.1.3.7).

use super::flow::is_same;
use crate::domain::subscriber::email_address::EmailAddress;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Difference between the provider's clock and ours that does no harm.
const LEEWAY: SignedDuration = SignedDuration::from_mins(1);
/// Age at which a token was not made for this sign-in.
const OLDEST: SignedDuration = SignedDuration::from_mins(10);
/// Longest subject that the specification allows, in bytes.
const MAX_SUBJECT_BYTES: usize = 255;

/// The claims of an ID token whose signature was verified.
#[derive(Debug, Clone, Deserialize)]
pub struct IdClaims {
    /// The issuer that made the token.
    iss: String,
    /// The account at the provider.
    pub sub: String,
    /// The clients that the token is for.
    aud: Audience,
    /// The client that asked for it.
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    #[serde(flatten)]
    pub address: AddressClaims,
}

/// The address in an ID token, or in the answer of the UserInfo endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct AddressClaims {
    email: Option<String>,
    email_verified: Option<bool>,
}

/// One client, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The values that a token must have.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
}

/// Reasons why a token doesn't count, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimProblem {
    #[error("another issuer made the ID token")]
    Issuer,
    #[error("the ID token is for another client")]
    Audience,
    #[error("another client asked for the ID token")]
    Party,
    #[error("the ID token has expired, or this machine's clock is fast")]
    Expired,
    #[error("the ID token is from the future, or this machine's clock is slow")]
    Early,
    #[error("the ID token is too old for this sign-in")]
    Old,
    #[error("the ID token is for another sign-in")]
    Nonce,
    #[error("the ID token names no account, or one whose name is too long")]
    Subject,
    #[error("the provider has not verified the email address")]
    Unverified,
}

impl IdClaims {
    /// Checks everything but the signature.
    pub fn check(&self, expected: Expected<'_>, now: Timestamp) -> Result<(), ClaimProblem> {
        let second = now.as_second();
        let leeway = LEEWAY.as_secs();
        let (is_ours, is_alone) = match &self.aud {
            Audience::One(client) => (client == expected.client_id, true),
            Audience::Many(clients) => {
                (clients.iter().any(|it| it == expected.client_id), clients.len() == 1)
            }
        };
        // Among several clients, only the one that asked may use the token.
        let is_party = match &self.azp {
            Some(party) => party == expected.client_id,
            None => is_alone,
        };
        let has_nonce = self.nonce.as_deref().is_some_and(|nonce| is_same(nonce, expected.nonce));
        let rules = [
            (self.iss == expected.issuer, ClaimProblem::Issuer),
            (is_ours, ClaimProblem::Audience),
            (is_party, ClaimProblem::Party),
            (self.exp > second.saturating_sub(leeway), ClaimProblem::Expired),
            (self.iat <= second.saturating_add(leeway), ClaimProblem::Early),
            (self.nbf.is_none_or(|from| from <= second.saturating_add(leeway)), ClaimProblem::Early),
            (self.iat >= second.saturating_sub(OLDEST.as_secs() + leeway), ClaimProblem::Old),
            (has_nonce, ClaimProblem::Nonce),
            ((1..=MAX_SUBJECT_BYTES).contains(&self.sub.len()), ClaimProblem::Subject),
            (self.address.email_verified != Some(false), ClaimProblem::Unverified),
        ];
        rules.into_iter().try_for_each(|(holds, problem)| if holds { Ok(()) } else { Err(problem) })
    }
}

impl AddressClaims {
    /// Whether there is an address, verified or not.
    pub fn is_there(&self) -> bool {
        self.email.is_some()
    }

    /// Returns the address if the provider has verified it.
    pub fn verified(&self) -> Option<EmailAddress> {
        let email = self.email.as_deref().filter(|_| self.email_verified == Some(true))?;
        EmailAddress::parse(email).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;

    fn check(change: impl FnOnce(&mut Value)) -> Result<(), ClaimProblem> {
        let mut claims = json!({
            "iss": "https://login.example.org", "sub": "248289761001", "aud": "daily", "nonce": "n-0S6_WzA2Mj",
            "exp": NOW + 300, "iat": NOW, "email": "ines@example.org", "email_verified": true,
        });
        change(&mut claims);
        let claims: IdClaims = serde_json::from_value(claims).unwrap();
        let expected =
            Expected { issuer: "https://login.example.org", client_id: "daily", nonce: "n-0S6_WzA2Mj" };
        claims.check(expected, Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_token_for_this_sign_in_counts() {
        let changes: [fn(&mut Value); 10] = [
            |_| {},
            |it| it["aud"] = json!(["daily"]),
            |it| it["azp"] = json!("daily"),
            |it| {
                it["aud"] = json!(["daily", "other"]);
                it["azp"] = json!("daily");
            },
            |it| it["exp"] = json!(NOW - 59),
            |it| it["iat"] = json!(NOW + 60),
            |it| it["iat"] = json!(NOW - 660),
            |it| it["nbf"] = json!(NOW + 60),
            |it| it["sub"] = json!("x".repeat(255)),
            |it| it["email_verified"] = Value::Null,
        ];
        for change in changes {
            assert_eq!(check(change), Ok(()));
        }
    }

    #[test]
    fn every_other_token_is_refused() {
        type Change = fn(&mut Value);
        let cases: &[(Change, ClaimProblem)] = &[
            (|it| it["iss"] = json!("https://login.example.org/"), ClaimProblem::Issuer),
            (|it| it["iss"] = json!("https://evil.example"), ClaimProblem::Issuer),
            (|it| it["aud"] = json!("other"), ClaimProblem::Audience),
            (|it| it["aud"] = json!([]), ClaimProblem::Audience),
            (|it| it["aud"] = json!(["other"]), ClaimProblem::Audience),
            (|it| it["aud"] = json!(["daily", "other"]), ClaimProblem::Party),
            (|it| it["azp"] = json!("other"), ClaimProblem::Party),
            (|it| it["exp"] = json!(NOW - 60), ClaimProblem::Expired),
            (|it| it["exp"] = json!(i64::MIN), ClaimProblem::Expired),
            (|it| it["iat"] = json!(NOW + 61), ClaimProblem::Early),
            (|it| it["nbf"] = json!(NOW + 61), ClaimProblem::Early),
            (|it| it["iat"] = json!(NOW - 661), ClaimProblem::Old),
            (|it| it["nonce"] = json!("n-0S6_WzA2Mk"), ClaimProblem::Nonce),
            (|it| it["nonce"] = json!(""), ClaimProblem::Nonce),
            (|it| it["nonce"] = Value::Null, ClaimProblem::Nonce),
            (|it| it["sub"] = json!(""), ClaimProblem::Subject),
            (|it| it["sub"] = json!("x".repeat(256)), ClaimProblem::Subject),
            (|it| it["email_verified"] = json!(false), ClaimProblem::Unverified),
        ];
        for (change, problem) in cases {
            assert_eq!(check(change), Err(*problem));
        }
    }

    #[test]
    fn an_address_counts_only_if_it_is_verified() {
        let verified = |claims: Value| {
            let claims: AddressClaims = serde_json::from_value(claims).unwrap();
            claims.verified().map(|it| it.to_string())
        };
        let address = Some("ines@example.org".to_owned());
        assert_eq!(verified(json!({"email": "ines@example.org", "email_verified": true})), address);
        for claims in [
            json!({"email": "ines@example.org"}),
            json!({"email": "ines@example.org", "email_verified": false}),
            json!({"email": "no address", "email_verified": true}),
            json!({"email_verified": true}),
        ] {
            assert_eq!(verified(claims), None);
        }
        let texts = json!({"email": "ines@example.org", "email_verified": "true"});
        assert!(serde_json::from_value::<AddressClaims>(texts).is_err(), "the specification says a boolean");
    }
}
