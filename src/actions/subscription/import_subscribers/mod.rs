//! An operator imports readers from another system.

pub mod apply;
mod list;
mod list_error;
mod list_text;
mod seen;

pub use crate::actions::subscription::import_subscribers::{
    list::{List, ListHead},
    list_error::{ListError, MAX_ROW_BYTES},
};

use crate::{
    actions::{
        Context,
        subscription::import_subscribers::{list::NumberedRow, seen::SeenAddresses},
    },
    db::{DbError, newsletters},
    domain::{
        actor::Actor,
        ids::NewsletterId,
        import::{Dates, LayoutOptions, Outcome, Source},
    },
};
use encoding_rs::Encoding;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{Read, Seek},
};
use tokio::sync::mpsc;

/// Rows imported per transaction.
const BATCH_SIZE: usize = 4_000;

/// An import as requested by an operator.
pub struct Import {
    pub newsletter: NewsletterId,
    /// Name of the file, for the ledger.
    pub file_name: String,
    pub layout: LayoutOptions,
    /// `None`: UTF-8, or as the byte order mark says.
    pub encoding: Option<&'static Encoding>,
    pub dates: Dates,
    /// Whether to report changes without making them.
    pub dry_run: bool,
}

/// A row that was not imported, or only in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Number of its first line.
    pub line: u64,
    /// The address, if there is one.
    pub address: Option<String>,
    /// `refused`, or the name of the outcome.
    pub outcome: &'static str,
    pub reason: String,
}

/// The results of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// The system that wrote the list.
    pub source: Option<Source>,
    /// Number of rows, without the first line and empty lines.
    pub rows: u64,
    /// Number of addresses that contained invisible characters or full-width signs, which were replaced.
    pub tidied: u64,
    /// Number of rows by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Number of refused rows by kind of reason.
    pub refused: BTreeMap<Cow<'static, str>, u64>,
}

impl Summary {
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// An error that ends an import. Committed batches stay, and the import can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    List(#[from] ListError),
    #[error("the report can't be written: {0}")]
    Report(std::io::Error),
    #[error("the thread that reads the list failed: {0}")]
    Reader(tokio::task::JoinError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Imports a list of readers, in transactions of a few thousand rows, each with an entry in the audit log.
/// Importing a list twice has no further effect. `report` is called for the rows that are left out, in order.
pub async fn import_subscribers(
    context: &Context,
    actor: &Actor,
    mut file: impl Read + Seek + Send + 'static,
    import: Import,
    mut report: impl FnMut(&LeftOut) -> std::io::Result<()>,
) -> Result<Summary, ImportError> {
    let Import { newsletter, file_name, layout, encoding, dates, dry_run } = import;
    let newsletter = newsletters::get(&mut context.db.read().await?, newsletter).await?;
    // Parsing runs in parallel to the database, at most two batches ahead.
    let (batches, mut read) = mpsc::channel::<Vec<NumberedRow>>(1);
    let reader = tokio::task::spawn_blocking(move || -> Result<Source, ListError> {
        // Nothing is imported from a list that is broken further down.
        List::check(&mut file, encoding)?;
        file.rewind()?;
        let mut list = List::open(file, encoding, &layout, dates)?;
        let mut batch = Vec::with_capacity(BATCH_SIZE);
        loop {
            let row = list.next_row();
            let is_row = matches!(row, Ok(Some(_)));
            if let Ok(Some(row)) = row {
                batch.push(row);
            } else if let Err(error) = row {
                // Rows before the error are imported.
                let _ = batches.blocking_send(batch);
                return Err(error);
            }
            if batch.len() == BATCH_SIZE || !is_row {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_SIZE));
                // A closed channel means that the database failed. The receiver returns that error.
                if batches.blocking_send(full).is_err() || !is_row {
                    return Ok(list.layout().source);
                }
            }
        }
    });
    let mut summary = Summary::default();
    let mut seen = SeenAddresses::default();
    let source = apply::source_of(&file_name, context.clock.now());
    while let Some(batch) = read.recv().await {
        let importer = apply::Importer { context, actor, newsletter: &newsletter, source: &source, dry_run };
        let left_out = importer.run(batch, &mut seen, &mut summary).await?;
        left_out.iter().try_for_each(&mut report).map_err(ImportError::Report)?;
    }
    summary.source = Some(reader.await.map_err(ImportError::Reader)??);
    Ok(summary)
}
