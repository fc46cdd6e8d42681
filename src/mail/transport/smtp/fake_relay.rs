//! A relay in memory for tests, which does as it is told. Nothing here touches the network, so time can stand still.

use super::wire::Stream;
use parking_lot::Mutex;
use std::{collections::HashMap, io, sync::Arc, time::Duration};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

/// A relay's act at a step, instead of the usual one.
#[derive(Clone)]
pub(in crate::mail::transport) enum Act {
    /// Says this, as it is.
    Say(&'static str),
    /// Says this in pieces of so many bytes.
    Pieces(usize, &'static str),
    /// Says this after so many seconds.
    Late(u64, &'static str),
    /// Closes the connection without a word.
    Close,
    /// Says nothing more, and reads nothing more.
    Hang,
    /// Repeats this every second, for ever.
    Drip(&'static str),
    /// Repeats this without a pause, for ever.
    Flood(&'static str),
}

/// Decides on a step of a connection (from 0): the step's name is the command's verb, or `greeting`, `body` (the first line of a
/// message has come) and `end` (its last one).
type Behavior = dyn Fn(usize, &str) -> Option<Act> + Send + Sync;

/// Everything a relay has seen.
#[derive(Default)]
pub(in crate::mail::transport) struct Transcript {
    /// The lines of each connection: commands, and messages as they came, with their end.
    pub lines: Vec<Vec<String>>,
    /// Connections open now.
    pub open: usize,
    /// Most connections open at the same time.
    pub most_open: usize,
}

/// A relay that takes connections.
#[derive(Clone)]
pub(in crate::mail::transport) struct FakeRelay {
    behavior: Arc<Behavior>,
    keywords: &'static str,
    transcript: Arc<Mutex<Transcript>>,
    /// Refuses connections as long as this is set.
    pub shut: Arc<std::sync::atomic::AtomicBool>,
}

/// Bytes that a connection takes before somebody reads.
const PIPE_BYTES: usize = 1_024;

impl FakeRelay {
    /// Offers these EHLO keywords, and behaves as told.
    pub fn new(
        keywords: &'static str,
        behavior: impl Fn(usize, &str) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        Self { behavior: Arc::new(behavior), keywords, transcript: Arc::default(), shut: Arc::default() }
    }

    /// Takes everything.
    pub fn polite() -> Self {
        Self::new("PIPELINING", |_, _| None)
    }

    /// Does something at one step of every connection.
    pub fn at(keywords: &'static str, step: &'static str, act: Act) -> Self {
        Self::new(keywords, move |_, at| (at == step).then(|| act.clone()))
    }

    /// Says these replies at steps, on every connection.
    pub fn saying(keywords: &'static str, replies: &[(&'static str, &'static str)]) -> Self {
        let replies: HashMap<_, _> = replies.iter().copied().collect();
        Self::new(keywords, move |_, at| replies.get(at).map(|reply| Act::Say(reply)))
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
            // The client has gone, or the behavior ended it.
            let _ = Relay { fake: fake.clone(), number, stream: BufReader::new(theirs) }.run().await;
            fake.transcript(|transcript| transcript.open -= 1);
        });
        Ok(Box::new(ours))
    }

    pub fn transcript<T>(&self, look: impl FnOnce(&mut Transcript) -> T) -> T {
        look(&mut self.transcript.lock())
    }

    /// Returns the lines of a connection.
    pub fn lines(&self, connection: usize) -> Vec<String> {
        self.transcript(|transcript| transcript.lines[connection].clone())
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.transcript(|transcript| transcript.lines.len())
    }

    /// Returns the number of messages taken.
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
            let said = self.act(&verb, &usual).await?;
            let yes = said.starts_with('2');
            match verb.as_str() {
                "MAIL" => (sender, recipient) = (yes, false),
                "RCPT" => recipient = yes,
                "RSET" => (sender, recipient) = (false, false),
                "DATA" if said.starts_with('3') => {
                    (sender, recipient) = (false, false);
                    self.message().await?;
                }
                "QUIT" => return Ok(()),
                _ if said.starts_with("421") => return Ok(()),
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

    /// Acts as told, else says the usual; returns the reply.
    async fn act(&mut self, step: &str, usual: &str) -> io::Result<String> {
        match (self.fake.behavior)(self.number, step) {
            None => {
                self.stream.write_all(usual.as_bytes()).await?;
                Ok(usual.to_owned())
            }
            Some(Act::Say(text)) => {
                self.stream.write_all(text.as_bytes()).await?;
                Ok(text.to_owned())
            }
            Some(Act::Late(seconds, text)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.stream.write_all(text.as_bytes()).await?;
                Ok(text.to_owned())
            }
            Some(Act::Pieces(size, text)) => {
                for piece in text.as_bytes().chunks(size) {
                    self.stream.write_all(piece).await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(text.to_owned())
            }
            Some(Act::Close) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Drip(text)) => loop {
                self.stream.write_all(text.as_bytes()).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            },
            Some(Act::Flood(text)) => loop {
                self.stream.write_all(text.as_bytes()).await?;
            },
        }
    }
}

/// The answer to EHLO with comma-separated keywords.
fn ehlo(keywords: &str) -> String {
    let mut lines = vec!["relay.example"];
    lines.extend(keywords.split(',').filter(|word| !word.is_empty()));
    let last = lines.pop().unwrap_or_default();
    let before: String = lines.iter().flat_map(|line| ["250-", *line, "\r\n"]).collect();
    format!("{before}250 {last}\r\n")
}

/// Waits until the other end has nothing left to read: for what a relay does after the client's last word.
pub(in crate::mail::transport) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
