//! One message: MAIL, RCPT, DATA, the message itself, and its outcome.

use crate::{
    domain::delivery::status::{Answer, Stage, asks_to_slow_down},
    mail::transport::{
        outcome::{SendError, SendResult},
        smtp::{
            Conversation,
            message::Checked,
            reply::{Reply, Verdict},
            wire::{Fault, Unwritten},
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

/// How many steps' time the envelope may take in all: one for each command.
pub(super) const ENVELOPE_STEPS: u32 = 3;
/// How many steps' time writing a message may take in all.
pub(super) const WRITING_STEPS: u32 = 2;

/// One attempt to send a message over one connection.
#[derive(Debug)]
pub struct Attempt {
    pub result: SendResult,
    /// The connection had died of age: it was closed, or told to come back, before the recipient was looked at. Another
    /// connection may well do.
    pub stale: bool,
}

/// How far the envelope came.
enum Opened {
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

impl Conversation {
    /// Hands over one message to one recipient: in two round trips with PIPELINING (RFC 2920), else in four.
    ///
    /// If the future is dropped before it is done, the conversation is not ready any more.
    pub async fn send(&mut self, envelope: &Envelope, message: &[u8]) -> Attempt {
        let [recipient] = envelope.to() else {
            return self.unsendable("a message goes to one recipient at a time");
        };
        let message = match Checked::new(message) {
            Ok(message) => message,
            Err(why) => return self.unsendable(&why.to_string()),
        };
        let parameters = match self.mail_parameters(envelope, &message) {
            Ok(parameters) => parameters,
            Err(why) => return self.unsendable(&why),
        };
        let from = Mail::new(envelope.from().cloned(), parameters).to_string();
        let to = Rcpt::new(recipient.clone(), Vec::new()).to_string();
        self.ready = false;
        self.messages += 1;
        if self.wire.out_of_turn() {
            return self.broken(Stage::Mail, "the relay spoke out of turn");
        }
        self.wire.begin_phase(ENVELOPE_STEPS);
        match self.envelope(&from, &to).await {
            Opened::Data => self.message(&message).await,
            Opened::Ended(attempt) => attempt,
        }
    }

    /// Returns the parameters of MAIL that this message needs, or why the relay can't take it.
    fn mail_parameters(
        &self,
        envelope: &Envelope,
        message: &Checked<'_>,
    ) -> Result<Vec<MailParameter>, String> {
        let can = self.extensions;
        let size = message.size();
        if let Some(most) = can.max_size.filter(|&most| size > most) {
            return Err(format!("the message has {size} bytes, and the relay takes {most}"));
        }
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        let utf8 = message.utf8_header || !envelope.from().into_iter().chain(envelope.to()).all(is_ascii);
        if utf8 && !can.utf8 {
            return Err(
                "the message's header or envelope is not ASCII, and the relay does not offer SMTPUTF8".into(),
            );
        }
        // SMTPUTF8 asks for 8BITMIME as well (RFC 6531 section 3.1).
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

    async fn envelope(&mut self, from: &str, to: &str) -> Opened {
        let (rset, data) = (Rset.to_string(), Data.to_string());
        let reset = std::mem::take(&mut self.envelope_left);
        if self.extensions.pipelining {
            let group = [&rset, from, to, &data];
            if let Err(fault) = self.wire.command(&group[usize::from(!reset)..]).await {
                return Opened::Ended(self.fault_at(Stage::Mail, &fault));
            }
        }
        if reset {
            match self.step(&rset).await {
                Ok(reply) if reply.verdict() == Verdict::Yes => {}
                Ok(reply) => return Opened::Ended(self.trouble(self.answer(Stage::Mail, &reply), true)),
                Err(fault) => return Opened::Ended(self.fault_at(Stage::Mail, &fault)),
            }
        }
        match self.step(from).await {
            Ok(reply) if reply.verdict() == Verdict::Yes => {}
            Ok(reply) => return Opened::Ended(self.mail_refused(&reply).await),
            Err(fault) => return Opened::Ended(self.fault_at(Stage::Mail, &fault)),
        }
        match self.step(to).await {
            Ok(reply) if reply.verdict() == Verdict::Yes => {}
            Ok(reply) => return Opened::Ended(self.recipient_refused(&reply).await),
            Err(fault) => return Opened::Ended(self.fault_at(Stage::Rcpt, &fault)),
        }
        match self.step(&data).await {
            Ok(reply) if reply.verdict() == Verdict::GoOn => Opened::Data,
            Ok(reply) => Opened::Ended(self.data_refused(&reply)),
            Err(fault) => Opened::Ended(self.fault_at(Stage::Data, &fault)),
        }
    }

    /// Sends a command, unless it went with its group, and reads its reply.
    async fn step(&mut self, command: &str) -> Result<Reply, Fault> {
        if !self.extensions.pipelining {
            self.wire.command(&[command]).await?;
        }
        self.wire.reply().await
    }

    /// Handles a refusal of our sender, or of us, which says nothing about the recipient. A message that is too large is the
    /// exception.
    async fn mail_refused(&mut self, reply: &Reply) -> Attempt {
        let answer = self.answer(Stage::Mail, reply);
        let too_large = reply.code == 552
            || answer.enhanced.is_some_and(|it| (it.class(), it.subject(), it.detail()) == (5, 3, 4));
        if too_large {
            if self.extensions.pipelining {
                // RCPT and DATA went along; a 354 now would be a relay gone mad.
                let rcpt = self.wire.reply().await.is_ok_and(|it| it.verdict() != Verdict::Closing);
                self.ready = rcpt && self.wire.reply().await.is_ok_and(|it| it.verdict() == Verdict::No);
            } else {
                self.ready = true;
            }
            return SendError::Failed(answer).into();
        }
        let for_now = reply.verdict() == Verdict::Later;
        self.trouble(answer, for_now)
    }

    async fn recipient_refused(&mut self, reply: &Reply) -> Attempt {
        let answer = self.answer(Stage::Rcpt, reply);
        let error = match reply.verdict() {
            Verdict::No => SendError::Failed(answer),
            Verdict::Later => SendError::Deferred(answer),
            Verdict::Yes | Verdict::GoOn | Verdict::Closing => return self.trouble(answer, false),
        };
        if self.extensions.pipelining {
            self.call_off_data().await;
        } else {
            self.envelope_left = true;
            self.ready = true;
        }
        error.into()
    }

    /// Reads the reply to a DATA that went along with a refused recipient. The outcome is known: this is only about the
    /// connection.
    async fn call_off_data(&mut self) {
        match self.wire.reply().await.map(|reply| reply.verdict()) {
            Ok(Verdict::No | Verdict::Later) => {
                self.envelope_left = true;
                self.ready = true;
            }
            // It waits for a message that goes to nobody: an empty one, whatever the relay says to it (RFC 2920 section 3.1).
            Ok(Verdict::GoOn) if !self.wire.out_of_turn() => {
                self.ready = self.wire.command(&[".\r\n"]).await.is_ok()
                    && self.wire.reply().await.is_ok_and(|reply| reply.verdict() != Verdict::Closing);
            }
            _ => {}
        }
    }

    fn data_refused(&mut self, reply: &Reply) -> Attempt {
        let answer = self.answer(Stage::Data, reply);
        let error = match reply.verdict() {
            Verdict::No => SendError::Failed(answer),
            Verdict::Later => SendError::Deferred(answer),
            // 2xx: the relay answers to something else.
            Verdict::Yes | Verdict::GoOn | Verdict::Closing => return self.trouble(answer, false),
        };
        self.envelope_left = true;
        self.ready = true;
        error.into()
    }

    async fn message(&mut self, message: &Checked<'_>) -> Attempt {
        if self.wire.out_of_turn() {
            return self.broken(Stage::Data, "the relay spoke out of turn");
        }
        let (body, end) = message.on_the_wire();
        self.wire.begin_phase(WRITING_STEPS);
        match self.wire.message(&body, end).await {
            Ok(()) => {}
            Err(Unwritten { fault, complete: true }) => {
                return SendError::InDoubt(self.fault(Stage::Message, &fault)).into();
            }
            Err(Unwritten { fault, complete: false }) => return self.cut_short(&fault).await,
        }
        let reply = match self.wire.late_reply(self.answer_timeout).await {
            Ok(reply) => reply,
            Err(fault) => return SendError::InDoubt(self.fault(Stage::Message, &fault)).into(),
        };
        let answer = self.answer(Stage::Message, &reply);
        self.ready = !self.wire.out_of_turn();
        match reply.verdict() {
            Verdict::Yes => Ok(answer).into(),
            Verdict::Later => SendError::Deferred(answer).into(),
            Verdict::No => SendError::Failed(answer).into(),
            Verdict::Closing => self.trouble(answer, false),
            // 3xx is no answer to a message.
            Verdict::GoOn => {
                self.ready = false;
                SendError::InDoubt(answer).into()
            }
        }
    }

    /// Handles a connection that broke before the relay could have the end of the message: it doesn't have the message. It may
    /// have said why.
    async fn cut_short(&mut self, fault: &Fault) -> Attempt {
        if matches!(fault, Fault::Closed | Fault::Broken(_))
            && let Ok(reply) = self.wire.reply().await
        {
            let answer = self.answer(Stage::Message, &reply);
            match reply.verdict() {
                Verdict::No => return SendError::Failed(answer).into(),
                Verdict::Later => return SendError::Deferred(answer).into(),
                Verdict::Closing => return self.trouble(answer, false),
                Verdict::Yes | Verdict::GoOn => {}
            }
        }
        SendError::RelayTrouble(super::trouble(&self.relay, Stage::Message, &format!("cut short, {fault}")))
            .into()
    }

    /// Refuses a message that can't go as it is. The conversation was not touched.
    fn unsendable(&self, why: &str) -> Attempt {
        SendError::Failed(Answer::new(&*self.relay, None, why)).into()
    }

    fn broken(&mut self, stage: Stage, what: &str) -> Attempt {
        SendError::RelayTrouble(super::trouble(&self.relay, stage, &what)).into()
    }

    /// Handles a fault before the relay was given the message.
    fn fault_at(&mut self, stage: Stage, fault: &Fault) -> Attempt {
        let error = SendError::RelayTrouble(self.fault(stage, fault));
        Attempt { result: Err(error), stale: matches!(fault, Fault::Closed | Fault::Broken(_)) }
    }

    /// Handles a reply after which the connection is of no more use. `for_now`: the relay may have had enough of this
    /// connection only.
    fn trouble(&mut self, answer: Answer, for_now: bool) -> Attempt {
        self.ready = false;
        let closing = answer.code == Some(421) && answer.stage != Some(Stage::Message);
        let stale = (closing || for_now) && !asks_to_slow_down(&answer);
        Attempt { result: Err(SendError::RelayTrouble(answer)), stale }
    }
}
