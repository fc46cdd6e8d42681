//! One connection's conversation (RFC 5321, RFC 2920). Bytes stay in the buffer where they arrived. A message
//! is only searched for its end, which may be spread over any number of reads.

use super::{
    Announcement, Options,
    tally::{Connection, Message, Phase, Tally},
};
use memchr::{memchr, memmem};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

const BUFFER: usize = 64 * 1024;
const END: &[u8] = b"\r\n.\r\n";
/// Octets that delimit a message: CRLF before it, dot and CRLF after it.
const AROUND: u64 = 5;
/// Octets of a message that are searched for its Message-ID.
const HEAD: usize = 8 * 1024;
const HELLO: &[u8] =
    b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n";

pub(super) struct Session {
    stream: TcpStream,
    options: Arc<Options>,
    tally: Arc<Tally>,
    connection: Arc<Connection>,
    buffer: Vec<u8>,
    /// Start of the bytes that are not processed yet.
    begin: usize,
    end: usize,
    answers: Vec<u8>,
    recipient: String,
    in_message: bool,
    /// The client sent QUIT.
    over: bool,
    /// Octets of the current message that have left the buffer.
    octets: u64,
    head: Vec<u8>,
}

impl Session {
    pub(super) fn new(
        stream: TcpStream,
        options: Arc<Options>,
        tally: Arc<Tally>,
        connection: Arc<Connection>,
    ) -> Self {
        Self {
            stream,
            options,
            tally,
            connection,
            buffer: vec![0; BUFFER],
            begin: 0,
            end: 0,
            answers: b"220 sink.example ESMTP\r\n".to_vec(),
            recipient: String::new(),
            in_message: false,
            over: false,
            octets: 0,
            head: Vec::new(),
        }
    }

    /// Talks until the client closes the connection.
    pub(super) async fn run(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let went_on = if self.in_message { self.message().await? } else { self.command() };
            if went_on {
                continue;
            }
            self.answer().await?;
            if self.over || !self.read().await? {
                return Ok(());
            }
        }
    }

    async fn answer(&mut self) -> io::Result<()> {
        if self.answers.is_empty() {
            return Ok(());
        }
        if !self.options.round_trip.is_zero() {
            sleep(self.options.round_trip).await;
        }
        self.stream.write_all(&self.answers).await?;
        self.answers.clear();
        Ok(())
    }

    async fn read(&mut self) -> io::Result<bool> {
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
        }
        if self.end == self.buffer.len() {
            return Err(io::Error::other("a command line without an end"));
        }
        let length = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += length;
        Ok(length > 0)
    }

    /// Processes a command line, if there is a complete one.
    fn command(&mut self) -> bool {
        let waiting = &self.buffer[self.begin..self.end];
        let Some(length) = memchr(b'\n', waiting).map(|at| at + 1) else { return false };
        let line = waiting[..length].trim_ascii_end();
        let verb = line.get(..4).unwrap_or(line);
        let is = |it: &[u8]| verb.eq_ignore_ascii_case(it);
        let answer: &[u8] = if is(b"MAIL") {
            self.connection.set_phase(Phase::Envelope);
            if let Some(at) = self.tally.mail_from()
                && let Some(announce) = &self.options.announce
            {
                let _ = announce.to.send(Announcement::FirstMailFrom(at));
            }
            b"250 2.1.0 ok\r\n"
        } else if is(b"RCPT") {
            if self.options.remember || self.options.announce.is_some() {
                self.recipient.clear();
                self.recipient.push_str(&path(line));
            }
            b"250 2.1.5 ok\r\n"
        } else if is(b"DATA") {
            self.in_message = true;
            self.connection.set_phase(Phase::Data);
            b"354 go ahead\r\n"
        } else if is(b"EHLO") || is(b"HELO") {
            self.connection.set_hello(String::from_utf8_lossy(&line[4..]).trim());
            HELLO
        } else if is(b"QUIT") {
            self.connection.set_quit();
            self.over = true;
            b"221 2.0.0 bye\r\n"
        } else if is(b"RSET") || is(b"NOOP") {
            self.connection.set_phase(Phase::Idle);
            b"250 2.0.0 ok\r\n"
        } else {
            b"502 5.5.2 unknown\r\n"
        };
        self.answers.extend_from_slice(answer);
        if self.over {
            return false;
        }
        // Keeps the CRLF before a message, because the final dot of an empty message follows it directly.
        self.begin += if self.in_message { length - 2.min(length) } else { length };
        true
    }

    /// Searches the buffer for the end of the message.
    async fn message(&mut self) -> io::Result<bool> {
        let waiting = &self.buffer[self.begin..self.end];
        let found = memmem::find(waiting, END);
        // Keeps the last bytes, which may be the beginning of the end marker.
        let length = found.map_or_else(|| waiting.len().saturating_sub(END.len() - 1), |at| at + END.len());
        if self.options.remember && self.head.len() < HEAD {
            let room = (HEAD - self.head.len()).min(length);
            self.head.extend_from_slice(&waiting[..room]);
        }
        self.octets += length as u64;
        self.begin += length;
        if found.is_none() {
            return Ok(false);
        }
        let message = self.options.remember.then(|| Message {
            recipient: self.recipient.clone(),
            id: message_id(&self.head),
            connection: self.connection.number(),
        });
        self.connection.set_phase(Phase::Unanswered);
        let octets = self.octets - AROUND;
        let at = self.tally.message(&self.connection, octets, message);
        if let Some(announce) = &self.options.announce
            && self.recipient.ends_with(&announce.domain)
        {
            let recipient = self.recipient.clone();
            let _ = announce.to.send(Announcement::Arrived { recipient, at });
        }
        self.octets = 0;
        self.head.clear();
        self.in_message = false;
        if !self.options.delay.is_zero() {
            self.answer().await?;
            sleep(self.options.delay).await;
        }
        self.answers.extend_from_slice(b"250 2.0.0 taken\r\n");
        self.answer_unless_more_waits().await?;
        Ok(true)
    }

    /// A client that pipelines past the final dot gets all its answers in one write.
    async fn answer_unless_more_waits(&mut self) -> io::Result<()> {
        if self.begin == self.end {
            self.answer().await?;
        }
        self.connection.set_phase(Phase::Idle);
        Ok(())
    }
}

/// Returns the text between angle brackets.
fn path(line: &[u8]) -> String {
    let from = memchr(b'<', line).map_or(line.len(), |at| at + 1);
    let rest = &line[from..];
    let to = memchr(b'>', rest).unwrap_or(rest.len());
    String::from_utf8_lossy(&rest[..to]).into_owned()
}

fn message_id(head: &[u8]) -> String {
    let head = memmem::find(head, b"\r\n\r\n").map_or(head, |at| &head[..at]);
    let text = String::from_utf8_lossy(head);
    let line =
        text.lines().find(|line| line.get(..11).is_some_and(|name| name.eq_ignore_ascii_case("message-id:")));
    line.map(|line| line[11..].trim().to_owned()).unwrap_or_default()
}
