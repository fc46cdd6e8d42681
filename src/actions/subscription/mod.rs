//! Readers change or end their subscriptions; operators import them.

pub mod by_operator;
pub mod change_address;
pub mod context;
pub mod import_subscribers;
pub mod join_newsletter;
pub mod move_reader;
pub mod pause_subscription;
pub mod set_preferences;
pub mod undo_unsubscribe;
pub mod unsubscribe;
pub mod unsubscribe_batcher;
pub mod unsuppress;
pub mod uploaded_list;
