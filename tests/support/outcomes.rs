//! Compares the records of an issue's deliveries with the messages that the relays received.

use super::{app::TestApp, mailbox::Mail, smtp_server::Record};
use daily::domain::{delivery::status::DeliveryStatus, ids::IssueId};
use std::collections::{BTreeMap, BTreeSet};

/// Copies of the issue that were sent to a reader: complete messages, and those of them that a relay
/// accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copies {
    pub arrived: usize,
    pub accepted: usize,
}

/// Counts the messages to each reader on all relays. Asserts that all messages to a reader have the same
/// Message-ID.
pub fn copies(records: &[Record]) -> BTreeMap<String, Copies> {
    let mut copies: BTreeMap<String, Copies> = BTreeMap::new();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in records.iter().flat_map(|record| &record.messages) {
        let id = Mail::parse(&message.data).header("Message-ID").expect("a Message-ID").to_owned();
        for recipient in &message.recipients {
            let copies = copies.entry(recipient.clone()).or_default();
            copies.arrived += 1;
            copies.accepted += usize::from(message.accepted);
            ids.entry(recipient.clone()).or_default().insert(id.clone());
        }
    }
    for (reader, ids) in &ids {
        assert_eq!(ids.len(), 1, "{reader} got messages that look like different ones: {ids:?}");
    }
    let all: BTreeSet<&String> = ids.values().flatten().collect();
    assert_eq!(all.len(), ids.len(), "two readers got one Message-ID");
    copies
}

/// Asserts that each of these readers, and nobody else, got the issue exactly once.
pub fn assert_each_got_one(records: &[Record], readers: &[String]) {
    let copies = copies(records);
    let lost: Vec<&String> =
        readers.iter().filter(|it| copies.get(*it).is_none_or(|it| it.accepted == 0)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let doubled: Vec<_> = copies.iter().filter(|(_, it)| it.accepted > 1).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    assert_eq!(copies.values().filter(|it| it.accepted > 0).count(), readers.len(), "strangers got one");
    for record in records {
        assert!(record.violations.is_empty(), "{:?}", record.violations);
    }
}

/// Asserts that all deliveries of an issue have ended, and that the counts add up.
pub async fn assert_all_ended(app: &TestApp, issue: IssueId, readers: usize) {
    let all = app.deliveries(issue).await;
    assert_eq!(all.len(), readers, "a delivery for each reader");
    let counts = app.counts(issue).await;
    assert_eq!((counts.open(), counts.total()), (0, i64::try_from(readers).expect("few")), "{counts:?}");
    let count = |status| all.iter().filter(|it| it.status == status).count();
    let ended = [DeliveryStatus::Sent, DeliveryStatus::Failed, DeliveryStatus::Skipped].map(count);
    assert_eq!(ended.iter().sum::<usize>(), readers, "{counts:?}");
    let counted = [counts.sent, counts.failed, counts.skipped].map(|it| usize::try_from(it).expect("few"));
    assert_eq!(ended, counted, "the figures are those of the rows");
    assert!(all.iter().all(|it| it.finished_at.is_some()), "each knows when it ended");
}

/// Asserts that each of these readers got the issue exactly once, and that all deliveries have ended.
pub async fn assert_sent_once(app: &TestApp, issue: IssueId, records: &[Record], readers: &[String]) {
    assert_each_got_one(records, readers);
    assert_all_ended(app, issue, readers.len()).await;
}
