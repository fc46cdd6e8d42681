//! `daily subscriber import`

use crate::{
    actions::subscription::import_subscribers::{Import, LeftOut, Summary, import_subscribers},
    app::App,
    cli::{CliError, CliResult, output::Output},
    domain::{
        actor::Actor,
        import::{
            DateFormat, Dates, Field, LayoutOptions, Outcome, Source, parse_mapping,
            spreadsheet::escape_formula,
        },
        newsletter::parse_time_zone,
    },
};
use encoding_rs::Encoding;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fmt::Write as _,
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Rejected rows that are printed without a report.
const MAX_SHOWN: usize = 20;

/// The system that wrote the file.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum From {
    Daily,
    Listmonk,
    Mailchimp,
    Substack,
    Ghost,
    Buttondown,
    Csv,
}

impl From {
    const fn source(self) -> Source {
        match self {
            Self::Daily => Source::Daily,
            Self::Listmonk => Source::Listmonk,
            Self::Mailchimp => Source::Mailchimp,
            Self::Substack => Source::Substack,
            Self::Ghost => Source::Ghost,
            Self::Buttondown => Source::Buttondown,
            Self::Csv => Source::Csv,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct ImportCommand {
    /// CSV file; columns without names in its first line are numbered from 1
    file: PathBuf,
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
    /// Source of the file; default: detected
    #[arg(long, value_enum)]
    from: Option<From>,
    /// Columns, such as email=E-Mail,confirmed_at=Since
    #[arg(long, value_name = "FIELD=COLUMN,…", value_parser = mapping)]
    map: Vec<Mapping>,
    /// Treat unmarked rows as confirmed, which you can prove
    #[arg(long)]
    all_confirmed: bool,
    /// Treat unmarked rows as unsubscribed
    #[arg(long, conflicts_with = "all_confirmed")]
    all_unsubscribed: bool,
    /// Encoding if not UTF-8, such as windows-1252
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Date format, such as "%d/%m/%Y %H:%M"
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// Time zone of dates without one
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Report without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Write rows that are left out to this new file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Mapping(Vec<(Field, String)>);

fn mapping(text: &str) -> Result<Mapping, String> {
    parse_mapping(text).map(Mapping).map_err(|error| error.to_string())
}

impl ImportCommand {
    pub(super) async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let newsletter = crate::cli::newsletter(app, self.newsletter.as_deref()).await?;
        let file = File::open(&self.file).map_err(|error| self.failed(&error))?;
        let bar = progress_bar(file.metadata().map_err(|error| self.failed(&error))?.len());
        let import = self.import(app, newsletter.id)?;
        let mut report = Report::open(self.report.as_deref())?;
        let done =
            import_subscribers(&app.actions, actor, bar.wrap_read(file), import, |it| report.add(it)).await;
        bar.finish_and_clear();
        report.finish(done.is_err())?;
        let summary = done.map_err(|error| self.failed(&error))?;
        for line in &report.shown {
            errln!("{line}");
        }
        if report.beyond > 0 {
            errln!("… and {} more; --report FILE writes them all", report.beyond);
        }
        output.record(&summary_json(&summary, self.dry_run), || summary_text(&summary, self.dry_run))?;
        Ok(())
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> CliError {
        CliError::Failed(format!("{}: {error}", self.file.display()))
    }

    fn import(&self, app: &App, newsletter: crate::domain::ids::NewsletterId) -> Result<Import, CliError> {
        let usage = |what: &str, error: &dyn std::fmt::Display| CliError::Usage(format!("{what}: {error}"));
        let zone = parse_time_zone(&self.time_zone).map_err(|error| usage("--time-zone", &error))?;
        let format = self.date_format.as_deref().map(DateFormat::parse).transpose();
        let encoding = self
            .encoding
            .as_deref()
            .map(|label| {
                Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                    usage("--encoding", &format!("`{label}` is unknown; try windows-1252 or utf-16le"))
                })
            })
            .transpose()?;
        Ok(Import {
            newsletter,
            file_name: self.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            layout: LayoutOptions {
                source: self.from.map(From::source),
                mapping: self.map.iter().flat_map(|it| it.0.clone()).collect(),
                all_confirmed: self.all_confirmed,
                all_unsubscribed: self.all_unsubscribed,
            },
            encoding,
            dates: Dates {
                format: format.map_err(|error| usage("--date-format", &error))?,
                zone,
                now: app.actions.clock.now(),
            },
            dry_run: self.dry_run,
        })
    }
}

/// Creates a progress bar over the bytes of the file.
fn progress_bar(bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {binary_bytes_per_sec}  ETA {eta}");
    // The template above is valid.
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Collects the rows that were not imported.
struct Report {
    file: Option<(PathBuf, csv::Writer<File>)>,
    /// Rows written to the file.
    written: u64,
    shown: Vec<String>,
    beyond: u64,
}

impl Report {
    fn open(path: Option<&Path>) -> Result<Self, CliError> {
        let open = |path: &Path| -> Result<_, CliError> {
            let mut file = csv::Writer::from_writer(super::export::new_file(path)?);
            file.write_record(["line", "outcome", "address", "reason"])
                .map_err(|error| CliError::Failed(format!("the report can't be written: {error}")))?;
            Ok((path.to_owned(), file))
        };
        Ok(Self { file: path.map(open).transpose()?, written: 0, shown: Vec::new(), beyond: 0 })
    }

    fn add(&mut self, it: &LeftOut) -> io::Result<()> {
        let line = it.line.to_string();
        let address = it.address.as_deref().unwrap_or("");
        if let Some((_, file)) = &mut self.file {
            self.written += 1;
            let cells = [&line, it.outcome, &escape_formula(address), &escape_formula(&it.reason)];
            return file.write_record(cells).map_err(io::Error::other);
        }
        if self.shown.len() < MAX_SHOWN {
            let text = if address.is_empty() { String::new() } else { format!("{address}: ") };
            let clean = |c: char| if c.is_control() { ' ' } else { c };
            self.shown.push(format!("line {line}: {text}{}", it.reason).chars().map(clean).collect());
        } else {
            self.beyond += 1;
        }
        Ok(())
    }

    /// Deletes an empty report of a failed import, so that the next attempt can use the same file name.
    fn finish(&mut self, failed: bool) -> io::Result<()> {
        let Some((path, mut file)) = self.file.take() else { return Ok(()) };
        file.flush()?;
        if failed && self.written == 0 { std::fs::remove_file(path) } else { Ok(()) }
    }
}

fn summary_json(summary: &Summary, dry_run: bool) -> serde_json::Value {
    let outcomes: serde_json::Map<_, _> =
        Outcome::ALL.iter().map(|it| (it.as_str().to_owned(), summary.count(*it).into())).collect();
    serde_json::json!({
        "dry_run": dry_run, "from": summary.source, "rows": summary.rows, "tidied": summary.tidied, "outcomes": outcomes, "refused": summary.refused,
    })
}

fn summary_text(summary: &Summary, dry_run: bool) -> String {
    let from = summary.source.map_or("?", Source::as_str);
    let mut text = if dry_run { "Nothing was changed. An import would do this:\n" } else { "" }.to_owned();
    let _ = writeln!(text, "{:>9}  rows ({from})", summary.rows);
    for (outcome, words) in [
        (Outcome::Added, "readers are active now"),
        (Outcome::Known, "were known already; nothing changed"),
        (Outcome::Left, "had unsubscribed there, and are recorded as unsubscribed"),
        (Outcome::Ended, "were active here but had unsubscribed there: they get no more email"),
        (Outcome::Suppressed, "can't or must not get email: their addresses are suppressed now"),
        (Outcome::Unconfirmed, "left out: the list does not show a confirmation"),
        (Outcome::LeftHere, "left out: they unsubscribed here, and only they can subscribe again"),
        (Outcome::SuppressedHere, "left out: suppressed here"),
        (Outcome::Forgotten, "left out: they were erased, or changed their address"),
        (Outcome::Duplicate, "left out: an earlier row has the same address"),
    ] {
        match summary.count(outcome) {
            0 => {}
            count => drop(writeln!(text, "{count:>9}  {words}")),
        }
    }
    if summary.tidied > 0 {
        let _ = writeln!(
            text,
            "{:>9}  addresses had invisible characters or full-width signs, which were replaced",
            summary.tidied
        );
    }
    for (kind, count) in &summary.refused {
        let _ = writeln!(text, "{count:>9}  refused: {kind}");
    }
    if summary.source == Some(Source::Listmonk) && summary.count(Outcome::Unconfirmed) > 0 {
        text.push_str(
            "listmonk's `enabled` says nothing about confirmations. Export the confirmed and the unsubscribed subscribers \
             as separate files, and import them with --all-confirmed and --all-unsubscribed.\n",
        );
    }
    text
}
