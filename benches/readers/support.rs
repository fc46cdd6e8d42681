//! Modules of the tests' support and of the other benchmark that this one uses.

#[path = "../../tests/support/command.rs"]
#[allow(dead_code)]
pub mod command;
#[path = "../../tests/support/postgres_cluster.rs"]
pub mod postgres_cluster;
#[path = "../sending/processes.rs"]
#[allow(dead_code)]
pub mod processes;
#[path = "../../tests/support/store.rs"]
pub mod store;
#[path = "../../tests/support/supervisor.rs"]
#[allow(dead_code)]
pub mod supervisor;
#[path = "../../tests/support/waiting.rs"]
#[allow(dead_code)]
mod waiting;

pub use waiting::{eventually, eventually_within};
