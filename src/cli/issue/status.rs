//! `daily issue status`

use crate::{
    app::App,
    cli::{
        CliError, CliResult,
        issue::{
            Which,
            commands::Commands,
            figures::{counts_line, duration, eta, messages_per_second, percent, rate, refusal_rate},
            watch::{EndReason, waits_for_operator, watch},
        },
        output::{Output, on_terminal, table, utc_time},
    },
    db::{
        bounces::{self, BouncedDomain, KindCount},
        deliveries::{self, AnswerCount, Counts, DomainCount, Slowdown},
        engine::processes,
        issues::{self, IssueEvent, IssueRecord},
        throttle::holds::{self, HeldDestination},
    },
    domain::{
        delivery::{
            breaker::Score,
            send_rate::{ReducedRate, SendRate},
        },
        ids::IssueId,
        issue::status::IssueStatus,
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{fmt::Write as _, time::Duration};

/// Show an issue's progress, by domain and by answer
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily issue status                 the current issue, else the latest\n  \
    daily issue status --no-watch      without waiting for its end\n  \
    daily --json issue status          as JSON")]
pub struct Status {
    #[command(flatten)]
    which: Which,
    /// Don't wait for the issue's end
    #[arg(long)]
    no_watch: bool,
}

/// Domains that are listed.
const DOMAINS: i64 = 15;
/// Distinct answers that are listed.
const ANSWERS: i64 = 50;
/// Domains whose bounces are listed.
const BOUNCED: i64 = 15;
/// Slowed-down domains and relays that are listed.
const SLOWDOWNS: i64 = 50;
/// Time over which a single query measures the rate.
const MEASURE_FOR: Duration = Duration::from_secs(1);
/// Even the strongest slowdown has recovered after this time.
const SLOW_FOR: SignedDuration = SignedDuration::from_hours(6);

const IN_DOUBT: &str = "the rest is in doubt: see `daily issue resolve --help`";
const NO_WORKER: &str = "no worker is running: sending continues when one starts";

impl Status {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let issue = self.which.existing(app).await?;
        let (mut notice, mut per_second) = (None, None);
        if on_terminal() && !output.json && !self.no_watch && is_being_sent(issue.status) {
            notice = match watch(app, issue.id, output).await?.end_reason {
                EndReason::AtRest | EndReason::Interrupted => None,
                EndReason::InDoubt => Some(IN_DOUBT),
                EndReason::NoWorker => Some(NO_WORKER),
            };
        } else if issue.status == IssueStatus::Sending {
            per_second = Some(measure(app, issue.id).await?);
        }
        let report = Report::read(app, issue.id, per_second).await?;
        if output.json {
            return Ok(output.record(&report.to_json(), String::new)?);
        }
        let mut text = report.to_text();
        let no_worker = report.workers == 0 && is_being_sent(report.issue.status);
        if let Some(notice) = notice.or(no_worker.then_some(NO_WORKER)) {
            let _ = write!(text, "\n{notice}");
        }
        Ok(output.record(&(), || text)?)
    }
}

const fn is_being_sent(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Frozen | IssueStatus::Sending)
}

async fn measure(app: &App, id: IssueId) -> Result<f64, CliError> {
    let before = deliveries::counts(&mut app.db.read().await?, id).await?;
    let begun = tokio::time::Instant::now();
    tokio::time::sleep(MEASURE_FOR).await;
    let after = deliveries::counts(&mut app.db.read().await?, id).await?;
    Ok(messages_per_second(&before, &after, begun.elapsed()))
}

/// A slowed-down domain or relay, with its current rate.
#[derive(serde::Serialize)]
struct SlowedNow {
    #[serde(flatten)]
    slowdown: Slowdown,
    /// Messages per minute; `None` if it has recovered.
    now_per_minute: Option<u32>,
}

struct Report {
    issue: IssueRecord,
    commands: Commands,
    counts: Counts,
    workers: i64,
    breaker: crate::domain::delivery::breaker::Breaker,
    per_second: Option<f64>,
    domains: Vec<DomainCount>,
    answers: Vec<AnswerCount>,
    slowed: Vec<SlowedNow>,
    /// Reports that came back by email, by kind.
    reports: Vec<KindCount>,
    bounced: Vec<BouncedDomain>,
    /// Destinations that the breaker holds now.
    held: Vec<HeldDestination>,
    history: Vec<IssueEvent>,
}

impl Report {
    /// Loads everything in one transaction. Scans all deliveries of the issue.
    async fn read(app: &App, id: IssueId, per_second: Option<f64>) -> Result<Self, CliError> {
        let now = app.actions.clock.now();
        let mut tx = app.db.read().await?;
        let issue = issues::get(&mut tx, id).await?.ok_or(crate::db::DbError::RowNotFound)?;
        let commands = Commands::of(app, issue.newsletter_id).await?;
        Ok(Self {
            commands,
            counts: deliveries::counts(&mut tx, id).await?,
            workers: processes::count_workers(&mut tx, now).await?,
            breaker: app.settings.sending.breaker(),
            per_second: per_second.filter(|_| issue.status == IssueStatus::Sending),
            domains: deliveries::count_by_domain(&mut tx, id, DOMAINS).await?,
            answers: deliveries::count_by_answer(&mut tx, id, ANSWERS).await?,
            slowed: slowed(app, &mut tx, &issue, now).await?,
            reports: bounces::count_by_kind(&mut tx, id).await?,
            bounced: bounces::count_by_domain(&mut tx, id, BOUNCED).await?,
            held: holds::current(&mut tx, now).await?,
            history: issues::history(&mut tx, id).await?,
            issue,
        })
    }

    const fn score(&self) -> Score {
        let IssueRecord { recipients, answered, refused, .. } = self.issue;
        Score { recipients, answered, refused }
    }

    fn to_json(&self) -> serde_json::Value {
        let eta = self.per_second.and_then(|per_second| eta(&self.counts, per_second));
        json!({
            "issue": self.issue,
            "deliveries": self.counts,
            "workers": self.workers,
            "breaker": {
                "answered": self.issue.answered,
                "refused": self.issue.refused,
                "max_failed_percent": self.breaker.max_failed_percent,
                "canary": self.breaker.canary,
            },
            "per_second": self.per_second,
            "eta_seconds": eta.map(|eta| eta.as_secs()),
            "domains": self.domains,
            "answers": self.answers,
            "slowed": self.slowed,
            "held": self.held,
            "came_back": self.reports,
            "came_back_by_domain": self.bounced,
            "history": self.history,
        })
    }

    fn to_text(&self) -> String {
        let Self { issue, counts, .. } = self;
        let because = issue.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let mut text = format!("{}: {}{because}\n", issue.issue_date, issue.status);
        let _ = writeln!(
            text,
            "due {}, frozen {}, closed {}",
            utc_time(Some(issue.due_at)),
            utc_time(issue.frozen_at),
            utc_time(issue.closed_at)
        );
        let _ = writeln!(text, "{}", counts_line(counts));
        if !self.reports.is_empty() {
            let reports =
                self.reports.iter().map(|it| format!("{} {}", it.count, it.kind.as_str().replace('_', " ")));
            let _ = writeln!(text, "came back by email: {}", reports.collect::<Vec<_>>().join(" · "));
        }
        if issue.answered > 0 || is_being_sent(issue.status) {
            let _ = writeln!(text, "{}", refusal_rate(self.score(), self.breaker));
        }
        if let Some(per_second) = self.per_second {
            let left = eta(counts, per_second).map_or("-".into(), duration);
            let done = percent(super::figures::finished(counts), counts.total());
            let _ = writeln!(text, "{done} done, {}, ETA {left}", rate(per_second));
        }
        if waits_for_operator(issue.status) {
            let (resume, cancel) = (self.commands.issue("resume"), self.commands.issue("cancel"));
            let _ = writeln!(text, "{resume} continues it, {cancel} cancels it");
        }
        self.add_tables(&mut text);
        text
    }

    fn add_tables(&self, text: &mut String) {
        let mut add = |titles: &[&str], rows: Vec<Vec<String>>| {
            if !rows.is_empty() {
                let _ = write!(text, "\n{}", table(titles, &rows));
            }
        };
        let domains = self.domains.iter().map(|it| {
            let counts =
                [it.total, it.sent, it.waiting, it.deferred, it.failed].map(|count| count.to_string());
            [std::slice::from_ref(&it.domain), &counts[..]].concat()
        });
        add(&["domain", "total", "sent", "waiting", "deferred", "failed"], domains.collect());
        let or_none = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
        let answers = self.answers.iter().map(|it| {
            vec![
                it.status.to_string(),
                it.count.to_string(),
                or_none(it.relay.as_deref()),
                it.reply_code.map_or("-".into(), |code| code.to_string()),
                or_none(it.enhanced_code.as_deref()),
                or_none(it.example.as_deref()),
            ]
        });
        add(&["state", "count", "relay", "code", "enhanced", "for example"], answers.collect());
        let slowed = self.slowed.iter().map(|it| {
            vec![
                it.slowdown.scope.clone(),
                format!("{}/min", it.slowdown.per_minute),
                it.now_per_minute.map_or("no limit".into(), |rate| format!("{rate}/min")),
                utc_time(Some(it.slowdown.at)),
                or_none(it.slowdown.complaint.as_deref()),
            ]
        });
        add(&["slowed", "to", "now", "at", "because"], slowed.collect());
        let held = self.held.iter().map(|it| {
            vec![it.domain.clone(), utc_time(Some(it.since)), utc_time(Some(it.until)), it.reason.clone()]
        });
        add(&["held", "since", "until", "because it"], held.collect());
        let bounced = self.bounced.iter().map(|it| {
            vec![it.domain.clone(), it.kind.to_string(), it.count.to_string(), or_none(it.example.as_deref())]
        });
        add(&["came back from", "as", "count", "for example"], bounced.collect());
        let history = self.history.iter().map(|it| {
            vec![utc_time(Some(it.occurred_at)), it.status.to_string(), it.reason.clone().unwrap_or_default()]
        });
        add(&["when", "became", "because"], history.collect());
    }
}

/// Returns what was slowed down while the issue was sent. For an unfinished issue, includes older slowdowns
/// that still last.
async fn slowed(
    app: &App,
    tx: &mut crate::db::Tx,
    issue: &IssueRecord,
    now: Timestamp,
) -> Result<Vec<SlowedNow>, CliError> {
    let Some(frozen_at) = issue.frozen_at.map(Timestamp::from) else { return Ok(Vec::new()) };
    let (from, until) = match issue.closed_at.map(Timestamp::from) {
        Some(closed_at) => (frozen_at, closed_at),
        None => (frozen_at.min(now - SLOW_FOR), now),
    };
    let found = deliveries::slowdowns(tx, from, until, SLOWDOWNS).await?;
    let found = found.into_iter().map(|it| now_of(app, it, now));
    Ok(found.filter(|it| it.now_per_minute.is_some() || it.slowdown.at.0 >= frozen_at).collect())
}

fn now_of(app: &App, slowdown: Slowdown, now: Timestamp) -> SlowedNow {
    let domain = slowdown.scope.strip_prefix("domain ");
    let configured = app.settings.sending.domain_rates.iter().find(|(name, _)| Some(name.as_str()) == domain);
    let slowed = u32::try_from(slowdown.per_minute)
        .ok()
        .map(|per_minute| ReducedRate { per_minute, at: slowdown.at.0 });
    let pace = SendRate { configured: configured.map(|(_, rate)| *rate), slowed };
    SlowedNow { now_per_minute: pace.per_minute(now), slowdown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::{DbDate, DbTime},
        domain::{
            delivery::{breaker::Breaker, incoming::IncomingKind, status::DeliveryStatus},
            ids::NewsletterId,
        },
    };

    fn at(text: &str) -> DbTime {
        DbTime(text.parse().unwrap())
    }

    fn report() -> Report {
        Report {
            commands: Commands::default(),
            issue: IssueRecord {
                id: IssueId(1),
                newsletter_id: NewsletterId(1),
                issue_date: DbDate(jiff::civil::date(2026, 5, 1)),
                status: IssueStatus::Sending,
                due_at: at("2026-05-01T07:00:00Z"),
                planned_at: None,
                frozen_at: Some(at("2026-05-01T07:00:01Z")),
                closed_at: None,
                message_key: "key".into(),
                reason: None,
                recipients: 1000,
                answered: 500,
                refused: 5,
                resumed_at: None,
                subject: None,
                preheader: None,
                note: None,
                approved_at: None,
                reminded_at: None,
                last_due_at: None,
                fanned_out_to: None,
                waits_for: None,
                anyway: false,
                at_once: false,
                approved_revision: None,
                by_hand: false,
                version: 0,
            },
            counts: Counts { sent: 490, queued: 500, failed: 10, ..Counts::default() },
            workers: 1,
            breaker: Breaker { canary: 200, max_failed_percent: 20 },
            per_second: Some(25.0),
            domains: vec![DomainCount {
                domain: "example.org".into(),
                total: 1000,
                sent: 490,
                waiting: 500,
                deferred: 0,
                failed: 10,
            }],
            answers: vec![AnswerCount {
                status: DeliveryStatus::Failed,
                relay: Some(String::new()),
                reply_code: Some(550),
                enhanced_code: Some("5.1.1".into()),
                example: Some("5.1.1 no such\u{1b} user".into()),
                count: 10,
            }],
            slowed: vec![SlowedNow {
                slowdown: Slowdown {
                    scope: "domain example.org".into(),
                    per_minute: 600,
                    at: at("2026-05-01T07:01:00Z"),
                    complaint: Some("421 4.7.0 too fast".into()),
                },
                now_per_minute: Some(750),
            }],
            reports: vec![
                KindCount { kind: IncomingKind::Hard, count: 3 },
                KindCount { kind: IncomingKind::Complaint, count: 1 },
            ],
            bounced: vec![BouncedDomain {
                domain: "example.org".into(),
                kind: IncomingKind::Hard,
                count: 3,
                example: Some("550 5.1.1 no such user".into()),
            }],
            held: vec![HeldDestination {
                domain: "example.org".into(),
                since: at("2026-05-01T07:02:00Z"),
                until: at("2026-05-01T08:02:00Z"),
                reason: "refuses 25 % of its emails: 550 5.7.1 listed".into(),
            }],
            history: vec![IssueEvent {
                status: IssueStatus::Sending,
                reason: None,
                occurred_at: at("2026-05-01T07:00:01Z"),
            }],
        }
    }

    #[test]
    fn the_whole_picture_fits_a_screen() {
        insta::assert_snapshot!(report().to_text(), @r"
        2026-05-01: sending
        due 2026-05-01 07:00:00Z, frozen 2026-05-01 07:00:01Z, closed -
        490 sent · 500 queued · 10 failed
        came back by email: 3 hard · 1 complaint
        5 of 500 answers were refusals (1.0 %); more than 20 % hold the issue
        50.0 % done, 25/s, ETA 20 s

        DOMAIN       TOTAL  SENT  WAITING  DEFERRED  FAILED
        example.org  1000   490   500      0         10

        STATE   COUNT  RELAY  CODE  ENHANCED  FOR EXAMPLE
        failed  10     -      550   5.1.1     5.1.1 no such  user

        SLOWED              TO       NOW      AT                    BECAUSE
        domain example.org  600/min  750/min  2026-05-01 07:01:00Z  421 4.7.0 too fast

        HELD         SINCE                 UNTIL                 BECAUSE IT
        example.org  2026-05-01 07:02:00Z  2026-05-01 08:02:00Z  refuses 25 % of its emails: 550 5.7.1 listed

        CAME BACK FROM  AS    COUNT  FOR EXAMPLE
        example.org     hard  3      550 5.1.1 no such user

        WHEN                  BECAME   BECAUSE
        2026-05-01 07:00:01Z  sending
        ");
    }

    #[test]
    fn programs_get_the_same() {
        let json = report().to_json();
        assert_eq!((&json["per_second"], &json["eta_seconds"]), (&25.0.into(), &20.into()));
        assert_eq!(json["slowed"][0]["scope"], "domain example.org");
        assert_eq!(json["domains"][0]["waiting"], 500);
        assert_eq!(json["deliveries"]["sent"], 490);
        assert_eq!(json["breaker"]["max_failed_percent"], 20);
    }
}
