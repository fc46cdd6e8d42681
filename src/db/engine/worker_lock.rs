//! A lock beside an SQLite file that shows whether other workers are alive. The operating system releases it
//! when a process dies, however it dies. PostgreSQL has no such lock, so leases must expire there.

use crate::db::DatabaseUrl;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The lock, held for as long as a worker runs.
#[derive(Debug)]
pub struct WorkerLock(File);

/// The result of taking the lock.
#[derive(Debug)]
pub enum Taken {
    /// No other worker is alive, so all claims are those of dead workers. No other worker can start until
    /// [`WorkerLock::share`] is called.
    Alone(WorkerLock),
    /// Other workers may be alive.
    Among(WorkerLock),
}

impl WorkerLock {
    /// Takes the lock of an SQLite file. Returns `None` for PostgreSQL.
    pub fn take(url: &DatabaseUrl) -> io::Result<Option<Taken>> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(None) };
        let mut name = path.as_os_str().to_owned();
        name.push(".worker-lock");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(Path::new(&name))?;
        if file.try_lock().is_ok() {
            return Ok(Some(Taken::Alone(Self(file))));
        }
        file.lock_shared()?;
        Ok(Some(Taken::Among(Self(file))))
    }

    /// Lets other workers start.
    pub fn share(self) -> io::Result<Self> {
        self.0.unlock()?;
        self.0.lock_shared()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_alone_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("daily.db"));
        let Some(Taken::Alone(first)) = WorkerLock::take(&url).unwrap() else { panic!("not alone") };
        let first = first.share().unwrap();
        let Some(Taken::Among(second)) = WorkerLock::take(&url).unwrap() else { panic!("alone") };
        drop(first);
        assert!(
            matches!(WorkerLock::take(&url).unwrap(), Some(Taken::Among(_))),
            "the second is still there"
        );
        drop(second);
        assert!(matches!(WorkerLock::take(&url).unwrap(), Some(Taken::Alone(_))));
        assert!(WorkerLock::take(&DatabaseUrl::Postgres("postgres://x".into())).unwrap().is_none());
    }
}
