//! Checks of an issue and of the installation, each with its cure.

use super::{
    desk::Desk,
    layout::state,
    words::{clock, counted},
};
use crate::{
    db::{DbError, content::feeds, engine::processes, installation},
    domain::{delivery::relay::RelayFault, issue::readiness::missing},
    issues::forecast::Forecast,
};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use std::time::Duration;
use tokio::sync::Mutex;

/// Longest that a page waits for the relays.
const RELAY_LIMIT: Duration = Duration::from_secs(3);
/// Feeds in trouble that are counted.
const FEEDS: i64 = 100;

/// Age up to which the relays' answers count.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// The relays are not asked again within this time, whoever asks.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// The relays' last answers, so that pages don't wait for them.
#[derive(Default)]
pub struct RelayState(Mutex<Option<RelayAnswers>>);

/// The time of a check, and each relay with what went wrong.
type RelayAnswers = (Timestamp, Vec<(String, Result<(), RelayFault>)>);

impl RelayState {
    /// Returns the last answers, or asks the relays if they are old.
    pub async fn get(&self, desk: &Desk) -> RelayAnswers {
        self.not_older(KEPT, desk.now, desk.admin.work.check_relays()).await
    }

    /// Asks the relays, unless somebody just did.
    pub async fn refresh(&self, desk: &Desk) -> RelayAnswers {
        self.not_older(ASKED_EVERY, desk.now, desk.admin.work.check_relays()).await
    }

    /// Returns answers up to this age. Requests that come while the relays are asked wait for the same answers.
    async fn not_older(
        &self,
        age: SignedDuration,
        now: Timestamp,
        ask: impl Future<Output = Vec<(String, Result<(), RelayFault>)>>,
    ) -> RelayAnswers {
        let mut last = self.0.lock().await;
        if let Some(known) = last.as_ref().filter(|(at, _)| now.duration_since(*at).abs() < age) {
            return known.clone();
        }
        let no_answer = || {
            vec![(
                "The relays".to_owned(),
                Err(RelayFault::silent(format!("no answer within {} s", RELAY_LIMIT.as_secs()))),
            )]
        };
        let asked = tokio::time::timeout(RELAY_LIMIT, ask).await.unwrap_or_else(|_| no_answer());
        last.insert((now, asked)).clone()
    }
}

/// A check's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Blocks,
    ToKnow,
    Fine,
}

#[derive(Debug, Clone)]
pub struct Check {
    pub outcome: Outcome,
    pub title: String,
    pub detail: String,
    /// A page that helps, and the words of its button.
    pub cure: Option<(String, &'static str)>,
    /// Something that is not set up, which an operator may decide to do without.
    pub is_setup: bool,
    /// The lines that Daily and a relay said.
    pub conversation: Vec<String>,
}

fn check(outcome: Outcome, title: impl Into<String>, detail: impl Into<String>) -> Check {
    Check {
        outcome,
        title: title.into(),
        detail: detail.into(),
        cure: None,
        is_setup: false,
        conversation: Vec::new(),
    }
}

/// Checks everything that needs no issue.
pub async fn of_installation(desk: &Desk) -> Result<Vec<Check>, DbError> {
    let mut checks = Vec::new();
    let (at, relays) = desk.admin.relays.get(desk).await;
    let failed = relays.iter().filter(|(_, result)| result.is_err()).count();
    for (relay, result) in &relays {
        checks.push(match result {
            Ok(()) => check(
                Outcome::Fine,
                format!("{relay} answers"),
                format!("asked at {}", clock(at, desk.newsletter())),
            ),
            Err(fault) => {
                let outcome = if failed == relays.len() { Outcome::Blocks } else { Outcome::ToKnow };
                let found = check(outcome, format!("{relay} takes no email"), fault.said.clone());
                Check { conversation: fault.conversation.clone(), ..found }
            }
        });
    }
    let mut tx = desk.db().read().await?;
    let workers = processes::count_workers(&mut tx, desk.now).await?;
    let schedulers = processes::count_schedulers(&mut tx, desk.now).await?;
    let setup = installation::setup(&mut tx, desk.admin.rules.setup).await?;
    drop(tx);
    checks.push(if workers > 0 {
        check(Outcome::Fine, format!("{} running", counted(workers, "worker")), "")
    } else {
        check(Outcome::Blocks, "No worker is running", "Start `daily serve`.")
    });
    if schedulers == 0 {
        checks.push(check(
            Outcome::Blocks,
            "No scheduler is running",
            "Nothing goes out by itself. Start `daily serve`.",
        ));
    }
    let it = desk.newsletter();
    let wanted = missing(setup, it);
    for must in &wanted {
        let outcome = if setup.is_required { Outcome::Blocks } else { Outcome::ToKnow };
        let title = format!("{}: {}", super::words::sentence(must.what), must.problem);
        let detail = format!("{}. {}", super::words::sentence(must.why), super::words::sentence(&must.cure));
        let page = (!must.what.starts_with("http.")).then(|| (desk.path("settings"), "Write it"));
        checks.push(Check { cure: page, is_setup: true, ..check(outcome, title, detail) });
    }
    if wanted.is_empty() {
        let title = "Sender, postal address and public address are set";
        checks.push(check(Outcome::Fine, title, desk.admin.public_url.as_ref()));
    }
    checks.push(if desk.admin.work.signs(&it.sender_address) {
        check(Outcome::Fine, "DKIM signs", it.sender_address.domain())
    } else {
        let domain = it.sender_address.domain();
        let detail = format!("No key is configured for {domain}. Many mailboxes distrust unsigned email.");
        check(Outcome::ToKnow, "DKIM doesn’t sign", detail)
    });
    Ok(checks)
}

/// Checks an issue.
pub async fn of_issue(
    desk: &Desk,
    it: &Forecast,
    html_bytes: Option<(usize, bool)>,
) -> Result<Vec<Check>, DbError> {
    let mut checks = Vec::new();
    if it.plan.variants.is_empty() {
        let why = crate::actions::issue::decide::why_nobody(it);
        checks.push(Check {
            cure: Some((desk.path("feeds"), "Stories and feeds")),
            ..check(Outcome::Blocks, "Nobody would get it", format!("{}.", super::words::sentence(why)))
        });
    } else if it.plan.is_short {
        let detail = format!(
            "It has {}, and wants {}.",
            counted(it.content.stories.len(), "story"),
            it.inputs.rules.min_stories
        );
        checks.push(check(Outcome::ToKnow, "It has few stories", detail));
    }
    if let Some((bytes, clipped)) = html_bytes {
        let title = format!("{} KB, of 102 before Gmail clips it", bytes.div_ceil(1024));
        checks.push(check(if clipped { Outcome::ToKnow } else { Outcome::Fine }, title, ""));
    }
    let troubled = feeds::in_trouble(&mut desk.db().read().await?, FEEDS).await?;
    if let Some(first) = troubled.first() {
        let name = if first.title.is_empty() { &first.url } else { &first.title };
        let title = if troubled.len() == 1 {
            "A feed is in trouble".to_owned()
        } else {
            format!("{} feeds are in trouble", troubled.len())
        };
        let detail = format!("“{name}”: {}", first.trouble.as_deref().unwrap_or_default());
        checks.push(Check {
            cure: Some((desk.path("feeds"), "Open the feeds")),
            ..check(Outcome::ToKnow, title, detail)
        });
    }
    let anyway = it.issue.as_ref().is_some_and(|issue| issue.anyway);
    checks.extend(of_installation(desk).await?.into_iter().map(|check| match check.outcome {
        Outcome::Blocks if check.is_setup && anyway => Check { outcome: Outcome::ToKnow, ..check },
        _ => check,
    }));
    checks.sort_by_key(|check| check.outcome);
    Ok(checks)
}

/// Returns the titles of the checks that block.
pub fn blockers(checks: &[Check]) -> Vec<&str> {
    checks.iter().filter(|it| it.outcome == Outcome::Blocks).map(|it| it.title.as_str()).collect()
}

/// Lists checks, those that block first.
pub fn render(checks: &[Check]) -> Markup {
    html! {
        ul.checks {
            @for it in checks {
                li {
                    @match it.outcome {
                        Outcome::Blocks => (state("alarm", "Blocks")),
                        Outcome::ToKnow => (state("wait", "To know")),
                        Outcome::Fine => (state("fine", "Fine")),
                    }
                    div { @if it.outcome == Outcome::Fine { (it.title) } @else { b { (it.title) } }
                        @if !it.detail.is_empty() { small { (it.detail) } }
                        @if !it.conversation.is_empty() {
                            details.small { summary { "The conversation" } pre.said { (it.conversation.join("\n")) } }
                        }
                        @if let Some((path, label)) = &it.cure { div.acts.small { a.btn.row href=(path) { (label) } } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn relays_are_asked_again_when_their_answers_are_old_and_only_once_at_a_time() {
        let (state, asked) = (RelayState::default(), AtomicUsize::new(0));
        let ask = async |age, seconds| {
            let answer = async {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                vec![("mx1".to_owned(), Ok(()))]
            };
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            state.not_older(age, now, answer).await
        };
        let together = futures_util::future::join_all((0..5).map(|_| ask(KEPT, 0))).await;
        assert_eq!((together.len(), asked.load(Ordering::Relaxed)), (5, 1), "they share one check");
        for (age, seconds, expected) in
            [(KEPT, 59, 1), (KEPT, 60, 2), (ASKED_EVERY, 69, 2), (ASKED_EVERY, 70, 3), (ASKED_EVERY, 71, 3)]
        {
            ask(age, seconds).await;
            assert_eq!(asked.load(Ordering::Relaxed), expected, "{seconds} s");
        }
    }
}
