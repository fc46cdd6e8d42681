//! `daily check`

use crate::{
    actions::check::State,
    app::App,
    cli::{CliError, CliResult, output::Output},
    clock::Clock,
    db::{installation, newsletters as newsletter_rows},
    domain::issue::readiness::missing,
    service::surroundings,
    settings::Settings,
};

/// Check configuration, database and relays
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    daily check --config /etc/daily/daily.toml\n\n\
    Findings that failed hold issues back until they are cured. Warnings don't.\n\
    The operators' pages show the same findings under System.\n\
    Exit codes: 0 ready to send, 1 something failed.")]
pub struct Check {}

impl Check {
    pub async fn run(self, settings: Settings, output: Output) -> CliResult {
        let app = App::start(settings, Clock::system()).await.map_err(super::start_error)?;
        let checks = surroundings::checks(&app);
        let mut findings = checks.everything(&checks.ask().await).await?;
        findings.extend(checks.reader_counts().await?);
        output.records(&findings, &["what", "state", "detail"], |it| {
            vec![it.what.clone(), it.state.as_str().into(), it.sentence()]
        })?;
        if !output.json {
            let failed = findings.iter().filter(|finding| finding.state != State::Ok);
            for finding in failed.filter(|finding| !finding.conversation.is_empty()) {
                outln!("\n{}:", finding.what);
                for line in &finding.conversation {
                    outln!("  {line}");
                }
            }
        }
        app.db.close().await;
        match findings.iter().filter(|finding| finding.state == State::Failed).count() {
            0 => Ok(()),
            1 => Err(CliError::Failed("one check failed".into())),
            count => Err(CliError::Failed(format!("{count} checks failed"))),
        }
    }
}

/// Lists what is not set up that readers need, for the log of `daily serve`.
pub async fn missing_setup(app: &App) -> Result<Vec<String>, CliError> {
    let mut tx = app.db.read().await?;
    let setup = installation::setup(&mut tx, app.settings.setup()).await?;
    let mut found = Vec::new();
    for record in newsletter_rows::list(&mut tx).await? {
        found.extend(missing(setup, &record.newsletter).into_iter().map(|must| {
            format!(
                "{}: {}: {}, and {}; {}",
                record.newsletter.slug, must.what, must.problem, must.why, must.cure
            )
        }));
    }
    Ok(found)
}
