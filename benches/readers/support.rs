//! Modules of the tests' support, and modules that benchmarks share.

#[path = "../../tests/support/command.rs"]
#[allow(dead_code)]
pub mod command;
#[path = "../../tests/support/engine_settings.rs"]
pub mod engine_settings;
#[path = "../support/installation.rs"]
#[allow(dead_code)]
pub mod installation;
#[path = "../../tests/support/postgres_cluster.rs"]
pub mod postgres_cluster;
#[path = "../support/processes.rs"]
#[allow(dead_code)]
pub mod processes;
#[path = "../../tests/support/sink/mod.rs"]
pub mod sink;
#[path = "../support/sinks.rs"]
#[allow(dead_code)]
pub mod sinks;
#[path = "../../tests/support/store.rs"]
pub mod store;
#[path = "../../tests/support/supervisor.rs"]
#[allow(dead_code)]
pub mod supervisor;
#[path = "../support/table.rs"]
#[allow(dead_code)]
pub mod table;
#[path = "../../tests/support/waiting.rs"]
#[allow(dead_code)]
mod waiting;

pub use waiting::{eventually, eventually_within};
