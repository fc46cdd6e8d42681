//! Incoming email: bounces, complaints, and requests to unsubscribe.

pub mod receive;
mod report;

use crate::{
    actions::subscription::context::SubscriptionContext,
    clock::Clock,
    db::Db,
    domain::{
        delivery::bounce_address::BounceAddress, subscriber::unsubscribe_address::UnsubscribeAddress,
        token::KeyRing,
    },
};
use std::sync::Arc;

/// Dependencies of incoming email. Cheap to clone.
#[derive(Clone)]
pub struct IncomingContext {
    pub db: Db,
    pub clock: Clock,
    pub keys: Arc<KeyRing>,
    /// Ends the subscriptions of readers who ask by email.
    pub subscription: SubscriptionContext,
    /// The envelope sender of our emails.
    pub bounce_address: Option<BounceAddress>,
    /// The address for requests to unsubscribe.
    pub unsubscribe_address: Option<UnsubscribeAddress>,
}
