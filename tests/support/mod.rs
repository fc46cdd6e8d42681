//! Support for stories: an instance of Daily for each, servers around it, and people who act.

pub mod app;
pub mod browser;
pub mod command;
pub mod engine_settings;
pub mod help;
mod imports;
mod issues;
pub mod locks;
pub mod mailbox;
pub mod name_server;
mod newsroom;
pub mod openid_provider;
pub mod operator;
pub mod outcomes;
pub mod postfix;
pub mod postgres;
pub mod postgres_cluster;
pub mod proxy;
pub mod reader;
pub mod rows;
mod self_test;
pub mod service;
pub mod sink;
pub mod site;
pub mod smtp_server;
pub mod store;
pub mod supervisor;
mod waiting;
pub mod web;

pub use app::{TestApp, at};
pub use waiting::{eventually, eventually_within, in_time};
pub use web::{Page, form_token_in};

use daily::domain::{actor::Actor, ids::OperatorId, subscriber::email_address::EmailAddress};
use jiff::SignedDuration;

pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Parses an email address.
pub fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

/// The operator in stories.
pub static OPERATOR: Actor = Actor::Operator { id: OperatorId(1) };

/// The database engine of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Creates a PostgreSQL database. Returns `None` on SQLite, whose file is in the story's folder.
    pub async fn database(self) -> Option<postgres::TestDatabase> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(postgres::database().await),
        }
    }
}

/// Registers stories, each an `async fn(engine: Engine)`, as two tests: `story::on_sqlite` and
/// `story::on_postgres`.
macro_rules! on_both_engines {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            use crate::support::Engine;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$story(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$story(Engine::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_both_engines;

/// Registers stories about PostgreSQL only, each an `async fn()`, as `story::on_postgres`.
macro_rules! on_postgres {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$story().await;
            }
        }
    )+};
}
pub(crate) use on_postgres;

/// Registers stories that need other programs, each an `async fn()`, as `story::with_services`. Those in
/// `tests/with_services/` already have that name in their path.
macro_rules! with_services {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            #[tokio::test(flavor = "multi_thread")]
            async fn with_services() {
                super::$story().await;
            }
        }
    )+};
}
pub(crate) use with_services;
