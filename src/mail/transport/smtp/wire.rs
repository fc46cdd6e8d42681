//! The bytes of one connection: commands out, replies in, every wait with its limit.

use super::reply::{Malformed, Replies, Reply};
use std::{
    io::{self, IoSlice},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

/// The stream under a conversation: a TCP connection, or TLS over one.
pub(in crate::mail::transport) type Stream = Box<dyn Io>;

/// Both directions of a connection.
pub(in crate::mail::transport) trait Io:
    AsyncRead + AsyncWrite + Send + Unpin
{
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A fault of a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the relay closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("no answer in time")]
    Silent,
    #[error("what the relay said is not SMTP: {0}")]
    Malformed(#[from] Malformed),
    #[error("a command can't hold a line break")]
    BadCommand,
}

impl From<io::Error> for Fault {
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

/// A message that was not written in good order.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub fault: Fault,
    /// Whether the last byte was given to the connection: the relay may have all of it.
    pub complete: bool,
}

/// A connection, and what was read from it.
pub(super) struct Wire {
    stream: Stream,
    replies: Replies,
    /// Longest wait for one step.
    step: Duration,
    /// When the phase that is running must be over, whatever its single steps take.
    deadline: Instant,
}

/// Room made at a time for what a relay says.
const READ_BYTES: usize = 2_048;

impl Wire {
    pub fn new(stream: Stream, step: Duration) -> Self {
        Self { stream, replies: Replies::default(), step, deadline: Instant::now() + step }
    }

    /// Begins a phase that may take as long as `steps` steps in all.
    pub fn begin_phase(&mut self, steps: u32) {
        self.deadline = Instant::now() + self.step * steps;
    }

    /// Whether the relay said something unasked.
    pub fn out_of_turn(&self) -> bool {
        !self.replies.is_empty()
    }

    /// Gives the bare connection back, for TLS. Bytes read from it so far are dropped.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Sends commands at once, each a line with its CRLF.
    pub async fn command(&mut self, commands: &[&str]) -> Result<(), Fault> {
        // Everything in a command was checked by its type. This is the last barrier.
        let is_line = |command: &&str| {
            command.strip_suffix("\r\n").is_some_and(|line| !line.contains(['\r', '\n', '\0']))
        };
        if !commands.iter().all(is_line) {
            return Err(Fault::BadCommand);
        }
        let group = commands.concat();
        let until = self.until(self.step);
        let writing = async {
            self.stream.write_all(group.as_bytes()).await?;
            self.stream.flush().await
        };
        Ok(timeout_at(until, writing).await.map_err(|_| Fault::Silent)??)
    }

    /// Reads a reply, within a step's time.
    pub async fn reply(&mut self) -> Result<Reply, Fault> {
        self.reply_until(self.until(self.step)).await
    }

    /// Reads a reply that may take a time of its own.
    pub async fn late_reply(&mut self, limit: Duration) -> Result<Reply, Fault> {
        self.reply_until(Instant::now() + limit).await
    }

    async fn reply_until(&mut self, until: Instant) -> Result<Reply, Fault> {
        // The limit is the whole reply's: one that drips in for ever ends too.
        let reading = async {
            loop {
                if let Some(reply) = self.replies.next()? {
                    return Ok(reply);
                }
                self.replies.bytes.reserve(READ_BYTES);
                if self.stream.read_buf(&mut self.replies.bytes).await? == 0 {
                    return Err(Fault::Closed);
                }
            }
        };
        timeout_at(until, reading).await.map_err(|_| Fault::Silent)?
    }

    /// Writes a message and its end. Each piece that the connection takes has a step's time, the whole is bounded by the phase.
    pub async fn message(&mut self, body: &[u8], end: &[u8]) -> Result<(), Unwritten> {
        let total = body.len() + end.len();
        let mut taken = 0;
        let (until, step) = (self.deadline, self.step);
        let stream = &mut self.stream;
        let writing = async {
            while taken < total {
                let (body, end) = if taken < body.len() {
                    (&body[taken..], end)
                } else {
                    (&[][..], &end[taken - body.len()..])
                };
                let pieces = [IoSlice::new(body), IoSlice::new(end)];
                // Without a body left, a connection that takes one piece at a time must see the end.
                let pieces = if body.is_empty() { &pieces[1..] } else { &pieces[..] };
                let wrote =
                    timeout(step, stream.write_vectored(pieces)).await.map_err(|_| Fault::Silent)??;
                if wrote == 0 {
                    return Err(Fault::Closed);
                }
                taken += wrote;
            }
            Ok(timeout(step, stream.flush()).await.map_err(|_| Fault::Silent)??)
        };
        let written = timeout_at(until, writing).await.unwrap_or(Err(Fault::Silent));
        // A connection takes bytes in order, and those it took may be on their way. TLS, too: when a write fails, the last
        // record isn't whole. So before it took the last byte, the relay can't have seen the end.
        written.map_err(|fault| Unwritten { fault, complete: taken == total })
    }

    /// Ends the connection, TLS too, without waiting for the other side.
    pub async fn shut_down(&mut self) {
        // It is over either way.
        let _ = self.stream.shutdown().await;
    }

    fn until(&self, limit: Duration) -> Instant {
        self.deadline.min(Instant::now() + limit)
    }
}
