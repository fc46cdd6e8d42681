//! Dependencies of signups and confirmations.

use super::{
    address_policy::AddressPolicy, attack_status::AttackStatus, mail_servers::MailServers,
    signup_batcher::SignupBatcher,
};
use crate::{
    clock::Clock,
    db::Db,
    domain::{
        signup::{challenge::ChallengePolicy, limits::SignupLimits},
        token::KeyRing,
    },
    metrics::Metrics,
    queue::Queue,
};
use jiff::SignedDuration;
use std::sync::Arc;

/// Cheap to clone.
#[derive(Clone)]
pub struct SignupContext {
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    /// Signs and reads the tokens in links.
    pub keys: Arc<KeyRing>,
    /// Lifetime of a confirmation link in days.
    pub confirmation_days: u32,
    /// Whether a reader who confirms gets a welcome email.
    pub welcome_email: bool,
    pub batcher: SignupBatcher,
    /// The addresses that are not accepted.
    pub address_policy: Arc<AddressPolicy>,
    /// Tells whether a domain can receive email.
    pub mail_servers: Arc<MailServers>,
    pub limits: SignupLimits,
    pub challenge_policy: ChallengePolicy,
    pub attack_status: Arc<AttackStatus>,
    pub metrics: Metrics,
    /// Forms submitted faster than this are treated as automated.
    pub minimum_time: SignedDuration,
}
