//! What readers' own changes work with.

use super::unsubscribe_batcher::UnsubscribeBatcher;
use crate::{
    actions::signup::address_policy::AddressPolicy,
    clock::Clock,
    db::Db,
    domain::{rate_limit::Limit, token::KeyRing},
    queue::Queue,
};
use std::sync::Arc;

/// What a reader's changes to subscriptions and personal data need. Cheap to clone.
#[derive(Clone)]
pub struct SubscriptionContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Signs and reads the tokens in links.
    pub keys: Arc<KeyRing>,
    /// Carries out unsubscribe requests.
    pub batcher: UnsubscribeBatcher,
    /// Emails that strangers may cause to one address.
    pub emails_per_address: Option<Limit>,
    /// The addresses that are not accepted.
    pub address_policy: Arc<AddressPolicy>,
}
