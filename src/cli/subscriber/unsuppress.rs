//! `daily subscriber unsuppress`

use crate::{
    actions::subscription::unsuppress::{Suppressed, unsuppress},
    app::App,
    cli::{CliError, CliResult, output::Output, parse_address},
    db::issues,
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
};
use jiff::civil::Date;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(override_usage = "daily subscriber unsuppress <ADDRESS>\n       \
    daily subscriber unsuppress --file <FILE>\n       \
    daily subscriber unsuppress --issue <DATE> [--newsletter <NEWSLETTER>]")]
#[command(group(clap::ArgGroup::new("suppressed").required(true).args(["address", "file", "issue"])))]
pub struct Unsuppress {
    /// Email address
    address: Option<String>,
    /// File with one address per line
    #[arg(long)]
    file: Option<PathBuf>,
    /// All addresses that the issue of this date suppressed
    #[arg(long, value_name = "DATE")]
    issue: Option<Date>,
    /// Newsletter of the issue
    #[arg(long, requires = "issue")]
    newsletter: Option<String>,
}

impl Unsuppress {
    pub(super) async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let lifted = match (&self.address, &self.file, self.issue) {
            (Some(address), ..) => {
                let addresses = [parse_address(address)?];
                unsuppress(&app.actions, actor, Suppressed::Addresses(&addresses)).await?
            }
            (_, Some(file), _) => {
                unsuppress(&app.actions, actor, Suppressed::Addresses(&read_addresses(file)?)).await?
            }
            (_, _, date) => {
                let newsletter = crate::cli::newsletter(app, self.newsletter.as_deref()).await?;
                let date = date.unwrap_or_default();
                let found = issues::get_by_date(&mut app.db.read().await?, newsletter.id, date).await?;
                let issue = found.ok_or_else(|| {
                    CliError::Failed(format!("there is no issue of {date}; see `daily issue list`"))
                })?;
                unsuppress(&app.actions, actor, Suppressed::By(issue.id)).await?
            }
        };
        output.record(&lifted, || match lifted.addresses {
            0 => "nothing was suppressed".into(),
            1 => format!(
                "1 address may be emailed again; subscriptions active again: {}",
                lifted.subscriptions
            ),
            addresses => format!(
                "{addresses} addresses may be emailed again; subscriptions active again: {}",
                lifted.subscriptions
            ),
        })?;
        Ok(())
    }
}

/// Reads a file with an address per line. Skips blank lines. Fails with all lines that are no addresses.
fn read_addresses(file: &Path) -> Result<Vec<EmailAddress>, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::Usage(format!("can't read {}: {error}", file.display())))?;
    let (mut addresses, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match EmailAddress::parse(line.trim()) {
            Ok(address) => addresses.push(address),
            Err(error) => problems.push(format!("line {number}: {error}")),
        }
    }
    if problems.is_empty() { Ok(addresses) } else { Err(CliError::Usage(problems.join("\n"))) }
}
