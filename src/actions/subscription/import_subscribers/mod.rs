//! An operator takes readers over from another system.

pub mod apply;
mod list;
mod seen;

pub use crate::actions::subscription::import_subscribers::list::{List, ListError, MAX_ROW_BYTES};

use crate::{
    actions::{
        Context,
        subscription::import_subscribers::{list::Numbered, seen::Seen},
    },
    db::{DbError, newsletters},
    domain::{
        actor::Actor,
        ids::NewsletterId,
        import::{Dates, LayoutOptions, Outcome, Source},
    },
};
use encoding_rs::Encoding;
use std::{collections::BTreeMap, io::Read};
use tokio::sync::mpsc;

/// So many rows are taken in one transaction.
const BATCH: usize = 4_000;

/// A list of readers as an operator brings it.
pub struct Import {
    /// To which newsletter.
    pub newsletter: NewsletterId,
    /// The file's name: part of the evidence.
    pub file_name: String,
    /// What the operator says about its columns.
    pub layout: LayoutOptions,
    /// Its encoding; `None`: UTF-8, or what its byte order mark says.
    pub encoding: Option<&'static Encoding>,
    /// How its dates are read.
    pub dates: Dates,
    /// Nothing is changed; what would be is told.
    pub dry_run: bool,
}

/// A row that did not become what it asks for, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The line it begins on.
    pub line: u64,
    /// Its address, if it has one.
    pub address: Option<String>,
    /// `refused`, or the outcome's word.
    pub outcome: &'static str,
    /// Why.
    pub reason: String,
}

/// What became of the rows of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Who wrote the list.
    pub source: Option<Source>,
    /// Rows in it, without the first line and empty ones.
    pub rows: u64,
    /// Rows by what became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Rows that were refused, by the kind of reason.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// How many rows had this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// How many rows were refused.
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// Why an import ends before its time. What was committed before it stays, and the same import can be run again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The list can't be read.
    #[error(transparent)]
    List(#[from] ListError),
    /// What was left out can't be told.
    #[error("the report can't be written: {0}")]
    Report(std::io::Error),
    /// The thread that reads the list died.
    #[error("the file's reader stopped: {0}")]
    Reader(tokio::task::JoinError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Imports the readers of a list, in transactions of a few thousand rows, each with an entry in the audit log. Importing the list again
/// changes nothing more. `report` gets the rows that are left out, in their order.
pub async fn import_subscribers(
    context: &Context,
    actor: &Actor,
    file: impl Read + Send + 'static,
    import: Import,
    mut report: impl FnMut(&LeftOut) -> std::io::Result<()>,
) -> Result<Summary, ImportError> {
    let Import { newsletter, file_name, layout, encoding, dates, dry_run } = import;
    let newsletter = newsletters::get(&mut context.db.read().await?, newsletter).await?;
    // Parsing goes on while the store writes; it is at most two batches ahead.
    let (batches, mut read) = mpsc::channel::<Vec<Numbered>>(1);
    let reader = tokio::task::spawn_blocking(move || -> Result<Source, ListError> {
        let mut list = List::open(file, encoding, &layout, dates)?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let row = list.next_row();
            let is_row = matches!(row, Ok(Some(_)));
            if let Ok(Some(row)) = row {
                batch.push(row);
            } else if let Err(error) = row {
                // What stands before the trouble is taken.
                let _ = batches.blocking_send(batch);
                return Err(error);
            }
            if batch.len() == BATCH || !is_row {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                // Nobody listens any more: the store failed, and says so itself.
                if batches.blocking_send(full).is_err() || !is_row {
                    return Ok(list.layout().source);
                }
            }
        }
    });
    let mut summary = Summary::default();
    let mut seen = Seen::default();
    let source = apply::source_of(&file_name, context.clock.now());
    while let Some(batch) = read.recv().await {
        let taken = apply::Taking { context, actor, newsletter: &newsletter, source: &source, dry_run };
        let left_out = taken.batch(batch, &mut seen, &mut summary).await?;
        left_out.iter().try_for_each(&mut report).map_err(ImportError::Report)?;
    }
    summary.source = Some(reader.await.map_err(ImportError::Reader)??);
    Ok(summary)
}
