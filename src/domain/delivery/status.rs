//! The status of a delivery, and relays' answers to it.

use crate::domain::{delivery::enhanced_code::EnhancedCode, string_enum::string_enum};

string_enum! {
    DeliveryStatus {
        /// Waiting until it is due.
        Queued = "queued",
        /// Claimed by a worker; nothing was handed to a relay yet.
        Claimed = "claimed",
        /// Begun: after a crash its result is unknown.
        Sending = "sending",
        /// Accepted by a relay.
        Sent = "sent",
        /// A relay asked to try again later.
        Deferred = "deferred",
        Failed = "failed",
        /// In flight when its worker crashed: a relay may or may not have accepted it.
        Uncertain = "uncertain",
        /// The reader unsubscribed or paused before it was sent.
        Skipped = "skipped",
    }
}

string_enum! {
    Stage {
        /// Resolving the relay's name and connecting.
        Connect = "connect",
        Greeting = "greeting",
        Hello = "hello",
        /// STARTTLS or the TLS handshake.
        Tls = "tls",
        Auth = "auth",
        /// MAIL: the envelope sender.
        Mail = "mail",
        /// RCPT: the recipient.
        Rcpt = "rcpt",
        /// DATA, before the message.
        Data = "data",
        /// The message and the reply to it.
        Message = "message",
    }
}

/// A relay's answer, stored with the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The relay's name without credentials, such as `smtp://mail.example.org:587`.
    pub relay: String,
    pub code: Option<u16>,
    /// The enhanced status code at the start of the text.
    pub enhanced: Option<EnhancedCode>,
    /// The stage that was answered, or that failed.
    pub stage: Option<Stage>,
    /// The reply's text, or the error.
    pub text: String,
}

impl Answer {
    /// Maximum length of the text, in characters.
    pub const MAX_TEXT_CHARS: usize = 500;

    /// Creates an answer. The text is truncated, and control characters become spaces.
    pub fn new(relay: impl Into<String>, code: Option<u16>, text: &str) -> Self {
        let enhanced = code.and_then(|code| EnhancedCode::from_reply(code, text));
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(Self::MAX_TEXT_CHARS);
        Self { relay: relay.into(), code, enhanced, stage: None, text: text.collect() }
    }

    #[must_use]
    pub fn at(self, stage: Stage) -> Self {
        Self { stage: Some(stage), ..self }
    }

    /// Returns the codes without the text, which may contain an address.
    pub fn codes(&self) -> String {
        let code = self.code.map(|code| code.to_string());
        let codes: Vec<String> =
            code.into_iter().chain(self.enhanced.map(|enhanced| enhanced.to_string())).collect();
        codes.join(" ")
    }

    /// Returns code and text on one line.
    pub fn line(&self) -> String {
        match self.code {
            Some(code) => format!("{code} {}", self.text),
            None => self.text.clone(),
        }
    }
}

/// Whether an answer rejects the address itself permanently: no such mailbox (X.1.1), no such domain (X.1.2),
/// invalid address (X.1.3), moved (X.1.6), null MX (X.1.10, RFC 7505) or disabled mailbox (X.2.1).
pub fn is_bad_address(answer: &Answer) -> bool {
    let permanent = answer.code.is_some_and(|code| (500..600).contains(&code));
    let about_recipient = matches!(answer.stage, Some(Stage::Rcpt | Stage::Message));
    let about_address = answer
        .enhanced
        .is_some_and(|it| matches!((it.subject(), it.detail()), (1, 1 | 2 | 3 | 6 | 10) | (2, 1)));
    permanent && about_recipient && about_address
}

/// Whether an answer asks for a lower rate: 421 from RCPT on, or a temporary policy failure (4.7.x).
pub fn asks_to_slow_down(answer: &Answer) -> bool {
    let closing_on_recipient =
        answer.code == Some(421) && matches!(answer.stage, Some(Stage::Rcpt | Stage::Data | Stage::Message));
    let policy = answer.code.is_some_and(|code| (400..500).contains(&code))
        && answer.enhanced.is_some_and(|it| it.subject() == 7);
    closing_on_recipient || policy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(stage: Stage, code: u16, text: &str) -> Answer {
        Answer::new("smtp://relay.example:25", Some(code), text).at(stage)
    }

    #[test]
    fn an_answer_is_truncated_and_has_its_enhanced_code() {
        let answer = reply(Stage::Rcpt, 550, "5.1.1 no\r\nsuch\u{0} user");
        assert_eq!(answer.line(), "550 5.1.1 no  such  user");
        assert_eq!(answer.enhanced, "5.1.1".parse().ok());
        assert_eq!(Answer::new("", None, "5.1.1 is no reply").enhanced, None);
        assert_eq!(Answer::new("", None, &"é".repeat(9_000)).text.chars().count(), Answer::MAX_TEXT_CHARS);
    }

    #[test]
    fn only_rejections_of_the_address_itself_mean_a_bad_address() {
        for text in ["5.1.1", "5.1.2 x", "5.1.3 x", "5.1.6 x", "5.1.10 null MX", "5.2.1 disabled"] {
            assert!(is_bad_address(&reply(Stage::Rcpt, 550, text)), "{text}");
            assert!(is_bad_address(&reply(Stage::Message, 554, text)), "{text}");
        }
        for answer in [
            reply(Stage::Rcpt, 450, "4.1.1 not now"),
            reply(Stage::Rcpt, 550, "5.7.1 listed"),
            reply(Stage::Rcpt, 552, "5.2.2 full"),
            reply(Stage::Rcpt, 550, "no enhanced code"),
            reply(Stage::Rcpt, 550, "4.1.1 contradictory"),
            reply(Stage::Mail, 550, "5.1.2 the sender's domain"),
            Answer::new("", Some(550), "5.1.1 without a stage"),
        ] {
            assert!(!is_bad_address(&answer), "{answer:?}");
        }
    }

    #[test]
    fn policy_and_closing_on_a_recipient_ask_to_slow_down() {
        for answer in [
            reply(Stage::Rcpt, 421, "busy"),
            reply(Stage::Data, 421, "4.3.2 busy"),
            reply(Stage::Message, 421, ""),
            reply(Stage::Mail, 450, "4.7.1 too fast"),
            reply(Stage::Greeting, 421, "4.7.0 too many connections"),
        ] {
            assert!(asks_to_slow_down(&answer), "{answer:?}");
        }
        for answer in [
            reply(Stage::Mail, 421, "4.3.2 shutting down"),
            reply(Stage::Rcpt, 450, "4.2.0 busy mailbox"),
            reply(Stage::Rcpt, 550, "5.7.1 listed"),
            Answer::new("", None, "421 4.7.0 is no reply"),
        ] {
            assert!(!asks_to_slow_down(&answer), "{answer:?}");
        }
    }
}
