//! The sentence at the top of a page: what goes out next, and whether anything keeps it from it.

use super::{
    checks::advice,
    words::{counted, day_word, from_now, number, sentence, small, weekday},
};
use crate::{
    actions::{check::Finding, issue::decide::why_nobody},
    db::{deliveries::Counts, issues::IssueRecord},
    domain::{
        issue::{selection::TooFew, status::IssueStatus},
        newsletter::Newsletter,
    },
    issues::{
        forecast::Forecast,
        plan::{WAITS_FOR_APPROVAL, WAITS_FOR_SEND, WAITS_FOR_SETUP},
    },
};
use jiff::{Timestamp, civil::Date};

/// A page's answer to its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The class of its state: `fine`, `wait`, `alarm`, `move` or `rest`.
    pub state: &'static str,
    /// The state in a few words.
    pub word: &'static str,
    pub sentence: String,
    pub detail: String,
    /// The one filled button.
    pub step: Step,
}

/// The next step of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Approve,
    Open,
    AddStories,
    Watch,
    Send,
    System,
}

impl Step {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Approve => "Review and approve",
            Self::Open => "Open the issue",
            Self::AddStories => "Add stories",
            Self::Watch => "Watch",
            Self::Send => "Review and send",
            Self::System => "See what blocks it",
        }
    }
}

/// Everything that decides about an issue that has not gone out.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    pub newsletter: &'a Newsletter,
    pub forecast: &'a Forecast,
    pub today: Date,
    pub now: Timestamp,
    /// Faults that keep issues from going out, beside those of the issue itself.
    pub blockers: &'a [Finding],
    /// The name of the person who changed the issue after its approval.
    pub changed_by: Option<&'a str>,
    /// Whether the operator may approve it.
    pub may_send: bool,
}

impl Outlook<'_> {
    fn time(&self) -> String {
        super::words::clock(self.forecast.due_at, self.newsletter)
    }

    /// Returns what blocks the issue, and what to do.
    fn blocked(&self, day: &str) -> Option<(String, String)> {
        let anyway = self.forecast.issue.as_ref().is_some_and(|issue| issue.anyway);
        let mut blockers = self.blockers.iter().filter(|it| !(it.is_setup && anyway));
        let first = blockers.next()?;
        let clause = first.clause();
        let others = blockers.filter(|it| it.clause() != clause).count();
        let more =
            if others == 0 { String::new() } else { format!(" {} more below.", sentence(&small(others))) };
        let said = format!("{day} can’t go out: {clause}.");
        Some((said, format!("{}{more}", advice(first, false))))
    }

    /// Returns the verdict about the next issue.
    pub fn verdict(&self) -> Verdict {
        let it = self.forecast;
        let day = day_word(it.date, self.today);
        let stories = it.content.stories.len();
        let latest = super::words::clock(it.due_at, self.newsletter);
        let verdict = |state, word, sentence: String, detail: String, step| Verdict {
            state,
            word,
            sentence,
            detail,
            step,
        };
        if let Some((sentence, detail)) = self.blocked(&day) {
            return verdict("alarm", "Blocked", sentence, detail, Step::System);
        }
        if it.plan.variants.is_empty() {
            let detail = "Nothing goes out without stories. Add some, or read the feeds.".to_owned();
            return verdict(
                "wait",
                "No stories",
                format!("Nothing would go out {}: {}.", lower_day(&day), why_nobody(it)),
                detail,
                Step::AddStories,
            );
        }
        if let Some(who) = self.changed_by
            && it.waits_for == Some(WAITS_FOR_APPROVAL)
        {
            let detail =
                "An edit ends an approval, so that nothing goes out that nobody looked at.".to_owned();
            return verdict(
                "wait",
                "Changed",
                format!("{who} changed what was approved. It waits again."),
                detail,
                Step::Approve,
            );
        }
        match it.waits_for {
            Some(WAITS_FOR_APPROVAL) => {
                let whose = if self.may_send { "your approval" } else { "approval" };
                let detail = if it.due_at <= self.now {
                    format!(
                        "It was due at {latest}, {}. It goes out as soon as it is approved.",
                        from_now(it.due_at, self.now)
                    )
                } else {
                    "Nothing blocks it. Without approval, readers get nothing.".to_owned()
                };
                verdict(
                    "wait",
                    "Waits for approval",
                    format!("{day} is ready, and waits for {whose}."),
                    detail,
                    Step::Approve,
                )
            }
            Some(WAITS_FOR_SEND) => {
                let detail = "It was begun after its time, so it goes out only by hand.".to_owned();
                verdict(
                    "wait",
                    "Waits for you",
                    format!("{day}’s time has passed; it waits until you send it."),
                    detail,
                    Step::Send,
                )
            }
            Some(WAITS_FOR_SETUP) => verdict(
                "wait",
                "Not set up",
                format!("{day} waits: something that readers need is not set up."),
                "System lists it with its cure.".to_owned(),
                Step::Open,
            ),
            Some(_) => self.too_few(stories),
            None if it.plan.is_short && it.inputs.rules.too_few == TooFew::Skip => self.too_few(stories),
            None if it.issue.as_ref().is_some_and(|issue| issue.approved_at.is_some()) => {
                let detail = "It is approved: no later article changes it.".to_owned();
                verdict("fine", "Approved", format!("{day} goes out at {}.", self.time()), detail, Step::Open)
            }
            None => {
                let sentence = format!(
                    "{day} goes out by itself at {}, with {} so far.",
                    self.time(),
                    counted(stories, "story")
                );
                verdict(
                    "fine",
                    "Needs nobody",
                    sentence,
                    "Nothing blocks it. New stories may still come in.".into(),
                    Step::Open,
                )
            }
        }
    }

    fn too_few(&self, stories: usize) -> Verdict {
        let wanted = self.forecast.inputs.rules.min_stories;
        let noun = if stories == 1 { "story" } else { "stories" };
        let detail = match self.forecast.inputs.rules.too_few {
            TooFew::Skip => "With fewer, this day is skipped and its stories wait for the next issue.",
            TooFew::Send | TooFew::Ask => "Approve it to send it as it is.",
        };
        Verdict {
            state: "wait",
            word: "Too few stories",
            sentence: sentence(&format!(
                "only {} {noun} so far; it needs {} to go out.",
                small(stories),
                small(wanted)
            )),
            detail: detail.into(),
            step: Step::AddStories,
        }
    }
}

fn lower_day(day: &str) -> String {
    match day {
        "Today" | "Tomorrow" => day.to_lowercase(),
        other => format!("on {other}"),
    }
}

/// Returns the verdict about an issue that is going out, was stopped, or is over.
pub fn of_sent(issue: &IssueRecord, counts: &Counts, today: Date, done_at: Option<&str>) -> Verdict {
    let day = day_word(issue.date(), today);
    let day = if issue.date() < today { weekday(issue.date()) } else { day };
    let waiting = counts.queued + counts.claimed + counts.deferred;
    let reason = issue.reason.clone().unwrap_or_else(|| "no reason was given".into());
    let make = |state, word, sentence: String, detail: String| Verdict {
        state,
        word,
        sentence,
        detail,
        step: Step::Watch,
    };
    match issue.status {
        IssueStatus::Planned => make("rest", "Planned", format!("{day} has not begun."), String::new()),
        IssueStatus::Frozen => make(
            "move",
            "Going out",
            format!("{day} is being made; the first copies leave in a moment."),
            String::new(),
        ),
        IssueStatus::Sending => {
            let total = counts.total().max(1);
            let share = match counts.sent.saturating_mul(100) / total {
                _ if counts.open() == counts.uncertain && counts.uncertain > 0 => {
                    let sentence =
                        format!("{} may or may not have arrived.", sentence(&copies(counts.uncertain)));
                    return make(
                        "wait",
                        "In doubt",
                        sentence,
                        "The rest is done. Decide about these below.".into(),
                    );
                }
                0 if counts.sent == 0 => "The first copies are leaving".to_owned(),
                0..40 => format!("{} of {} are out", number(counts.sent), number(counts.total())),
                40..60 => "Half is out".to_owned(),
                60..95 => "Most are out".to_owned(),
                _ => "Nearly everybody has it".to_owned(),
            };
            let rest = done_at.map_or_else(|| ".".to_owned(), |at| format!(", the rest by {at}."));
            make("move", "Sending", format!("{share}{rest}"), String::new())
        }
        IssueStatus::Held => make(
            "alarm",
            "Held",
            format!("Stopped by itself: {reason}."),
            format!("{} wait.", counted(waiting, "reader")),
        ),
        IssueStatus::Paused => make(
            "rest",
            "Paused",
            format!("Paused; {} wait.", counted(waiting, "reader")),
            format!("{}.", sentence(&reason)),
        ),
        IssueStatus::Skipped => make(
            "rest",
            "Skipped",
            format!("Nothing went out {}: {reason}.", lower_past(&day)),
            String::new(),
        ),
        IssueStatus::Cancelled => {
            make("rest", "Cancelled", format!("{day}’s issue was cancelled: {reason}."), String::new())
        }
        IssueStatus::Sent => {
            let tenths = counts.sent.saturating_mul(1000) / counts.total().max(1);
            let sentence = if counts.total() == 0 {
                "It went to nobody.".to_owned()
            } else if counts.total() == 1 && counts.sent == 1 {
                "Its one reader has it.".to_owned()
            } else if counts.sent == counts.total() {
                format!("All {} have it.", counted(counts.sent, "reader"))
            } else {
                format!("{}.{} % of readers have it.", tenths / 10, tenths % 10)
            };
            make("fine", "Sent", sentence, String::new())
        }
    }
}

fn lower_past(day: &str) -> String {
    if day == "Today" { "today".into() } else { format!("on {day}") }
}

fn copies(count: i64) -> String {
    if count == 1 { "one copy".into() } else { format!("{} copies", number(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DbDate;
    use jiff::civil::date;

    fn issue(status: IssueStatus) -> IssueRecord {
        let at = crate::db::DbTime(Timestamp::UNIX_EPOCH);
        IssueRecord {
            id: crate::domain::ids::IssueId(1),
            newsletter_id: crate::domain::ids::NewsletterId(1),
            issue_date: DbDate(date(2026, 12, 1)),
            status,
            due_at: at,
            planned_at: None,
            frozen_at: None,
            closed_at: None,
            message_key: String::new(),
            reason: Some("6 in 100 were refused".into()),
            recipients: 100,
            answered: 0,
            refused: 0,
            resumed_at: None,
            subject: None,
            preheader: None,
            note: None,
            approved_at: None,
            approved_revision: None,
            reminded_at: None,
            last_due_at: None,
            fanned_out_to: None,
            waits_for: None,
            at_once: false,
            by_hand: false,
            anyway: false,
            version: 1,
        }
    }

    #[test]
    fn each_status_has_its_sentence() {
        let today = date(2026, 12, 1);
        let half = Counts { sent: 50, queued: 48, failed: 2, ..Counts::default() };
        let said = |status, counts: &Counts| of_sent(&issue(status), counts, today, Some("07:13")).sentence;
        assert_eq!(said(IssueStatus::Sending, &half), "Half is out, the rest by 07:13.");
        assert_eq!(said(IssueStatus::Held, &half), "Stopped by itself: 6 in 100 were refused.");
        assert_eq!(said(IssueStatus::Paused, &half), "Paused; 48 readers wait.");
        assert_eq!(said(IssueStatus::Skipped, &half), "Nothing went out today: 6 in 100 were refused.");
        let done = Counts { sent: 996, failed: 4, ..Counts::default() };
        assert_eq!(said(IssueStatus::Sent, &done), "99.6 % of readers have it.");
        let all = Counts { sent: 3, ..Counts::default() };
        assert_eq!(said(IssueStatus::Sent, &all), "All 3 readers have it.");
        let doubt = Counts { sent: 3, uncertain: 2, ..Counts::default() };
        assert_eq!(said(IssueStatus::Sending, &doubt), "2 copies may or may not have arrived.");
    }
}
