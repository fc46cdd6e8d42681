//! Modules of the tests' support that the benchmark uses.

#[path = "../../tests/support/command.rs"]
#[allow(dead_code)]
pub mod command;
#[path = "../../tests/support/engine_settings.rs"]
pub mod engine_settings;
#[path = "../../tests/support/postgres_cluster.rs"]
pub mod postgres_cluster;
#[path = "../../tests/support/sink/mod.rs"]
pub mod sink;
#[path = "../../tests/support/store.rs"]
pub mod store;
#[path = "../../tests/support/supervisor.rs"]
#[allow(dead_code)]
pub mod supervisor;
#[path = "../../tests/support/waiting.rs"]
#[allow(dead_code)]
mod waiting;

pub use waiting::{eventually, eventually_within};
