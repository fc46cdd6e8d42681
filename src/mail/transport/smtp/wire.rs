//! Reads and writes one connection, with a timeout for each wait.

use super::reply::{Malformed, Reply, ReplyParser};
use parking_lot::Mutex;
use std::{
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

/// The stream of a session: a TCP connection, or TLS over one.
pub(in crate::mail::transport) type Stream = Box<dyn Io>;

pub(in crate::mail::transport) trait Io:
    AsyncRead + AsyncWrite + Send + Unpin
{
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("the relay closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("no answer in time")]
    TimedOut,
    #[error("the reply is not SMTP: {0}")]
    Malformed(#[from] Malformed),
    #[error("a command can't contain a line break")]
    BadCommand,
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as E;
        match error.kind() {
            E::UnexpectedEof | E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::WriteZero => {
                Self::Closed
            }
            _ => Self::Broken(error),
        }
    }
}

/// A message that was not written completely or without error.
#[derive(Debug)]
pub(super) struct WriteError {
    pub error: WireError,
    /// Whether the last byte was written, so that the relay may have the whole message.
    pub complete: bool,
}

/// The first lines of a conversation, without secrets. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Transcript(Arc<Mutex<Vec<String>>>);

/// Most lines of a transcript.
const TRANSCRIPT_LINES: usize = 60;

impl Transcript {
    pub fn add(&self, line: String) {
        let mut lines = self.0.lock();
        if lines.len() < TRANSCRIPT_LINES {
            lines.push(line);
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

/// A connection with a buffer of what was read.
pub(super) struct Wire {
    stream: Stream,
    replies: ReplyParser,
    step: Duration,
    /// The deadline of the current phase, whatever its steps take.
    deadline: Instant,
    /// Texts that are cut from replies.
    secrets: Vec<String>,
    transcript: Option<Transcript>,
}

/// Buffer size for reading replies.
const READ_BYTES: usize = 2_048;

impl Wire {
    pub fn new(stream: Stream, step: Duration) -> Self {
        Self {
            stream,
            replies: ReplyParser::default(),
            step,
            deadline: Instant::now() + step,
            secrets: Vec::new(),
            transcript: None,
        }
    }

    /// Records what is said from now on.
    pub fn record(&mut self, transcript: Transcript) {
        self.transcript = Some(transcript);
    }

    /// Cuts secrets from a line.
    fn without_secrets(&self, line: &str) -> String {
        self.secrets.iter().fold(line.to_owned(), |line, secret| line.replace(secret.as_str(), "***"))
    }

    /// Cuts a text from all later replies, because some relays repeat commands, and replies are logged.
    pub fn conceal(&mut self, secret: &str) {
        // Shorter texts are also parts of words.
        if secret.len() > 2 && !self.secrets.iter().any(|it| it == secret) {
            self.secrets.push(secret.to_owned());
        }
    }

    /// Starts a phase that may take as long as `steps` steps in total.
    pub fn begin_phase(&mut self, steps: u32) {
        self.deadline = Instant::now() + self.step * steps;
    }

    /// Whether the relay has sent bytes that no command asked for.
    pub fn has_unsolicited_bytes(&self) -> bool {
        !self.replies.is_empty()
    }

    /// Returns the bare stream for TLS. Buffered bytes are dropped.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Sends commands in one write, each a line with its CRLF.
    pub async fn command(&mut self, commands: &[&str]) -> Result<(), WireError> {
        // Command types validate their content. This is the last line of defence.
        let is_line = |command: &&str| {
            command.strip_suffix("\r\n").is_some_and(|line| !line.contains(['\r', '\n', '\0']))
        };
        if !commands.iter().all(is_line) {
            return Err(WireError::BadCommand);
        }
        if let Some(transcript) = &self.transcript {
            for command in commands {
                transcript.add(format!("> {}", self.without_secrets(command.trim_end())));
            }
        }
        let group = commands.concat();
        let until = self.until(self.step);
        let writing = async {
            self.stream.write_all(group.as_bytes()).await?;
            self.stream.flush().await
        };
        Ok(timeout_at(until, writing).await.map_err(|_| WireError::TimedOut)??)
    }

    /// Reads a reply within one step's time.
    pub async fn reply(&mut self) -> Result<Reply, WireError> {
        self.reply_until(self.until(self.step)).await
    }

    /// Reads a reply within its own time limit.
    pub async fn reply_within(&mut self, limit: Duration) -> Result<Reply, WireError> {
        self.reply_until(Instant::now() + limit).await
    }

    async fn reply_until(&mut self, until: Instant) -> Result<Reply, WireError> {
        // The deadline is for the whole reply, so a slow trickle of bytes ends too.
        let reading = async {
            loop {
                if let Some(mut reply) = self.replies.next()? {
                    for line in &mut reply.lines {
                        if self.secrets.iter().any(|secret| line.contains(secret.as_str())) {
                            *line = self.without_secrets(line);
                        }
                    }
                    if let Some(transcript) = &self.transcript {
                        for line in &reply.lines {
                            transcript.add(format!("< {} {line}", reply.code));
                        }
                    }
                    return Ok(reply);
                }
                self.replies.bytes.reserve(READ_BYTES);
                if self.stream.read_buf(&mut self.replies.bytes).await? == 0 {
                    return Err(WireError::Closed);
                }
            }
        };
        timeout_at(until, reading).await.map_err(|_| WireError::TimedOut)?
    }

    /// Writes a message and its end marker. Each partial write has one step's time; the phase's deadline
    /// limits the whole.
    pub async fn message(&mut self, body: &[u8], end: &[u8]) -> Result<(), WriteError> {
        let total = body.len() + end.len();
        let mut written_bytes = 0;
        let (until, step) = (self.deadline, self.step);
        let stream = &mut self.stream;
        let writing = async {
            while written_bytes < total {
                let (body, end) = if written_bytes < body.len() {
                    (&body[written_bytes..], end)
                } else {
                    (&[][..], &end[written_bytes - body.len()..])
                };
                let pieces = [IoSlice::new(body), IoSlice::new(end)];
                // With an empty body as the first piece, a writer that takes one piece at a time would write
                // nothing.
                let pieces = if body.is_empty() { &pieces[1..] } else { &pieces[..] };
                let wrote =
                    timeout(step, stream.write_vectored(pieces)).await.map_err(|_| WireError::TimedOut)??;
                if wrote == 0 {
                    return Err(WireError::Closed);
                }
                written_bytes += wrote;
            }
            Ok(timeout(step, stream.flush()).await.map_err(|_| WireError::TimedOut)??)
        };
        let written = timeout_at(until, writing).await.unwrap_or(Err(WireError::TimedOut));
        // Bytes are written in order, and written ones may be on their way. That also holds for TLS, where a
        // failed write leaves the last record incomplete. So before the last byte was written, the relay
        // can't have seen the end.
        written.map_err(|error| WriteError { error, complete: written_bytes == total })
    }

    /// Closes the connection, including TLS, without waiting for the peer.
    pub async fn shut_down(&mut self) {
        // The connection is closed either way.
        let _ = self.stream.shutdown().await;
    }

    fn until(&self, limit: Duration) -> Instant {
        self.deadline.min(Instant::now() + limit)
    }
}
