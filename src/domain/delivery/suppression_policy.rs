//! Decides what a bounce or a complaint means for its reader.
//!
//! - A hard bounce suppresses the address at the second on a different day (UTC). Relays' refusals and reports
//!   count together.
//! - A hard bounce of a confirmation makes the signup undeliverable. A new signup sends one more confirmation a
//!   month.
//! - Soft bounces and full mailboxes suppress the address after 5 issues in a row over at least 7 days, none of
//!   which was delivered. A relay's refusal for the mailbox (X.2.x) counts as one.
//! - A complaint ends the reader's subscriptions for good. Only an operator undoes it.
//! - Spam, policy, authentication, rate and content change nothing for the reader: the sending side is at fault.
//! - Automatic answers, challenges, receipts and anything else change nothing.
//!
//! A message changes something only if it proves which email it is about ([`Certainty::is_proof`]), has not
//! been seen before, and is about an email of the last 30 days. Complaints may be older.

use crate::domain::delivery::incoming::{Certainty, IncomingKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Days with a hard bounce until an address is suppressed.
pub const HARD_DAYS: usize = 2;
/// Issues in a row that bounce softly until an address is suppressed.
pub const SOFT_STREAK: usize = 5;
/// Minimum time that they span.
pub const SOFT_SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Maximum age of the email that a bounce is about.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Minimum time between two confirmations to an address that bounced.
pub const CONFIRMATION_INTERVAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Reasons why a bounce or complaint changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ineffective {
    #[error("it is not about the reader")]
    NotAboutReader,
    #[error("it doesn't prove which email it is about")]
    NoProof,
    #[error("the email is older than 30 days")]
    TooOld,
}

/// Checks whether a message may change anything for its reader. `sent_at` is when the email was sent.
pub fn may_change(
    kind: IncomingKind,
    certainty: Certainty,
    sent_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Ineffective> {
    let is_complaint = kind == IncomingKind::Complaint;
    if !is_complaint && (!kind.is_bounce() || kind.is_about_sender()) {
        return Err(Ineffective::NotAboutReader);
    }
    if !certainty.is_proof() {
        return Err(Ineffective::NoProof);
    }
    let is_recent = sent_at.is_some_and(|at| now.duration_since(at) <= MAX_AGE);
    if is_complaint || is_recent { Ok(()) } else { Err(Ineffective::TooOld) }
}

/// Whether hard bounces at these times suppress their address.
pub fn is_hard_enough(times: &[Timestamp]) -> bool {
    let days: BTreeSet<i64> = times.iter().map(|at| day(*at)).collect();
    days.len() >= HARD_DAYS
}

/// Returns the day of a time, counted from 1970-01-01 UTC.
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(24 * 60 * 60)
}

/// The outcome of one reader's copy of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOutcome {
    pub at: Timestamp,
    pub bounced_softly: bool,
}

/// Whether a reader's latest copies suppress the address. They are ordered from the newest one, and begin with
/// the one that bounced last.
pub fn is_soft_enough(copies: &[CopyOutcome]) -> bool {
    let streak: Vec<&CopyOutcome> = copies.iter().take_while(|it| it.bounced_softly).collect();
    let (Some(newest), Some(oldest)) = (streak.first(), streak.last()) else { return false };
    streak.len() >= SOFT_STREAK && newest.at.duration_since(oldest.at) >= SOFT_SPAN
}

#[cfg(test)]
mod tests {
    use super::*;
    use IncomingKind as K;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn only_proven_recent_messages_about_the_reader_change_anything() {
        let (sent, now) = (Some(at("2026-05-01T07:00:00Z")), at("2026-05-02T07:00:00Z"));
        let late = at("2026-06-10T07:00:00Z");
        for (kind, certainty, now, expected) in [
            (K::Hard, Certainty::Key, now, Ok(())),
            (K::MailboxFull, Certainty::Token, now, Ok(())),
            (K::Complaint, Certainty::Key, late, Ok(())),
            (K::Hard, Certainty::Key, late, Err(Ineffective::TooOld)),
            (K::Hard, Certainty::MessageId, now, Err(Ineffective::NoProof)),
            (K::Complaint, Certainty::Recipient, now, Err(Ineffective::NoProof)),
            (K::Policy, Certainty::Key, now, Err(Ineffective::NotAboutReader)),
            (K::Spam, Certainty::Key, now, Err(Ineffective::NotAboutReader)),
            (K::AutoReply, Certainty::Key, now, Err(Ineffective::NotAboutReader)),
            (K::Delivered, Certainty::Key, now, Err(Ineffective::NotAboutReader)),
        ] {
            assert_eq!(may_change(kind, certainty, sent, now), expected, "{kind} {certainty} {now}");
        }
        assert_eq!(may_change(K::Hard, Certainty::Key, None, now), Err(Ineffective::TooOld));
    }

    #[test]
    fn the_second_hard_bounce_on_another_day_suppresses() {
        let (morning, evening, next) =
            (at("2026-05-01T00:00:00Z"), at("2026-05-01T23:59:59Z"), at("2026-05-02T00:00:00Z"));
        assert!(!is_hard_enough(&[morning]));
        assert!(!is_hard_enough(&[morning, evening]), "the same day");
        assert!(is_hard_enough(&[next, morning, evening]));
    }

    #[test]
    fn five_soft_bounces_in_a_row_over_a_week_suppress() {
        let copies = |days: &[i64], delivered: Option<usize>| -> Vec<CopyOutcome> {
            days.iter()
                .enumerate()
                .map(|(index, day)| CopyOutcome {
                    at: at("2026-05-01T07:00:00Z") + SignedDuration::from_hours(24 * day),
                    bounced_softly: Some(index) != delivered,
                })
                .collect()
        };
        assert!(is_soft_enough(&copies(&[8, 6, 4, 2, 1], None)));
        assert!(!is_soft_enough(&copies(&[4, 3, 2, 1, 0], None)), "within a week");
        assert!(!is_soft_enough(&copies(&[8, 6, 4, 1], None)), "only four");
        assert!(!is_soft_enough(&copies(&[9, 8, 6, 4, 2, 1], Some(3))), "one arrived between");
        assert!(is_soft_enough(&copies(&[9, 8, 6, 4, 2, 1], Some(5))), "one arrived before");
        assert!(!is_soft_enough(&[]));
    }
}
