//! A lock beside an SQLite file that proves whether other workers are alive: the system gives it back when a process dies,
//! however it dies. A server has no such lock; there leases must run out.

use crate::db::DatabaseUrl;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Held by a worker for as long as it lives.
#[derive(Debug)]
pub struct WorkerLock(File);

/// What taking the lock says about others.
#[derive(Debug)]
pub enum Taken {
    /// No other worker is alive: what is claimed belongs to the dead. Nothing can begin until [`WorkerLock::share`] is called.
    Alone(WorkerLock),
    /// Others may be alive.
    Among(WorkerLock),
}

impl WorkerLock {
    /// Takes the lock of an SQLite file. `None` for a server.
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

    /// Lets other workers in.
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
