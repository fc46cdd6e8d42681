//! A delivery: one reader's copy of an issue.

use crate::domain::{delivery::enhanced_code::EnhancedCode, string_enum::words};

words! {
    /// Where a delivery stands. Every row is in exactly one of these.
    DeliveryStatus {
        /// Waits for its moment.
        Queued = "queued",
        /// A worker holds it under a lease; nothing was handed to a relay.
        Claimed = "claimed",
        /// Begun: from here on a crash leaves it in doubt.
        Sending = "sending",
        /// A relay took it.
        Sent = "sent",
        /// A relay asked to come back later.
        Deferred = "deferred",
        /// Given up.
        Failed = "failed",
        /// In flight when its worker died: it may or may not have been taken.
        Uncertain = "uncertain",
        /// The reader left before it was sent.
        Skipped = "skipped",
    }
}

words! {
    /// How far a conversation with a relay had come.
    Stage {
        /// Looking up the relay and connecting.
        Connect = "connect",
        /// Its greeting.
        Greeting = "greeting",
        /// EHLO or HELO.
        Hello = "hello",
        /// STARTTLS, or the TLS handshake.
        Tls = "tls",
        /// AUTH.
        Auth = "auth",
        /// MAIL: the envelope's sender.
        Mail = "mail",
        /// RCPT: the envelope's recipient.
        Rcpt = "rcpt",
        /// DATA, before anything of the message.
        Data = "data",
        /// The message itself, and the answer to its end.
        Message = "message",
    }
}

/// What a relay said, kept with the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The relay's name without credentials, such as `smtp://mail.example.org:587`.
    pub relay: String,
    /// The SMTP reply code, if there was a reply.
    pub code: Option<u16>,
    /// The enhanced status code that the reply's text began with.
    pub enhanced: Option<EnhancedCode>,
    /// What it was said to, or what broke.
    pub stage: Option<Stage>,
    /// The reply's text, or what went wrong, bounded.
    pub text: String,
}

impl Answer {
    /// Longest text kept, in characters.
    pub const MAX_TEXT_CHARS: usize = 500;

    /// Keeps what a relay said, bounded and without control characters.
    pub fn new(relay: impl Into<String>, code: Option<u16>, text: &str) -> Self {
        let enhanced = code.and_then(|code| EnhancedCode::of_reply(code, text));
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(Self::MAX_TEXT_CHARS);
        Self { relay: relay.into(), code, enhanced, stage: None, text: text.collect() }
    }

    /// Notes what it was said to.
    #[must_use]
    pub fn at(self, stage: Stage) -> Self {
        Self { stage: Some(stage), ..self }
    }

    /// The codes alone: the text may name a reader.
    pub fn codes(&self) -> String {
        let code = self.code.map(|code| code.to_string());
        let codes: Vec<String> = code.into_iter().chain(self.enhanced.map(|it| it.to_string())).collect();
        codes.join(" ")
    }

    /// Code and text in one line.
    pub fn line(&self) -> String {
        match self.code {
            Some(code) => format!("{code} {}", self.text),
            None => self.text.clone(),
        }
    }
}

/// Whether a refusal says that the address itself is bad and will stay so: no such mailbox (X.1.1), no such domain (X.1.2),
/// no address at all (X.1.3), moved away (X.1.6), takes no mail (X.1.10, RFC 7505), or disabled (X.2.1).
pub fn is_address_permanent(answer: &Answer) -> bool {
    let permanent = answer.code.is_some_and(|code| (500..600).contains(&code));
    let about_recipient = matches!(answer.stage, Some(Stage::Rcpt | Stage::Message));
    let about_address = answer
        .enhanced
        .is_some_and(|it| matches!((it.subject(), it.detail()), (1, 1 | 2 | 3 | 6 | 10) | (2, 1)));
    permanent && about_recipient && about_address
}

/// Whether an answer asks to send less: 421 from the recipient on, or a temporary refusal for reasons of policy (4.7.x).
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

    fn said(stage: Stage, code: u16, text: &str) -> Answer {
        Answer::new("smtp://relay.example:25", Some(code), text).at(stage)
    }

    #[test]
    fn an_answer_is_bounded_and_knows_its_enhanced_code() {
        let answer = said(Stage::Rcpt, 550, "5.1.1 no\r\nsuch\u{0} user");
        assert_eq!(answer.line(), "550 5.1.1 no  such  user");
        assert_eq!(answer.enhanced, "5.1.1".parse().ok());
        assert_eq!(Answer::new("", None, "5.1.1 is no reply").enhanced, None);
        assert_eq!(Answer::new("", None, &"é".repeat(9_000)).text.chars().count(), Answer::MAX_TEXT_CHARS);
    }

    #[test]
    fn only_refusals_of_the_address_itself_are_permanent() {
        for text in ["5.1.1", "5.1.2 x", "5.1.3 x", "5.1.6 x", "5.1.10 null MX", "5.2.1 disabled"] {
            assert!(is_address_permanent(&said(Stage::Rcpt, 550, text)), "{text}");
            assert!(is_address_permanent(&said(Stage::Message, 554, text)), "{text}");
        }
        for answer in [
            said(Stage::Rcpt, 450, "4.1.1 not now"),
            said(Stage::Rcpt, 550, "5.7.1 listed"),
            said(Stage::Rcpt, 552, "5.2.2 full"),
            said(Stage::Rcpt, 550, "no enhanced code"),
            said(Stage::Rcpt, 550, "4.1.1 in two minds"),
            said(Stage::Mail, 550, "5.1.2 the sender's domain"),
            Answer::new("", Some(550), "5.1.1 nobody knows to what"),
        ] {
            assert!(!is_address_permanent(&answer), "{answer:?}");
        }
    }

    #[test]
    fn policy_and_closing_on_a_recipient_ask_to_slow_down() {
        for answer in [
            said(Stage::Rcpt, 421, "busy"),
            said(Stage::Data, 421, "4.3.2 busy"),
            said(Stage::Message, 421, ""),
            said(Stage::Mail, 450, "4.7.1 too fast"),
            said(Stage::Greeting, 421, "4.7.0 too many connections"),
        ] {
            assert!(asks_to_slow_down(&answer), "{answer:?}");
        }
        for answer in [
            said(Stage::Mail, 421, "4.3.2 shutting down"),
            said(Stage::Rcpt, 450, "4.2.0 busy mailbox"),
            said(Stage::Rcpt, 550, "5.7.1 listed"),
            Answer::new("", None, "421 4.7.0 is no reply"),
        ] {
            assert!(!asks_to_slow_down(&answer), "{answer:?}");
        }
    }
}
