//! Incoming email: bounces, complaints, and requests to unsubscribe.

pub mod receive;
mod report;

use crate::{
    actions::subscription::context::SubscriptionContext,
    clock::Clock,
    db::Db,
    domain::{
        delivery::{bounce_address::BounceAddress, incoming::IncomingKind},
        subscriber::unsubscribe_address::UnsubscribeAddress,
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

/// The result, in words for the mail server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub kind: IncomingKind,
    pub did: String,
    /// Why nothing was changed, if the message is kept for an operator.
    kept: bool,
}

impl Outcome {
    fn done(kind: IncomingKind, did: impl Into<String>) -> Self {
        Self { kind, did: did.into(), kept: false }
    }

    fn kept(kind: IncomingKind, why: impl Into<String>) -> Self {
        Self { kind, did: why.into(), kept: true }
    }

    /// Whether the message is kept for an operator.
    pub const fn is_kept(&self) -> bool {
        self.kept
    }
}
