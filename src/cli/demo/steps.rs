//! Prints the demo's steps: with a spinner on a terminal, as plain lines elsewhere.

use crate::cli::output::on_terminal;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

pub struct Steps {
    terminal: bool,
}

/// A step in progress.
pub struct Step {
    title: String,
    bar: ProgressBar,
    begun: Instant,
}

impl Steps {
    pub fn new() -> Self {
        Self { terminal: on_terminal() }
    }

    pub fn begin(&self, title: &str) -> Step {
        let bar = if self.terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_message(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(80));
        Step { title: title.to_owned(), bar, begun: Instant::now() }
    }
}

impl Step {
    /// Ends the step and prints its outcome.
    pub fn done(self, outcome: &str) {
        self.bar.finish_and_clear();
        outln!("✓ {}: {outcome} ({} ms)", self.title, self.begun.elapsed().as_millis());
    }
}
