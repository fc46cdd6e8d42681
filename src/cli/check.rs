//! `daily check`

mod host;

use crate::{
    app::App,
    cli::{CliError, CliResult, output::Output},
    clock::Clock,
    db::{DatabaseUrl, content::feeds, engine::processes, issues, newsletters, operators},
    domain::newsletter::{PLACEHOLDER_POSTAL_ADDRESS, PLACEHOLDER_SENDER},
    queue,
    settings::Settings,
};
use std::path::Path;

/// Check configuration, database and relays
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    daily check --config /etc/daily/daily.toml\n\n\
    Exit codes: 0 ready to send, 1 something doesn't work.")]
pub struct Check {}

impl Check {
    pub async fn run(self, settings: Settings, config: Option<&Path>, output: Output) -> CliResult {
        set_up(settings, config, output).await
    }
}

#[derive(serde::Serialize)]
struct Finding {
    what: String,
    state: &'static str,
    detail: String,
}

async fn set_up(settings: Settings, config: Option<&Path>, output: Output) -> CliResult {
    let app = App::start(settings, Clock::system()).await.map_err(super::start_error)?;
    let mut findings = vec![Finding {
        what: "configuration and database".into(),
        state: "ok",
        detail: app.settings.database.url.to_string(),
    }];
    for (relay, result) in app.jobs.delivery.mailer.check().await {
        findings.push(match result {
            Ok(()) => Finding { what: format!("relay {relay}"), state: "ok", detail: String::new() },
            Err(said) => Finding { what: format!("relay {relay}"), state: "failed", detail: said },
        });
    }
    findings.extend(host::findings(&app.settings, config));
    findings.extend(signing(&app).await?);
    for detail in default_values(&app).await? {
        findings.push(Finding { what: "newsletter".into(), state: "warning", detail });
    }
    if matches!(app.settings.database.url, DatabaseUrl::Postgres(_)) && app.settings.tokens.secrets.is_empty()
    {
        findings.push(Finding {
            what: "tokens.secrets".into(),
            state: "warning",
            detail: "not set: this machine signs links with a secret of its own, which other machines on the same \
                     database can't verify"
                .into(),
        });
    }
    findings.extend(missing_operators(&app).await?);
    findings.extend(problems_of_operation(&app).await?);
    let mut tx = app.db.read().await?;
    let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
    let schedulers = processes::count_schedulers(&mut tx, app.actions.clock.now()).await?;
    drop(tx);
    findings.push(Finding {
        what: "workers alive".into(),
        state: if workers > 0 { "ok" } else { "warning" },
        detail: if workers > 0 { workers.to_string() } else { "none: start `daily serve`".into() },
    });
    findings.push(Finding {
        what: "schedulers alive".into(),
        state: if schedulers > 0 { "ok" } else { "warning" },
        detail: if schedulers > 0 {
            schedulers.to_string()
        } else {
            "none: nothing is sent by itself".into()
        },
    });
    let depth = queue::depth(&app.db).await?;
    findings.push(Finding { what: "jobs in the queue".into(), state: "ok", detail: depth.to_string() });
    output.records(&findings, &["what", "state", "detail"], |it| {
        vec![it.what.clone(), it.state.into(), it.detail.clone()]
    })?;
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
    let finding = |what: String, detail: Option<String>| Finding {
        what,
        state: if detail.is_some() { "warning" } else { "ok" },
        detail: detail.unwrap_or_default(),
    };
    let mut findings = Vec::new();
    for key in app.jobs.delivery.dkim.iter() {
        let open = key
            .readable_by_others()
            .then(|| format!("others may read {0}; close it: chmod 600 {0}", key.file().display()));
        findings.push(finding(format!("dkim {}", key.record().name), open));
    }
    if findings.is_empty() {
        return Ok(findings);
    }
    let mut tx = app.db.read().await?;
    for record in newsletters::list(&mut tx).await? {
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
    let newsletters = newsletters::list(&mut tx).await?;
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
    Ok(Some(Finding { what: "operators".into(), state: "warning", detail }))
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
        let newsletter = newsletters::get(&mut tx, issue.newsletter_id).await?.newsletter.slug;
        let what = format!("issue of {} ({newsletter})", issue.issue_date);
        findings.push(Finding { what, state: "warning", detail });
    }
    for feed in feeds::in_trouble(&mut tx, MAX_FEEDS_IN_TROUBLE).await? {
        let detail = feed.trouble.unwrap_or_default();
        findings.push(Finding { what: format!("feed {}", feed.url), state: "warning", detail });
    }
    for (what, detail) in super::issue::slow_now(app, &mut tx).await? {
        findings.push(Finding { what, state: "slowed", detail });
    }
    Ok(findings)
}

/// Lists newsletters with default values although a real relay is configured.
pub async fn default_values(app: &App) -> Result<Vec<String>, CliError> {
    if app.settings.relays.iter().all(|relay| relay.url.mailbox().is_some()) {
        return Ok(Vec::new());
    }
    let mut tx = app.db.read().await?;
    let mut found = Vec::new();
    for record in newsletters::list(&mut tx).await? {
        let it = record.newsletter;
        if it.sender_address.as_str() == PLACEHOLDER_SENDER {
            found.push(format!(
                "{} is sent from {PLACEHOLDER_SENDER}, which no relay accepts; set yours: daily newsletter set {} \
                 --sender-address news@your-domain",
                it.title, it.slug
            ));
        }
        if it.postal_address == PLACEHOLDER_POSTAL_ADDRESS {
            found.push(format!(
                "{} has no postal address, which the law asks of newsletters in most countries; set yours: daily \
                 newsletter set {} --postal-address \"…\"",
                it.title, it.slug
            ));
        }
    }
    Ok(found)
}
