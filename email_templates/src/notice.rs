//! Notices to operators: what happened, what follows from it, and which commands to run.

mod issue;
mod operator_email;
mod trouble;

use jiff::civil::{Date, DateTime};

use self::operator_email::shell_word;
use crate::wording::{shorten, tidy};
use crate::{Email, Masthead};

const REASON_MAX_CHARS: usize = 600;
/// Most entries of a list.
const TITLES_MAX: usize = 50;

/// An email to an operator.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The newsletter that the notice is about, or that sends it.
    pub masthead: Masthead<'a>,
    /// The newsletter's short name, for commands.
    pub slug: &'a str,
    /// The operator's own address, for the command that ends these emails.
    pub operator: &'a str,
    /// Address of the operators' page about it.
    pub page: Option<&'a str>,
    pub kind: NoticeKind<'a>,
}

#[derive(Debug, Clone, Copy)]
pub enum NoticeKind<'a> {
    /// An issue waits for approval.
    ApprovalWanted { issue: PlannedIssue<'a> },
    /// An issue has fewer stories than its minimum, and an operator must decide.
    TooFewStories { issue: PlannedIssue<'a>, wanted: usize },
    /// Something that readers need is not set up, and an issue waits for it. `missing` lists it with its cure.
    SetupWanted { date: Date, due: DateTime, clock: &'a str, missing: &'a [&'a str] },
    /// Delivery of an issue has stopped partway.
    IssueHeld { date: Date, reason: &'a str },
    /// An issue was skipped: no reader gets it.
    IssueSkipped {
        date: Date,
        reason: &'a str,
        /// Number of issues right before it that were skipped for the same reason.
        before_it: usize,
        /// Whether its date is today's, so that it can still be sent.
        is_today: bool,
    },
    /// Stories were left out or kept as stored, because their pages were gone or showed something else.
    /// `findings` are separated by "; ".
    StoriesDoubtful { date: Date, findings: &'a str },
    /// A feed can't be read or has fallen silent.
    FeedTrouble(TroubledFeed<'a>),
    /// The clock was ahead, and moments that it wrote were corrected.
    ClockWasWrong {
        /// The time it showed.
        showed: DateTime,
        /// When that was noticed.
        corrected: DateTime,
        /// Name of the clock of these times.
        clock: &'a str,
    },
    /// Signups look like an attack, or the attack is over.
    Signups(SuspiciousSignups<'a>),
    /// Destinations refuse or defer our emails.
    DestinationsHeld {
        destinations: &'a [HeldDestination],
        /// Name of the clock of their times.
        clock: &'a str,
    },
}

/// An issue that has not gone out.
#[derive(Debug, Clone, Copy)]
pub struct PlannedIssue<'a> {
    pub date: Date,
    /// Due time on the newsletter's clock.
    pub due: DateTime,
    /// Name of that clock: "Berlin time", "UTC".
    pub clock: &'a str,
    /// Minutes until the issue is due; negative once that time has passed.
    pub due_in_minutes: i64,
    /// Number of readers it goes to.
    pub readers: i64,
    /// The titles of its stories, in order.
    pub stories: &'a [&'a str],
    /// The revision that these stories make, with the operator's texts.
    pub revision: &'a str,
}

/// A feed with a problem. Title and URL come from outside and are not trusted.
#[derive(Debug, Clone, Copy)]
pub struct TroubledFeed<'a> {
    /// The feed's own title; may be empty.
    pub title: &'a str,
    pub url: &'a str,
    pub trouble: &'a str,
    /// Start of the trouble.
    pub since: Option<DateTime>,
    /// Time of the last successful read.
    pub last_read: Option<DateTime>,
    /// Time of the feed's latest story.
    pub last_story: Option<DateTime>,
    /// Name of the clock of these times.
    pub clock: &'a str,
    /// Whether Daily still reads the feed.
    pub is_read_on: bool,
    /// Whether its new articles wait for an operator.
    pub is_held: bool,
}

/// Signups that look like an attack.
#[derive(Debug, Clone, Copy)]
pub struct SuspiciousSignups<'a> {
    /// The sign of the attack, as a sentence without its full stop.
    pub sign: &'a str,
    pub since: DateTime,
    /// Time of the last sign, if the attack is over.
    pub until: Option<DateTime>,
    /// Name of the clock of these times.
    pub clock: &'a str,
    /// Peak number of unconfirmed signups within ten minutes.
    pub waiting: i64,
    /// Daily's countermeasures, as a sentence without its full stop.
    pub defence: &'a str,
}

/// A destination whose emails wait. The reason quotes its server and is not trusted.
#[derive(Debug, Clone)]
pub struct HeldDestination {
    pub domain: String,
    /// Such as `refuses 12 % of its emails: 550 5.7.1 …`.
    pub reason: String,
    pub since: DateTime,
    pub until: DateTime,
}

/// Renders a notice.
pub fn render(notice: &Notice<'_>) -> Email {
    let mut email = match &notice.kind {
        NoticeKind::ApprovalWanted { issue } => issue::approval_wanted(notice, issue),
        NoticeKind::TooFewStories { issue, wanted } => issue::too_few_stories(notice, issue, *wanted),
        NoticeKind::IssueHeld { date, reason } => issue::held(notice, *date, reason),
        NoticeKind::IssueSkipped { date, reason, before_it, is_today } => {
            issue::skipped(notice, *date, reason, *before_it, *is_today)
        }
        NoticeKind::SetupWanted { date, due, clock, missing } => {
            issue::setup_wanted(notice, *date, *due, clock, missing)
        }
        NoticeKind::StoriesDoubtful { date, findings } => issue::stories_doubtful(notice, *date, findings),
        NoticeKind::FeedTrouble(feed) => trouble::feed_trouble(feed),
        NoticeKind::ClockWasWrong { showed, corrected, clock } => {
            trouble::clock_was_wrong(notice, *showed, *corrected, clock)
        }
        NoticeKind::Signups(signups) => trouble::suspicious_signups(signups),
        NoticeKind::DestinationsHeld { destinations, clock } => {
            trouble::destinations_held(notice, destinations, clock)
        }
    };
    email.why =
        format!("You're getting this because {} is on Daily's list of operators.", tidy(notice.operator));
    email.end_command = format!("daily operator remove {}", shell_word(notice.operator));
    email.page = notice.page.map(str::to_owned);
    email.render(&notice.masthead)
}

/// "Friday, 1 May".
fn day(date: Date) -> String {
    date.strftime("%A, %-d %B").to_string()
}

/// "1 May 2026, 06:30".
fn date_and_time(at: DateTime) -> String {
    at.strftime("%-d %B %Y, %H:%M").to_string()
}

/// Returns a reason without its full stop, to be used within a sentence.
fn reason_text(reason: &str) -> String {
    let reason = shorten(reason, REASON_MAX_CHARS);
    match reason.trim_end_matches('.') {
        "" => "no reason was given".to_owned(),
        reason => reason.to_owned(),
    }
}
