//! What operators are told: plain letters that say what is the matter, what follows from it, and what to run.

mod letter;

use jiff::civil::{Date, DateTime};

use self::letter::{Letter, shell_word};
use crate::wording::{shorten, tidy, tidy_some};
use crate::{Email, Masthead};

const NAME_MAX_CHARS: usize = 60;
const REASON_MAX_CHARS: usize = 600;
/// Most stories that are listed by title.
const TITLES_MAX: usize = 50;
const TITLE_MAX_CHARS: usize = 160;

/// A letter to an operator.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The newsletter it is about, or in whose name it is sent.
    pub masthead: Masthead<'a>,
    /// The newsletter's short name, for commands.
    pub slug: &'a str,
    /// The operator's own address, for the command that ends such letters.
    pub operator: &'a str,
    /// What is the matter.
    pub matter: Matter<'a>,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy)]
pub enum Matter<'a> {
    /// An issue waits for approval.
    ApprovalWanted {
        /// Which.
        issue: PlannedIssue<'a>,
    },
    /// An issue has fewer stories than it should, and somebody must say what to do.
    TooFewStories {
        /// Which.
        issue: PlannedIssue<'a>,
        /// How many it should have.
        wanted: usize,
    },
    /// An issue is held: some readers have it, the others wait.
    IssueHeld {
        /// Its date.
        date: Date,
        /// Why.
        reason: &'a str,
    },
    /// An issue was skipped: nobody gets it.
    IssueSkipped {
        /// Its date.
        date: Date,
        /// Why.
        reason: &'a str,
        /// How many issues before it were skipped for the same reason.
        before_it: usize,
        /// Whether its date is today's, so that it can still be sent.
        is_today: bool,
    },
    /// A feed can't be read or has fallen silent.
    FeedTrouble(TroubledFeed<'a>),
    /// Signups look like an attack, or do so no more.
    Signups(SuspiciousSignups<'a>),
}

/// An issue that has not gone out.
#[derive(Debug, Clone, Copy)]
pub struct PlannedIssue<'a> {
    /// Its date.
    pub date: Date,
    /// When it is due, on the newsletter's clock.
    pub due: DateTime,
    /// Where that clock is: "Berlin time", "UTC".
    pub clock: &'a str,
    /// Minutes from now until then; negative: it was due.
    pub due_in_minutes: i64,
    /// How many readers it goes to.
    pub readers: i64,
    /// The titles of its stories, in their order.
    pub stories: &'a [&'a str],
}

/// A feed with which something is wrong. Its title and address are others' words.
#[derive(Debug, Clone, Copy)]
pub struct TroubledFeed<'a> {
    /// What it calls itself; may be empty.
    pub title: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// What is wrong.
    pub trouble: &'a str,
    /// Since when.
    pub since: Option<DateTime>,
    /// When it was last read well.
    pub last_read: Option<DateTime>,
    /// When its latest story came.
    pub last_story: Option<DateTime>,
    /// Where the clock of these times is.
    pub clock: &'a str,
    /// Whether Daily goes on reading it.
    pub is_read_on: bool,
}

/// Signups that look like an attack.
#[derive(Debug, Clone, Copy)]
pub struct SuspiciousSignups<'a> {
    /// What was seen, as a sentence without its dot.
    pub sign: &'a str,
    /// Since when.
    pub since: DateTime,
    /// When the last sign was seen, if it is over.
    pub until: Option<DateTime>,
    /// Where the clock of these times is.
    pub clock: &'a str,
    /// Most signups at a time that waited for their confirmation.
    pub waiting: i64,
    /// What Daily does about it, as a sentence without its dot.
    pub defence: &'a str,
}

/// The letter.
pub fn render(notice: &Notice<'_>) -> Email {
    let mut letter = match &notice.matter {
        Matter::ApprovalWanted { issue } => approval_wanted(notice, issue),
        Matter::TooFewStories { issue, wanted } => too_few_stories(notice, issue, *wanted),
        Matter::IssueHeld { date, reason } => held(notice, *date, reason),
        Matter::IssueSkipped { date, reason, before_it, is_today } => {
            skipped(notice, *date, reason, *before_it, *is_today)
        }
        Matter::FeedTrouble(feed) => feed_trouble(feed),
        Matter::Signups(signups) => suspicious(signups),
    };
    letter.why =
        format!("You get this because {} is an address of Daily's operators.", tidy(notice.operator));
    letter.leave = format!("daily operator remove {}", shell_word(notice.operator));
    letter.render(&notice.masthead)
}

fn approval_wanted(notice: &Notice<'_>, issue: &PlannedIssue<'_>) -> Letter {
    let date = day(issue.date);
    let preheader =
        format!("It is due at {}; without approval nothing goes out.", issue.due.strftime("%H:%M"));
    let mut letter = Letter::new(format!("Please approve the issue of {date}"), preheader);
    letter.say(format!("The issue of {date} waits for your approval. {}", due(issue)));
    letter.say("Without approval nothing goes out.");
    stories(&mut letter, issue);
    letter.run("Let it go out", command(notice, "approve", issue.date));
    letter.run("Look at it", command(notice, "show", issue.date));
    letter.run("Give it up", command(notice, "cancel", issue.date));
    letter
}

fn too_few_stories(notice: &Notice<'_>, issue: &PlannedIssue<'_>, wanted: usize) -> Letter {
    let date = day(issue.date);
    let found = match issue.stories.len() {
        0 => "There is no story".to_owned(),
        1 => "There is only 1 story".to_owned(),
        count => format!("There are only {count} stories"),
    };
    let preheader = format!("{wanted} are wanted. It is due at {}.", issue.due.strftime("%H:%M"));
    let mut letter = Letter::new(format!("{found} for the issue of {date}"), preheader);
    letter.say(format!("It should have {wanted} or more. {}", due(issue)));
    letter.say(
        "Approve it to send it shorter, or cancel it to skip the day. Without approval nothing goes out.",
    );
    stories(&mut letter, issue);
    letter.run("Send it shorter", command(notice, "approve", issue.date));
    letter.run("Skip it", command(notice, "cancel", issue.date));
    letter.run("See why other articles are not in", command(notice, "show", issue.date));
    letter
}

fn held(notice: &Notice<'_>, date: Date, reason: &str) -> Letter {
    let title = format!("The issue of {} is held", day(date));
    let mut letter = Letter::new(title, "Nothing more of it goes out until you decide.");
    letter.say(format!("Daily has stopped sending it: {}.", stated(reason)));
    letter.say("Who has it, has it; nothing more goes out until you decide.");
    letter.run("See how far it is and what relays said", command(notice, "status", date));
    letter.run("See who was refused, and why", command(notice, "deliveries", date) + " --status failed");
    letter.run("Let it go on", command(notice, "resume", date));
    letter.run("Give it up: who has not got it will not", command(notice, "cancel", date));
    letter
}

fn skipped(notice: &Notice<'_>, date: Date, reason: &str, before_it: usize, is_today: bool) -> Letter {
    let title = format!("The issue of {} was skipped", day(date));
    let mut letter = Letter::new(title, "It was sent to nobody.");
    letter.say(format!("It was sent to nobody. The reason that was written down: “{}”.", stated(reason)));
    match before_it {
        0 => {}
        1 => letter.say("The issue before it was skipped for the same reason."),
        count => letter.say(format!("The {count} issues before it were skipped for the same reason.")),
    }
    letter.say("The next issue goes out as usual, and takes what is new by then.");
    if is_today {
        letter.run("Send it now all the same", format!("daily issue send --newsletter {}", notice.slug));
    }
    letter.run("See what it was chosen from", command(notice, "show", date));
    letter.run("See whether everything is set up and running", "daily check".to_owned());
    letter
}

fn feed_trouble(feed: &TroubledFeed<'_>) -> Letter {
    let name = tidy_some(Some(feed.title)).unwrap_or_else(|| tidy(feed.url));
    let name = shorten(&name, NAME_MAX_CHARS);
    let clock = tidy(feed.clock);
    let moment = |at: DateTime| at.strftime("%-d %B %Y, %H:%M");
    let preheader = format!("What is wrong: {}", stated(feed.trouble));
    let mut letter = Letter::new(format!("A feed needs a look: {name}"), preheader);
    letter.say(format!("Daily has trouble with this feed: {}.", stated(feed.trouble)));
    letter.copy(&tidy(feed.url));
    let times = [
        feed.since.map(|at| format!("It has been so since {}.", moment(at))),
        Some(feed.last_read.map_or_else(
            || "It was never read well.".to_owned(),
            |at| format!("It was last read well on {}.", moment(at)),
        )),
        feed.last_story.map(|at| format!("Its latest story came on {}.", moment(at))),
        feed.since.or(feed.last_read).or(feed.last_story).map(|_| format!("(Times are {clock}.)")),
    ];
    letter.say(times.into_iter().flatten().collect::<Vec<_>>().join(" "));
    let url = shell_word(feed.url);
    if feed.is_read_on {
        letter.say("Daily goes on reading it. Issues go out with what there is.");
        letter.run("Read it now", format!("daily feed poll {url}"));
        letter.run("Stop reading it", format!("daily feed remove {url}"));
    } else {
        letter.say("Daily no longer reads it. Issues go out without it.");
        letter.run("Read it again", format!("daily feed add {url}"));
    }
    letter.run("See how reading goes", "daily feed list".to_owned());
    letter
}

fn suspicious(signups: &SuspiciousSignups<'_>) -> Letter {
    let clock = tidy(signups.clock);
    let moment = |at: DateTime| at.strftime("%-d %B %Y, %H:%M");
    let waiting = match signups.waiting {
        0 => String::new(),
        1 => " Up to 1 signup of ten minutes waited for its confirmation.".to_owned(),
        many => format!(" Up to {many} signups of ten minutes waited for their confirmation."),
    };
    let Some(until) = signups.until else {
        let mut letter = Letter::new("Signups look like an attack".to_owned(), format!("{}.", signups.sign));
        letter.say(format!(
            "{} (since {}, {clock}).{waiting} Somebody may be entering addresses of other people.",
            signups.sign,
            moment(signups.since)
        ));
        letter.say(format!(
            "{}. You need not do anything: you get another letter when it is over.",
            signups.defence
        ));
        letter.say(
            "Is it your own doing, such as a campaign? Then a higher signup.attack_signups keeps it quiet.",
        );
        return letter;
    };
    let mut letter =
        Letter::new("Signups are as usual again".to_owned(), "What looked like an attack is over.");
    letter.say(format!(
        "What looked like an attack is over: it began {} and was last seen {} ({clock}).{waiting}",
        moment(signups.since),
        moment(until)
    ));
    letter.say("Signups that nobody confirms are erased by themselves after signup.pending_days.");
    letter
}

fn stories(letter: &mut Letter, issue: &PlannedIssue<'_>) {
    let told = issue.stories.iter().take(TITLES_MAX);
    letter.list(told.map(|title| shorten(&tidy(title), TITLE_MAX_CHARS)).collect());
    if let more @ 1.. = issue.stories.len().saturating_sub(TITLES_MAX) {
        letter.say(format!("And {more} more."));
    }
}

fn command(notice: &Notice<'_>, verb: &str, date: Date) -> String {
    format!("daily issue {verb} --newsletter {} --date {date}", notice.slug)
}

/// "Friday, 1 May".
fn day(date: Date) -> String {
    date.strftime("%A, %-d %B").to_string()
}

/// "It is due at 06:30 (Berlin time), in 30 minutes, to 12 readers."
fn due(issue: &PlannedIssue<'_>) -> String {
    let minutes = issue.due_in_minutes.unsigned_abs();
    let span = match minutes {
        1 => "1 minute".to_owned(),
        0..=90 => format!("{minutes} minutes"),
        _ => format!("{} hours", (minutes + 30) / 60),
    };
    let (is, when) = match issue.due_in_minutes {
        0 => ("is", "now".to_owned()),
        1.. => ("is", format!("in {span}")),
        _ => ("was", format!("{span} ago")),
    };
    let readers = match issue.readers {
        1 => "1 reader".to_owned(),
        count => format!("{count} readers"),
    };
    let date =
        if issue.due.date() == issue.date { String::new() } else { format!("on {} ", day(issue.due.date())) };
    format!(
        "It {is} due {date}at {} ({}), {when}, and goes to {readers}.",
        issue.due.strftime("%H:%M"),
        tidy(issue.clock)
    )
}

/// A reason as the middle of a sentence.
fn stated(reason: &str) -> String {
    let reason = shorten(reason, REASON_MAX_CHARS);
    match reason.trim_end_matches('.') {
        "" => "no reason was given".to_owned(),
        reason => reason.to_owned(),
    }
}
