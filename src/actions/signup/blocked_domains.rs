//! The operator's list of blocked domains: a file, read again when it has changed.

use crate::domain::signup::mail_domains::{is_blocked, parse_list};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{collections::HashSet, fs, io, path::PathBuf, time::SystemTime};

/// From one look at the file to the next.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// Largest file that is read, in bytes: a million domains.
const MAX_BYTES: u64 = 32_000_000;

/// Which domains are blocked.
#[derive(Debug)]
pub struct BlockedDomains {
    file: Option<PathBuf>,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    looked_at: Option<Timestamp>,
    version: Option<(SystemTime, u64)>,
    names: HashSet<Box<str>>,
}

impl BlockedDomains {
    /// The built-in ones, and those of a file.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, list: Mutex::default() }
    }

    /// Whether addresses at this domain are not taken.
    pub fn contains(&self, domain: &str, now: Timestamp) -> bool {
        let mut list = self.list.lock();
        let due = list.looked_at.is_none_or(|at| now.duration_since(at) >= LOOK_EVERY);
        if let Some(file) = self.file.as_ref().filter(|_| due) {
            list.looked_at = Some(now);
            if let Err(error) = list.refresh(file) {
                tracing::warn!(file = %file.display(), %error, "the list of blocked domains can't be read; the last one holds");
            }
        }
        is_blocked(domain, &list.names)
    }
}

impl List {
    fn refresh(&mut self, file: &PathBuf) -> io::Result<()> {
        let about = fs::metadata(file)?;
        let version = Some((about.modified()?, about.len()));
        if self.version == version {
            return Ok(());
        }
        if about.len() > MAX_BYTES {
            return Err(io::Error::other(format!("it is larger than {MAX_BYTES} bytes")));
        }
        self.names = parse_list(&fs::read_to_string(file)?);
        self.version = version;
        tracing::info!(file = %file.display(), domains = self.names.len(), "read the list of blocked domains");
        Ok(())
    }
}
