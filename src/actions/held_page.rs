//! Everything held about one reader, to be read by people.

use crate::{
    db::{
        Stamp,
        subscriptions::{Held, HeldSubscription, SubscriptionRecord},
    },
    domain::columns::{clean, table},
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
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let code = |code: Option<i64>| code.map_or_else(|| "-".into(), |code| code.to_string());
    let rows: Vec<_> = it
        .issues
        .iter()
        .map(|it| {
            let ended = moment(it.finished_at);
            let (relay, reply) = (or_none(&it.relay), or_none(&it.reply_text));
            let date = it.issue_date.clone();
            vec![it.newsletter.clone(), date, it.status.clone(), ended, relay, code(it.reply_code), reply]
        })
        .collect();
    let _ = write!(text, "\nIssues sent or to be sent: {}\n", rows.len());
    if !rows.is_empty() {
        text += &table(&["newsletter", "issue", "state", "ended", "relay", "code", "answer"], &rows);
    }
    let rows: Vec<_> = it
        .mails
        .iter()
        .map(|it| {
            let made = moment(Some(it.created_at));
            let (relay, reply) = (or_none(&it.relay), or_none(&it.reply_text));
            vec![
                it.newsletter.clone(),
                made,
                it.kind.clone(),
                it.status.clone(),
                relay,
                code(it.reply_code),
                reply,
            ]
        })
        .collect();
    let _ = write!(text, "\nOther mails: {}\n", rows.len());
    if !rows.is_empty() {
        text += &table(&["newsletter", "made", "what", "state", "relay", "code", "answer"], &rows);
    }
    text
}

fn add_subscription(text: &mut String, it: &HeldSubscription) {
    let subscription = &it.subscription;
    let _ = write!(text, "\nSubscription to `{}`: {}\n", subscription.newsletter, subscription.status);
    let _ = writeln!(text, "  asked for:  {}", moment(Some(subscription.requested_at)));
    let _ = writeln!(text, "  confirmed:  {}", moment(subscription.confirmed_at));
    let _ = writeln!(text, "  ended:      {}", moment(subscription.ended_at));
    let _ = writeln!(text, "  chosen:     {}", choices(subscription));
    let _ = writeln!(text, "  What happened:");
    for event in &it.consent {
        let _ = writeln!(text, "    {}  {} ({})", moment(Some(event.occurred_at)), event.kind, event.method);
        for (what, said) in [
            ("IP address", &event.client_address),
            ("browser", &event.user_agent),
            ("page or file", &event.source_url),
            ("agreed to", &event.wording),
        ] {
            if let Some(said) = said {
                let _ = writeln!(text, "      {what}: {}", clean(said));
            }
        }
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
        let at = moment(Some(asked.requested_at));
        let _ = match &asked.new_address {
            Some(new) => {
                writeln!(text, "  Asked for the address {new} on {at}: done {}", moment(asked.done_at))
            }
            None => writeln!(text, "  Asked for a copy of this on {at}"),
        };
    }
    for link in &it.confirmation_links {
        let made = moment(Some(link.created_at));
        let _ = writeln!(text, "  Link to confirm of {made}: used {}", moment(link.used_at));
    }
}

/// A moment for people, in UTC, to the second; `-` for none.
pub fn moment(at: Option<Stamp>) -> String {
    at.map_or_else(|| "-".into(), |at| at.0.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
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
