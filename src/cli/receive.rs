//! `daily receive` processes incoming email. A mail server pipes it in, one message at a time.

mod explain;

use crate::{
    actions::incoming::receive::{Incoming, receive},
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
    },
    db::incoming_messages,
    domain::{
        delivery::incoming::{IncomingKind, Reading},
        subscriber::email_address::EmailAddress,
    },
    mail::inbound,
    settings::Settings,
};
use serde_json::json;
use std::{io::Read as _, path::PathBuf};

/// The exit code that asks a mail server to try again later (EX_TEMPFAIL of sysexits.h).
pub const TRY_AGAIN: u8 = 75;

/// Process incoming email (bounces, complaints, unsubscribe requests)
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  \
    daily receive < message.eml\n  \
    daily receive --recipient \"$RECIPIENT\"   from a mail server\n  \
    daily receive --explain message.eml      show how a message is read\n  \
    daily receive list                       messages that nobody understood\n\n\
    Reads one message from standard input. docs/guides/bounces.md sets up a mail server.\n\n\
    Exit codes: 0 handled or nothing to do, 75 try again later.")]
pub struct Receive {
    /// Address that the message was delivered to
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Show how this message is read, and change nothing
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List messages kept because they changed nothing
    List {
        /// Show at most this many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Print a kept message
    Show {
        /// Its number in the list
        id: i64,
    },
}

impl Receive {
    /// Whether a mail server runs the command, which must keep the message after any failure.
    pub const fn is_for_mail_server(&self) -> bool {
        self.command.is_none() && self.explain.is_none()
    }

    /// Explains a message, if that is asked. Needs no database.
    pub fn explain(&self, settings: &Settings, output: Output) -> Option<CliResult> {
        let file = self.explain.as_ref()?;
        Some(explain::explain(file, self.recipient.as_deref(), settings, output))
    }

    pub async fn run(self, app: &App, output: Output) -> CliResult {
        match self.command {
            Some(Command::List { limit }) => list(app, limit, output).await,
            Some(Command::Show { id }) => show(app, id).await,
            None => self.receive(app, output).await,
        }
    }

    async fn receive(self, app: &App, output: Output) -> CliResult {
        let most = u64::from(app.settings.receive.max_bytes);
        let bytes = tokio::task::spawn_blocking(move || read_message(most)).await??;
        let reading = inbound::read(&bytes);
        let hash = inbound::hash(&bytes);
        let incoming = Incoming {
            bytes: &bytes,
            recipient: self.recipient.as_deref(),
            reading: reading.as_ref(),
            hash: &hash,
        };
        let outcome = receive(&app.incoming, &incoming).await?;
        report(output, reading.as_ref(), outcome.kind, &outcome.did)
    }
}

fn read_message(most: u64) -> std::io::Result<Vec<u8>> {
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    input.by_ref().take(most).read_to_end(&mut bytes)?;
    // Reads the rest of a long message, because a mail server takes a broken pipe for a failure.
    std::io::copy(&mut input, &mut std::io::sink())?;
    Ok(bytes)
}

/// Reports a message and its result on standard error, which mail servers log; with `--json` as a record.
fn report(output: Output, reading: Option<&Reading>, kind: IncomingKind, did: &str) -> CliResult {
    let id = reading.and_then(|it| it.message_id.as_deref()).unwrap_or("-").escape_debug().to_string();
    let sender = reading.and_then(|it| EmailAddress::parse(&it.sender).ok());
    let sender = sender.map_or("-".into(), |it| it.masked());
    if output.json {
        let record = json!({ "kind": kind, "message_id": id, "from": sender, "did": did });
        output.record(&record, String::new)?;
    } else {
        errln!("daily: {kind} <{id}> from {sender}: {did}");
    }
    Ok(())
}

async fn list(app: &App, limit: i64, output: Output) -> CliResult {
    let kept = incoming_messages::latest(&mut app.db.read().await?, limit).await?;
    output.records(&kept, &["id", "received", "from", "kind", "because"], |it| {
        vec![
            it.id.to_string(),
            utc_time(Some(it.received_at)),
            it.sender.clone(),
            it.kind.to_string(),
            it.reason.clone(),
        ]
    })?;
    Ok(())
}

async fn show(app: &App, id: i64) -> CliResult {
    let Some(message) = incoming_messages::text(&mut app.db.read().await?, id).await? else {
        return Err(CliError::Failed(format!("there is no message {id}; see `daily receive list`")));
    };
    // Control characters of a stranger must not reach the terminal.
    let text = String::from_utf8_lossy(&message);
    let text = text.replace("\r\n", "\n");
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '?' } else { c }).collect();
    out!("{text}");
    Ok(())
}
