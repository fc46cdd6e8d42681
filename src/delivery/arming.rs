//! Compares the database with this machine's marker, which says whether it may send.

use crate::{
    db::{
        DatabaseUrl, Db, DbError,
        engine::processes,
        installation::{self, InstallationRecord},
    },
    domain::installation::{Facts, GivenOut, Marker, Verdict, judge},
    settings::Settings,
};
use jiff::Timestamp;
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether this process may send. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Armed(Arc<State>);

#[derive(Debug)]
struct State {
    armed: AtomicBool,
    /// Why the last judgement failed. `None`: it didn't, or this process judges nothing because it doesn't send.
    error: Mutex<Option<String>>,
}

impl Armed {
    pub fn new(armed: bool) -> Self {
        Self(Arc::new(State { armed: AtomicBool::new(armed), error: Mutex::default() }))
    }

    pub fn get(&self) -> bool {
        self.0.armed.load(Ordering::Acquire)
    }

    pub fn set(&self, armed: bool) {
        self.0.armed.store(armed, Ordering::Release);
    }

    /// Records why this process can't find out whether it may send, or that it could.
    pub fn set_error(&self, error: Option<String>) {
        *self.0.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// Returns why this process sends nothing, if that is because it can't find out whether it may.
    pub fn why_unknown(&self) -> Option<String> {
        if self.get() {
            return None;
        }
        self.0.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The database as this machine judges it.
#[derive(Debug, Clone)]
pub struct Judgement {
    pub verdict: Verdict,
    pub installation: InstallationRecord,
    pub given_out: GivenOut,
}

impl Judgement {
    /// Returns the marker for this machine, with the numbers that were given out at some moment.
    pub fn marker(&self, given_out: GivenOut) -> Marker {
        Marker { installation: self.installation.key.clone(), epoch: self.installation.epoch, given_out }
    }
}

/// Judges the database by the marker of this machine. A marker that can't be read is an error, not none: that would
/// disarm a database that is in use.
pub async fn judge_database(
    db: &Db,
    settings: &Settings,
    process: &str,
    now: Timestamp,
) -> Result<Judgement, DbError> {
    let marker = match &settings.sending.armed {
        Some(configured) => Some(configured.clone()),
        None => read_marker(&marker_file(settings)).map_err(DbError::Io)?,
    };
    let mut tx = db.read().await?;
    let installation = installation::get(&mut tx).await?;
    let given_out = installation::given_out(&mut tx).await?;
    let facts = Facts {
        installation: installation.key.clone(),
        epoch: installation.epoch,
        given_out,
        is_at_home: installation.made_in == installation::place(&mut tx).await?,
        disarmed: installation.disarmed_at.map(|_| {
            installation.disarmed_reason.clone().unwrap_or_else(|| "it was restored from a backup".into())
        }),
        // An SQLite file always has its marker beside it.
        has_live_workers: matches!(settings.database.url, DatabaseUrl::Postgres(_))
            && processes::are_other_workers(&mut tx, process, now).await?,
    };
    Ok(Judgement { verdict: judge(marker.as_ref(), &facts), installation, given_out })
}

/// Returns the file of this machine's marker: beside an SQLite database, otherwise in the data folder.
pub fn marker_file(settings: &Settings) -> PathBuf {
    match &settings.database.url {
        DatabaseUrl::Sqlite(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push(".armed");
            name.into()
        }
        DatabaseUrl::Postgres(_) => settings.data.folder.join("daily.armed"),
    }
}

fn read_marker(file: &Path) -> io::Result<Option<Marker>> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("the marker {} can't be read: {error}", file.display()))
    };
    match fs::read(file) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| named(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(error)),
    }
}

/// Writes a marker durably. A reader sees the old one or the new one. It belongs to the owner of its folder, so that
/// the service can read what `daily arm` wrote as root.
pub fn write_marker(file: &Path, marker: &Marker) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let temporary = file.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut new = options.create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    serde_json::to_writer(&mut new, marker)?;
    new.write_all(b"\n")?;
    new.sync_all()?;
    let owner =
        fs::metadata(temporary.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    if owner.uid() != new.metadata()?.uid() {
        chown(&temporary, Some(owner.uid()), Some(owner.gid()))?;
    }
    fs::rename(&temporary, file)
}
