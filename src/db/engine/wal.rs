//! Makes commits to an SQLite file durable: one flush of the write-ahead log for all commits that came
//! meanwhile.
//!
//! SQLite's own mode (`synchronous = FULL`) flushes within each commit, while the only writing connection
//! waits for the disk. With `synchronous = NORMAL`, SQLite writes commits in order and flushes only
//! checkpoints. The connection is free for the next writer at once, and the commit's caller waits for a flush
//! that began after the commit. The guarantee is the same.

use crate::db::DbError;
use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc,
};
use tokio::sync::oneshot;

/// A handle to the thread that flushes. Cheap to clone. The thread ends with the last handle.
#[derive(Debug, Clone)]
pub struct Wal(mpsc::Sender<Waiting>);

type Waiting = oneshot::Sender<Result<(), Failed>>;

/// Why a flush failed.
#[derive(Debug, Clone)]
struct Failed {
    kind: io::ErrorKind,
    text: String,
    /// The data to flush may be lost, and with it everything that follows in the log.
    is_lost: bool,
}

impl Wal {
    /// Starts the thread for the log of this database.
    pub(super) fn start(database: &Path) -> io::Result<Self> {
        let mut log = Log::of(database)?;
        Self::start_with(move || log.flush())
    }

    fn start_with(flush: impl FnMut() -> Result<(), Failed> + Send + 'static) -> io::Result<Self> {
        let (sender, waiting) = mpsc::channel();
        std::thread::Builder::new().name("wal-flush".into()).spawn(move || serve(&waiting, flush))?;
        Ok(Self(sender))
    }

    /// Returns when all earlier commits are on the disk.
    pub(crate) async fn flush(&self) -> Result<(), DbError> {
        let (sender, flushed) = oneshot::channel();
        // While a handle exists, the thread ends only by a panic.
        self.0.send(sender).map_err(|_| DbError::WorkerCrashed)?;
        flushed
            .await
            .map_err(|_| DbError::WorkerCrashed)?
            .map_err(|failed| DbError::Io(io::Error::new(failed.kind, failed.text)))
    }
}

/// Flushes for the callers that wait. After a flush that lost data, SQLite would not read anything that
/// follows in the log after a power cut, so every later flush fails.
fn serve(arriving: &mpsc::Receiver<Waiting>, mut flush: impl FnMut() -> Result<(), Failed>) {
    let mut lost = None;
    while let Ok(first) = arriving.recv() {
        let waiting: Vec<Waiting> = std::iter::once(first).chain(arriving.try_iter()).collect();
        let result = match &lost {
            Some(failed) => Err(Failed::clone(failed)),
            None => flush(),
        };
        if let (Err(failed), None) = (&result, &lost) {
            tracing::error!("{}", failed.text);
            lost = failed.is_lost.then(|| failed.clone());
        }
        for one in waiting {
            let _gone = one.send(result.clone());
        }
    }
}

struct Log {
    path: PathBuf,
    /// The log at the last flush. SQLite removes the log with the last connection, and creates another one.
    open: Option<Open>,
}

/// An open log. It stays open, so that a lack of file descriptors can't stop commits, and so that no error of
/// the disk is missed.
struct Open {
    file: File,
    identity: (u64, u64),
}

impl Log {
    /// Finds the log of an existing database.
    fn of(database: &Path) -> io::Result<Self> {
        // SQLite resolves links before it names the log.
        let mut path = std::fs::canonicalize(database)?.into_os_string();
        path.push("-wal");
        Ok(Self { path: path.into(), open: None })
    }

    fn flush(&mut self) -> Result<(), Failed> {
        let path = self.path.clone();
        let failed = |error: &io::Error, is_lost: bool| {
            let path = path.display();
            let then = if is_lost {
                "nothing more is written until Daily is restarted on a sound disk"
            } else {
                "it is tried again with the next one who writes"
            };
            Failed {
                kind: error.kind(),
                text: format!("can't flush {path} to the disk: {error}; {then}"),
                is_lost,
            }
        };
        match self.current() {
            // A checkpoint moved everything into the database, and has flushed it.
            Ok(None) => Ok(()),
            Ok(Some(file)) => file.sync_data().map_err(|error| failed(&error, true)),
            Err(error) => Err(failed(&error, false)),
        }
    }

    /// Opens the current log. `None` if there is none.
    fn current(&mut self) -> io::Result<Option<&File>> {
        let identity = |it: &std::fs::Metadata| (it.dev(), it.ino());
        let there = match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            there => identity(&there?),
        };
        if self.open.as_ref().is_none_or(|open| open.identity != there) {
            let file = File::open(&self.path)?;
            let identity = identity(&file.metadata()?);
            // The log's name must be durable, too. If the folder can't be flushed, the data still can, and
            // SQLite does the same.
            let folder = self.path.parent().unwrap_or(Path::new("."));
            if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
                tracing::debug!(%error, folder = %folder.display(), "a folder could not be flushed");
            }
            self.open = Some(Open { file, identity });
        }
        Ok(self.open.as_ref().map(|open| &open.file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[tokio::test]
    async fn whoever_waits_is_answered_by_a_flush_that_began_afterwards_and_many_share_one() {
        let (begun, may_end) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
        let counter = begun.clone();
        let wal = Wal::start_with(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            may_end.1.recv().unwrap();
            Ok(())
        })
        .unwrap();
        let flush = |wal: &Wal| {
            let wal = wal.clone();
            tokio::spawn(async move { wal.flush().await })
        };
        let first = flush(&wal);
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // The first flush has begun, so later callers wait for another.
        let others: Vec<_> = (0..10).map(|_| flush(&wal)).collect();
        tokio::task::yield_now().await;
        assert!(!first.is_finished());
        may_end.0.send(()).unwrap();
        first.await.unwrap().unwrap();
        assert!(others.iter().all(|it| !it.is_finished()));
        may_end.0.send(()).unwrap();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn after_a_flush_that_lost_something_nothing_is_promised_any_more() {
        let failed =
            |text: &str, is_lost| Err(Failed { kind: io::ErrorKind::Other, text: text.to_owned(), is_lost });
        let mut results = vec![Ok(()), failed("no disk", true), Ok(()), failed("no descriptor", false)];
        let wal = Wal::start_with(move || results.pop().unwrap()).unwrap();
        // A log that can't be opened loses no data.
        assert!(wal.flush().await.unwrap_err().to_string().contains("no descriptor"));
        wal.flush().await.unwrap();
        assert!(wal.flush().await.unwrap_err().to_string().contains("no disk"));
        assert!(wal.flush().await.unwrap_err().to_string().contains("no disk"));
    }

    #[tokio::test]
    async fn a_log_that_is_not_there_was_taken_into_the_database() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("daily.db"), "pages").unwrap();
        let wal = Wal::start(&folder.path().join("daily.db")).unwrap();
        wal.flush().await.unwrap();
        let log = folder.path().join("daily.db-wal");
        std::fs::write(&log, "frames").unwrap();
        wal.flush().await.unwrap();
        // As after the last connection, when SQLite creates another log.
        std::fs::rename(&log, folder.path().join("old")).unwrap();
        wal.flush().await.unwrap();
        std::fs::write(&log, "other frames").unwrap();
        wal.flush().await.unwrap();
    }
    #[test]
    fn the_log_lies_beside_the_database_that_a_link_leads_to() {
        let (real, link) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(real.path().join("daily.db"), "pages").unwrap();
        let database = link.path().join("other.db");
        std::os::unix::fs::symlink(real.path().join("daily.db"), &database).unwrap();
        let log = Log::of(&database).unwrap();
        assert_eq!(log.path, std::fs::canonicalize(real.path()).unwrap().join("daily.db-wal"));
    }
}
