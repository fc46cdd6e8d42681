//! The processes of `daily serve`: start, run and shut down.

pub mod recovery;
pub mod run;
pub mod scheduler;
pub mod shutdown;
mod wrong_clock;
