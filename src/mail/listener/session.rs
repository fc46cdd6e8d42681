//! A client's session.

use super::{
    Shared,
    lines::{Line, read_line},
};
use crate::settings::ReceiveProtocol;
use std::io;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    time::timeout,
};

/// Longest command, with its end. RFC 5321 section 4.5.3.1 requires 512, and parameters need more.
const MAX_COMMAND_BYTES: usize = 2048;
/// Longest line of a message that is read at once; longer ones are read in parts.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Recipients of one message (RFC 5321 section 4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;
/// Wrong commands after which the session ends.
const MAX_ERRORS: u32 = 20;
/// Messages of one session.
const MAX_MESSAGES: u32 = 1000;

/// How a session ended.
pub(super) enum Ended<S> {
    Closed,
    /// The client asked for TLS, and was told to begin.
    StartTls(S),
}

pub(super) struct Session<'a, S> {
    reader: BufReader<S>,
    shared: &'a Shared,
    offers_tls: bool,
    is_greeted: bool,
    has_sender: bool,
    recipients: Vec<String>,
    errors: u32,
    messages: u32,
}

/// What to do after a command.
enum Next {
    Go,
    Quit,
    StartTls,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub fn new(stream: S, shared: &'a Shared, offers_tls: bool) -> Self {
        Self {
            reader: BufReader::new(stream),
            shared,
            offers_tls,
            is_greeted: false,
            has_sender: false,
            recipients: Vec::new(),
            errors: 0,
            messages: 0,
        }
    }

    pub async fn greet_and_serve(mut self) -> io::Result<Ended<S>> {
        let name = match self.shared.protocol {
            ReceiveProtocol::Lmtp => "LMTP",
            ReceiveProtocol::Smtp => "ESMTP",
        };
        self.answer(&format!("220 {} {name} Daily", self.shared.name)).await?;
        self.serve().await
    }

    /// Answers commands until the client quits, or the process is asked to stop.
    pub async fn serve(mut self) -> io::Result<Ended<S>> {
        let mut line = Vec::new();
        loop {
            let stop = self.shared.stop.clone();
            let limit = self.shared.timeout;
            let read = tokio::select! {
                () = stop.cancelled() => {
                    self.answer("421 4.3.2 Shutting down, try again later").await?;
                    return Ok(Ended::Closed);
                }
                read = read_line(&mut self.reader, &mut line, MAX_COMMAND_BYTES, limit) => read,
            };
            let read = match read {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.answer("421 4.4.2 Timeout").await?;
                    return Ok(Ended::Closed);
                }
                read => read?,
            };
            let next = match read {
                Line::Closed => return Ok(Ended::Closed),
                Line::TooLong => self.wrong("500 5.5.2 Line too long").await?,
                Line::Complete => {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    self.command(&text).await?
                }
            };
            match next {
                Next::Go => {}
                Next::Quit => return Ok(Ended::Closed),
                Next::StartTls => {
                    // Commands that were sent before TLS must not count after it.
                    if !self.reader.buffer().is_empty() {
                        self.answer("501 5.5.1 Commands behind STARTTLS").await?;
                        return Ok(Ended::Closed);
                    }
                    self.answer("220 2.0.0 Ready to start TLS").await?;
                    return Ok(Ended::StartTls(self.reader.into_inner()));
                }
            }
        }
    }

    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let is_lmtp = self.shared.protocol == ReceiveProtocol::Lmtp;
        match verb.to_ascii_uppercase().as_str() {
            "LHLO" if is_lmtp => self.hello(true).await,
            "EHLO" if !is_lmtp => self.hello(true).await,
            "HELO" if !is_lmtp => self.hello(false).await,
            "STARTTLS" if self.offers_tls => Ok(Next::StartTls),
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.reset();
                self.go("250 2.0.0 OK").await
            }
            "NOOP" => self.go("250 2.0.0 OK").await,
            "VRFY" => self.go("252 2.5.0 Send the message").await,
            "QUIT" => {
                self.answer("221 2.0.0 Bye").await?;
                Ok(Next::Quit)
            }
            _ => self.wrong("502 5.5.1 Command not known").await,
        }
    }

    async fn hello(&mut self, extended: bool) -> io::Result<Next> {
        self.reset();
        self.is_greeted = true;
        if !extended {
            return self.go(&format!("250 {}", self.shared.name)).await;
        }
        let mut lines = vec![
            self.shared.name.clone(),
            "PIPELINING".into(),
            "8BITMIME".into(),
            "SMTPUTF8".into(),
            "ENHANCEDSTATUSCODES".into(),
            format!("SIZE {}", self.shared.max_bytes),
        ];
        if self.offers_tls {
            lines.push("STARTTLS".into());
        }
        let last = lines.len() - 1;
        let lines = lines
            .iter()
            .enumerate()
            .map(|(index, line)| format!("250{}{line}", if index == last { ' ' } else { '-' }));
        self.go(&lines.collect::<Vec<_>>().join("\r\n")).await
    }

    async fn mail(&mut self, rest: &str) -> io::Result<Next> {
        if !self.is_greeted || self.has_sender {
            return self.wrong("503 5.5.1 Bad sequence of commands").await;
        }
        if path(rest, "FROM:").is_none() {
            return self.wrong("501 5.5.4 Syntax: MAIL FROM:<address>").await;
        }
        let size = rest.split_whitespace().find_map(|it| {
            let (name, value) = it.split_once('=')?;
            if name.eq_ignore_ascii_case("SIZE") { value.parse::<usize>().ok() } else { None }
        });
        if size.is_some_and(|size| size > self.shared.max_bytes) {
            return self.go("552 5.3.4 Message too large").await;
        }
        if self.messages >= MAX_MESSAGES {
            self.answer("421 4.7.0 Too many messages, connect again").await?;
            return Ok(Next::Quit);
        }
        self.has_sender = true;
        self.go("250 2.1.0 OK").await
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<Next> {
        if !self.has_sender {
            return self.wrong("503 5.5.1 Bad sequence of commands").await;
        }
        let Some(address) = path(rest, "TO:") else {
            return self.wrong("501 5.5.4 Syntax: RCPT TO:<address>").await;
        };
        if self.recipients.len() >= MAX_RECIPIENTS {
            return self.go("452 4.5.3 Too many recipients").await;
        }
        if !self.shared.receiver.accepts(address) {
            return self.wrong("550 5.1.1 No such address here").await;
        }
        self.recipients.push(address.to_owned());
        self.go("250 2.1.5 OK").await
    }

    async fn data(&mut self) -> io::Result<Next> {
        if self.recipients.is_empty() {
            return self.wrong("503 5.5.1 Bad sequence of commands").await;
        }
        self.answer("354 End with <CR><LF>.<CR><LF>").await?;
        let Some(message) = self.text().await? else { return Ok(Next::Quit) };
        let recipients = std::mem::take(&mut self.recipients);
        self.reset();
        self.messages += 1;
        let answers = match message {
            Text::TooLarge => vec!["552 5.3.4 Message too large".to_owned(); recipients.len()],
            Text::Complete(message) => {
                let mut answers = Vec::with_capacity(recipients.len());
                for recipient in &recipients {
                    answers.push(self.hand_over(recipient, &message).await);
                }
                answers
            }
        };
        match self.shared.protocol {
            ReceiveProtocol::Lmtp => self.go(&answers.join("\r\n")).await,
            // One answer for all recipients: a failure for one asks for the message again. Repeated messages
            // are recognized.
            ReceiveProtocol::Smtp => {
                let failed = answers.iter().find(|it| !it.starts_with('2'));
                let answer = failed.or(answers.first()).cloned().unwrap_or_else(|| "250 2.0.0 OK".into());
                self.go(&answer).await
            }
        }
    }

    async fn hand_over(&self, recipient: &str, message: &[u8]) -> String {
        match self.shared.receiver.receive(recipient, message).await {
            Ok(_) => "250 2.0.0 OK".to_owned(),
            Err(error) => {
                tracing::error!(error, "could not store an incoming message; its mail server keeps it");
                "451 4.3.0 Could not store the message, try again later".to_owned()
            }
        }
    }

    /// Reads a message up to its end, without the dots that were added (RFC 5321 section 4.5.2). `None` if the
    /// client is gone.
    ///
    /// Only `CR LF . CR LF` ends a message. A bare line feed before or after the dot doesn't, so that no client
    /// smuggles a second message into one.
    async fn text(&mut self) -> io::Result<Option<Text>> {
        let (mut message, mut line) = (Vec::new(), Vec::new());
        let mut is_at_start = true;
        let mut is_too_large = false;
        loop {
            let limit = self.shared.timeout;
            match read_line(&mut self.reader, &mut line, MAX_TEXT_BYTES, limit).await? {
                Line::Closed => return Ok(None),
                Line::Complete => {}
                // A part is missing.
                Line::TooLong => is_too_large = true,
            }
            if is_at_start && line == b".\r\n" {
                return Ok(Some(if is_too_large { Text::TooLarge } else { Text::Complete(message) }));
            }
            let text = if is_at_start && line.first() == Some(&b'.') { &line[1..] } else { &line[..] };
            is_at_start = line.ends_with(b"\r\n");
            is_too_large |= message.len() + text.len() > self.shared.max_bytes;
            if !is_too_large {
                message.extend_from_slice(text);
            }
        }
    }

    fn reset(&mut self) {
        self.has_sender = false;
        self.recipients.clear();
    }

    async fn go(&mut self, answer: &str) -> io::Result<Next> {
        self.answer(answer).await?;
        Ok(Next::Go)
    }

    /// Answers a wrong command. Too many of them end the session.
    async fn wrong(&mut self, answer: &str) -> io::Result<Next> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            self.answer("421 4.7.0 Too many errors").await?;
            return Ok(Next::Quit);
        }
        self.go(answer).await
    }

    async fn answer(&mut self, text: &str) -> io::Result<()> {
        let writing = async {
            let stream = self.reader.get_mut();
            stream.write_all(format!("{text}\r\n").as_bytes()).await?;
            stream.flush().await
        };
        timeout(self.shared.timeout, writing).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

/// A message as it was sent.
enum Text {
    Complete(Vec<u8>),
    TooLarge,
}

/// Returns the address in `FROM:<address>`, which may be empty.
fn path<'a>(rest: &'a str, word: &str) -> Option<&'a str> {
    let (start, path) = rest.trim_start().split_at_checked(word.len())?;
    if !start.eq_ignore_ascii_case(word) {
        return None;
    }
    let path = path.trim_start().strip_prefix('<')?;
    let (path, _) = path.split_once('>')?;
    // A source route, which nobody uses (RFC 5321 appendix C).
    let address = if path.starts_with('@') { path.split_once(':')?.1 } else { path };
    let is_plain = address.bytes().all(|byte| !byte.is_ascii_control() && byte != b' ');
    is_plain.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        assert_eq!(path("FROM:<>", "FROM:"), Some(""));
        assert_eq!(path("from: <ann@example.org> SIZE=5", "FROM:"), Some("ann@example.org"));
        assert_eq!(path("TO:<@a.example,@b.example:ann@example.org>", "TO:"), Some("ann@example.org"));
        for wrong in ["", "FROM", "FROM:ann@example.org", "TO:<ann", "TO:<a b@example.org>"] {
            assert_eq!(path(wrong, "TO:"), None, "{wrong}");
        }
    }
}
