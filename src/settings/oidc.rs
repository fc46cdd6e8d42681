//! `[admin.oidc]`: sign-in of operators through an OpenID provider.

use crate::{
    domain::operator::oidc::{client_secret::ClientSecret, issuer::Issuer},
    settings::{
        problems::wrong,
        text::{optional, text},
    },
};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use validator::{Validate, ValidationError};

/// Longest name of a provider on its button, in characters.
const MAX_LABEL_CHARS: usize = 40;

pub(super) const CURES: &[(&str, &str)] = &[
    (
        "admin.oidc.issuer",
        "write it as the provider's discovery document does, such as https://login.example.org/realms/desk, or nothing",
    ),
    ("admin.oidc.client_id", "give the name that the provider has for Daily"),
    ("admin.oidc.client_secret", "give the secret that the provider made for Daily"),
    (
        "admin.oidc.client_secret_file",
        "give the path of a file that Daily may read, with nothing but the secret",
    ),
    ("admin.oidc.label", "write a name of up to 40 characters, such as Keycloak, or nothing"),
];

#[derive(Debug, Clone, Deserialize, Validate)]
#[validate(
    schema(function = has_issuer, skip_on_field_errors = false),
    schema(function = has_client, skip_on_field_errors = false),
    schema(function = has_one_secret, skip_on_field_errors = false)
)]
pub struct Oidc {
    /// `None`: operators sign in with passwords alone.
    #[serde(deserialize_with = "issuer")]
    pub issuer: Option<Issuer>,
    pub client_id: String,
    #[serde(deserialize_with = "secret")]
    pub client_secret: Option<ClientSecret>,
    /// A file with the secret, in place of the secret itself.
    #[serde(deserialize_with = "file")]
    pub client_secret_file: Option<PathBuf>,
    /// The provider's name on the button. Empty: its host's.
    #[serde(deserialize_with = "label")]
    pub label: String,
}

impl Oidc {
    pub fn secret(&self) -> Option<ClientSecret> {
        let file = self.client_secret_file.clone().map(ClientSecret::File);
        file.or_else(|| self.client_secret.clone())
    }
}

fn issuer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Issuer>, D::Error> {
    optional(from, Issuer::parse)
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ClientSecret>, D::Error> {
    optional(from, |text| Ok(ClientSecret::Text(text.to_owned())))
}

fn file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    optional(from, |text| Ok(text.into()))
}

fn label<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, |text| {
        if text.chars().count() > MAX_LABEL_CHARS || text.chars().any(char::is_control) {
            return Err("it is longer than a button, or has line breaks".into());
        }
        Ok(text.trim().to_owned())
    })
}

fn has_issuer(oidc: &Oidc) -> Result<(), ValidationError> {
    let is_begun = !oidc.client_id.is_empty() || oidc.secret().is_some();
    if oidc.issuer.is_none() && is_begun {
        return Err(wrong("issuer", "it is missing, so nobody can sign in through the provider", None));
    }
    Ok(())
}

fn has_client(oidc: &Oidc) -> Result<(), ValidationError> {
    if oidc.issuer.is_some() && oidc.client_id.trim().is_empty() {
        return Err(wrong("client_id", "it is missing", None));
    }
    Ok(())
}

fn has_one_secret(oidc: &Oidc) -> Result<(), ValidationError> {
    match (&oidc.client_secret, &oidc.client_secret_file) {
        (Some(_), Some(_)) => {
            Err(wrong("client_secret_file", "there is client_secret as well", Some("give one of them")))
        }
        (None, None) if oidc.issuer.is_some() => Err(wrong(
            "client_secret",
            "it is missing",
            Some("give the secret that the provider made for Daily, or client_secret_file"),
        )),
        _ => Ok(()),
    }
}
