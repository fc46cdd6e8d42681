//! `daily subscriber export`

use crate::{
    app::App,
    cli::{CliError, CliResult, issue::counted, output::Output, parse_address},
    db::{
        DbTime,
        subscribers::{ListedReader, data_export, listed_readers},
    },
    domain::{
        ids::SubscriptionId, import::spreadsheet::escape_formula,
        subscriber::subscription::SubscriptionStatus,
    },
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Readers per query.
const PAGE_SIZE: i64 = 2_000;

#[derive(Debug, clap::Args)]
pub struct ExportCommand {
    /// Reader's address, for a data export as JSON
    #[arg(conflicts_with_all = ["newsletter", "status"])]
    address: Option<String>,
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
    /// Export readers with this status
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<SubscriptionStatus>,
    /// Write to this new file, readable by you alone
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn status(text: &str) -> Result<SubscriptionStatus, String> {
    text.parse().map_err(|_| {
        let known: Vec<_> = SubscriptionStatus::ALL.iter().map(|it| it.as_str()).collect();
        format!("it is one of {}", known.join(", "))
    })
}

impl ExportCommand {
    pub(super) async fn run(self, app: &App, output: Output) -> CliResult {
        if let Some(address) = &self.address {
            return self.export_reader(app, address).await;
        }
        let newsletter = crate::cli::newsletter(app, self.newsletter.as_deref()).await?;
        let mut list = List::new(destination(self.out.as_deref())?, output.json)?;
        let mut after = SubscriptionId(0);
        loop {
            // A transaction per page: a long snapshot would keep the database from cleaning up.
            let mut tx = app.db.read().await?;
            let page = listed_readers(&mut tx, newsletter.id, self.status, after, PAGE_SIZE).await?;
            drop(tx);
            let Some(reader) = page.last() else { break };
            after = reader.id;
            page.iter().try_for_each(|reader| list.add(reader))?;
        }
        let count = list.finish()?;
        if let Some(path) = &self.out {
            errln!(
                "wrote {} of `{}` to {}",
                counted(count, "reader"),
                newsletter.newsletter.slug,
                path.display()
            );
        }
        Ok(())
    }
}

impl ExportCommand {
    /// Writes the data export of one reader.
    async fn export_reader(&self, app: &App, address: &str) -> CliResult {
        let address = parse_address(address)?;
        let now = app.actions.clock.now();
        let Some(export) = data_export::read(&mut app.db.read().await?, &address, now).await? else {
            return Err(CliError::Failed(format!("there is no data about {address}")));
        };
        let mut file = destination(self.out.as_deref())?;
        file.write_all(export.to_json()?.as_bytes())?;
        file.flush()?;
        if let Some(path) = &self.out {
            errln!("all data about {address} is in {}", path.display());
        }
        Ok(())
    }
}

/// Opens a new file or standard output. Never overwrites a file.
fn destination(path: Option<&Path>) -> Result<Box<dyn Write + Send>, CliError> {
    Ok(match path {
        Some(path) => Box::new(BufWriter::new(new_file(path)?)),
        None => Box::new(BufWriter::new(io::stdout())),
    })
}

/// Creates a file that only its owner can read, because it contains personal data. Never overwrites a file.
pub(super) fn new_file(path: &Path) -> Result<File, CliError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CliError::Failed(format!(
            "{} is there already, and nothing is written over it: name another file, or move it away",
            path.display()
        )),
        _ => CliError::Failed(format!("{}: {error}", path.display())),
    })
}

/// Writes readers as CSV that `daily subscriber import` reads, or as one JSON object per line.
enum List {
    Csv(Box<csv::Writer<Box<dyn Write + Send>>>, u64),
    Json(Box<dyn Write + Send>, u64),
}

/// Column names that the importer recognizes.
const COLUMNS: [&str; 13] = [
    "email",
    "status",
    "requested_at",
    "requested_ip",
    "confirmed_at",
    "confirmed_ip",
    "ended_at",
    "cadence",
    "sections",
    "time_zone",
    "send_time",
    "paused_until",
    "language",
];

impl List {
    fn new(file: Box<dyn Write + Send>, json: bool) -> io::Result<Self> {
        if json {
            return Ok(Self::Json(file, 0));
        }
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(COLUMNS).map_err(io)?;
        Ok(Self::Csv(Box::new(csv), 0))
    }

    fn add(&mut self, it: &ListedReader) -> io::Result<()> {
        let at = |at: Option<DbTime>| at.map(|at| at.0.to_string()).unwrap_or_default();
        match self {
            Self::Json(file, count) => {
                *count += 1;
                serde_json::to_writer(&mut *file, it)?;
                file.write_all(b"\n")
            }
            Self::Csv(csv, count) => {
                *count += 1;
                let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
                csv.write_record([
                    escape_formula(&it.email),
                    it.status.clone(),
                    at(Some(it.requested_at)),
                    or_none(&it.requested_ip),
                    at(it.confirmed_at),
                    or_none(&it.confirmed_ip),
                    at(it.ended_at),
                    it.cadence.clone(),
                    escape_formula(&it.sections),
                    or_none(&it.time_zone),
                    or_none(&it.send_time),
                    or_none(&it.paused_until),
                    or_none(&it.language),
                ])
                .map_err(io)
            }
        }
    }

    /// Flushes the output and returns the number of readers.
    fn finish(self) -> io::Result<u64> {
        match self {
            Self::Json(mut file, count) => file.flush().map(|()| count),
            Self::Csv(mut csv, count) => csv.flush().map(|()| count),
        }
    }
}

fn io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
