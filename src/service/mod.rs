//! What starts, runs and stops in a process of `daily serve`.

pub mod recovery;
pub mod run;
pub mod scheduler;
pub mod shutdown;
