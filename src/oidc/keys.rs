//! The provider's keys, and signatures of ID tokens.

use crate::domain::operator::oidc::claims::IdClaims;
use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;

/// Most keys of a set that are kept. Providers have two or three.
const MAX_KEYS: usize = 50;

/// Keys that may sign ID tokens.
#[derive(Debug, Clone)]
pub struct Keys(Vec<Jwk>);

/// A key set as providers send it (RFC 7517).
#[derive(Deserialize)]
pub struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// Reasons why no key of the set signed a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the ID token is signed with something else than RS256, ES256 and EdDSA")]
    Algorithm,
    #[error("the ID token is signed with a key that the provider doesn't publish")]
    UnknownKey,
    #[error("the ID token's signature is wrong")]
    Wrong,
    #[error("the ID token can't be read ({0})")]
    Unreadable(String),
}

impl From<KeySet> for Keys {
    /// Keeps the keys that can be read. A provider may have keys of other kinds as well.
    fn from(set: KeySet) -> Self {
        let keys = set.keys.into_iter().take(MAX_KEYS);
        Self(keys.filter_map(|key| serde_json::from_value(key).ok()).collect())
    }
}

impl Keys {
    /// Returns the claims of a token that one of the keys signed.
    pub fn claims(&self, token: &str) -> Result<IdClaims, SignatureError> {
        let header = decode_header(token).map_err(|_| SignatureError::Algorithm)?;
        let algorithm = header.alg;
        if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(SignatureError::Algorithm);
        }
        let mut error = SignatureError::UnknownKey;
        for key in self.0.iter().filter(|key| may_have_signed(key, &header)) {
            match verified(token, key, algorithm) {
                // Without a key's ID, another key may fit, which the provider publishes by now.
                Err(SignatureError::Wrong) if header.kid.is_none() => {}
                Err(SignatureError::Wrong) => error = SignatureError::Wrong,
                decided => return decided,
            }
        }
        Err(error)
    }
}

fn verified(token: &str, key: &Jwk, algorithm: Algorithm) -> Result<IdClaims, SignatureError> {
    let key = DecodingKey::from_jwk(key).map_err(|_| SignatureError::Wrong)?;
    // Claims are checked by our own rules, with our own clock.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode(token, &key, &validation).map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature | ErrorKind::InvalidKeyFormat => SignatureError::Wrong,
        other => SignatureError::Unreadable(format!("{other:?}")),
    })
}

/// Whether a key is of the right kind, for signatures, and the one that a token names.
fn may_have_signed(key: &Jwk, header: &Header) -> bool {
    let (kind, name) = match (&key.algorithm, header.alg) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => (true, KeyAlgorithm::RS256),
        (AlgorithmParameters::EllipticCurve(it), Algorithm::ES256) => {
            (it.curve == EllipticCurve::P256, KeyAlgorithm::ES256)
        }
        (AlgorithmParameters::OctetKeyPair(it), Algorithm::EdDSA) => {
            (it.curve == EllipticCurve::Ed25519, KeyAlgorithm::EdDSA)
        }
        _ => return false,
    };
    let it = &key.common;
    kind && it.key_algorithm.is_none_or(|algorithm| algorithm == name)
        && it.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && it.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify))
        && header.kid.as_ref().is_none_or(|id| it.key_id.as_ref() == Some(id))
}
