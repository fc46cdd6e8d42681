//! `daily check`

mod host;
mod newsletters;
mod provider;
mod public_url;

use crate::{
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
    },
    clock::Clock,
    db::{
        DatabaseUrl, content::feeds, engine::processes, installation, issues, newsletters as newsletter_rows,
        operators,
    },
    domain::issue::readiness::missing,
    queue,
    settings::Settings,
};
use std::path::Path;

/// Check configuration, database and relays
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    daily check --config /etc/daily/daily.toml\n\n\
    Findings that failed hold issues back until they are cured. Warnings don't.\n\
    Exit codes: 0 ready to send, 1 something failed.")]
pub struct Check {}

impl Check {
    pub async fn run(self, settings: Settings, config: Option<&Path>, output: Output) -> CliResult {
        set_up(settings, config, output).await
    }
}

/// Something that was checked.
#[derive(serde::Serialize)]
struct Finding {
    what: String,
    /// `ok`, `warning`, `slowed` or `failed`.
    state: &'static str,
    /// The state in words.
    detail: String,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
    /// The lines that Daily and a relay said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conversation: Vec<String>,
}

impl Finding {
    fn new(what: impl Into<String>, state: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state,
            detail: detail.into(),
            why: None,
            cure: None,
            conversation: Vec::new(),
        }
    }

    fn ok(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(what, "ok", detail)
    }

    fn warning(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(what, "warning", detail)
    }

    fn failed(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(what, "failed", detail)
    }

    fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    fn cured_by(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    /// Returns detail, reason and cure in one sentence.
    fn sentence(&self) -> String {
        let mut text = self.detail.clone();
        if let Some(why) = &self.why {
            text.push_str(": ");
            text.push_str(why);
        }
        if let Some(cure) = &self.cure {
            text.push_str("; ");
            text.push_str(cure);
        }
        text
    }
}

async fn set_up(settings: Settings, config: Option<&Path>, output: Output) -> CliResult {
    let app = App::start(settings, Clock::system()).await.map_err(super::start_error)?;
    let mut findings = vec![Finding::ok("configuration and database", app.settings.database.url.to_string())];
    for (relay, result) in app.jobs.delivery.mailer.check().await {
        findings.push(match result {
            Ok(()) => Finding::ok(format!("relay {relay}"), "it takes email"),
            Err(fault) => Finding {
                conversation: fault.conversation,
                ..Finding::failed(format!("relay {relay}"), fault.said)
                    .because("nothing reaches readers through it")
                    .cured_by("check url and password under [[relays]]")
            },
        });
    }
    findings.extend(host::findings(&app.settings, config));
    findings.extend(signing(&app).await?);
    findings.push(public_url::finding(&app).await);
    findings.extend(newsletters::findings(&app).await?);
    if matches!(app.settings.database.url, DatabaseUrl::Postgres(_)) && app.settings.tokens.secrets.is_empty()
    {
        findings.push(
            Finding::warning("tokens.secrets", "not set: this machine signs links with a secret of its own")
                .because("other machines on the same database can't verify them")
                .cured_by("set the same secrets on all machines"),
        );
    }
    findings.extend(provider::finding(&app).await);
    findings.extend(missing_operators(&app).await?);
    findings.extend(problems_of_operation(&app).await?);
    let mut tx = app.db.read().await?;
    let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
    let schedulers = processes::count_schedulers(&mut tx, app.actions.clock.now()).await?;
    let disarmed = installation::get(&mut tx).await?.disarmed_at;
    drop(tx);
    for (what, count, why) in [
        ("workers alive", workers, "nothing is sent"),
        ("schedulers alive", schedulers, "nothing is sent by itself"),
    ] {
        findings.push(match count {
            0 => Finding::warning(what, "none").because(why).cured_by("start `daily serve`"),
            count => Finding::ok(what, count.to_string()),
        });
    }
    if let Some(since) = disarmed {
        findings.push(
            Finding::failed("armed", format!("the database is disarmed since {}", utc_time(Some(since))))
                .because("nothing is sent")
                .cured_by("daily arm"),
        );
    }
    let depth = queue::depth(&app.db).await?;
    findings.push(Finding::ok("jobs in the queue", depth.to_string()));
    output.records(&findings, &["what", "state", "detail"], |it| {
        vec![it.what.clone(), it.state.into(), it.sentence()]
    })?;
    if !output.json {
        for finding in findings.iter().filter(|finding| !finding.conversation.is_empty()) {
            outln!("\n{}:", finding.what);
            for line in &finding.conversation {
                outln!("  {line}");
            }
        }
    }
    app.db.close().await;
    match findings.iter().filter(|finding| finding.state == "failed").count() {
        0 => Ok(()),
        1 => Err(CliError::Failed("one check failed".into())),
        count => Err(CliError::Failed(format!("{count} checks failed"))),
    }
}

/// Checks which senders' emails are signed. The DNS is not queried, because receivers may see another answer
/// than this machine.
async fn signing(app: &App) -> Result<Vec<Finding>, CliError> {
    let finding = |what: String, problem: Option<String>| match problem {
        Some(problem) => Finding::warning(what, problem),
        None => Finding::ok(what, ""),
    };
    let mut findings = Vec::new();
    for key in app.jobs.delivery.dkim.iter() {
        let open = key
            .readable_by_others()
            .then(|| format!("others may read {0}; close it: chmod 600 {0}", key.file().display()));
        findings.push(finding(format!("dkim {}", key.record().name), open));
    }
    if findings.is_empty() {
        if app.settings.setup().has_real_relay {
            findings.push(
                Finding::warning("dkim", "no key is configured")
                    .because("big mailbox providers put unsigned newsletters into spam")
                    .cured_by("daily dkim new --domain your-domain --out FILE, unless your relay signs"),
            );
        }
        return Ok(findings);
    }
    let mut tx = app.db.read().await?;
    for record in newsletter_rows::list(&mut tx).await? {
        let it = record.newsletter;
        if app.jobs.delivery.dkim.for_sender(&it.sender_address).is_empty() {
            let domain = it.sender_address.domain();
            let unsigned = format!(
                "{} is not signed: no key is configured for {domain}; make one: daily dkim new --domain {domain} \
                 --out FILE",
                it.title
            );
            findings.push(finding("dkim".into(), Some(unsigned)));
        }
    }
    Ok(findings)
}

/// Returns a finding if there are alerts but no operators to get them.
async fn missing_operators(app: &App) -> Result<Option<Finding>, CliError> {
    let mut tx = app.db.read().await?;
    if !operators::alerted(&mut tx).await?.is_empty() {
        return Ok(None);
    }
    let newsletters = newsletter_rows::list(&mut tx).await?;
    let asks = newsletters.iter().map(|it| &it.newsletter).find(|it| it.needs_approval);
    let why = match asks {
        Some(newsletter) => {
            format!("issues of {} wait for approval, and no operator is alerted", newsletter.title)
        }
        None if feeds::list(&mut tx).await?.iter().any(|feed| feed.status == "active") => {
            "no operator is alerted when an issue is stopped or a feed is in trouble".to_owned()
        }
        None => return Ok(None),
    };
    let detail = format!("{why}; add an address: daily operator add you@your-domain");
    Ok(Some(Finding::warning("operators", detail)))
}

/// Most stopped issues that are listed.
const MAX_STOPPED: i64 = 20;
/// Most feeds in trouble that are listed.
const MAX_FEEDS_IN_TROUBLE: i64 = 20;

/// Returns issues that wait for an operator, feeds in trouble, and slowdowns.
async fn problems_of_operation(app: &App) -> Result<Vec<Finding>, CliError> {
    let mut tx = app.db.read().await?;
    let mut findings = Vec::new();
    for issue in issues::stopped(&mut tx, MAX_STOPPED).await? {
        let detail =
            format!("{}: {}", issue.status, issue.reason.as_deref().unwrap_or("no reason was given"));
        let newsletter = newsletter_rows::get(&mut tx, issue.newsletter_id).await?.newsletter.slug;
        let what = format!("issue of {} ({newsletter})", issue.issue_date);
        findings.push(Finding::warning(what, detail));
    }
    for feed in feeds::in_trouble(&mut tx, MAX_FEEDS_IN_TROUBLE).await? {
        let detail = feed.trouble.unwrap_or_default();
        findings.push(Finding::warning(format!("feed {}", feed.url), detail));
    }
    for (what, detail) in super::issue::slow_now(app, &mut tx).await? {
        findings.push(Finding::new(what, "slowed", detail));
    }
    Ok(findings)
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
