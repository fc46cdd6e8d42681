//! Everything held about one reader, to be read by people.

use crate::{
    db::{
        Stamp,
        subscriptions::{Held, HeldSubscription, SubscriptionRecord},
    },
    domain::columns::{clean, moment, table},
};
use std::fmt::Write as _;

/// A page for the reader who asked.
pub fn page(it: &Held, now: Stamp) -> String {
    let mut text = format!(
        "Everything held about {}, as of {}\n\nKnown since: {}\n",
        it.address,
        moment(Some(now)),
        moment(it.known_since)
    );
    if let Some(suppressed) = &it.suppressed {
        let _ = writeln!(
            text,
            "Not mailed since {}: {}",
            moment(Some(suppressed.created_at)),
            clean(&suppressed.reason)
        );
    }
    for it in &it.kept_out_of {
        let since = moment(Some(it.created_at));
        let _ =
            writeln!(text, "No list brings you into {} since {since}: {}", it.newsletter, clean(&it.reason));
    }
    for subscription in &it.subscriptions {
        add_subscription(&mut text, subscription);
    }
    add_issues(&mut text, it);
    add_mails(&mut text, it);
    for it in &it.signups {
        let _ = writeln!(
            text,
            "\nSignup of {} ({}), of which nothing was made yet",
            moment(Some(it.received_at)),
            it.method
        );
        let (newsletters, version) =
            (it.newsletters.join(", "), it.wording_version.map(|version| version.to_string()));
        add_fields(
            &mut text,
            "  ",
            &[
                ("newsletters", Some(&newsletters)),
                ("IP address", it.client_address.as_deref()),
                ("browser", it.user_agent.as_deref()),
                ("page", it.source_url.as_deref()),
                ("agreed to", it.wording.as_deref()),
                ("version of that text", version.as_deref()),
                ("language", it.language.as_deref()),
                ("time zone", it.time_zone.as_deref()),
            ],
        );
    }
    for it in &it.wishes_of_others {
        let (asked, until) = (moment(Some(it.requested_at)), moment(Some(it.expires_at)));
        let _ = writeln!(
            text,
            "\nAnother reader asked on {asked} to be mailed at this address; links until {until}"
        );
    }
    text
}

fn or_none(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

fn code(code: Option<i64>) -> String {
    code.map_or_else(|| "-".into(), |code| code.to_string())
}

/// Names and what is said of them, a line each; what is not known is left out.
fn add_fields(text: &mut String, indent: &str, fields: &[(&str, Option<&str>)]) {
    for (what, said) in fields {
        if let Some(said) = said {
            let _ = writeln!(text, "{indent}{what}: {}", clean(said));
        }
    }
}

fn add_issues(text: &mut String, it: &Held) {
    let rows: Vec<_> = it
        .issues
        .iter()
        .map(|it| {
            vec![
                it.newsletter.clone(),
                it.issue_date.clone(),
                it.status.clone(),
                moment(Some(it.due_at)),
                it.attempts.to_string(),
                moment(it.finished_at),
                or_none(it.relay.as_deref()),
                code(it.reply_code),
                or_none(it.reply_text.as_deref()),
            ]
        })
        .collect();
    let _ = write!(text, "\nIssues sent or to be sent: {}\n", rows.len());
    if !rows.is_empty() {
        let titles = ["newsletter", "issue", "state", "due", "attempts", "ended", "relay", "code", "answer"];
        *text += &table(&titles, &rows);
    }
    for it in &it.welcomes {
        let at = moment(Some(it.welcomed_at));
        let _ =
            writeln!(text, "Shown by a mail of welcome on {at}: `{}` of {}", it.newsletter, it.issue_date);
    }
}

fn add_mails(text: &mut String, it: &Held) {
    let rows: Vec<_> = it
        .mails
        .iter()
        .map(|it| {
            vec![
                it.newsletter.clone(),
                moment(Some(it.created_at)),
                it.kind.clone(),
                it.recipient.clone(),
                it.status.clone(),
                moment(it.finished_at),
                or_none(it.relay.as_deref()),
                code(it.reply_code),
                or_none(it.reply_text.as_deref()),
            ]
        })
        .collect();
    let _ = write!(text, "\nOther mails: {}\n", rows.len());
    if !rows.is_empty() {
        let titles = ["newsletter", "made", "what", "to", "state", "ended", "relay", "code", "answer"];
        *text += &table(&titles, &rows);
    }
}

fn add_subscription(text: &mut String, it: &HeldSubscription) {
    let subscription = &it.subscription;
    let _ = write!(text, "\nSubscription to `{}`: {}\n", subscription.newsletter, subscription.status);
    let _ = writeln!(text, "  asked for:  {}", moment(Some(subscription.requested_at)));
    let _ = writeln!(text, "  confirmed:  {}", moment(subscription.confirmed_at));
    let _ = writeln!(text, "  ended:      {}", moment(subscription.ended_at));
    if let Some(at) = subscription.moved_at {
        let _ = writeln!(text, "  at this address since {}", moment(Some(at)));
    }
    let _ = writeln!(text, "  last mailed on account of a signup: {}", moment(subscription.signup_mailed_at));
    let _ = writeln!(text, "  chosen:     {}", choices(subscription));
    let _ = writeln!(text, "  What happened:");
    for event in &it.consent {
        let _ = writeln!(text, "    {}  {} ({})", moment(Some(event.occurred_at)), event.kind, event.method);
        let version = event.wording_version.map(|version| version.to_string());
        let link = event.confirmation_id.map(|id| id.to_string());
        add_fields(
            text,
            "      ",
            &[
                ("address", event.address.as_deref()),
                ("IP address", event.client_address.as_deref()),
                ("browser", event.user_agent.as_deref()),
                ("page or file", event.source_url.as_deref()),
                ("agreed to", event.wording.as_deref()),
                ("version of that text", version.as_deref()),
                ("link to confirm", link.as_deref()),
            ],
        );
    }
    for said in &it.said_on_leaving {
        let remark = said.remark.as_deref().unwrap_or("");
        let _ = writeln!(
            text,
            "  Said on leaving, {}: {} {}",
            moment(Some(said.left_at)),
            said.reason,
            clean(remark)
        );
    }
    for asked in &it.requests {
        let (at, until) = (moment(Some(asked.requested_at)), moment(Some(asked.expires_at)));
        let from = &asked.old_address;
        let _ = match &asked.new_address {
            Some(new) => writeln!(
                text,
                "  Asked for the address {new} in place of {from} on {at}; links until {until}; confirmed there {}, here {}; done {}",
                moment(asked.new_confirmed_at),
                moment(asked.old_confirmed_at),
                moment(asked.done_at)
            ),
            None => writeln!(text, "  Asked for a copy of this on {at}, at {from}; link until {until}"),
        };
        add_fields(
            text,
            "    ",
            &[
                ("IP address, confirmed here", asked.old_client_address.as_deref()),
                ("browser, confirmed here", asked.old_user_agent.as_deref()),
                ("IP address, confirmed there", asked.new_client_address.as_deref()),
                ("browser, confirmed there", asked.new_user_agent.as_deref()),
            ],
        );
    }
    for link in &it.confirmation_links {
        let (made, until) = (moment(Some(link.created_at)), moment(Some(link.expires_at)));
        let _ = writeln!(
            text,
            "  Link to confirm {} of {made}, until {until}: used {}",
            link.id,
            moment(link.used_at)
        );
    }
}

/// What a reader chose, in a line.
pub fn choices(it: &SubscriptionRecord) -> String {
    let sections = if it.sections.is_all() { "all sections".into() } else { it.sections.keys().join(", ") };
    let time = it.send_time.as_deref().unwrap_or("the newsletter's time");
    let zone = it.time_zone.as_deref().unwrap_or("the newsletter's clock");
    let paused = it.paused_until.as_deref().map(|date| format!("; paused until {date}")).unwrap_or_default();
    let language = it.language.as_deref().map(|tag| format!("; reads {tag}")).unwrap_or_default();
    format!("{}; {sections}; {time}, {zone}{paused}{language}", it.cadence.as_str().replace('_', " "))
}
