//! One client's conversation with the server, from the greeting to the end of the connection.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Shared;
use super::record::Message;
use super::script::{Action, Step};

const LONGEST_LINE_OCTETS: usize = 1000;

/// Converses with the client on this connection until one of them closes it.
pub(super) async fn converse(stream: TcpStream, shared: Arc<Shared>, connection: usize) {
    let closing = Closing { shared: shared.clone(), connection };
    if stream.set_nodelay(true).is_ok() {
        let (reader, writer) = stream.into_split();
        let reader = BufReader::new(reader);
        let mut conversation =
            Conversation { shared, connection, reader, writer, envelope: Envelope::default() };
        let Err(Closed) = conversation.run().await;
    }
    drop(closing);
}

/// Records the end of a connection when dropped.
struct Closing {
    shared: Arc<Shared>,
    connection: usize,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.shared.recorder.connection_closed(self.connection);
    }
}

#[derive(Default)]
struct Envelope {
    sender: Option<String>,
    mail_parameters: String,
    recipients: Vec<String>,
}

struct Conversation {
    shared: Arc<Shared>,
    connection: usize,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    envelope: Envelope,
}

/// The script or the client closed the connection.
struct Closed;

impl From<io::Error> for Closed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Conversation {
    async fn run(&mut self) -> Result<Infallible, Closed> {
        self.answer(Step::Greeting, "220 test.example ESMTP").await?;
        loop {
            let mut line = Vec::new();
            if self.reader.read_until(b'\n', &mut line).await? == 0 {
                return Err(Closed);
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            // RFC 2920: these commands must be the last of a group, because the client has to wait for their
            // answer.
            let ends_group = ["EHLO", "DATA", "NOOP", "QUIT"].iter().any(|verb| starts_with(&line, verb));
            let may_go_on = self.advertises("PIPELINING") && !ends_group;
            let early = !self.reader.buffer().is_empty() && !may_go_on;
            self.shared.recorder.command(self.connection, &line);
            if early {
                self.shared.recorder.violation(format!("pipelined without leave after {line:?}"));
            }
            self.command(&line).await?;
        }
    }

    async fn command(&mut self, line: &str) -> Result<(), Closed> {
        let upper = line.to_ascii_uppercase();
        let verb = upper.split([' ', ':']).next().unwrap_or_default();
        match verb {
            "EHLO" => {
                let script = self.shared.director.script();
                let mut reply = String::new();
                let mut line = "test.example";
                for keyword in script.keywords() {
                    reply.extend(["250-", line, "\r\n"]);
                    line = keyword;
                }
                reply.extend(["250 ", line]);
                self.answer(Step::Hello, &reply).await?;
            }
            "HELO" => {
                self.answer(Step::Hello, "250 test.example").await?;
            }
            "STARTTLS" => {
                if self.answer(Step::StartTls, "454 4.7.0 no TLS here").await? {
                    return Err(Closed);
                }
            }
            "AUTH" => {
                self.answer(Step::Auth, "235 2.7.0 welcome").await?;
            }
            "MAIL" => {
                let (sender, parameters) = path_and_parameters(line);
                self.envelope =
                    Envelope { sender: Some(sender), mail_parameters: parameters, recipients: Vec::new() };
                if !self.answer(Step::Mail, "250 2.1.0 ok").await? {
                    self.envelope = Envelope::default();
                }
            }
            "RCPT" if self.envelope.sender.is_some() => {
                let (recipient, _) = path_and_parameters(line);
                if self.answer_for(Step::Rcpt, &recipient, "250 2.1.5 ok").await? {
                    self.envelope.recipients.push(recipient);
                }
            }
            "DATA" if !self.envelope.recipients.is_empty() => self.data().await?,
            "DATA" if self.envelope.sender.is_some() => {
                self.write_reply("554 5.5.1 no valid recipients").await?;
            }
            "RCPT" | "DATA" => self.write_reply("503 5.5.1 bad sequence of commands").await?,
            "RSET" | "NOOP" => {
                if verb == "RSET" {
                    self.envelope = Envelope::default();
                }
                self.answer(Step::Other, "250 2.0.0 ok").await?;
            }
            "QUIT" => {
                // Before the answer is written, because the client may open its next connection right after
                // it.
                self.shared.recorder.connection_closed(self.connection);
                self.answer(Step::Other, "221 2.0.0 bye").await?;
                return Err(Closed);
            }
            _ => {
                self.answer(Step::Other, "502 5.5.2 unknown command").await?;
            }
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<(), Closed> {
        if !self.answer(Step::Data, "354 go ahead").await? {
            return Ok(());
        }
        let data = self.read_message().await?;
        let message = self.shared.recorder.message_arrived(Message {
            connection: self.connection,
            sender: self.envelope.sender.clone().unwrap_or_default(),
            mail_parameters: self.envelope.mail_parameters.clone(),
            recipients: self.envelope.recipients.clone(),
            data: data.into(),
            accepted: false,
        });
        let first_recipient = self.envelope.recipients[0].clone();
        let reply = self.decide(Step::EndOfData, &first_recipient, "250 2.0.0 queued").await?;
        self.envelope = Envelope::default();
        // Recorded before the answer is written, so that a client that has read the answer finds the message
        // in the record.
        if reply.starts_with('2') {
            self.shared.recorder.message_accepted(message);
        }
        self.write_reply(&reply).await
    }

    /// Reads up to the lone dot, undoing dot-stuffing.
    async fn read_message(&mut self) -> Result<Vec<u8>, Closed> {
        let eight_bit =
            self.advertises("8BITMIME") && self.envelope.mail_parameters.contains("BODY=8BITMIME");
        let recorder = &self.shared.clone().recorder;
        let (mut data, mut line, mut first) = (Vec::new(), Vec::new(), true);
        loop {
            line.clear();
            if self.reader.read_until(b'\n', &mut line).await? == 0 {
                return Err(Closed);
            }
            if std::mem::take(&mut first) {
                let recipient = self.envelope.recipients[0].clone();
                self.decide(Step::Body, &recipient, "").await?;
            }
            if line == b".\r\n" && (data.is_empty() || data.ends_with(b"\r\n")) {
                return Ok(data);
            }
            let text = line.strip_suffix(b"\r\n");
            if text.is_none_or(|text| text.contains(&b'\r')) {
                recorder.violation(format!("bare CR or LF in {:?}", String::from_utf8_lossy(&line)));
            }
            if line.len() > LONGEST_LINE_OCTETS {
                recorder.violation(format!("a line of {} octets", line.len()));
            }
            if !eight_bit && !line.is_ascii() {
                recorder.violation(format!("8-bit text without leave: {:?}", String::from_utf8_lossy(&line)));
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    async fn answer(&mut self, step: Step, usual: &str) -> Result<bool, Closed> {
        let recipient = self.envelope.recipients.first().cloned().unwrap_or_default();
        self.answer_for(step, &recipient, usual).await
    }

    /// Answers as the script says, or as usual. Returns whether the answer was 2xx or 3xx.
    async fn answer_for(&mut self, step: Step, recipient: &str, usual: &str) -> Result<bool, Closed> {
        let reply = self.decide(step, recipient, usual).await?;
        self.write_reply(&reply).await?;
        Ok(reply.starts_with(['2', '3']))
    }

    async fn decide(&mut self, step: Step, recipient: &str, usual: &str) -> Result<String, Closed> {
        let sender = self.envelope.sender.as_deref().unwrap_or_default();
        match self.shared.director.action_at(step, self.connection, sender, recipient) {
            None => Ok(usual.to_owned()),
            Some(Action::Reply(reply)) => Ok(reply),
            Some(Action::Drop) => Err(Closed),
            Some(Action::Hold) => {
                self.shared.recorder.hold_begun();
                self.shared.director.hold().await;
                self.shared.recorder.hold_ended();
                Ok(usual.to_owned())
            }
            Some(Action::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(usual.to_owned())
            }
        }
    }

    async fn write_reply(&mut self, reply: &str) -> Result<(), Closed> {
        self.writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if reply.starts_with("421") { Err(Closed) } else { Ok(()) }
    }

    fn advertises(&self, keyword: &str) -> bool {
        self.shared.director.script().keywords().iter().any(|advertised| advertised == keyword)
    }
}

fn starts_with(line: &str, verb: &str) -> bool {
    line.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

/// `MAIL FROM:<a@b> BODY=8BITMIME` -> (`a@b`, `BODY=8BITMIME`).
fn path_and_parameters(line: &str) -> (String, String) {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    let (path, parameters) = rest.split_once('>').unwrap_or((rest, ""));
    (path.to_owned(), parameters.trim().to_owned())
}
