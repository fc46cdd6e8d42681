//! Checks how incoming messages are read, against `bounces/expected.tsv`.

use crate::{
    Result, read,
    report::{Tally, Verdict},
};
use daily::{domain::delivery::incoming::IncomingKind, mail::inbound};
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

/// The expectation of a message. Of several recipients, the first counts.
struct Expected {
    status: String,
    is_hard: bool,
    is_complaint: bool,
    is_delivered: bool,
}

/// Counts the messages whose class (hard, soft, complaint or no bounce) is as expected, and the statuses.
/// Returns the mean time per message, too.
pub fn check(folder: &Path) -> Result<(Vec<Tally>, Duration)> {
    let (mut class, mut hard, mut soft, mut complaint, mut status) = (
        Tally::new("class"),
        Tally::new("hard"),
        Tally::new("soft"),
        Tally::new("complaint"),
        Tally::new("status"),
    );
    let expected = expected(&folder.join("expected.tsv"))?;
    let mut took = Duration::ZERO;
    for (file, expected) in &expected {
        let bytes = read(&folder.join(file))?;
        let begun = Instant::now();
        let found = inbound::read(&bytes);
        took += begun.elapsed();
        let (kind, code) = match &found {
            Some(found) => (found.kind, found.failures.first().and_then(|it| it.status)),
            None => (IncomingKind::Other, None),
        };
        let wanted = if expected.is_complaint {
            "complaint"
        } else if expected.is_delivered {
            "none"
        } else if expected.is_hard {
            "hard"
        } else {
            "soft"
        };
        let got = match kind {
            IncomingKind::Hard => "hard",
            IncomingKind::Complaint | IncomingKind::Unsubscribe => "complaint",
            kind if kind.is_bounce() => "soft",
            _ => "none",
        };
        let is_right = wanted == got;
        let verdict = |is_right: bool| {
            let found = found.as_ref().and_then(|it| it.failures.first());
            let words = found.map_or("", |it| it.diagnostic.as_str());
            if is_right {
                Verdict::Right
            } else {
                Verdict::Differs { expected: wanted.into(), found: format!("{kind}: {words}") }
            }
        };
        class.add(file, verdict(is_right));
        let own = match wanted {
            "hard" => &mut hard,
            "complaint" => &mut complaint,
            _ => &mut soft,
        };
        own.add(file, if is_right { Verdict::Right } else { Verdict::More(String::new()) });
        // The expectation makes codes up where a message has none: those with three digits at the end.
        let is_own = expected.status.rsplit('.').next().is_none_or(|it| it.len() < 3);
        if is_own && !expected.status.is_empty() {
            let code = code.map_or_else(|| "none".to_owned(), |it| it.to_string());
            let verdict = if code == expected.status {
                Verdict::Right
            } else {
                Verdict::Differs { expected: expected.status.clone(), found: code }
            };
            status.add(file, verdict);
        }
    }
    let count = u32::try_from(expected.len().max(1))?;
    Ok((vec![class, hard, soft, complaint, status], took / count))
}

fn expected(file: &Path) -> Result<BTreeMap<String, Expected>> {
    let text = String::from_utf8(read(file)?)?;
    let mut found = BTreeMap::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        let &[file, _, status, _, reason, hard, ..] = cells.as_slice() else {
            return Err(format!("not enough columns: {line}").into());
        };
        found.entry(file.to_owned()).or_insert_with(|| Expected {
            status: status.to_owned(),
            is_hard: hard == "true",
            is_complaint: reason == "feedback",
            is_delivered: reason == "delivered",
        });
    }
    Ok(found)
}
