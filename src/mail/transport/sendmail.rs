//! A `sendmail:` relay: the program that every mail system has, run once per message.
//!
//! The program takes responsibility for the message when it ends with 0. Any other code says that it didn't, and why
//! (sysexits.h). When it is stopped by a signal, or by us because it took too long, the message is in doubt.

use crate::{
    domain::delivery::status::{Answer, Stage},
    mail::transport::SendError,
};
use async_trait::async_trait;
use lettre::{Address, AsyncTransport, address::Envelope};
use std::{
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

/// The program, and how long it may take.
#[derive(Clone)]
pub(super) struct Sendmail {
    program: PathBuf,
    /// The relay's name, for answers.
    name: String,
    limit: Duration,
}

/// How a program ended.
struct Ended {
    status: ExitStatus,
    /// Whether it read the whole message.
    complete: bool,
    /// The beginning of what it wrote to standard error.
    said: String,
}

/// Most of a program's standard error that is kept, in bytes.
const MAX_SAID_BYTES: u64 = 2_048;

impl Sendmail {
    pub fn new(program: &Path, name: String, limit: Duration) -> Self {
        Self { program: program.to_owned(), name, limit }
    }

    /// Fails unless the program is a file that can be run.
    pub async fn check(&self) -> Result<(), String> {
        let program = self.program.display();
        let file = tokio::fs::metadata(&self.program).await.map_err(|error| format!("{program}: {error}"))?;
        if file.is_file() && file.permissions().mode() & 0o111 != 0 {
            Ok(())
        } else {
            Err(format!("{program} is not a program"))
        }
    }

    /// Starts the program. `-i`: a line with a single dot doesn't end the message.
    fn spawn(&self, envelope: &Envelope) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(["-i", "-f", envelope.from().map_or("<>", Address::as_ref), "--"]);
        command.args(envelope.to().iter().map(Address::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn()
    }

    fn answer(&self, code: Option<u16>, text: &str) -> Answer {
        Answer::new(&self.name, code, text).at(Stage::Message)
    }

    fn outcome(&self, ended: &Ended) -> Result<Answer, SendError> {
        let said = ended.said.trim();
        let Some(code) = ended.status.code() else {
            return Err(SendError::InDoubt(
                self.answer(None, &format!("it was stopped ({}): {said}", ended.status)),
            ));
        };
        if code == 0 {
            return if ended.complete {
                Ok(self.answer(Some(250), "taken"))
            } else {
                Err(SendError::RelayTrouble(self.answer(None, "it ended before it had read the message")))
            };
        }
        let answer = |reply| self.answer(reply, &format!("exit code {code}: {said}"));
        Err(match code {
            // EX_TEMPFAIL
            75 => SendError::Deferred(answer(Some(451))),
            // EX_DATAERR, EX_NOUSER, EX_NOHOST
            65 | 67 | 68 => SendError::Failed(answer(Some(554))),
            // The rest is about this machine or the program, not about the recipient or the message.
            _ => SendError::RelayTrouble(answer(None)),
        })
    }
}

#[async_trait]
impl AsyncTransport for Sendmail {
    type Ok = Answer;
    type Error = SendError;

    async fn send_raw(&self, envelope: &Envelope, message: &[u8]) -> Result<Answer, SendError> {
        let child = self.spawn(envelope).map_err(|error| {
            let text = format!("{} can't be run: {error}", self.program.display());
            SendError::RelayTrouble(Answer::new(&self.name, None, &text).at(Stage::Connect))
        })?;
        match tokio::time::timeout(self.limit, feed(child, message)).await {
            Ok(Ok(ended)) => self.outcome(&ended),
            Ok(Err(error)) => {
                Err(SendError::InDoubt(self.answer(None, &format!("it was lost sight of: {error}"))))
            }
            // Dropping the future stopped it.
            Err(_) => Err(SendError::InDoubt(self.answer(None, "no answer in time"))),
        }
    }
}

/// Gives a program its message, with the line ends of this system, and waits until it ends.
async fn feed(mut child: Child, message: &[u8]) -> io::Result<Ended> {
    let text = unix_lines(message);
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        let Some(mut stdin) = stdin else { return false };
        // It may end without reading on; its exit code says why.
        stdin.write_all(&text).await.is_ok() && stdin.shutdown().await.is_ok()
    };
    let (complete, said) = tokio::join!(write, beginning(stderr));
    Ok(Ended { status: child.wait().await?, complete, said })
}

/// Reads a stream to its end and returns its beginning.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    // It is only text for an answer: what can't be read is left out.
    let _ = (&mut stream).take(MAX_SAID_BYTES).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

fn unix_lines(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                text.extend_from_slice(line);
                text.push(b'\n');
            }
            None => text.extend_from_slice(line),
        }
    }
    text
}

#[cfg(test)]
#[path = "sendmail_tests.rs"]
mod tests;
