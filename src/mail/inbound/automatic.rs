//! Messages that programs send: which ones are reports of a mailer, and which ones answer for a reader
//! (RFC 3834).

use super::document::{Document, header, sender};
use crate::domain::delivery::incoming::IncomingKind;
use mail_parser::{Address, Message};

/// Names of mailers in `From`, before the `@`.
const MAILERS: [&str; 19] = [
    "mailer-daemon",
    "mailer_daemon",
    "mailerdaemon",
    "mail-daemon",
    "maildaemon",
    "mail.delivery.system",
    "mail-delivery-system",
    "maildeliverysystem",
    "postmaster",
    "post_master",
    "post-master",
    "poostmaster",
    "bounce",
    "bounces",
    "nondelivery",
    "sysadmin",
    "mdaemon",
    "imss",
    "interscan",
];

/// Display names of mailers. Compared in lower case.
const NAMES: [&str; 8] = [
    "mail delivery",
    "mailer-daemon",
    "mailer daemon",
    "mail administrator",
    "mail system",
    "system administrator",
    "postmaster",
    "interscan",
];

/// Phrases of a subject that only reports have. Compared in lower case.
const SUBJECTS: [&str; 30] = [
    "undeliver",
    "undelivered mail",
    "returned mail",
    "returned to sender",
    "returning message to sender",
    "failure notice",
    "failure delivery",
    "delivery failure",
    "delivery failed",
    "delivery has failed",
    "delivery status",
    "delivery notification",
    "delivery report",
    "delivery problem",
    "delivery error",
    "non-delivery",
    "non delivery",
    "nondeliverable",
    "non recapitabile",
    "unzustellbar",
    "non remis",
    "no se puede entregar",
    "não entregue",
    "mail delivery",
    "mail system error",
    "mail could not be delivered",
    "delayed mail",
    "error sending your mail",
    "warning: message",
    "could not send message",
];

/// Phrases of reports. Compared in lower case with single spaces.
const REPORTS: [&str; 52] = [
    "not be delivered",
    "not been delivered",
    "not delivered",
    "could not deliver",
    "couldn't deliver",
    "cannot be delivered",
    "can't be delivered",
    "couldn't be delivered",
    "not deliverable",
    "undeliverable",
    "undelivered",
    "unable to deliver",
    "wasn't able to deliver",
    "was unable to deliver",
    "were unable to deliver",
    "error delivering",
    "trouble delivering",
    "delivering your mail",
    "delivery of your message",
    "delivery to the following",
    "delivery failed",
    "delivery failure",
    "delivery has failed",
    "delivery status notification",
    "delivery problem",
    "delivery error",
    "did not reach the following",
    "failed permanently",
    "permanent error",
    "permanent failure",
    "permanent fatal errors",
    "temporary failure report",
    "delivery attempts",
    "could not be sent",
    "failed to send",
    "rejected by",
    "transcript of session",
    "returned to sender",
    "failure reasons",
    "following address failed",
    "the following addresses had",
    "attempting to deliver",
    "is delayed",
    "has been delayed",
    "送信できませんでした",
    "配信できませんでした",
    "не может быть доставлено",
    "user mailbox exceeds",
    "not member",
    "not a member",
    "reject mail from",
    "メッセージを配信できません",
];

/// Words of a report that the mailer still tries.
const DELAYS: [&str; 16] = [
    "has not yet been delivered",
    "not yet been delivered",
    "has been delayed",
    "is delayed",
    "warning message only",
    "this is a warning",
    "warning only",
    "will be retried",
    "will continue to try",
    "still being retried",
    "delivery attempts will continue",
    "temporary failure report",
    "will retry",
    "will keep trying",
    "do not need to resend",
    "do not need to re-send",
];

/// Whether a mailer wrote this message, and it says that an email wasn't delivered.
pub fn is_report(message: &Message<'_>, document: &Document) -> bool {
    let has_failed_recipients = header(message, "X-Failed-Recipients").is_some();
    let sender = sender(message);
    let name = sender.split('@').next().unwrap_or_default();
    let display_name = message.from().and_then(Address::first).and_then(|it| it.name());
    let display_name = display_name.unwrap_or_default().to_lowercase();
    let calls_itself_mailer = NAMES.iter().any(|it| display_name.contains(it));
    let is_mailing_list = header(message, "X-MLServer").is_some() && name.ends_with("-admin");
    let is_mailer = MAILERS.iter().any(|it| name == *it || name.starts_with(&format!("{it}-")))
        || is_mailing_list
        || sender.is_empty()
        || header(message, "X-MX-Bounce").is_some();
    let has_null_sender =
        header(message, "Return-Path").is_some_and(|it| it == "<>" || it == "<MAILER-DAEMON>");
    let subject = message.subject().unwrap_or_default().to_lowercase();
    let is_answer = ["re:", "fwd:", "fw:", "aw:", "wg:"].iter().any(|it| subject.starts_with(it));
    let has_subject = !is_answer && SUBJECTS.iter().any(|it| subject.contains(it));
    let text = squeezed(&document.notification);
    let says_so = REPORTS.iter().any(|it| text.contains(it));
    // Newsletters write about bounces, and mailers have no lists.
    if header(message, "List-Unsubscribe").is_some() && !has_failed_recipients && !is_mailer {
        return false;
    }
    let answers_for_reader = automatic_answer(message, document).is_some();
    let quotes_server = speaks_smtp(&document.notification);
    has_failed_recipients
        || is_mailer && (has_subject || says_so || !answers_for_reader && quotes_server)
        || calls_itself_mailer && says_so && (has_subject || quotes_server)
        || has_null_sender && !answers_for_reader && (has_subject || says_so)
}

/// Whether a text quotes a refusal of a mail server.
fn speaks_smtp(text: &str) -> bool {
    let codes = super::codes::codes(text);
    codes.reply.is_some() || codes.enhanced.is_some()
}

/// Whether a report says that the mailer still tries.
pub fn is_delay(message: &Message<'_>, document: &Document) -> bool {
    let text = squeezed(&document.notification);
    let subject = message.subject().unwrap_or_default().to_lowercase();
    DELAYS.iter().any(|it| text.contains(it) || subject.contains(it)) || subject.contains("(delay)")
}

/// Returns the kind of an answer that a program wrote for a reader, if it is one.
pub fn automatic_answer(message: &Message<'_>, document: &Document) -> Option<IncomingKind> {
    const CHALLENGES: [&str; 14] = [
        "to prove that you",
        "verify that you are a person",
        "verify that you are human",
        "verify you are human",
        "confirm that you are a human",
        "confirm your message",
        "confirm your email to",
        "your message is being held",
        "your message has been held",
        "your email is waiting",
        "to release your message",
        "add you to my approved senders",
        "sender verification request",
        "challenge-response",
    ];
    const SENDERS: [&str; 5] = ["boxbe.com", "spamarrest.com", "tmda", "knowspam", "mailblocks"];
    const SUBJECTS: [&str; 28] = [
        "out of office",
        "out of the office",
        "out-of-office",
        "automatic reply",
        "automatic response",
        "automated reply",
        "automated response",
        "auto-reply",
        "autoreply",
        "auto reply",
        "auto response",
        "autoresponse",
        "auto:",
        "vacation",
        "on holiday",
        "on leave",
        "away from",
        "abwesenheit",
        "abwesend",
        "automatische antwort",
        "réponse automatique",
        "absence du bureau",
        "absent du bureau",
        "respuesta automática",
        "fuera de la oficina",
        "resposta automática",
        "fora do escritório",
        "自動応答",
    ];
    let text = squeezed(&document.notification);
    let subject = message.subject().unwrap_or_default().to_lowercase();
    let from = sender(message);
    let is_challenge = CHALLENGES.iter().any(|it| text.contains(it) || subject.contains(it))
        || SENDERS.iter().any(|it| from.contains(it));
    let submitted = header(message, "Auto-Submitted").unwrap_or_default().to_lowercase();
    let is_answer = submitted.starts_with("auto-replied")
        || ["X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply"]
            .iter()
            .any(|it| header(message, it).is_some())
        || header(message, "Precedence").is_some_and(|it| it.eq_ignore_ascii_case("auto_reply"))
        || header(message, "X-Precedence").is_some_and(|it| it.eq_ignore_ascii_case("auto_reply"))
        || SUBJECTS.iter().any(|it| subject.starts_with(it) || subject.contains(&format!(": {it}")));
    if is_challenge && !submitted.starts_with("no") {
        return Some(IncomingKind::Challenge);
    }
    is_answer.then_some(IncomingKind::AutoReply)
}

/// Returns a text in lower case with single spaces.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().replace('’', "'")
}
