//! One mail: MAIL, RCPT, DATA, the message, and what became of it.

use super::{
    Conversation,
    message::Checked,
    reply::{Reply, Verdict},
    wire::{Fault, Unwritten},
};
use crate::{
    domain::delivery::{Answer, Stage, asks_to_slow_down},
    mail::transport::outcome::{Outcome, Outgoing},
};

/// How many steps' time the envelope may take in all: one for each command.
pub(super) const ENVELOPE_STEPS: u32 = 3;
/// How many steps' time writing a message may take in all.
pub(super) const WRITING_STEPS: u32 = 2;

/// What became of a mail on this connection.
#[derive(Debug)]
pub struct Handed {
    /// What became of the mail.
    pub outcome: Outcome,
    /// It came to nothing in a way that a connection gets old by: closed, or told to come back, before the recipient was
    /// looked at. Another connection may well do.
    pub outworn: bool,
}

/// Where the envelope ended.
enum Envelope {
    /// The relay waits for the message.
    Open,
    Ended(Handed),
}

impl From<Outcome> for Handed {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, outworn: false }
    }
}

impl Conversation {
    /// Hands over one mail: in two round trips with PIPELINING (RFC 2920), else in four.
    ///
    /// If the future is dropped before it is done, the conversation is not ready any more.
    pub async fn send(&mut self, mail: &Outgoing<'_>) -> Handed {
        let message = match Checked::new(mail.message) {
            Ok(message) => message,
            Err(why) => return self.unsendable(&why.to_string()),
        };
        let from = match self.mail_command(mail, &message) {
            Ok(command) => command,
            Err(why) => return self.unsendable(&why),
        };
        let to = format!("RCPT TO:<{}>", mail.recipient);
        self.ready = false;
        self.mails += 1;
        if self.wire.out_of_turn() {
            return self.broken(Stage::Mail, "the relay spoke out of turn");
        }
        self.wire.begin_phase(ENVELOPE_STEPS);
        match self.envelope(&from, &to).await {
            Envelope::Open => self.message(&message).await,
            Envelope::Ended(handed) => handed,
        }
    }

    /// MAIL with the parameters that this message needs, or why the relay can't take it.
    fn mail_command(&self, mail: &Outgoing<'_>, message: &Checked<'_>) -> Result<String, String> {
        use std::fmt::Write as _;
        let can = self.extensions;
        let size = message.size();
        if let Some(most) = can.max_size.filter(|&most| size > most) {
            return Err(format!("the message has {size} bytes, and the relay takes {most}"));
        }
        if message.utf8_header && !can.utf8 {
            return Err("the message's header is not ASCII, and the relay does not offer SMTPUTF8".into());
        }
        // SMTPUTF8 asks for 8BITMIME as well (RFC 6531 section 3.1).
        if (message.eight_bit || message.utf8_header) && !can.eight_bit {
            return Err("the message is not ASCII, and the relay does not offer 8BITMIME".into());
        }
        let mut command = format!("MAIL FROM:<{}>", mail.sender);
        if can.size {
            let _ = write!(command, " SIZE={size}");
        }
        if message.eight_bit || message.utf8_header {
            command.push_str(" BODY=8BITMIME");
        }
        if message.utf8_header {
            command.push_str(" SMTPUTF8");
        }
        Ok(command)
    }

    async fn envelope(&mut self, from: &str, to: &str) -> Envelope {
        let at_once = self.extensions.pipelining;
        let reset = std::mem::take(&mut self.envelope_left);
        if at_once {
            let group = ["RSET", from, to, "DATA"];
            if let Err(fault) = self.wire.command(&group[usize::from(!reset)..]).await {
                return Envelope::Ended(self.fault_at(Stage::Mail, &fault));
            }
        }
        if reset {
            match self.step("RSET").await {
                Ok(reply) if reply.verdict() == Verdict::Yes => {}
                Ok(reply) => return Envelope::Ended(self.trouble(self.answer(Stage::Mail, &reply), true)),
                Err(fault) => return Envelope::Ended(self.fault_at(Stage::Mail, &fault)),
            }
        }
        match self.step(from).await {
            Ok(reply) if reply.verdict() == Verdict::Yes => {}
            Ok(reply) => return Envelope::Ended(self.mail_refused(&reply).await),
            Err(fault) => return Envelope::Ended(self.fault_at(Stage::Mail, &fault)),
        }
        match self.step(to).await {
            Ok(reply) if reply.verdict() == Verdict::Yes => {}
            Ok(reply) => return Envelope::Ended(self.recipient_refused(&reply).await),
            Err(fault) => return Envelope::Ended(self.fault_at(Stage::Rcpt, &fault)),
        }
        match self.step("DATA").await {
            Ok(reply) if reply.verdict() == Verdict::GoOn => Envelope::Open,
            Ok(reply) => Envelope::Ended(self.data_refused(&reply)),
            Err(fault) => Envelope::Ended(self.fault_at(Stage::Data, &fault)),
        }
    }

    /// Sends a command, unless it went with its group, and reads its reply.
    async fn step(&mut self, command: &str) -> Result<Reply, Fault> {
        if !self.extensions.pipelining {
            self.wire.command(&[command]).await?;
        }
        self.wire.reply().await
    }

    /// The relay refuses our sender, or us: nothing is known about the recipient. Unless it is the message that is too large.
    async fn mail_refused(&mut self, reply: &Reply) -> Handed {
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
            return Outcome::Failed(answer).into();
        }
        let for_now = reply.verdict() == Verdict::Later;
        self.trouble(answer, for_now)
    }

    async fn recipient_refused(&mut self, reply: &Reply) -> Handed {
        let answer = self.answer(Stage::Rcpt, reply);
        let outcome = match reply.verdict() {
            Verdict::No => Outcome::Failed(answer),
            Verdict::Later => Outcome::Deferred(answer),
            Verdict::Yes | Verdict::GoOn | Verdict::Closing => return self.trouble(answer, false),
        };
        if self.extensions.pipelining {
            self.call_off_data().await;
        } else {
            self.envelope_left = true;
            self.ready = true;
        }
        outcome.into()
    }

    /// DATA went along with a recipient that was refused. The mail's fate is known: this is only about the connection.
    async fn call_off_data(&mut self) {
        match self.wire.reply().await.map(|reply| reply.verdict()) {
            Ok(Verdict::No | Verdict::Later) => {
                self.envelope_left = true;
                self.ready = true;
            }
            // It waits for a message that goes to nobody: an empty one, whatever the relay says to it (RFC 2920 section 3.1).
            Ok(Verdict::GoOn) if !self.wire.out_of_turn() => {
                self.ready = self.wire.command(&["."]).await.is_ok()
                    && self.wire.reply().await.is_ok_and(|reply| reply.verdict() != Verdict::Closing);
            }
            _ => {}
        }
    }

    fn data_refused(&mut self, reply: &Reply) -> Handed {
        let answer = self.answer(Stage::Data, reply);
        let outcome = match reply.verdict() {
            Verdict::No => Outcome::Failed(answer),
            Verdict::Later => Outcome::Deferred(answer),
            // 2xx: the relay answers to something else.
            Verdict::Yes | Verdict::GoOn | Verdict::Closing => return self.trouble(answer, false),
        };
        self.envelope_left = true;
        self.ready = true;
        outcome.into()
    }

    async fn message(&mut self, message: &Checked<'_>) -> Handed {
        if self.wire.out_of_turn() {
            return self.broken(Stage::Data, "the relay spoke out of turn");
        }
        let (body, end) = message.on_the_wire();
        self.wire.begin_phase(WRITING_STEPS);
        match self.wire.message(&body, end).await {
            Ok(()) => {}
            Err(Unwritten { fault, complete: true }) => {
                return Outcome::InDoubt(self.fault(Stage::Message, &fault)).into();
            }
            Err(Unwritten { fault, complete: false }) => return self.cut_short(&fault).await,
        }
        let reply = match self.wire.late_reply(self.answer_timeout).await {
            Ok(reply) => reply,
            Err(fault) => return Outcome::InDoubt(self.fault(Stage::Message, &fault)).into(),
        };
        let answer = self.answer(Stage::Message, &reply);
        self.ready = !self.wire.out_of_turn();
        match reply.verdict() {
            Verdict::Yes => Outcome::Sent(answer).into(),
            Verdict::Later => Outcome::Deferred(answer).into(),
            Verdict::No => Outcome::Failed(answer).into(),
            Verdict::Closing => self.trouble(answer, false),
            // 3xx is no answer to a message.
            Verdict::GoOn => {
                self.ready = false;
                Outcome::InDoubt(answer).into()
            }
        }
    }

    /// The connection broke before the relay could have the end of the message: it does not have the message. It may have
    /// said why.
    async fn cut_short(&mut self, fault: &Fault) -> Handed {
        if matches!(fault, Fault::Closed | Fault::Broken(_))
            && let Ok(reply) = self.wire.reply().await
        {
            let answer = self.answer(Stage::Message, &reply);
            match reply.verdict() {
                Verdict::No => return Outcome::Failed(answer).into(),
                Verdict::Later => return Outcome::Deferred(answer).into(),
                Verdict::Closing => return self.trouble(answer, false),
                Verdict::Yes | Verdict::GoOn => {}
            }
        }
        Outcome::RelayTrouble(super::trouble(&self.relay, Stage::Message, &format!("cut short, {fault}")))
            .into()
    }

    /// The mail can't go as it is. The conversation was not touched.
    fn unsendable(&self, why: &str) -> Handed {
        Outcome::Failed(Answer::new(&*self.relay, None, why)).into()
    }

    fn broken(&mut self, stage: Stage, what: &str) -> Handed {
        Outcome::RelayTrouble(super::trouble(&self.relay, stage, &what)).into()
    }

    /// Before the relay was given the message.
    fn fault_at(&mut self, stage: Stage, fault: &Fault) -> Handed {
        let outworn = matches!(fault, Fault::Closed | Fault::Broken(_));
        Handed { outcome: Outcome::RelayTrouble(self.fault(stage, fault)), outworn }
    }

    /// A reply after which the connection is of no more use. `for_now`: it may be this connection that the relay has enough of.
    fn trouble(&mut self, answer: Answer, for_now: bool) -> Handed {
        self.ready = false;
        let closing = answer.code == Some(421) && answer.stage != Some(Stage::Message);
        let outworn = (closing || for_now) && !asks_to_slow_down(&answer);
        Handed { outcome: Outcome::RelayTrouble(answer), outworn }
    }
}
