//! Findings about the installation and its operation.

use super::{Answers, Checks, Finding, Place, State};
use crate::{
    db::{
        DbError, DbTime, Tx, content::feeds, deliveries, engine::processes, installation, issues,
        newsletters::NewsletterRecord, operators,
    },
    domain::{
        delivery::{
            relay::RelayAnswer,
            send_rate::{ReducedRate, SendRate},
        },
        issue::readiness::{PublicAnswer, PublicUrl},
    },
    queue,
};
use jiff::SignedDuration;

/// Most stopped issues that are listed.
const MAX_STOPPED: i64 = 20;
/// Most feeds in trouble that are listed.
const MAX_FEEDS_IN_TROUBLE: i64 = 20;
/// How far back slowdowns are looked for.
const SLOW_FOR: SignedDuration = SignedDuration::from_hours(6);
/// Most slowdowns that are listed.
const MAX_SLOWED: i64 = 20;

impl Checks {
    /// Checks what all newsletters depend on. Without answers, relays are left out.
    pub(super) async fn installation(
        &self,
        answers: Option<&Answers>,
        newsletters: &[NewsletterRecord],
    ) -> Result<Vec<Finding>, DbError> {
        let mut found = vec![Finding::ok("configuration and database", &*self.database)];
        let mut tx = self.context.db.read().await?;
        found.extend(answers.map(relays).unwrap_or_default());
        found.extend(self.surroundings.machine());
        found.extend(self.signing(newsletters));
        found.extend(self.links(&mut tx, answers).await?);
        found.extend(answers.and_then(|answers| answers.provider.clone()));
        let now = self.now();
        let (workers, schedulers) =
            (processes::count_workers(&mut tx, now).await?, processes::count_schedulers(&mut tx, now).await?);
        for (what, one, count, why) in [
            ("workers alive", "worker", workers, "nothing is sent"),
            ("schedulers alive", "scheduler", schedulers, "nothing is sent by itself"),
        ] {
            found.push(match count {
                0 => Finding::new(what, State::Stopped, "none")
                    .said(format!("no {one} is running"))
                    .because(why)
                    .cured_by("start `daily serve`"),
                count => Finding::ok(what, count.to_string()),
            });
        }
        let it = installation::get(&mut tx).await?;
        found.push(match it.disarmed_at {
            None => Finding::ok("armed", "the database may send"),
            Some(since) => {
                let reason = it.disarmed_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                Finding::failed("armed", format!("the database is disarmed since {}{reason}", utc(since)))
                    .said("the database is disarmed")
                    .because("nothing is sent")
                    .cured_by("daily arm")
            }
        });
        Ok(found)
    }

    /// Checks which senders' emails are signed. The DNS is not queried, because receivers may see another answer
    /// than this machine.
    fn signing(&self, newsletters: &[NewsletterRecord]) -> Vec<Finding> {
        let mut found = Vec::new();
        for key in self.surroundings.signing_keys() {
            let what = format!("dkim {}", key.record);
            found.push(if key.readable_by_others {
                Finding::warning(what, format!("others may read {}", key.file))
                    .because("anybody with the key can sign emails in your name")
                    .cured_by(format!("chmod 600 {}", key.file))
            } else {
                Finding::ok(what, "")
            });
        }
        if found.is_empty() {
            if self.rules.setup.has_real_relay {
                found.push(
                    Finding::warning("dkim", "no key is configured")
                        .because("big mailbox providers put unsigned newsletters into spam")
                        .cured_by("daily dkim new --domain your-domain --out FILE, unless your relay signs"),
                );
            }
            return found;
        }
        for it in newsletters.iter().map(|record| &record.newsletter) {
            if !self.surroundings.signs(&it.sender_address) {
                let domain = it.sender_address.domain();
                let unsigned = format!("{} is not signed: no key is configured for {domain}", it.title);
                found.push(
                    Finding::warning("dkim", unsigned)
                        .because("big mailbox providers put unsigned newsletters into spam")
                        .cured_by(format!("make one: daily dkim new --domain {domain} --out FILE"))
                        .of(&it.slug),
                );
            }
        }
        found
    }

    /// Checks whether the links in emails, unsubscribing included, lead to Daily.
    async fn links(&self, tx: &mut Tx, answers: Option<&Answers>) -> Result<Option<Finding>, DbError> {
        const WHAT: &str = "links";
        let (setup, url) = (self.rules.setup, &self.public_url);
        let lead_elsewhere = installation::setup(tx, setup).await?.public_url == PublicUrl::Elsewhere;
        let elsewhere = || {
            let holds = setup.has_real_relay && setup.is_required;
            let why = if holds {
                "readers could neither confirm nor unsubscribe, so no issue goes out"
            } else {
                "readers could neither confirm nor unsubscribe"
            };
            let state = if holds { State::Failed } else { State::Warning };
            Finding::new(WHAT, state, format!("{url} answers, but not as Daily does"))
                .said("another program answers at the public address")
                .because(why)
                .cured_by("let your web server pass requests on; see docs/guides/behind-a-proxy.md")
                .of_setup()
        };
        let Some(answers) = answers else { return Ok(lead_elsewhere.then(elsewhere)) };
        Ok(Some(match &answers.public {
            None => Finding::ok(WHAT, format!("{url}, for trials on this machine")),
            Some(PublicAnswer::Daily) => {
                Finding::ok(WHAT, format!("{url} leads to Daily, so readers can confirm and unsubscribe"))
            }
            Some(PublicAnswer::SomethingElse) => elsewhere(),
            Some(PublicAnswer::Nothing(_)) if lead_elsewhere => elsewhere(),
            Some(PublicAnswer::Nothing(why)) => {
                Finding::warning(WHAT, format!("{url} can't be reached from this machine ({why})"))
                    .because("readers may not be able to confirm and unsubscribe")
                    .cured_by("open it in a browser elsewhere")
            }
        }))
    }

    /// Checks what happens day by day: feeds, operators, issues that were stopped, slowdowns.
    pub(super) async fn operation(&self, newsletters: &[NewsletterRecord]) -> Result<Vec<Finding>, DbError> {
        let mut tx = self.context.db.read().await?;
        let mut found = Vec::new();
        let has_feeds = feeds::list(&mut tx).await?.iter().any(|feed| feed.status == "active");
        if !has_feeds {
            found.push(
                Finding::warning("feeds", "there is none")
                    .because("new articles reach Daily only by hand")
                    .cured_by("daily feed add https://www.your-domain")
                    .at(Place::Feeds),
            );
        }
        found.extend(missing_operators(&mut tx, newsletters, has_feeds).await?);
        for issue in issues::stopped(&mut tx, MAX_STOPPED).await? {
            let detail =
                format!("{}: {}", issue.status, issue.reason.as_deref().unwrap_or("no reason was given"));
            let record = newsletters.iter().find(|it| it.id == issue.newsletter_id);
            let slug = record.map_or("removed", |it| it.newsletter.slug.as_str());
            found.push(
                Finding::warning(format!("issue of {} ({slug})", issue.issue_date), detail)
                    .because("its readers wait")
                    .cured_by(format!("daily issue resume --newsletter {slug}"))
                    .of(slug)
                    .at(Place::Live(issue.date())),
            );
        }
        for feed in feeds::in_trouble(&mut tx, MAX_FEEDS_IN_TROUBLE).await? {
            found.push(
                Finding::warning(format!("feed {}", feed.url), feed.trouble.unwrap_or_default())
                    .at(Place::Feeds),
            );
        }
        found.extend(self.slowed(&mut tx).await?);
        drop(tx);
        let queues = queue::figures(&self.context.db).await?;
        let jobs: i64 = queues.iter().map(|it| it.jobs).sum();
        let oldest = queues.iter().map(|it| it.oldest_seconds).max().unwrap_or_default();
        let age = if jobs == 0 { String::new() } else { format!(", the oldest waits for {oldest} s") };
        found.push(Finding::ok("jobs in the queue", format!("{jobs}{age}")));
        Ok(found)
    }

    /// Returns the relays and domains that are slow now.
    async fn slowed(&self, tx: &mut Tx) -> Result<Vec<Finding>, DbError> {
        let now = self.now();
        let mut found = Vec::new();
        for it in deliveries::slowdowns(tx, now - SLOW_FOR, now, MAX_SLOWED).await? {
            let configured =
                it.scope.strip_prefix("domain ").and_then(|name| self.surroundings.domain_rate(name));
            let slowed = u32::try_from(it.per_minute).ok();
            let slowed = slowed.map(|per_minute| ReducedRate { per_minute, at: it.at.0 });
            let Some(rate) = SendRate { configured, slowed }.per_minute(now) else { continue };
            let said = it.complaint.as_deref().unwrap_or("-");
            let detail = format!("{rate}/min after it said at {}: {said}", utc(it.at));
            found.push(Finding::new(it.scope, State::Slowed, detail));
        }
        Ok(found)
    }
}

/// Checks the relays. Emails go out as long as one of them takes them.
fn relays(answers: &Answers) -> Vec<Finding> {
    let failed = answers.relays.iter().filter(|(_, result)| result.is_err()).count();
    let all = failed == answers.relays.len();
    let finding = |(relay, result): &(String, RelayAnswer)| match result {
        Ok(conversation) => {
            let found = Finding::ok(format!("relay {relay}"), "it takes email");
            found.with(conversation)
        }
        Err(fault) => {
            let state = if all { State::Failed } else { State::Warning };
            let clause = if failed == 1 {
                format!("the relay {relay} takes no email")
            } else {
                "no relay takes email".to_owned()
            };
            let found = Finding::new(format!("relay {relay}"), state, &fault.said)
                .said(clause)
                .because("nothing reaches readers through it")
                .cured_by("check url and password under [[relays]]");
            found.with(&fault.conversation)
        }
    };
    answers.relays.iter().map(finding).collect()
}

/// Returns a finding if there are alerts but no operators to get them.
async fn missing_operators(
    tx: &mut Tx,
    newsletters: &[NewsletterRecord],
    has_feeds: bool,
) -> Result<Option<Finding>, DbError> {
    if !operators::alerted(tx).await?.is_empty() {
        return Ok(None);
    }
    let asks = newsletters.iter().map(|it| &it.newsletter).find(|it| it.needs_approval);
    let why = match asks {
        Some(newsletter) => format!("issues of {} wait for approval", newsletter.title),
        None if has_feeds => "nobody learns that an issue is stopped or a feed is in trouble".to_owned(),
        None => return Ok(None),
    };
    let found = Finding::warning("operators", "no operator is alerted").because(why);
    Ok(Some(found.cured_by("add an address: daily operator add you@your-domain").at(Place::People)))
}

/// Formats a time in UTC, to the second.
fn utc(at: DbTime) -> String {
    at.0.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
