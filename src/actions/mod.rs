//! What people can do, one verb a file. Each opens the transaction, writes, records the consent event and enqueues: work and
//! wake-up are saved together or not at all. Pages and the command line only translate to and from these.

pub mod add_article;
pub mod add_feed;
pub mod add_newsletter;
pub mod cancel_issue;
pub mod confirm;
pub mod pause_issue;
pub mod resolve_issue;
pub mod resume_issue;
pub mod send_issue;
pub mod set_newsletter;
pub mod set_preferences;
pub mod subscribe;
pub mod test_send;
pub mod unsubscribe;

use crate::{clock::Clock, db::Db, domain::token::KeyRing, queue::Queue};
use std::sync::Arc;

/// What every action works with.
#[derive(Clone)]
pub struct Context {
    /// The store.
    pub db: Db,
    /// Where work is enqueued.
    pub queue: Queue,
    /// The time.
    pub clock: Clock,
    /// Reads the tokens in links.
    pub keys: Arc<KeyRing>,
    /// How long a confirmation link works.
    pub confirmation_days: u32,
}

/// A new mail's identity (RFC 5322 section 3.6.4), without angle brackets.
fn message_id(newsletter: &crate::domain::newsletter::Newsletter) -> String {
    format!("{}@{}", crate::random::hex::<12>(), newsletter.sender_address.domain())
}
