//! One message: MAIL, RCPT, DATA, the message itself, and its outcome.

use crate::{
    domain::delivery::status::{Answer, Stage, asks_to_slow_down},
    mail::transport::{
        outcome::{SendError, SendResult},
        smtp::{
            SmtpSession,
            message::CheckedMessage,
            reply::{Reply, ReplyClass},
            wire::{WireError, WriteError},
        },
    },
};
use lettre::{
    Address,
    address::Envelope,
    transport::smtp::{
        commands::{Data, Mail, Rcpt, Rset},
        extension::{MailBodyParameter, MailParameter},
    },
};

/// Time for the envelope, in steps: one per command.
pub(super) const ENVELOPE_STEPS: u32 = 3;
/// Time for writing a message, in steps.
pub(super) const WRITING_STEPS: u32 = 2;

/// One attempt to send a message over one connection.
#[derive(Debug)]
pub struct Attempt {
    pub result: SendResult,
    /// Whether the connection had died of age: it was closed, or refused with a retry, before the recipient
    /// was considered. Another connection may work.
    pub stale: bool,
}

enum EnvelopeOutcome {
    /// The relay waits for the message.
    Data,
    Ended(Attempt),
}

impl From<SendResult> for Attempt {
    fn from(result: SendResult) -> Self {
        Self { result, stale: false }
    }
}

impl From<SendError> for Attempt {
    fn from(error: SendError) -> Self {
        Err(error).into()
    }
}

impl SmtpSession {
    /// Hands over one message to one recipient: in two round trips with PIPELINING (RFC 2920), else in four.
    ///
    /// If the future is dropped early, the session is no longer ready.
    pub async fn send(&mut self, envelope: &Envelope, message: &[u8]) -> Attempt {
        let [recipient] = envelope.to() else {
            return self.invalid("a message goes to one recipient at a time");
        };
        let message = match CheckedMessage::new(message) {
            Ok(message) => message,
            Err(why) => return self.invalid(&why.to_string()),
        };
        let parameters = match self.mail_parameters(envelope, &message) {
            Ok(parameters) => parameters,
            Err(why) => return self.invalid(&why),
        };
        let from = Mail::new(envelope.from().cloned(), parameters).to_string();
        let to = Rcpt::new(recipient.clone(), Vec::new()).to_string();
        self.ready = false;
        self.messages += 1;
        if self.wire.has_unsolicited_bytes() {
            return self.broken(Stage::Mail, "the relay sent an unexpected reply");
        }
        self.wire.begin_phase(ENVELOPE_STEPS);
        match self.envelope(&from, &to).await {
            EnvelopeOutcome::Data => self.message(&message).await,
            EnvelopeOutcome::Ended(attempt) => attempt,
        }
    }

    /// Returns the parameters of MAIL for this message, or why the relay can't accept it.
    fn mail_parameters(
        &self,
        envelope: &Envelope,
        message: &CheckedMessage<'_>,
    ) -> Result<Vec<MailParameter>, String> {
        let can = self.extensions;
        let size = message.size();
        if let Some(most) = can.max_size.filter(|&most| size > most) {
            return Err(format!("the message has {size} bytes, and the relay accepts {most}"));
        }
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        let utf8 = message.utf8_header || !envelope.from().into_iter().chain(envelope.to()).all(is_ascii);
        if utf8 && !can.utf8 {
            return Err(
                "the message's header or envelope is not ASCII, and the relay does not offer SMTPUTF8".into(),
            );
        }
        // SMTPUTF8 requires 8BITMIME (RFC 6531 section 3.1).
        let eight_bit = message.eight_bit || utf8;
        if eight_bit && !can.eight_bit {
            return Err("the message is not ASCII, and the relay does not offer 8BITMIME".into());
        }
        let parameters = [
            can.size.then_some(MailParameter::Size(size)),
            eight_bit.then_some(MailParameter::Body(MailBodyParameter::EightBitMime)),
            utf8.then_some(MailParameter::SmtpUtfEight),
        ];
        Ok(parameters.into_iter().flatten().collect())
    }

    async fn envelope(&mut self, from: &str, to: &str) -> EnvelopeOutcome {
        let (rset, data) = (Rset.to_string(), Data.to_string());
        let reset = std::mem::take(&mut self.needs_reset);
        if self.extensions.pipelining {
            let group = [&rset, from, to, &data];
            if let Err(error) = self.wire.command(&group[usize::from(!reset)..]).await {
                return EnvelopeOutcome::Ended(self.failed_at(Stage::Mail, &error));
            }
        }
        if reset {
            match self.step(&rset).await {
                Ok(reply) if reply.class() == ReplyClass::Success => {}
                Ok(reply) => {
                    return EnvelopeOutcome::Ended(
                        self.relay_failure(self.answer(Stage::Mail, &reply), true),
                    );
                }
                Err(error) => return EnvelopeOutcome::Ended(self.failed_at(Stage::Mail, &error)),
            }
        }
        match self.step(from).await {
            Ok(reply) if reply.class() == ReplyClass::Success => {}
            Ok(reply) => return EnvelopeOutcome::Ended(self.mail_refused(&reply).await),
            Err(error) => return EnvelopeOutcome::Ended(self.failed_at(Stage::Mail, &error)),
        }
        match self.step(to).await {
            Ok(reply) if reply.class() == ReplyClass::Success => {}
            Ok(reply) => return EnvelopeOutcome::Ended(self.recipient_refused(&reply).await),
            Err(error) => return EnvelopeOutcome::Ended(self.failed_at(Stage::Rcpt, &error)),
        }
        match self.step(&data).await {
            Ok(reply) if reply.class() == ReplyClass::Intermediate => EnvelopeOutcome::Data,
            Ok(reply) => EnvelopeOutcome::Ended(self.data_refused(&reply)),
            Err(error) => EnvelopeOutcome::Ended(self.failed_at(Stage::Data, &error)),
        }
    }

    /// Sends a command, unless it was pipelined, and reads its reply.
    async fn step(&mut self, command: &str) -> Result<Reply, WireError> {
        if !self.extensions.pipelining {
            self.wire.command(&[command]).await?;
        }
        self.wire.reply().await
    }

    /// Handles a rejection of the sender or of us, which says nothing about the recipient, except if the
    /// message is too large.
    async fn mail_refused(&mut self, reply: &Reply) -> Attempt {
        let answer = self.answer(Stage::Mail, reply);
        let too_large = reply.code == 552
            || answer.enhanced.is_some_and(|code| (code.class(), code.subject(), code.detail()) == (5, 3, 4));
        if too_large {
            if self.extensions.pipelining {
                // RCPT and DATA were pipelined. After a rejected MAIL, a 354 means that the relay is out of
                // step.
                let rcpt = self.wire.reply().await.is_ok_and(|it| it.class() != ReplyClass::Closing);
                self.ready = rcpt
                    && self.wire.reply().await.is_ok_and(|it| it.class() == ReplyClass::PermanentFailure);
            } else {
                self.ready = true;
            }
            return SendError::Failed(answer).into();
        }
        let for_now = reply.class() == ReplyClass::TransientFailure;
        self.relay_failure(answer, for_now)
    }

    async fn recipient_refused(&mut self, reply: &Reply) -> Attempt {
        let answer = self.answer(Stage::Rcpt, reply);
        let error = match reply.class() {
            ReplyClass::PermanentFailure => SendError::Failed(answer),
            ReplyClass::TransientFailure => SendError::Deferred(answer),
            ReplyClass::Success | ReplyClass::Intermediate | ReplyClass::Closing => {
                return self.relay_failure(answer, false);
            }
        };
        if self.extensions.pipelining {
            self.abort_data().await;
        } else {
            self.needs_reset = true;
            self.ready = true;
        }
        error.into()
    }

    /// Reads the reply to a DATA that was pipelined with a rejected recipient. The outcome is known; only the
    /// connection matters now.
    async fn abort_data(&mut self) {
        match self.wire.reply().await.map(|reply| reply.class()) {
            Ok(ReplyClass::PermanentFailure | ReplyClass::TransientFailure) => {
                self.needs_reset = true;
                self.ready = true;
            }
            // The relay waits for a message without recipients. Send an empty one (RFC 2920 section 3.1).
            Ok(ReplyClass::Intermediate) if !self.wire.has_unsolicited_bytes() => {
                self.ready = self.wire.command(&[".\r\n"]).await.is_ok()
                    && self.wire.reply().await.is_ok_and(|reply| reply.class() != ReplyClass::Closing);
            }
            _ => {}
        }
    }

    fn data_refused(&mut self, reply: &Reply) -> Attempt {
        let answer = self.answer(Stage::Data, reply);
        let error = match reply.class() {
            ReplyClass::PermanentFailure => SendError::Failed(answer),
            ReplyClass::TransientFailure => SendError::Deferred(answer),
            // 2xx: the relay is out of step.
            ReplyClass::Success | ReplyClass::Intermediate | ReplyClass::Closing => {
                return self.relay_failure(answer, false);
            }
        };
        self.needs_reset = true;
        self.ready = true;
        error.into()
    }

    async fn message(&mut self, message: &CheckedMessage<'_>) -> Attempt {
        if self.wire.has_unsolicited_bytes() {
            return self.broken(Stage::Data, "the relay sent an unexpected reply");
        }
        let (body, end) = message.to_wire();
        self.wire.begin_phase(WRITING_STEPS);
        match self.wire.message(&body, end).await {
            Ok(()) => {}
            Err(WriteError { error, complete: true }) => {
                return SendError::InDoubt(self.wire_failure(Stage::Message, &error)).into();
            }
            Err(WriteError { error, complete: false }) => return self.interrupted(&error).await,
        }
        let reply = match self.wire.reply_within(self.answer_timeout).await {
            Ok(reply) => reply,
            Err(error) => return SendError::InDoubt(self.wire_failure(Stage::Message, &error)).into(),
        };
        let answer = self.answer(Stage::Message, &reply);
        self.ready = !self.wire.has_unsolicited_bytes();
        match reply.class() {
            ReplyClass::Success => Ok(answer).into(),
            ReplyClass::TransientFailure => SendError::Deferred(answer).into(),
            ReplyClass::PermanentFailure => SendError::Failed(answer).into(),
            ReplyClass::Closing => self.relay_failure(answer, false),
            // 3xx is not an answer to a message.
            ReplyClass::Intermediate => {
                self.ready = false;
                SendError::InDoubt(answer).into()
            }
        }
    }

    /// Handles a connection that broke before the relay had the end of the message, so the message wasn't
    /// accepted. The relay may have sent the reason.
    async fn interrupted(&mut self, error: &WireError) -> Attempt {
        if matches!(error, WireError::Closed | WireError::Broken(_))
            && let Ok(reply) = self.wire.reply().await
        {
            let answer = self.answer(Stage::Message, &reply);
            match reply.class() {
                ReplyClass::PermanentFailure => return SendError::Failed(answer).into(),
                ReplyClass::TransientFailure => return SendError::Deferred(answer).into(),
                ReplyClass::Closing => return self.relay_failure(answer, false),
                ReplyClass::Success | ReplyClass::Intermediate => {}
            }
        }
        SendError::RelayFailure(super::failure(&self.relay, Stage::Message, &format!("interrupted, {error}")))
            .into()
    }

    /// Rejects a message that can't be sent as it is. The session is unaffected.
    fn invalid(&self, why: &str) -> Attempt {
        SendError::Failed(Answer::new(&*self.relay, None, why)).into()
    }

    fn broken(&mut self, stage: Stage, what: &str) -> Attempt {
        SendError::RelayFailure(super::failure(&self.relay, stage, &what)).into()
    }

    /// Handles a failure before the message was sent.
    fn failed_at(&mut self, stage: Stage, error: &WireError) -> Attempt {
        let closed = matches!(error, WireError::Closed | WireError::Broken(_));
        Attempt { result: Err(SendError::RelayFailure(self.wire_failure(stage, error))), stale: closed }
    }

    /// Handles a reply after which the connection is unusable. `for_now`: the relay may only be done with
    /// this connection.
    fn relay_failure(&mut self, answer: Answer, for_now: bool) -> Attempt {
        self.ready = false;
        let closing = answer.code == Some(421) && answer.stage != Some(Stage::Message);
        let stale = (closing || for_now) && !asks_to_slow_down(&answer);
        Attempt { result: Err(SendError::RelayFailure(answer)), stale }
    }
}
