//! The secrets that sign links: in the settings, or in a file of the data folder.

use crate::{
    db::DatabaseUrl,
    domain::token::{KeyRing, KeyRingError, MIN_SECRET_BYTES},
    random,
    settings::{Settings, hex},
};
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Why there are no keys to sign links with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("can't use the secret in {}: {problem}; see tokens.secrets in config/default.toml", path.display())]
    File { path: PathBuf, problem: String },
    #[error(
        "there is no secret to sign links with, and no place to keep one: set data.folder to an absolute path such as \
         /var/lib/daily, or tokens.secrets on several machines"
    )]
    NoPlace,
    #[error("tokens.secrets: {0}")]
    Keys(#[from] KeyRingError),
}

/// Returns the keys, if there are any yet. Creates no file.
pub fn existing_keys(settings: &Settings) -> Option<KeyRing> {
    let has_keys = !settings.tokens.secrets.is_empty() || settings.data.folder.join("secret.key").is_file();
    if has_keys { key_ring(settings).ok() } else { None }
}

/// Returns the keys that sign links. Creates the secret if there is none.
pub fn key_ring(settings: &Settings) -> Result<KeyRing, SecretError> {
    if !settings.tokens.secrets.is_empty() {
        let secrets: Vec<&[u8]> = settings.tokens.secrets.iter().map(|secret| secret.0.as_slice()).collect();
        return Ok(KeyRing::new(&secrets)?);
    }
    let path = settings.data.folder.join("secret.key");
    // Beside an SQLite database the secret has its place. With PostgreSQL, a secret in whatever folder a command
    // was started in would not be the one of the next command.
    let is_anywhere = matches!(settings.database.url, DatabaseUrl::Postgres(_)) && path.is_relative();
    if is_anywhere && !path.is_file() {
        return Err(SecretError::NoPlace);
    }
    let secrets = read_or_create_secrets(&path).map_err(|problem| SecretError::File { path, problem })?;
    Ok(KeyRing::new(&secrets)?)
}

/// Returns the secrets that sign links, as a secret file holds them.
pub fn secrets_text(settings: &Settings) -> io::Result<String> {
    if settings.tokens.secrets.is_empty() {
        return fs::read_to_string(settings.data.folder.join("secret.key"));
    }
    let lines: Vec<String> = settings.tokens.secrets.iter().map(|secret| ::hex::encode(&secret.0)).collect();
    Ok(lines.join("\n") + "\n")
}

/// Fails unless the secret of a backup can be the one of these settings: links in emails would break.
pub fn check_restored_secret(settings: &Settings, secret: &str) -> Result<(), String> {
    let is_same = |text: &str| text.lines().map(str::trim).eq(secret.lines().map(str::trim));
    if !settings.tokens.secrets.is_empty() {
        let configured = secrets_text(settings).map_err(|error| error.to_string())?;
        return if is_same(&configured) { Ok(()) } else { Err("tokens.secrets is another secret".into()) };
    }
    let path = settings.data.folder.join("secret.key");
    match fs::read_to_string(&path) {
        Ok(text) if !is_same(&text) => Err(format!("{} is another secret; move it away", path.display())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
        _ => Ok(()),
    }
}

/// Writes the secret of a backup where these settings expect it, unless it is there.
pub fn write_restored_secret(settings: &Settings, secret: &str) -> io::Result<()> {
    if !settings.tokens.secrets.is_empty() {
        return Ok(());
    }
    match create_secret_file(&settings.data.folder.join("secret.key"), secret) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

/// Reads the secrets, one per line, or creates the file. If two processes start at once, only one of them
/// creates it.
fn read_or_create_secrets(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    match create_secret_file(path, &format!("{}\n", random::hex::<32>())) {
        Ok(()) => tracing::info!(path = %path.display(), "created the secret that signs links; back it up"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.to_string()),
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let secrets: Option<Vec<Vec<u8>>> =
        text.lines().filter(|line| !line.trim().is_empty()).map(hex).collect();
    match secrets {
        Some(secrets) if !secrets.is_empty() && secrets.iter().all(|s| s.len() >= MIN_SECRET_BYTES) => {
            Ok(secrets)
        }
        _ => Err("expected hexadecimal secrets of at least 32 bytes, one per line".into()),
    }
}

/// Writes the secret to a temporary file and links it into place, so that no process reads half a secret.
fn create_secret_file(path: &Path, secret: &str) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension(format!("{}.new", random::hex::<4>()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    linked
}
