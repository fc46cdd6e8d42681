//! The OpenID provider through which operators may sign in: its documents, its keys, and the exchange of a code for an
//! account (OpenID Connect Core 1.0, authorization code flow with PKCE).
//!
//! The documents are fetched when somebody signs in, and kept for an hour. A failure is remembered for some seconds, so
//! that a provider that is down is not asked by everybody who tries.

mod discovery;
pub mod error;
mod http;
mod keys;

use crate::{
    clock::Clock,
    domain::{
        operator::oidc::{
            Identity,
            claims::{AddressClaims, Expected, IdClaims},
            client_secret::ClientSecret,
            issuer::Issuer,
        },
        subscriber::email_address::EmailAddress,
    },
};
use discovery::{Authentication, Discovery};
use error::ProviderError;
use http::{Http, read_json};
use jiff::{SignedDuration, Timestamp};
use keys::{KeySet, Keys, SignatureError};
use reqwest::StatusCode;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

/// How long documents are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// How long a failure is remembered.
const FAILED: SignedDuration = SignedDuration::from_secs(5);
/// Time limit of the exchange, with all its requests. Pages have thirty seconds.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(18);
/// Longest secret in a file, in bytes.
const MAX_SECRET_BYTES: usize = 4096;
/// Longest text of a provider's error that is logged.
const MAX_LOGGED_CHARS: usize = 100;

/// The settings of a provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    pub issuer: Issuer,
    /// The name by which the provider knows Daily.
    pub client_id: String,
    pub secret: ClientSecret,
    /// The provider's name on the button.
    pub label: String,
    /// The address that the provider sends browsers back to.
    pub redirect_uri: String,
}

/// A provider. Cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: ProviderSettings,
    http: Http,
    clock: Clock,
    documents: Mutex<Documents>,
}

#[derive(Default)]
struct Documents {
    discovery: Option<Kept<Arc<Discovery>>>,
    keys: Option<Kept<Arc<Keys>>>,
    failure: Option<Kept<ProviderError>>,
}

struct Kept<T> {
    value: T,
    since: Timestamp,
}

/// Returns a value that is not older than `longest`.
fn current<T: Clone>(kept: Option<&Kept<T>>, longest: SignedDuration, now: Timestamp) -> Option<T> {
    let age = |it: &Kept<T>| now.duration_since(it.since);
    kept.filter(|it| age(it) < longest && !age(it).is_negative()).map(|it| it.value.clone())
}

/// The browser's answer from the provider.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    pub code: &'a str,
    /// The issuer that the answer names.
    pub issuer: Option<&'a str>,
    pub verifier: &'a str,
    pub nonce: &'a str,
}

/// An account that the provider vouches for.
pub struct Account {
    pub identity: Identity,
    address: AddressClaims,
    access_token: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: String,
}

/// An error of the token endpoint (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct TokenError {
    error: String,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    address: AddressClaims,
}

impl Provider {
    pub fn new(settings: ProviderSettings, clock: Clock) -> Self {
        let http = Http::new(settings.issuer.is_local());
        Self(Arc::new(Inner { settings, http, clock, documents: Mutex::default() }))
    }

    pub fn label(&self) -> &str {
        &self.0.settings.label
    }

    pub fn issuer(&self) -> &str {
        self.0.settings.issuer.as_str()
    }

    pub fn redirect_uri(&self) -> &str {
        &self.0.settings.redirect_uri
    }

    /// Returns the address where a browser signs in.
    pub async fn sign_in_url(&self, state: &str, nonce: &str, challenge: &str) -> Result<Url, ProviderError> {
        let mut url = self.discovery().await?.authorization_endpoint.clone();
        let settings = &self.0.settings;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &settings.client_id),
            ("redirect_uri", &settings.redirect_uri),
            ("scope", "openid email"),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(url)
    }

    /// Exchanges a code for the account that signed in.
    pub async fn exchange(&self, grant: Grant<'_>) -> Result<Account, ProviderError> {
        let exchange = async {
            let discovery = self.discovery().await?;
            let is_from_issuer = match grant.issuer {
                Some(issuer) => issuer == self.issuer(),
                None => !discovery.authorization_response_iss_parameter_supported,
            };
            if !is_from_issuer {
                return Err(ProviderError::refused("the answer is from another issuer"));
            }
            let tokens = self.tokens(&discovery, grant).await?;
            let claims = self.claims(&tokens.id_token).await?;
            let expected =
                Expected { issuer: self.issuer(), client_id: &self.0.settings.client_id, nonce: grant.nonce };
            claims.check(expected, self.0.clock.now()).map_err(ProviderError::refused)?;
            let identity = Identity { issuer: self.issuer().to_owned(), subject: claims.sub };
            Ok(Account { identity, address: claims.address, access_token: tokens.access_token })
        };
        tokio::time::timeout(EXCHANGE_LIMIT, exchange).await.unwrap_or(Err(ProviderError::TimedOut))
    }

    /// Returns an account's address if the provider has verified it. Many providers tell it only at their UserInfo
    /// endpoint.
    pub async fn verified_address(&self, account: &Account) -> Result<Option<EmailAddress>, ProviderError> {
        if account.address.is_there() {
            return Ok(account.address.verified());
        }
        let discovery = self.discovery().await?;
        let Some(url) = &discovery.userinfo_endpoint else { return Ok(None) };
        let info: UserInfo = self.0.http.get(url.as_str(), Some(&account.access_token)).await?;
        if info.sub != account.identity.subject {
            return Err(ProviderError::refused("the UserInfo endpoint tells about another account"));
        }
        Ok(info.address.verified())
    }

    /// Fetches what a sign-in needs, for `daily check`.
    pub async fn check(&self) -> Result<(), ProviderError> {
        self.secret().await?;
        self.discovery().await?;
        self.keys(None).await?;
        Ok(())
    }

    async fn tokens(&self, discovery: &Discovery, grant: Grant<'_>) -> Result<Tokens, ProviderError> {
        let settings = &self.0.settings;
        let secret = self.secret().await?;
        let (form, login) = token_request(settings, &secret, discovery.authentication()?, grant);
        let url = &discovery.token_endpoint;
        let answer = self.0.http.post(url, form, login).await?;
        if answer.status == StatusCode::OK {
            return read_json(url.as_str(), &answer.body);
        }
        let status = answer.status.as_u16();
        let Ok(TokenError { error }) = serde_json::from_slice(&answer.body) else {
            return Err(ProviderError::Status { url: url.to_string(), status });
        };
        let error = logged(&error);
        match error.as_str() {
            "invalid_client" | "unauthorized_client" => Err(ProviderError::Client(error)),
            _ if answer.status.is_client_error() => {
                Err(ProviderError::Refused(format!("the provider refused the code ({error})")))
            }
            _ => Err(ProviderError::Status { url: url.to_string(), status }),
        }
    }

    /// Returns the claims of a token that the provider signed. If its key is unknown, the keys are fetched once more.
    async fn claims(&self, token: &str) -> Result<IdClaims, ProviderError> {
        let (keys, is_new) = self.keys(None).await?;
        let claims = match keys.claims(token) {
            Err(SignatureError::UnknownKey) if !is_new => self.keys(Some(&keys)).await?.0.claims(token),
            decided => decided,
        };
        claims.map_err(ProviderError::refused)
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, ProviderError> {
        let mut documents = self.0.documents.lock().await;
        self.discovery_in(&mut documents).await
    }

    async fn discovery_in(&self, documents: &mut Documents) -> Result<Arc<Discovery>, ProviderError> {
        let now = self.0.clock.now();
        if let Some(discovery) = current(documents.discovery.as_ref(), KEPT, now) {
            return Ok(discovery);
        }
        if let Some(failure) = current(documents.failure.as_ref(), FAILED, now) {
            return Err(failure);
        }
        let issuer = &self.0.settings.issuer;
        let url = issuer.discovery_url();
        let fetched = self.0.http.get::<Discovery>(&url, None).await.and_then(|it| it.check(&url, issuer));
        match fetched.map(Arc::new) {
            Ok(discovery) => {
                documents.discovery = Some(Kept { value: discovery.clone(), since: now });
                documents.failure = None;
                Ok(discovery)
            }
            Err(error) => {
                documents.failure = Some(Kept { value: error.clone(), since: now });
                Err(error)
            }
        }
    }

    /// Returns the keys, other ones than `outdated`, and whether they were fetched now.
    async fn keys(&self, outdated: Option<&Arc<Keys>>) -> Result<(Arc<Keys>, bool), ProviderError> {
        let mut documents = self.0.documents.lock().await;
        let now = self.0.clock.now();
        let kept = current(documents.keys.as_ref(), KEPT, now);
        if let Some(keys) = kept.filter(|kept| outdated.is_none_or(|outdated| !Arc::ptr_eq(kept, outdated))) {
            return Ok((keys, false));
        }
        let discovery = self.discovery_in(&mut documents).await?;
        let set: KeySet = self.0.http.get(discovery.jwks_uri.as_str(), None).await?;
        let keys = Arc::new(Keys::from(set));
        documents.keys = Some(Kept { value: keys.clone(), since: now });
        Ok((keys, true))
    }

    async fn secret(&self) -> Result<String, ProviderError> {
        let path = match &self.0.settings.secret {
            ClientSecret::Text(text) => return Ok(text.clone()),
            ClientSecret::File(path) => path,
        };
        let unusable = |reason: String| ProviderError::Secret { path: path.display().to_string(), reason };
        let text = tokio::fs::read_to_string(path).await.map_err(|error| unusable(error.to_string()))?;
        match text.trim() {
            "" => Err(unusable("it is empty".into())),
            secret if secret.len() > MAX_SECRET_BYTES => Err(unusable("it is too long".into())),
            secret => Ok(secret.to_owned()),
        }
    }
}

/// Returns the form of a request for tokens, and the user and password for its header.
fn token_request(
    settings: &ProviderSettings,
    secret: &str,
    authentication: Authentication,
    grant: Grant<'_>,
) -> (String, Option<(String, String)>) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", grant.code),
        ("redirect_uri", &settings.redirect_uri),
        ("code_verifier", grant.verifier),
    ]);
    let login = match authentication {
        // Both are encoded like values of a form first (RFC 6749, section 2.3.1).
        Authentication::Header => {
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect();
            Some((encoded(&settings.client_id), encoded(secret)))
        }
        Authentication::Form => {
            form.extend_pairs([("client_id", settings.client_id.as_str()), ("client_secret", secret)]);
            None
        }
    };
    (form.finish(), login)
}

/// Returns a text of the provider for the log.
pub fn logged(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_LOGGED_CHARS).collect()
}
