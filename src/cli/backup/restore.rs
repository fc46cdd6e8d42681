//! `daily restore`

use super::{archive, beside, engine, remove};
use crate::{
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
    },
    clock::Clock,
    db::{
        DatabaseUrl,
        engine::copy::{self, CopyError},
        installation,
    },
    secrets,
    settings::Settings,
};
use serde_json::json;
use std::{fs, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

/// Make a new database from a backup
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  daily restore /var/backups/daily-2026-11-30.tar\n\n\
    The configured database must be new: move the old one away. A restored database \
    is disarmed: pages work, and nothing is sent until `daily arm`. With PostgreSQL, \
    pg_restore must be installed.")]
pub struct Restore {
    /// File that `daily backup` made
    file: PathBuf,
}

impl Restore {
    pub async fn run(self, settings: &Settings, output: Output) -> CliResult {
        let file = &self.file;
        let problem = |what: &dyn std::fmt::Display| {
            CliError::Failed(format!("{} was not restored: {what}", file.display()))
        };
        let url = &settings.database.url;
        copy::require_new(url).await.map_err(|error| problem(&error))?;
        let extracted = match url {
            DatabaseUrl::Sqlite(path) => beside(path, ".restoring"),
            DatabaseUrl::Postgres(_) => beside(&settings.data.folder.join("daily"), ".restoring"),
        };
        if let Some(folder) = extracted.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| problem(&error))?;
        }
        remove(&extracted).map_err(|error| problem(&error))?;
        let restored = async {
            let (from, to) = (file.clone(), extracted.clone());
            let contents = tokio::task::spawn_blocking(move || {
                let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to)?;
                let contents = archive::read(&from, &mut to)?;
                to.sync_all()?;
                std::io::Result::Ok(contents)
            });
            let contents = contents.await?.map_err(|error| problem(&error))?;
            let made_with = contents.manifest.engine.as_str();
            if made_with != engine(url) {
                return Err(problem(&format!("it is a backup of {made_with}, and database.url is {url}")));
            }
            secrets::check_restored_secret(settings, &contents.secret).map_err(|error| problem(&error))?;
            let made_at = contents.manifest.made_at;
            let disarmed = copy::restore_from(&extracted, url, async |db| {
                let mut tx = db.begin().await?;
                let reason = format!("it was restored from a backup of {}", utc_time(Some(made_at)));
                installation::disarm(&mut tx, &reason, Clock::system().now()).await?;
                tx.commit().await
            });
            disarmed.await.map_err(|error: CopyError| problem(&error))?;
            secrets::write_restored_secret(settings, &contents.secret).map_err(|error| problem(&error))?;
            Ok(contents.manifest)
        };
        let restored = restored.await;
        remove(&extracted)?;
        let manifest = restored?;
        output.record(&json!({ "database": url.to_string(), "manifest": manifest, "armed": false }), || {
            format!(
                "{url} is as it was at {}. It is disarmed: `daily serve` shows pages and takes signups, and sends \
                 nothing.\nNext: `daily arm` lists what may have been sent since, and lets it send again",
                utc_time(Some(manifest.made_at))
            )
        })?;
        Ok(())
    }
}
