//! A scripted OpenID provider on this machine: it signs in whom a story says, and lies as a story says.

use super::at;
use aws_lc_rs::{
    digest, hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use daily::{
    domain::operator::oidc::{client_secret::ClientSecret, issuer::Issuer},
    settings::Settings,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
};
use tokio::{net::TcpListener, task::JoinHandle};
use url::{Url, form_urlencoded};

pub const CLIENT: &str = "daily desk";
pub const SECRET: &str = "a secret with + and %";

/// Making an RSA key takes a while, so stories share two.
static RSA: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [0, 1].map(|_| RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")));

/// How an ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Rsa,
    /// With a key that the provider doesn't publish, under the name of one that it does.
    OtherRsa,
    Ecdsa,
    Ed25519,
    /// Not at all.
    None,
    /// With the public RSA key as a secret.
    Hmac,
}

/// The provider's behaviour from now on.
pub struct Script {
    pub subject: String,
    pub email: Value,
    pub email_verified: Value,
    /// Whether the address is in ID tokens. It is always at the UserInfo endpoint.
    pub email_in_token: bool,
    /// Further claims of ID tokens, which replace others. Null removes one.
    pub claims: Value,
    /// The account of which the UserInfo endpoint tells. Empty: the one that signed in.
    pub user_info_subject: String,
    pub signing: Signing,
    /// The key's name in ID tokens.
    pub key: Option<String>,
    /// The names under which the keys are published.
    pub published: String,
    /// Changes ID tokens after they were signed.
    pub tamper: fn(String) -> String,
    /// Replaces parts of the discovery document.
    pub discovery: Value,
    /// Answers in place of the usual ones, by path.
    pub answers: BTreeMap<&'static str, (u16, String)>,
    pub now: Timestamp,
    codes: BTreeMap<String, Code>,
    requests: BTreeMap<String, usize>,
}

impl Script {
    fn honest(address: &str, now: Timestamp) -> Self {
        Self {
            subject: "account 1".into(),
            email: address.into(),
            email_verified: true.into(),
            email_in_token: true,
            claims: json!({}),
            user_info_subject: String::new(),
            signing: Signing::Rsa,
            key: Some("first".into()),
            published: "first".into(),
            tamper: |token| token,
            discovery: json!({}),
            answers: BTreeMap::new(),
            now,
            codes: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }
}

/// A code for one sign-in.
struct Code {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

type Shared = Arc<(String, Mutex<Script>)>;

/// A provider that ends with the test.
pub struct OpenIdProvider {
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl OpenIdProvider {
    /// Starts a provider whose only account has this address.
    pub async fn start(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("its address"));
        let script = Script::honest(address, at(super::app::BEGIN));
        let shared: Shared = Arc::new((issuer, Mutex::new(script)));
        let router = Router::new()
            .route("/token", post(token))
            .route("/{*path}", get(document))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { shared, serving }
    }

    pub fn issuer(&self) -> &str {
        &self.shared.0
    }

    /// Makes operators sign in through this provider.
    pub fn configure(&self, settings: &mut Settings) {
        let oidc = &mut settings.admin.oidc;
        oidc.issuer = Some(Issuer::parse(self.issuer()).expect("an issuer"));
        oidc.client_id = CLIENT.into();
        oidc.client_secret = Some(ClientSecret::Text(SECRET.into()));
        oidc.label = "Desk Login".into();
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.1.lock().expect("a lock")
    }

    /// Forgets all lies, and knows one account.
    pub fn be_honest(&self, address: &str, now: Timestamp) {
        *self.script() = Script::honest(address, now);
    }

    /// Returns how often a path was asked for.
    pub fn requests(&self, path: &str) -> usize {
        self.script().requests.get(path).copied().unwrap_or(0)
    }

    /// Signs somebody in at the page that Daily led to. Returns the address that the browser is sent back to.
    pub fn signs_in(&self, location: &str) -> String {
        let (callback, state) = self.authorizes(location);
        format!("{callback}&state={state}&iss={}", encoded(self.issuer()))
    }

    /// Checks the request that Daily sent the browser with. Returns the address with a code, and the state.
    pub fn authorizes(&self, location: &str) -> (String, String) {
        let url = Url::parse(location).expect("a URL");
        assert!(location.starts_with(&format!("{}/authorize?", self.issuer())), "{location}");
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let one = |name: &str| query.get(name).unwrap_or_else(|| panic!("no {name} in {location}")).clone();
        assert_eq!((one("response_type"), one("client_id")), ("code".to_owned(), CLIENT.to_owned()));
        assert_eq!(
            (one("scope"), one("code_challenge_method")),
            ("openid email".to_owned(), "S256".to_owned())
        );
        let code =
            Code { nonce: one("nonce"), challenge: one("code_challenge"), redirect_uri: one("redirect_uri") };
        let callback = code.redirect_uri.clone();
        let name = format!("code-{}", daily::random::hex::<8>());
        self.script().codes.insert(name.clone(), code);
        (format!("{callback}?code={name}"), one("state"))
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn document(State(shared): State<Shared>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let (issuer, script) = &*shared;
    let mut script = script.lock().expect("a lock");
    *script.requests.entry(path.clone()).or_default() += 1;
    if let Some((status, body)) = script.answers.get(path.as_str()) {
        return (StatusCode::from_u16(*status).expect("a status"), body.clone()).into_response();
    }
    match path.as_str() {
        ".well-known/openid-configuration" => Json(merged(
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "userinfo_endpoint": format!("{issuer}/user"),
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
                "authorization_response_iss_parameter_supported": true,
            }),
            &script.discovery,
        ))
        .into_response(),
        "keys" => Json(json!({ "keys": public_keys(&script.published) })).into_response(),
        "user" => {
            assert_eq!(headers["authorization"], "Bearer an access token");
            let subject = Some(&script.user_info_subject).filter(|it| !it.is_empty());
            Json(json!({
                "sub": subject.unwrap_or(&script.subject),
                "email": script.email, "email_verified": script.email_verified,
            }))
            .into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let (issuer, script) = &*shared;
    let mut script = script.lock().expect("a lock");
    *script.requests.entry("token".into()).or_default() += 1;
    if let Some((status, body)) = script.answers.get("token") {
        return (StatusCode::from_u16(*status).expect("a status"), body.clone()).into_response();
    }
    let error = |status: u16, error: &str| {
        (StatusCode::from_u16(status).expect("a status"), Json(json!({ "error": error }))).into_response()
    };
    let login = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
    if headers.get("authorization").is_none_or(|it| *it != format!("Basic {login}")) {
        return error(401, "invalid_client");
    }
    let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form["grant_type"], "authorization_code");
    // A code counts once, and only with the verifier that belongs to its challenge.
    let Some(code) = script.codes.remove(&form["code"]) else { return error(400, "invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, form["code_verifier"].as_bytes()));
    if challenge != code.challenge || form["redirect_uri"] != code.redirect_uri {
        return error(400, "invalid_grant");
    }
    let now = script.now.as_second();
    let mut claims = json!({
        "iss": issuer, "sub": script.subject, "aud": CLIENT, "nonce": code.nonce, "iat": now, "exp": now + 300,
    });
    if script.email_in_token {
        claims["email"] = script.email.clone();
        claims["email_verified"] = script.email_verified.clone();
    }
    let token =
        (script.tamper)(signed(&merged(claims, &script.claims), script.signing, script.key.as_deref()));
    Json(json!({ "id_token": token, "access_token": "an access token", "token_type": "Bearer" }))
        .into_response()
}

/// Returns a document with other values. Null removes one.
fn merged(mut document: Value, changes: &Value) -> Value {
    let fields = document.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    document
}

/// The keys of stories about curves.
static ECDSA: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));
static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().expect("a key"));

/// Returns the key set, with keys that are of no use to Daily, too.
fn public_keys(name: &str) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let rsa = RSA[0].public_key();
    let (modulus, exponent) = (
        text(rsa.modulus().big_endian_without_leading_zero()),
        text(rsa.exponent().big_endian_without_leading_zero()),
    );
    let point = ECDSA.public_key().as_ref();
    json!([
        { "kty": "AKP", "kid": name, "alg": "ML-DSA-44", "pub": "AAAA" },
        { "kty": "RSA", "kid": name, "use": "enc", "n": modulus, "e": exponent },
        { "kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", "n": modulus, "e": exponent },
        { "kty": "EC", "kid": name, "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) },
        { "kty": "OKP", "kid": name, "crv": "Ed25519", "x": text(ED25519.public_key().as_ref()) },
    ])
}

fn signed(claims: &Value, signing: Signing, key: Option<&str>) -> String {
    let algorithm = match signing {
        Signing::Rsa | Signing::OtherRsa => "RS256",
        Signing::Ecdsa => "ES256",
        Signing::Ed25519 => "EdDSA",
        Signing::None => "none",
        Signing::Hmac => "HS256",
    };
    let mut header = json!({ "alg": algorithm, "typ": "JWT" });
    if let Some(key) = key {
        header["kid"] = key.into();
    }
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", text(&header), text(claims));
    let bytes = message.as_bytes();
    let random = SystemRandom::new();
    let rsa = |key: &RsaKeyPair| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).expect("a signature");
        signature
    };
    let signature = match signing {
        Signing::Rsa => rsa(&RSA[0]),
        Signing::OtherRsa => rsa(&RSA[1]),
        Signing::Ecdsa => ECDSA.sign(&random, bytes).expect("a signature").as_ref().to_vec(),
        Signing::Ed25519 => ED25519.sign(bytes).as_ref().to_vec(),
        Signing::None => Vec::new(),
        Signing::Hmac => {
            let secret = RSA[0].public_key().as_ref();
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), bytes).as_ref().to_vec()
        }
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
