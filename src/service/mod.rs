//! The processes of `daily serve`: start, run and shut down.

pub mod incoming;
pub mod recovery;
pub mod run;
pub mod scheduler;
pub mod shutdown;
