//! The list of blocked domains: built-in ones, and an operator's file, which is read again when it changes.

use crate::domain::signup::mail_domains::{is_blocked, parse_list};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{collections::HashSet, fs, io, path::PathBuf, time::SystemTime};

/// Interval of checks for a changed file.
const CHECK_INTERVAL: SignedDuration = SignedDuration::from_secs(10);
/// Largest file in bytes. It can hold about a million domains.
const MAX_BYTES: u64 = 32_000_000;

#[derive(Debug)]
pub struct BlockedDomains {
    file: Option<PathBuf>,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    checked_at: Option<Timestamp>,
    version: Option<(SystemTime, u64)>,
    names: HashSet<Box<str>>,
}

impl BlockedDomains {
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, list: Mutex::default() }
    }

    /// Returns whether a domain is blocked.
    pub fn contains(&self, domain: &str, now: Timestamp) -> bool {
        let mut list = self.list.lock();
        let due = list.checked_at.is_none_or(|at| now.duration_since(at) >= CHECK_INTERVAL);
        if let Some(file) = self.file.as_ref().filter(|_| due) {
            list.checked_at = Some(now);
            if let Err(error) = list.refresh(file) {
                tracing::warn!(file = %file.display(), %error, "can't read the list of blocked domains; the previous one stays in use");
            }
        }
        is_blocked(domain, &list.names)
    }
}

impl List {
    fn refresh(&mut self, file: &PathBuf) -> io::Result<()> {
        let metadata = fs::metadata(file)?;
        let version = Some((metadata.modified()?, metadata.len()));
        if self.version == version {
            return Ok(());
        }
        if metadata.len() > MAX_BYTES {
            return Err(io::Error::other(format!("the file is larger than {MAX_BYTES} bytes")));
        }
        self.names = parse_list(&fs::read_to_string(file)?);
        self.version = version;
        tracing::info!(file = %file.display(), domains = self.names.len(), "read the list of blocked domains");
        Ok(())
    }
}
