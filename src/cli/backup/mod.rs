//! `daily backup` and `daily restore`

mod archive;
pub mod restore;

use crate::{
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
    },
    db::{DatabaseUrl, engine::copy},
    secrets,
};
use archive::Manifest;
use serde_json::json;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Copy the database and the secret into one file
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  daily backup /var/backups/daily-$(date +%F).tar\n\n\
    The service may run meanwhile. The file has every address and the secret that \
    signs links, so only you can read it. With PostgreSQL, pg_dump must be installed.")]
pub struct Backup {
    /// File to write; it must not exist yet
    file: PathBuf,
}

impl Backup {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let problem = |what: &dyn std::fmt::Display| {
            CliError::Failed(format!("no backup was made in {}: {what}", self.file.display()))
        };
        if self.file.exists() {
            return Err(problem(&"the file exists already; name another one"));
        }
        let secret = secrets::secrets_text(&app.settings)?;
        // In the same folder, so that there is room for both.
        let (copied, unfinished) = (beside(&self.file, ".database"), beside(&self.file, ".unfinished"));
        for leftover in [&copied, &unfinished] {
            remove(leftover).map_err(|error| problem(&error))?;
        }
        let made = async {
            copy::copy_to(&app.db, &app.settings.database.url, &copied)
                .await
                .map_err(|error| problem(&error))?;
            let now = app.actions.clock.now();
            let (to, from) = (unfinished.clone(), copied.clone());
            let engine = engine(&app.settings.database.url);
            let written =
                tokio::task::spawn_blocking(move || archive::write(&to, &from, &secret, engine, now)).await?;
            let manifest = written.map_err(|error| problem(&error))?;
            // Fails if the file was made meanwhile.
            fs::hard_link(&unfinished, &self.file).map_err(|error| problem(&error))?;
            Ok::<Manifest, CliError>(manifest)
        };
        let made = made.await;
        for temporary in [&copied, &unfinished] {
            remove(temporary)?;
        }
        let manifest = made?;
        let bytes = fs::metadata(&self.file)?.len();
        let record = json!({ "file": self.file, "bytes": bytes, "manifest": manifest });
        output.record(&record, || {
            format!(
                "{} holds the database and the secret as of {}, and was read back",
                self.file.display(),
                utc_time(Some(manifest.made_at))
            )
        })?;
        Ok(())
    }
}

const fn engine(url: &DatabaseUrl) -> &'static str {
    match url {
        DatabaseUrl::Sqlite(_) => "sqlite",
        DatabaseUrl::Postgres(_) => "postgres",
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Removes a file of ours, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
