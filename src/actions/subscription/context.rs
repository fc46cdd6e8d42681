//! Dependencies of readers' own changes.

use super::unsubscribe_batcher::UnsubscribeBatcher;
use crate::{
    actions::signup::address_policy::AddressPolicy,
    clock::Clock,
    db::Db,
    domain::{rate_limit::Limit, token::KeyRing},
    queue::Queue,
};
use std::sync::Arc;

/// Cheap to clone.
#[derive(Clone)]
pub struct SubscriptionContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Signs and reads the tokens in links.
    pub keys: Arc<KeyRing>,
    /// Carries out unsubscribe requests.
    pub batcher: UnsubscribeBatcher,
    /// Limit of unsolicited emails to one address.
    pub emails_per_address: Option<Limit>,
    /// The addresses that are not accepted.
    pub address_policy: Arc<AddressPolicy>,
}
