//! Notices about trouble outside an issue: feeds, clocks, signups, destinations.

use jiff::civil::DateTime;

use super::operator_email::{OperatorEmail, shell_word};
use super::{
    HeldDestination, Notice, SuspiciousSignups, TITLES_MAX, TroubledFeed, date_and_time, reason_text,
};
use crate::wording::{shorten, tidy, tidy_some};

const NAME_MAX_CHARS: usize = 60;

pub(super) fn feed_trouble(feed: &TroubledFeed<'_>) -> OperatorEmail {
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

pub(super) fn clock_was_wrong(
    notice: &Notice<'_>,
    showed: DateTime,
    corrected: DateTime,
    clock: &str,
) -> OperatorEmail {
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

pub(super) fn suspicious_signups(signups: &SuspiciousSignups<'_>) -> OperatorEmail {
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

pub(super) fn destinations_held(
    notice: &Notice<'_>,
    destinations: &[HeldDestination],
    clock: &str,
) -> OperatorEmail {
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
