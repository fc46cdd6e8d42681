//! Notices about an issue: what keeps it from going out.

use jiff::civil::{Date, DateTime};

use super::operator_email::OperatorEmail;
use super::{Notice, PlannedIssue, REASON_MAX_CHARS, TITLES_MAX, date_and_time, day, reason_text};
use crate::wording::{shorten, tidy};

const TITLE_MAX_CHARS: usize = 160;

pub(super) fn approval_wanted(notice: &Notice<'_>, issue: &PlannedIssue<'_>) -> OperatorEmail {
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

pub(super) fn too_few_stories(notice: &Notice<'_>, issue: &PlannedIssue<'_>, wanted: usize) -> OperatorEmail {
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

pub(super) fn held(notice: &Notice<'_>, date: Date, reason: &str) -> OperatorEmail {
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

pub(super) fn skipped(
    notice: &Notice<'_>,
    date: Date,
    reason: &str,
    before_it: usize,
    is_today: bool,
) -> OperatorEmail {
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

pub(super) fn stories_doubtful(notice: &Notice<'_>, date: Date, findings: &str) -> OperatorEmail {
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

pub(super) fn setup_wanted(
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
