//! The discovery document (OpenID Connect Discovery 1.0).

use super::error::ProviderError;
use crate::domain::operator::oidc::issuer::Issuer;
use serde::Deserialize;
use url::Url;

/// The algorithms of ID tokens that count. Others are weaker, or would make a public key a secret.
pub(super) const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// The part of a discovery document that Daily needs.
#[derive(Debug, Clone, Deserialize)]
pub struct Discovery {
    issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// Whether every answer names the issuer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// The place of a client's ID and secret in a request for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    Header,
    Form,
}

impl Discovery {
    /// Checks that the document is the issuer's, and that Daily can work with it.
    pub fn check(self, url: &str, issuer: &Issuer) -> Result<Self, ProviderError> {
        if self.issuer != issuer.as_str() {
            return Err(ProviderError::OtherIssuer {
                url: url.to_owned(),
                found: self.issuer.chars().take(200).collect(),
                configured: issuer.as_str().to_owned(),
            });
        }
        let endpoints = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        if let Some(endpoint) =
            endpoints.into_iter().chain(&self.userinfo_endpoint).find(|it| !issuer.allows(it))
        {
            return Err(ProviderError::Insecure { url: url.to_owned(), endpoint: endpoint.to_string() });
        }
        if let Some(algorithms) = &self.id_token_signing_alg_values_supported
            && !algorithms.iter().any(|it| ALGORITHMS.contains(&it.as_str()))
        {
            return Err(ProviderError::Algorithms);
        }
        self.authentication()?;
        Ok(self)
    }

    /// Returns how Daily shows its secret. Without a list, providers take it in a header.
    pub fn authentication(&self) -> Result<Authentication, ProviderError> {
        let Some(methods) = &self.token_endpoint_auth_methods_supported else {
            return Ok(Authentication::Header);
        };
        let takes = |name: &str| methods.iter().any(|method| method == name);
        match (takes("client_secret_basic"), takes("client_secret_post")) {
            (true, _) => Ok(Authentication::Header),
            (false, true) => Ok(Authentication::Form),
            (false, false) => Err(ProviderError::Authentication),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(change: impl FnOnce(&mut Value)) -> Result<Discovery, ProviderError> {
        let mut document = json!({
            "issuer": "https://a.example", "authorization_endpoint": "https://a.example/auth",
            "token_endpoint": "https://a.example/token", "jwks_uri": "https://keys.example/jwks",
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
        });
        change(&mut document);
        let document: Discovery = serde_json::from_value(document).unwrap();
        document.check("https://a.example/x", &Issuer::parse("https://a.example").unwrap())
    }

    #[test]
    fn the_document_must_be_the_issuers_and_its_addresses_safe() {
        assert!(check(|_| {}).is_ok());
        let other = check(|it| it["issuer"] = json!("https://a.example/")).unwrap_err();
        assert!(matches!(other, ProviderError::OtherIssuer { .. }), "{other}");
        for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            let insecure = check(|it| it[endpoint] = json!("http://a.example/x")).unwrap_err();
            assert!(matches!(insecure, ProviderError::Insecure { .. }), "{insecure}");
        }
        let weak = check(|it| it["id_token_signing_alg_values_supported"] = json!(["none", "HS256"]));
        assert_eq!(weak.unwrap_err(), ProviderError::Algorithms);
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let methods = |list: Value| {
            check(|it| it["token_endpoint_auth_methods_supported"] = list).and_then(|it| it.authentication())
        };
        assert_eq!(methods(Value::Null), Ok(Authentication::Header));
        assert_eq!(methods(json!(["client_secret_post", "client_secret_basic"])), Ok(Authentication::Header));
        assert_eq!(methods(json!(["private_key_jwt", "client_secret_post"])), Ok(Authentication::Form));
        assert_eq!(methods(json!(["private_key_jwt"])), Err(ProviderError::Authentication));
    }
}
