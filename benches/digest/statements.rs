//! What the library says while it works: the statements it gives to the database, with their times, and the moments of its log.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Instant,
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Listens to all of this process.
#[derive(Clone, Default)]
pub struct Statements(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// Since it was asked last.
    latest: Vec<Statement>,
    /// Of all times, each once.
    texts: BTreeSet<String>,
    moments: Vec<(String, Instant)>,
}

/// A statement that was run.
struct Statement {
    sql: String,
    seconds: f64,
}

/// The times of some statements.
pub struct Times(Vec<Statement>);

impl Times {
    /// Milliseconds that statements with these words took.
    pub fn of(&self, words: &str) -> f64 {
        self.matching(words).map(|it| it.seconds * 1000.0).sum()
    }

    /// The longest of them, in milliseconds.
    pub fn longest(&self, words: &str) -> f64 {
        self.matching(words).map(|it| it.seconds * 1000.0).fold(0.0, f64::max)
    }

    /// How many there were.
    pub fn count(&self, words: &str) -> usize {
        self.matching(words).count()
    }

    fn matching(&self, words: &str) -> impl Iterator<Item = &Statement> {
        self.0.iter().filter(move |it| it.sql.contains(words))
    }
}

impl Statements {
    /// Begins to listen.
    pub fn listen() -> Self {
        let statements = Self::default();
        let targets =
            Targets::new().with_target("sqlx::query", Level::DEBUG).with_target("daily", Level::INFO);
        tracing_subscriber::registry().with(statements.clone().with_filter(targets)).init();
        statements
    }

    /// The statements since it was asked last.
    pub fn take(&self) -> Times {
        Times(std::mem::take(&mut self.heard().latest))
    }

    /// When something was logged last.
    pub fn moment(&self, message: &str) -> Option<Instant> {
        self.heard().moments.iter().rev().find(|(said, _)| said == message).map(|(_, at)| *at)
    }

    /// The texts of all statements that hold some of these words, each once.
    pub fn texts(&self, words: &[&str]) -> Vec<String> {
        let heard = self.heard();
        heard.texts.iter().filter(|sql| words.iter().any(|it| sql.contains(it))).cloned().collect()
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.0.lock().expect("nothing panics while it is held")
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let mut heard = self.heard();
        if event.metadata().target() == "sqlx::query" {
            // A short statement is its own summary.
            let sql = if said.statement.is_empty() { said.summary } else { said.statement };
            if !heard.texts.contains(&sql) {
                heard.texts.insert(sql.clone());
            }
            heard.latest.push(Statement { sql, seconds: said.seconds });
        } else {
            heard.moments.push((said.message, Instant::now()));
        }
    }
}

#[derive(Default)]
struct Said {
    summary: String,
    statement: String,
    message: String,
    seconds: f64,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.trim().clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
