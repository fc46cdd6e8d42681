//! An in-memory relay with scripted behavior. Nothing touches the network, so tests can pause time.

use super::wire::Stream;
use parking_lot::Mutex;
use std::{collections::HashMap, io, sync::Arc, time::Duration};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

/// A scripted action that replaces the usual one.
#[derive(Clone)]
pub(in crate::mail::transport) enum Action {
    /// Sends this reply.
    Reply(&'static str),
    /// Sends this reply in chunks of so many bytes.
    Pieces(usize, &'static str),
    /// Sends this reply after so many seconds.
    ReplyAfter(u64, &'static str),
    /// Closes the connection without a reply.
    Close,
    /// Neither sends nor reads anything more.
    Hang,
    /// Repeats this every second, forever.
    Drip(&'static str),
    /// Repeats this without a pause, forever.
    Flood(&'static str),
}

/// Chooses the action for a step of a connection (from 0). Steps are the verbs of commands, `greeting`,
/// `body` (the first line of a message has arrived) and `end` (its last line).
type Behavior = dyn Fn(usize, &str) -> Option<Action> + Send + Sync;

/// Everything that a relay has received.
#[derive(Default)]
pub(in crate::mail::transport) struct Transcript {
    /// The lines of each connection: commands and messages, including their ends.
    pub lines: Vec<Vec<String>>,
    pub open: usize,
    /// Maximum number of simultaneous connections.
    pub most_open: usize,
}

#[derive(Clone)]
pub(in crate::mail::transport) struct FakeRelay {
    behavior: Arc<Behavior>,
    keywords: &'static str,
    transcript: Arc<Mutex<Transcript>>,
    /// Refuses connections while set.
    pub shut: Arc<std::sync::atomic::AtomicBool>,
}

/// Size of a connection's buffer, in bytes.
const PIPE_BYTES: usize = 1_024;

impl FakeRelay {
    /// Creates a relay with EHLO keywords and a behavior.
    pub fn new(
        keywords: &'static str,
        behavior: impl Fn(usize, &str) -> Option<Action> + Send + Sync + 'static,
    ) -> Self {
        Self { behavior: Arc::new(behavior), keywords, transcript: Arc::default(), shut: Arc::default() }
    }

    /// Creates a relay that accepts everything.
    pub fn polite() -> Self {
        Self::new("PIPELINING", |_, _| None)
    }

    /// Creates a relay with one action at one step of every connection.
    pub fn at(keywords: &'static str, step: &'static str, act: Action) -> Self {
        Self::new(keywords, move |_, at| (at == step).then(|| act.clone()))
    }

    /// Creates a relay with scripted replies on every connection.
    pub fn saying(keywords: &'static str, replies: &[(&'static str, &'static str)]) -> Self {
        let replies: HashMap<_, _> = replies.iter().copied().collect();
        Self::new(keywords, move |_, at| replies.get(at).map(|reply| Action::Reply(reply)))
    }

    pub fn connect(&self) -> io::Result<Stream> {
        if self.shut.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let number = self.transcript(|transcript| {
            transcript.lines.push(Vec::new());
            transcript.open += 1;
            transcript.most_open = transcript.most_open.max(transcript.open);
            transcript.lines.len() - 1
        });
        let fake = self.clone();
        tokio::spawn(async move {
            // Errors mean that the client disconnected or the script ended the connection.
            let _ = Relay { fake: fake.clone(), number, stream: BufReader::new(theirs) }.run().await;
            fake.transcript(|transcript| transcript.open -= 1);
        });
        Ok(Box::new(ours))
    }

    pub fn transcript<T>(&self, read: impl FnOnce(&mut Transcript) -> T) -> T {
        read(&mut self.transcript.lock())
    }

    pub fn lines(&self, connection: usize) -> Vec<String> {
        self.transcript(|transcript| transcript.lines[connection].clone())
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.transcript(|transcript| transcript.lines.len())
    }

    /// Returns the number of accepted messages.
    pub fn messages(&self) -> usize {
        self.transcript(|transcript| transcript.lines.iter().flatten().filter(|line| *line == ".").count())
    }
}

struct Relay {
    fake: FakeRelay,
    number: usize,
    stream: BufReader<DuplexStream>,
}

impl Relay {
    async fn run(&mut self) -> io::Result<()> {
        self.act("greeting", "220 relay.example\r\n").await?;
        let (mut sender, mut recipient) = (false, false);
        loop {
            let line = self.line().await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let usual = match verb.as_str() {
                "EHLO" => ehlo(self.fake.keywords),
                "DATA" if !recipient => "554 5.5.1 no valid recipients\r\n".to_owned(),
                "DATA" => "354 go ahead\r\n".to_owned(),
                "RCPT" if !sender => "503 5.5.1 MAIL first\r\n".to_owned(),
                "QUIT" => "221 bye\r\n".to_owned(),
                "AUTH" => "235 welcome\r\n".to_owned(),
                _ => "250 2.0.0 ok\r\n".to_owned(),
            };
            let reply = self.act(&verb, &usual).await?;
            let accepted = reply.starts_with('2');
            match verb.as_str() {
                "MAIL" => (sender, recipient) = (accepted, false),
                "RCPT" => recipient = accepted,
                "RSET" => (sender, recipient) = (false, false),
                "DATA" if reply.starts_with('3') => {
                    (sender, recipient) = (false, false);
                    self.message().await?;
                }
                "QUIT" => return Ok(()),
                _ if reply.starts_with("421") => return Ok(()),
                _ => {}
            }
        }
    }

    async fn message(&mut self) -> io::Result<()> {
        let mut first = true;
        loop {
            let line = self.line().await?;
            if std::mem::take(&mut first) && line != "." {
                self.act("body", "").await?;
            }
            if line == "." {
                self.act("end", "250 2.0.0 queued\r\n").await?;
                return Ok(());
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let line = line.strip_suffix("\r\n").unwrap_or(&line).to_owned();
        let number = self.number;
        self.fake.transcript(|transcript| transcript.lines[number].push(line.clone()));
        Ok(line)
    }

    /// Runs the scripted action, or else sends the usual reply; returns the reply.
    async fn act(&mut self, step: &str, usual: &str) -> io::Result<String> {
        match (self.fake.behavior)(self.number, step) {
            None => {
                self.stream.write_all(usual.as_bytes()).await?;
                Ok(usual.to_owned())
            }
            Some(Action::Reply(text)) => {
                self.stream.write_all(text.as_bytes()).await?;
                Ok(text.to_owned())
            }
            Some(Action::ReplyAfter(seconds, text)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.stream.write_all(text.as_bytes()).await?;
                Ok(text.to_owned())
            }
            Some(Action::Pieces(size, text)) => {
                for piece in text.as_bytes().chunks(size) {
                    self.stream.write_all(piece).await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(text.to_owned())
            }
            Some(Action::Close) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Action::Hang) => std::future::pending().await,
            Some(Action::Drip(text)) => loop {
                self.stream.write_all(text.as_bytes()).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            },
            Some(Action::Flood(text)) => loop {
                self.stream.write_all(text.as_bytes()).await?;
            },
        }
    }
}

/// The reply to EHLO with comma-separated keywords.
fn ehlo(keywords: &str) -> String {
    let mut lines = vec!["relay.example"];
    lines.extend(keywords.split(',').filter(|word| !word.is_empty()));
    let last = lines.pop().unwrap_or_default();
    let before: String = lines.iter().flat_map(|line| ["250-", *line, "\r\n"]).collect();
    format!("{before}250 {last}\r\n")
}

/// Lets the relay process everything that the client has sent.
pub(in crate::mail::transport) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
