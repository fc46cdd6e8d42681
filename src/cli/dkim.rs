//! `daily dkim`

use crate::{
    cli::{CliError, CliResult, output::Output},
    domain::delivery::dkim::{Algorithm, parse_domain, parse_selector},
    mail::{DkimKey, DkimKeys},
    settings::Settings,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Make DKIM keys and show their DNS records
#[derive(Debug, clap::Subcommand)]
pub enum Dkim {
    /// Make a key and print its DNS record and configuration
    #[command(after_help = "Examples:\n  \
        daily dkim new --domain example.org --out /etc/daily/dkim.pem\n  \
        daily dkim new --domain example.org --algorithm ed25519 --out ed.pem\n\n\
        Publish the record first, then add the configuration and restart Daily. \
        docs/guides/deliverability.md has every step.")]
    New {
        /// Domain of the sender's address, or one above it
        #[arg(long, value_parser = parse_domain)]
        domain: String,
        /// Name of this key, unique in its domain
        #[arg(long, default_value = "daily", value_parser = parse_selector)]
        selector: String,
        /// rsa for all receivers, ed25519 in addition to an RSA key
        #[arg(long, default_value = "rsa")]
        algorithm: Algorithm,
        /// Write the private key to this new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print the DNS records of the configured keys
    #[command(after_help = "Example:\n  daily dkim show --config /etc/daily/daily.toml")]
    Show,
}

impl Dkim {
    pub fn run(self, settings: &Settings, output: Output) -> CliResult {
        match self {
            Self::New { domain, selector, algorithm, out } => {
                let key = DkimKey::make(&domain, &selector, algorithm, &out)?;
                // The service may run in another folder.
                let file = out.canonicalize().unwrap_or(out);
                let configuration = config_lines(&key, &file.display().to_string());
                let mut record = record_json(&key);
                record["key_file"] = json!(file);
                record["configuration"] = json!(configuration);
                output.record(&record, || {
                    format!(
                        "The private key is in {}. Only its owner can read it, so Daily must run as that user.\n\n\
                         1. Publish this record in the DNS of {domain}:\n\n{}\n\
                         2. Add this to the configuration and start Daily again:\n\n{configuration}",
                        file.display(),
                        dns_record(&key),
                    )
                })?;
                Ok(())
            }
            Self::Show => {
                let keys =
                    DkimKeys::load(&settings.dkim).map_err(|error| CliError::Usage(error.to_string()))?;
                let records: Vec<Value> = keys.iter().map(record_json).collect();
                if output.json {
                    outln!("{}", serde_json::to_string_pretty(&records)?);
                } else if records.is_empty() {
                    outln!(
                        "No key is configured: nothing is signed. `daily dkim new --help` shows how to make one."
                    );
                } else {
                    keys.iter().for_each(|key| outln!("{}", dns_record(key)));
                }
                Ok(())
            }
        }
    }
}

fn record_json(key: &DkimKey) -> Value {
    let record = key.record();
    json!({
        "domain": key.domain(),
        "selector": key.selector(),
        "algorithm": key.algorithm().key_tag(),
        "key_file": key.file(),
        "record": { "name": record.name, "type": "TXT", "value": record.value, "strings": record.strings() },
    })
}

/// Returns the DNS record with name, type and value for web forms, and as a line for zone files.
fn dns_record(key: &DkimKey) -> String {
    let record = key.record();
    format!(
        "   name   {}\n   type   TXT\n   value  {}\n\n   or, as a line of a zone file:\n\n   {}\n",
        record.name,
        record.value,
        record.zone_line()
    )
}

/// Returns the lines to add to the configuration. JSON's escapes are valid in TOML's basic strings.
fn config_lines(key: &DkimKey, file: &str) -> String {
    format!(
        "[[dkim]]\ndomain = \"{}\"\nselector = \"{}\"\nkey_file = {}\n",
        key.domain(),
        key.selector(),
        json!(file)
    )
}
