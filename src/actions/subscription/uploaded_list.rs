//! An operator uploads a list of readers, tries it, and imports it. The rows are imported by [`import_subscribers`].

use crate::{
    actions::{
        Context,
        subscription::import_subscribers::{
            Import, ImportError, LeftOut, List, ListError, ListHead, Summary, import_subscribers,
        },
    },
    db::{
        DbError,
        imports::{self, Finished, ImportRecord, ImportRow},
    },
    domain::{
        actor::Actor,
        ids::{ImportId, NewsletterId},
        import::{
            LayoutError,
            uploaded::{ImportStatus, ListOptions},
        },
    },
};
use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Largest uploaded file in bytes, about half a million rows. The command line takes lists of any size.
pub const MAX_FILE_BYTES: u64 = 32 << 20;
/// Bytes of a file that are written in one transaction.
const PART_BYTES: usize = 1 << 20;
/// Most rows that are kept of those that were left out.
pub const MOST_ROWS: usize = 50_000;
/// Rows of the report that are written in one transaction.
const ROWS_AT_ONCE: usize = 2_000;
/// Longest name of a file, in characters.
const MAX_NAME_CHARS: usize = 120;
/// Time between two records of the progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("the file is larger than {} MB; import it with the command `daily subscriber import`", MAX_FILE_BYTES >> 20)]
    TooLarge,
    #[error("the file is empty")]
    Empty,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A list that is being received.
pub struct Upload {
    context: Context,
    id: ImportId,
    number: i64,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Upload {
    /// Begins to receive a list, and removes lists that waited too long.
    pub async fn begin(
        context: &Context,
        actor: &Actor,
        newsletter: NewsletterId,
        file_name: &str,
    ) -> Result<Self, DbError> {
        let operator = match actor {
            Actor::Operator { id } => Some(*id),
            _ => None,
        };
        let name: String = file_name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        imports::expire(&mut tx, now).await?;
        let id = imports::insert(&mut tx, newsletter, operator, &name, now).await?;
        tx.commit().await?;
        Ok(Self { context: context.clone(), id, number: 0, buffer: Vec::new(), bytes: 0 })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_FILE_BYTES {
            return Err(UploadError::TooLarge);
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), DbError> {
        let part = std::mem::take(&mut self.buffer);
        let mut tx = self.context.db.begin().await?;
        imports::append(&mut tx, self.id, self.number, &part).await?;
        tx.commit().await?;
        self.number += 1;
        Ok(())
    }

    /// Ends a file that came whole.
    pub async fn finish(mut self) -> Result<ImportId, UploadError> {
        if self.bytes == 0 {
            self.abandon().await?;
            return Err(UploadError::Empty);
        }
        if !self.buffer.is_empty() {
            self.flush().await?;
        }
        let mut tx = self.context.db.begin().await?;
        imports::set_received(&mut tx, self.id).await?;
        tx.commit().await?;
        Ok(self.id)
    }

    /// Removes what came of a file.
    pub async fn abandon(self) -> Result<(), DbError> {
        discard(&self.context, self.id).await
    }
}

/// Removes an uploaded list and its report.
pub async fn discard(context: &Context, id: ImportId) -> Result<(), DbError> {
    let mut tx = context.db.begin().await?;
    imports::delete(&mut tx, id).await?;
    tx.commit().await
}

/// Reads the first rows of an uploaded list. `None`: the file has been removed.
pub async fn head(
    context: &Context,
    id: ImportId,
    options: &ListOptions,
) -> Result<Option<Result<ListHead, ListError>>, DbError> {
    let Some(part) = imports::part(&mut context.db.read().await?, id, 0).await? else { return Ok(None) };
    let encoding = options.encoding().unwrap_or_default();
    Ok(Some(List::head(Cursor::new(part), encoding)))
}

/// Why a list isn't read.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Options are wrong, each with its field.
    #[error("some options are wrong")]
    Options(Vec<(&'static str, String)>),
    #[error("a list is being read; wait until it is done")]
    Busy,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Reads an uploaded list in the background, as a dry run or to import it.
pub async fn start(
    context: &Context,
    actor: &Actor,
    record: &ImportRecord,
    options: &ListOptions,
    dry_run: bool,
) -> Result<(), StartError> {
    let read = options.parse(context.clock.now()).map_err(StartError::Options)?;
    let status = if dry_run { ImportStatus::Checking } else { ImportStatus::Importing };
    let text = serde_json::to_string(options).map_err(|error| DbError::Encode(Box::new(error)))?;
    let mut tx = context.db.begin().await?;
    if !imports::begin(&mut tx, record.id, status, &text, context.clock.now()).await? {
        return Err(StartError::Busy);
    }
    tx.commit().await?;
    let import = Import {
        newsletter: record.newsletter_id,
        file_name: options.recorded_name(&record.file_name),
        layout: read.layout,
        encoding: read.encoding,
        dates: read.dates,
        dry_run,
    };
    tokio::spawn(run(context.clone(), actor.clone(), record.id, import));
    Ok(())
}

/// Counts the bytes that were read.
struct Counted<R> {
    inner: R,
    at: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.at.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.inner.seek(to)?;
        self.at.store(at, Ordering::Relaxed);
        Ok(at)
    }
}

/// The rows that were left out: the first ones, and the number of all.
#[derive(Default)]
struct Report {
    rows: Vec<ImportRow>,
    all: i64,
}

impl Report {
    fn add(&mut self, it: &LeftOut) {
        self.all += 1;
        if self.rows.len() < MOST_ROWS {
            self.rows.push(ImportRow {
                line: i64::try_from(it.line).unwrap_or(i64::MAX),
                outcome: it.outcome.to_owned(),
                address: it.address.clone(),
                reason: it.reason.clone(),
            });
        }
    }
}

async fn run(context: Context, actor: Actor, id: ImportId, import: Import) {
    let dry_run = import.dry_run;
    let at = Arc::new(AtomicU64::new(0));
    let progress = tokio::spawn(record_progress(context.clone(), id, at.clone()));
    let mut report = Report::default();
    let outcome = read(&context, &actor, id, import, at, &mut report).await;
    progress.abort();
    // Whether it was cut off or is done, nothing is written about the progress after this.
    let _ = progress.await;
    if let Err(error) = finish(&context, id, dry_run, &outcome, report).await {
        // The page says that the import stopped, and offers to go on.
        tracing::error!(%error, import = %id, "the result of an import can't be stored");
    }
}

async fn record_progress(context: Context, id: ImportId, at: Arc<AtomicU64>) {
    loop {
        tokio::time::sleep(PROGRESS_EVERY).await;
        let bytes = i64::try_from(at.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        let recorded = async {
            let mut tx = context.db.begin().await?;
            imports::keep_alive(&mut tx, id, bytes, context.clock.now()).await?;
            tx.commit().await
        };
        if let Err(error) = recorded.await {
            tracing::warn!(%error, import = %id, "the progress of an import can't be stored");
        }
    }
}

async fn read(
    context: &Context,
    actor: &Actor,
    id: ImportId,
    import: Import,
    at: Arc<AtomicU64>,
    report: &mut Report,
) -> Result<Summary, ImportError> {
    let mut file = Vec::new();
    let mut number = 0;
    while let Some(part) = imports::part(&mut context.db.read().await?, id, number).await? {
        file.extend_from_slice(&part);
        number += 1;
    }
    let file = Counted { inner: Cursor::new(file), at };
    import_subscribers(context, actor, file, import, |it| {
        report.add(it);
        Ok(())
    })
    .await
}

/// Says why a list can't be imported, without the options of the command line.
fn problem(error: &ImportError) -> String {
    match error {
        ImportError::List(ListError::Layout(LayoutError::NobodyConfirmed)) => {
            "Nothing in this list tells who confirmed. Choose a column with a status or a date of confirmation, or \
             say that you can show it for all."
                .into()
        }
        ImportError::List(ListError::Layout(LayoutError::NoAddresses(_))) => {
            "No column is known to hold addresses. Choose it.".into()
        }
        other => format!("The list can’t be read: {other}."),
    }
}

async fn finish(
    context: &Context,
    id: ImportId,
    dry_run: bool,
    outcome: &Result<Summary, ImportError>,
    report: Report,
) -> Result<(), DbError> {
    let mut tx = context.db.begin().await?;
    imports::delete_rows(&mut tx, id).await?;
    tx.commit().await?;
    for rows in report.rows.chunks(ROWS_AT_ONCE) {
        let mut tx = context.db.begin().await?;
        imports::insert_rows(&mut tx, id, rows).await?;
        tx.commit().await?;
    }
    let (status, summary, error) = match outcome {
        Ok(summary) => {
            let text = serde_json::to_string(summary).map_err(|error| DbError::Encode(Box::new(error)))?;
            let status = if dry_run { ImportStatus::Checked } else { ImportStatus::Done };
            (status, Some(text), None)
        }
        Err(ImportError::Db(error)) => {
            tracing::error!(%error, import = %id, "an import failed: the database returned an error");
            (ImportStatus::Failed, None, Some("The database returned an error. Try again.".to_owned()))
        }
        Err(error) => (ImportStatus::Failed, None, Some(problem(error))),
    };
    let it = Finished { status, summary: summary.as_deref(), left_out: report.all, error: error.as_deref() };
    let mut tx = context.db.begin().await?;
    imports::finish(&mut tx, id, it, context.clock.now()).await?;
    tx.commit().await
}
