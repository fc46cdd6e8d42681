//! Notices to operators: what happened, what follows from it, and which commands to run.

mod operator_email;

use jiff::civil::{Date, DateTime};

use self::operator_email::{OperatorEmail, shell_word};
use crate::wording::{shorten, tidy, tidy_some};
use crate::{Email, Masthead};

const NAME_MAX_CHARS: usize = 60;
const REASON_MAX_CHARS: usize = 600;
/// Most stories listed by title.
const TITLES_MAX: usize = 50;
const TITLE_MAX_CHARS: usize = 160;

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
        NoticeKind::ApprovalWanted { issue } => approval_wanted(notice, issue),
        NoticeKind::TooFewStories { issue, wanted } => too_few_stories(notice, issue, *wanted),
        NoticeKind::IssueHeld { date, reason } => held(notice, *date, reason),
        NoticeKind::IssueSkipped { date, reason, before_it, is_today } => {
            skipped(notice, *date, reason, *before_it, *is_today)
        }
        NoticeKind::SetupWanted { date, due, clock, missing } => {
            setup_wanted(notice, *date, *due, clock, missing)
        }
        NoticeKind::StoriesDoubtful { date, findings } => stories_doubtful(notice, *date, findings),
        NoticeKind::FeedTrouble(feed) => feed_trouble(feed),
        NoticeKind::ClockWasWrong { showed, corrected, clock } => {
            clock_was_wrong(notice, *showed, *corrected, clock)
        }
        NoticeKind::Signups(signups) => suspicious_signups(signups),
        NoticeKind::DestinationsHeld { destinations, clock } => {
            destinations_held(notice, destinations, clock)
        }
    };
    email.why =
        format!("You're getting this because {} is on Daily's list of operators.", tidy(notice.operator));
    email.end_command = format!("daily operator remove {}", shell_word(notice.operator));
    email.page = notice.page.map(str::to_owned);
    email.render(&notice.masthead)
}

fn approval_wanted(notice: &Notice<'_>, issue: &PlannedIssue<'_>) -> OperatorEmail {
    let date = day(issue.date);
    let preheader = format!("It's due at {} and won't go out without approval.", issue.due.strftime("%H:%M"));
    let mut email = OperatorEmail::new(format!("Please approve the issue of {date}"), preheader);
    email.paragraph(format!("The issue of {date} is waiting for your approval. {}", due(issue)));
    email.paragraph("It won't go out without approval.");
    stories(&mut email, issue);
    email.command("Approve it", approve_command(notice, issue));
    email.command("Show it", command(notice, "show", issue.date));
    email.command("Cancel it", command(notice, "cancel", issue.date));
    email
}

fn too_few_stories(notice: &Notice<'_>, issue: &PlannedIssue<'_>, wanted: usize) -> OperatorEmail {
    let date = day(issue.date);
    let found = match issue.stories.len() {
        0 => "No stories".to_owned(),
        1 => "Only 1 story".to_owned(),
        count => format!("Only {count} stories"),
    };
    let wanted = if wanted == 1 { "1 story".to_owned() } else { format!("{wanted} stories") };
    let preheader = format!("It needs at least {wanted}, and is due at {}.", issue.due.strftime("%H:%M"));
    let mut email = OperatorEmail::new(format!("{found} for the issue of {date}"), preheader);
    email.paragraph(format!("This issue needs at least {wanted}. {}", due(issue)));
    email.paragraph(
        "Approve it to send it as it is, or cancel it to skip the day. It won't go out without approval.",
    );
    stories(&mut email, issue);
    email.command("Send it as it is", approve_command(notice, issue));
    email.command("Skip it", command(notice, "cancel", issue.date));
    email.command("See why other articles were left out", command(notice, "show", issue.date));
    email
}

fn held(notice: &Notice<'_>, date: Date, reason: &str) -> OperatorEmail {
    let title = format!("The issue of {} is on hold", day(date));
    let mut email = OperatorEmail::new(title, "No more emails go out until you decide.");
    email.paragraph(format!("Daily has stopped sending this issue: {}.", reason_text(reason)));
    email.paragraph("Some readers may already have it. No more emails go out until you decide.");
    email.command("See its progress and the relays' answers", command(notice, "status", date));
    email.command("List refused recipients", command(notice, "deliveries", date) + " --status failed");
    email.command("Resume sending", command(notice, "resume", date));
    email.command("Cancel it for the remaining readers", command(notice, "cancel", date));
    email
}

fn skipped(notice: &Notice<'_>, date: Date, reason: &str, before_it: usize, is_today: bool) -> OperatorEmail {
    let title = format!("The issue of {} was skipped", day(date));
    let mut email = OperatorEmail::new(title, "Nobody got it.");
    email.paragraph(format!("Nobody got this issue. The reason on record is “{}”.", reason_text(reason)));
    match before_it {
        0 => {}
        1 => email.paragraph("The issue before it was skipped for the same reason."),
        count => email.paragraph(format!("The {count} issues before it were skipped for the same reason.")),
    }
    email.paragraph("The next issue goes out as usual, with everything new by then.");
    if is_today {
        email.command("Send it now anyway", format!("daily issue send --newsletter {}", notice.slug));
    }
    email.command("See its candidates", command(notice, "show", date));
    email.command("Check the setup and the running processes", "daily check".to_owned());
    email
}

fn stories_doubtful(notice: &Notice<'_>, date: Date, findings: &str) -> OperatorEmail {
    let title = format!("Some stories of {} could not be confirmed", day(date));
    let preheader = "Their pages are gone or show something else.";
    let mut email = OperatorEmail::new(title, preheader);
    email.paragraph(format!(
        "Before the issue of {} went out, Daily read its stories' pages once more. Some are gone or show \
         something else:",
        day(date)
    ));
    email
        .list(findings.split("; ").take(TITLES_MAX).map(|it| shorten(&tidy(it), REASON_MAX_CHARS)).collect());
    email.paragraph("A story whose page can't be recognized keeps the headline, link and picture it had.");
    email.command("See the issue's history", command(notice, "status", date));
    email.command("Stop it for the remaining readers", command(notice, "pause", date));
    email
}

fn setup_wanted(
    notice: &Notice<'_>,
    date: Date,
    due: DateTime,
    clock: &str,
    missing: &[&str],
) -> OperatorEmail {
    let title = format!("The issue of {} waits: something is not set up", day(date));
    let mut email = OperatorEmail::new(title, "It goes out once everything that readers need is set up.");
    email.paragraph(format!(
        "The issue of {} is due on {} ({}). It doesn’t go out before this is set up:",
        day(date),
        date_and_time(due),
        tidy(clock)
    ));
    email.list(missing.iter().take(TITLES_MAX).map(|it| tidy(it)).collect());
    email.command("Check everything", "daily check".to_owned());
    email.command("Let it go out anyway", format!("{} --anyway", command(notice, "approve", date)));
    email
}

fn feed_trouble(feed: &TroubledFeed<'_>) -> OperatorEmail {
    let name = tidy_some(Some(feed.title)).unwrap_or_else(|| tidy(feed.url));
    let name = shorten(&name, NAME_MAX_CHARS);
    let clock = tidy(feed.clock);
    let preheader = format!("The problem: {}", reason_text(feed.trouble));
    let mut email = OperatorEmail::new(format!("Problem with the feed {name}"), preheader);
    email.paragraph(format!("Daily has a problem with this feed: {}.", reason_text(feed.trouble)));
    email.copyable(&tidy(feed.url));
    let times = [
        feed.since.map(|at| format!("The problem started on {}.", date_and_time(at))),
        Some(feed.last_read.map_or_else(
            || "The feed has never been read successfully.".to_owned(),
            |at| format!("The feed was last read successfully on {}.", date_and_time(at)),
        )),
        feed.last_story.map(|at| format!("Its latest story appeared on {}.", date_and_time(at))),
        feed.since.or(feed.last_read).or(feed.last_story).map(|_| format!("(Times are {clock}.)")),
    ];
    email.paragraph(times.into_iter().flatten().collect::<Vec<_>>().join(" "));
    let url = shell_word(feed.url);
    if feed.is_held {
        email.paragraph(
            "Daily keeps reading it. If the articles are right, accept them; if not, remove the feed.",
        );
        email.command("Accept its articles", format!("daily feed accept {url}"));
        email.command("Stop reading it", format!("daily feed remove {url}"));
    } else if feed.is_read_on {
        email.paragraph("Daily keeps trying. Issues go out with the articles there are.");
        email.command("Read it now", format!("daily feed poll {url}"));
        email.command("Stop reading it", format!("daily feed remove {url}"));
    } else {
        email.paragraph("Daily has stopped reading it. Issues go out without its articles.");
        email.command("Read it again", format!("daily feed add {url}"));
    }
    email.command("See the state of all feeds", "daily feed list".to_owned());
    email
}

fn clock_was_wrong(notice: &Notice<'_>, showed: DateTime, corrected: DateTime, clock: &str) -> OperatorEmail {
    let preheader = "Daily has corrected what it stored, and goes on.";
    let mut email = OperatorEmail::new("The server's clock was wrong".to_owned(), preheader);
    email.paragraph(format!(
        "A server's clock showed {}. On {} ({}), Daily noticed that it had been ahead.",
        date_and_time(showed),
        date_and_time(corrected),
        tidy(clock)
    ));
    email.paragraph(
        "Polls, leases and further attempts that were put off until then happen now. Issues planned by the wrong \
         clock are skipped. What had been sent or erased by then stays so.",
    );
    email.paragraph("Check that the servers' clocks are synchronized, for example with chrony.");
    email.command("See the newsletter's issues", format!("daily issue list --newsletter {}", notice.slug));
    email.command("Check the setup and the running processes", "daily check".to_owned());
    email
}

fn suspicious_signups(signups: &SuspiciousSignups<'_>) -> OperatorEmail {
    let clock = tidy(signups.clock);
    let waiting = match signups.waiting {
        0 => String::new(),
        1 => " At the peak, 1 signup from ten minutes was unconfirmed.".to_owned(),
        many => format!(" At the peak, {many} signups from ten minutes were unconfirmed."),
    };
    let Some(until) = signups.until else {
        let title = "Signups look like an attack".to_owned();
        let mut email = OperatorEmail::new(title, format!("{}.", signups.sign));
        email.paragraph(format!(
            "{} (since {}, {clock}).{waiting} Someone may be signing up other people's addresses.",
            signups.sign,
            date_and_time(signups.since)
        ));
        email.paragraph(format!(
            "{}. You don't have to do anything. We'll email you when it's over.",
            signups.defence
        ));
        email.paragraph(
            "If you caused this yourself, for example with a campaign, raise signup.attack_signups to avoid this alert.",
        );
        return email;
    };
    let mut email =
        OperatorEmail::new("Signups are back to normal".to_owned(), "The suspected attack is over.");
    email.paragraph(format!(
        "The suspected attack is over. It began on {} and was last seen on {} ({clock}).{waiting}",
        date_and_time(signups.since),
        date_and_time(until)
    ));
    email.paragraph("Unconfirmed signups are erased automatically after signup.pending_days.");
    email
}

fn destinations_held(notice: &Notice<'_>, destinations: &[HeldDestination], clock: &str) -> OperatorEmail {
    let clock = tidy(clock);
    let title = match destinations {
        [only] => format!("{} doesn't take our emails", tidy(&only.domain)),
        many => format!("{} destinations don't take our emails", many.len()),
    };
    let mut email = OperatorEmail::new(title, "Their emails wait. All others go on.");
    email.list(
        destinations
            .iter()
            .take(TITLES_MAX)
            .map(|it| {
                format!(
                    "{} {} (since {}; waits until {})",
                    tidy(&it.domain),
                    reason_text(&it.reason),
                    date_and_time(it.since),
                    date_and_time(it.until)
                )
            })
            .collect(),
    );
    email.paragraph(format!(
        "Emails to these domains wait until then and go on slowly afterwards. All others go on as usual. (Times \
         are {clock}.)"
    ));
    email.paragraph("You'll get no further email today about the same cause.");
    email.command(
        "See what its servers answered",
        format!("daily issue status --newsletter {}", shell_word(notice.slug)),
    );
    email
}

fn stories(email: &mut OperatorEmail, issue: &PlannedIssue<'_>) {
    let listed = issue.stories.iter().take(TITLES_MAX);
    email.list(listed.map(|title| shorten(&tidy(title), TITLE_MAX_CHARS)).collect());
    if let more @ 1.. = issue.stories.len().saturating_sub(TITLES_MAX) {
        email.paragraph(format!("And {more} more."));
    }
}

/// Returns the command that approves exactly what the notice shows.
fn approve_command(notice: &Notice<'_>, issue: &PlannedIssue<'_>) -> String {
    format!("{} --revision {}", command(notice, "approve", issue.date), issue.revision)
}

fn command(notice: &Notice<'_>, verb: &str, date: Date) -> String {
    format!("daily issue {verb} --newsletter {} --date {date}", notice.slug)
}

/// "Friday, 1 May".
fn day(date: Date) -> String {
    date.strftime("%A, %-d %B").to_string()
}

/// "1 May 2026, 06:30".
fn date_and_time(at: DateTime) -> String {
    at.strftime("%-d %B %Y, %H:%M").to_string()
}

/// "It's due at 06:30 (Berlin time), in 30 minutes, and goes to 12 readers."
fn due(issue: &PlannedIssue<'_>) -> String {
    let minutes = issue.due_in_minutes.unsigned_abs();
    let span = match minutes {
        1 => "1 minute".to_owned(),
        0..=90 => format!("{minutes} minutes"),
        _ => format!("{} hours", (minutes + 30) / 60),
    };
    let (is, when) = match issue.due_in_minutes {
        0 => ("It's", "now".to_owned()),
        1.. => ("It's", format!("in {span}")),
        _ => ("It was", format!("{span} ago")),
    };
    let readers = match issue.readers {
        1 => "1 reader".to_owned(),
        count => format!("{count} readers"),
    };
    let date =
        if issue.due.date() == issue.date { String::new() } else { format!("on {} ", day(issue.due.date())) };
    format!(
        "{is} due {date}at {} ({}), {when}, and goes to {readers}.",
        issue.due.strftime("%H:%M"),
        tidy(issue.clock)
    )
}

/// Returns a reason without its full stop, to be used within a sentence.
fn reason_text(reason: &str) -> String {
    let reason = shorten(reason, REASON_MAX_CHARS);
    match reason.trim_end_matches('.') {
        "" => "no reason was given".to_owned(),
        reason => reason.to_owned(),
    }
}
