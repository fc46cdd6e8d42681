//! Everything held about one reader, to be read by people.

use crate::{
    cli::output::{moment, table},
    db::subscriptions::{Held, HeldSubscription},
};
use std::fmt::Write as _;

/// A page for the reader who asked.
pub(super) fn page(it: &Held, now: crate::db::Stamp) -> String {
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
    let _ = writeln!(text, "  chosen:     {}", super::choices(subscription));
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
    for link in &it.confirmation_links {
        let made = moment(Some(link.created_at));
        let _ = writeln!(text, "  Link to confirm of {made}: used {}", moment(link.used_at));
    }
}

/// What came from outside does not reach the terminal as it is.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
