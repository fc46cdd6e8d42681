//! Findings about the OpenID provider through which operators sign in.

use super::Finding;
use crate::{actions::operator::context::OperatorContext, oidc::error::ProviderError};

/// Fetches what a sign-in needs. Passwords work in any case, so nothing here holds issues back. `None`: there is no
/// provider.
pub async fn of_provider(operators: &OperatorContext) -> Option<Finding> {
    const WHAT: &str = "sign-in provider";
    let provider = operators.provider.as_ref()?;
    let error = match provider.check().await {
        Ok(()) => {
            let detail = format!(
                "{} answers; register there the redirect URI {}",
                provider.issuer(),
                provider.redirect_uri()
            );
            return Some(Finding::ok(WHAT, detail));
        }
        Err(error) => error,
    };
    let cure = match &error {
        ProviderError::OtherIssuer { found, .. } => {
            format!("if this is the provider, set issuer = \"{found}\"")
        }
        ProviderError::Secret { .. } => "see client_secret_file under [admin.oidc]".into(),
        ProviderError::Algorithms => "choose RS256 at the provider".into(),
        ProviderError::Authentication => "choose client_secret_basic at the provider".into(),
        _ => "see issuer under [admin.oidc]".into(),
    };
    let finding = Finding::warning(WHAT, error.to_string());
    Some(finding.because("operators can't sign in through it, only with passwords").cured_by(cure))
}
