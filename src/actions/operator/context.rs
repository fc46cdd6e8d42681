//! Dependencies of signing in.

use crate::{
    actions::Context,
    db::operators::OperatorRecord,
    domain::{
        ids::OperatorId,
        operator::{password, totp},
        token::KeyRing,
    },
    oidc::Provider,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Passwords that are hashed at the same time. Each takes about 20 MB.
const HASHED_AT_ONCE: usize = 2;

/// Cheap to clone.
#[derive(Clone)]
pub struct OperatorContext {
    pub actions: Context,
    pub keys: Arc<KeyRing>,
    /// Whether signing in needs a second factor.
    pub needs_second_factor: bool,
    /// The OpenID provider through which operators may sign in.
    pub provider: Option<Provider>,
    hashing: Arc<Semaphore>,
}

impl OperatorContext {
    pub fn new(
        actions: Context,
        keys: Arc<KeyRing>,
        needs_second_factor: bool,
        provider: Option<Provider>,
    ) -> Self {
        let hashing = Arc::new(Semaphore::new(HASHED_AT_ONCE));
        Self { actions, keys, needs_second_factor, provider, hashing }
    }

    /// Returns the provider's name on buttons.
    pub fn provider_label(&self) -> Option<&str> {
        self.provider.as_ref().map(Provider::label)
    }

    /// Runs work about passwords on a blocking thread, a few at the same time.
    pub(super) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _turn = self.hashing.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// Whether a password is an operator's. Takes as long without an operator.
    pub(super) async fn password_matches(&self, password: String, operator: Option<&OperatorRecord>) -> bool {
        let hash = operator.filter(|it| !it.roles.is_empty()).and_then(|it| it.password_hash.clone());
        self.hash(move || password::matches(&password, hash.as_deref())).await.unwrap_or(false)
    }

    /// Returns the cookie of a browser in which this operator has signed in. Another password ends all of them.
    pub(super) fn device_cookie(&self, operator: &OperatorRecord) -> Option<String> {
        let hash = operator.password_hash.as_deref()?;
        Some(self.keys.fingerprint(&format!("operator browser {} {hash}", operator.id)))
    }

    /// Returns the keys of an operator's second factor with this nonce, the one to set up first.
    pub(super) fn totp_keys(&self, operator: OperatorId, nonce: &str) -> Vec<[u8; totp::KEY_BYTES]> {
        self.keys.derived_keys(&format!("totp {operator} {nonce}")).collect()
    }
}
