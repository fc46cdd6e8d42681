//! The verdict on one recipient of a report: which kind of failure it is.
//!
//! Only an answer that is surely about the address is hard. An address is suppressed because of hard answers,
//! so a doubtful one counts as soft.

use super::{
    codes::{Codes, codes, more_specific},
    wordings::{self, Cause, cause, normal},
};
use crate::domain::delivery::{enhanced_code::EnhancedCode, incoming::IncomingKind, status::Stage};

/// A report's evidence about one recipient.
#[derive(Debug, Default, Clone, Copy)]
pub struct Evidence<'a> {
    /// The message is delayed: the mailer still tries.
    pub is_delayed: bool,
    /// The report's own status.
    pub status: Option<EnhancedCode>,
    /// The text of the failure.
    pub diagnostic: &'a str,
    /// A local program failed, whose words are not about the address.
    pub is_program: bool,
    pub stage: Option<Stage>,
    pub recipient: Option<&'a str>,
    /// The whole text of the report, if it is about this recipient only.
    pub notification: &'a str,
}

/// The kind of a failure and its codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub kind: IncomingKind,
    pub codes: Codes,
}

/// Judges a failure.
pub fn verdict(evidence: &Evidence<'_>) -> Verdict {
    let own = codes(evidence.diagnostic);
    let found = Codes { reply: own.reply, enhanced: more_specific(own.enhanced, evidence.status) };
    let text = normal(evidence.diagnostic);
    let mut cause = cause(&text);
    let has_address_status =
        address_detail(found.enhanced).is_some_and(|it| matches!(it, 1 | 2 | 3 | 6 | 10));
    // There is no next hop for the domain (X.4.4).
    let has_no_route = found.enhanced.is_some_and(|it| (it.subject(), it.detail()) == (4, 4));
    // The status and some of the words agree, so words of a weaker cause stand there by chance.
    let is_weak =
        matches!(cause, Some(Cause::Content | Cause::Policy | Cause::Rate | Cause::Network | Cause::Spam));
    if is_weak && has_address_status && wordings::is_about_address(&text) {
        cause = Some(Cause::NoUser);
    }
    let kind = match cause {
        Some(cause) if !is_about_address(cause) => soft_kind(cause),
        // Answers before RCPT are about the sender.
        _ if is_before_recipient(evidence.stage) => unsure_kind(found),
        _ if evidence.is_delayed || evidence.is_program => IncomingKind::Soft,
        _ if is_temporary(evidence, found) => {
            // A mailer that gave up after days of `4.1.1 user unknown` has its final answer.
            let is_final = match address_detail(found.enhanced) {
                Some(1) => cause == Some(Cause::NoUser) && text.contains("user unknown"),
                Some(2) => cause == Some(Cause::NoHost),
                _ => false,
            };
            if is_final { IncomingKind::Hard } else { IncomingKind::Soft }
        }
        Some(Cause::NoUser) if !is_sure(evidence, found) => unsure_kind(found),
        Some(_) => IncomingKind::Hard,
        None if has_address_status || has_no_route => IncomingKind::Hard,
        None => unsure_kind(found),
    };
    let kind = if kind == IncomingKind::Hard { contradiction(evidence).unwrap_or(kind) } else { kind };
    Verdict { kind, codes: found }
}

const fn is_before_recipient(stage: Option<Stage>) -> bool {
    matches!(
        stage,
        Some(Stage::Connect | Stage::Greeting | Stage::Hello | Stage::Tls | Stage::Auth | Stage::Mail)
    )
}

const fn is_about_address(cause: Cause) -> bool {
    matches!(cause, Cause::Moved | Cause::NoHost | Cause::NoUser | Cause::NoUserHere)
}

const fn soft_kind(cause: Cause) -> IncomingKind {
    match cause {
        Cause::Authentication => IncomingKind::Authentication,
        Cause::Blocked | Cause::Policy => IncomingKind::Policy,
        Cause::Spam => IncomingKind::Spam,
        Cause::MailboxFull => IncomingKind::MailboxFull,
        Cause::Content => IncomingKind::Content,
        Cause::Rate => IncomingKind::Rate,
        Cause::Suspended
        | Cause::Network
        | Cause::Moved
        | Cause::NoHost
        | Cause::NoUser
        | Cause::NoUserHere => IncomingKind::Soft,
    }
}

/// Whether the failure may pass: a code of class 4, in the report or in the answer.
fn is_temporary(evidence: &Evidence<'_>, found: Codes) -> bool {
    evidence.status.is_some_and(|it| it.class() == 4)
        || found.enhanced.is_some_and(|it| it.class() == 4)
        || found.reply.is_some_and(|it| it < 500)
}

fn address_detail(enhanced: Option<EnhancedCode>) -> Option<u16> {
    enhanced.filter(|it| it.subject() == 1).map(EnhancedCode::detail)
}

/// Whether a remote server's "no such user" is surely about the address: its status says so, it answered RCPT,
/// or it names the address. After the message, the same words are often a filter's.
fn is_sure(evidence: &Evidence<'_>, found: Codes) -> bool {
    let names_recipient = || {
        let diagnostic = evidence.diagnostic.to_ascii_lowercase();
        evidence.status.is_some()
            && evidence.recipient.is_some_and(|it| diagnostic.contains(&it.to_ascii_lowercase()))
    };
    match found.enhanced.map(|it| (it.subject(), it.detail())) {
        // The sender's address is bad, not the recipient's.
        Some((1, 7..=9)) => false,
        Some((1, _) | (4, 1) | (5, 0)) => true,
        Some((0 | 3, 0) | (2, 1)) | None => match evidence.stage {
            Some(Stage::Rcpt) => true,
            Some(_) => false,
            None => names_recipient(),
        },
        Some(_) => false,
    }
}

/// Names a permanent failure that is not known to be about the address, by its status.
fn unsure_kind(found: Codes) -> IncomingKind {
    match found.enhanced.map(|it| (it.class(), it.subject(), it.detail())) {
        Some((_, 2, 2)) => IncomingKind::MailboxFull,
        Some((_, 2 | 3, 3 | 4) | (_, 6, _)) => IncomingKind::Content,
        Some((4, 7, _)) => IncomingKind::Rate,
        Some((_, 7, 9 | 20..=30)) => IncomingKind::Authentication,
        Some((_, 7, _)) => IncomingKind::Policy,
        _ => IncomingKind::Soft,
    }
}

/// Returns the milder kind if the report's own words contradict a hard answer.
fn contradiction(evidence: &Evidence<'_>) -> Option<IncomingKind> {
    const FULL: [&str; 6] =
        ["not enough disk space", "mailbox is full", "mailbox full", "quota", "over its limit", "too full"];
    const SUSPENDED: [&str; 4] =
        ["account is disabled", "account has been disabled", "account is locked", "account is suspended"];
    let text = normal(evidence.notification);
    if FULL.iter().any(|it| text.contains(it)) {
        return Some(IncomingKind::MailboxFull);
    }
    SUSPENDED.iter().any(|it| text.contains(it)).then_some(IncomingKind::Soft)
}
