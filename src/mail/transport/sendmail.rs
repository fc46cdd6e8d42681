//! The `sendmail:` relay: a local program that is run once per message.
//!
//! Exit code 0 means that the program accepted the message; other codes give the reason (sysexits.h). If the
//! program is killed by a signal, or by us after the time limit, the message is in doubt.

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
    sync::Notify,
};

#[derive(Clone)]
pub(super) struct Sendmail {
    program: PathBuf,
    /// The relay's name, for answers.
    name: String,
    limit: Duration,
}

struct Exit {
    status: ExitStatus,
    /// Whether the program read the whole message.
    complete: bool,
    /// The beginning of standard error.
    stderr_text: String,
}

/// Maximum number of bytes of standard error that are stored.
const MAX_STDERR_BYTES: u64 = 2_048;

/// Time to read the rest of standard error after the program has ended.
const STDERR_AFTER_EXIT: Duration = Duration::from_millis(100);

impl Sendmail {
    pub fn new(program: &Path, name: String, limit: Duration) -> Self {
        Self { program: program.to_owned(), name, limit }
    }

    /// Fails unless the program is an executable file.
    pub async fn check(&self) -> Result<(), String> {
        let program = self.program.display();
        let file = tokio::fs::metadata(&self.program).await.map_err(|error| format!("{program}: {error}"))?;
        if file.is_file() && file.permissions().mode() & 0o111 != 0 {
            Ok(())
        } else {
            Err(format!("{program} is not a program"))
        }
    }

    /// Starts the program. With `-i` a line with a single dot doesn't end the message.
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

    fn outcome(&self, exit: &Exit) -> Result<Answer, SendError> {
        let stderr_text = exit.stderr_text.trim();
        let Some(code) = exit.status.code() else {
            return Err(SendError::InDoubt(
                self.answer(None, &format!("the program was killed ({}): {stderr_text}", exit.status)),
            ));
        };
        if code == 0 {
            return if exit.complete {
                Ok(self.answer(Some(250), "accepted"))
            } else {
                Err(SendError::RelayFailure(
                    self.answer(None, "the program exited before it had read the message"),
                ))
            };
        }
        let answer = |reply| self.answer(reply, &format!("exit code {code}: {stderr_text}"));
        Err(match code {
            // EX_TEMPFAIL
            75 => SendError::Deferred(answer(Some(451))),
            // EX_DATAERR, EX_NOUSER, EX_NOHOST
            65 | 67 | 68 => SendError::Failed(answer(Some(554))),
            // Other codes concern this machine or the program, not the recipient or the message.
            _ => SendError::RelayFailure(answer(None)),
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
            SendError::RelayFailure(Answer::new(&self.name, None, &text).at(Stage::Connect))
        })?;
        match tokio::time::timeout(self.limit, feed(child, message)).await {
            Ok(Ok(exit)) => self.outcome(&exit),
            Ok(Err(error)) => {
                Err(SendError::InDoubt(self.answer(None, &format!("its result is unknown: {error}"))))
            }
            // Dropping the future has killed it.
            Err(_) => Err(SendError::InDoubt(self.answer(None, "no answer in time"))),
        }
    }
}

/// Writes the message with Unix line ends, and waits until the program ends.
async fn feed(mut child: Child, message: &[u8]) -> io::Result<Exit> {
    let text = unix_lines(message);
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let exited = Notify::new();
    let run = async {
        let complete = match stdin {
            // The program may exit early; its exit code says why.
            Some(mut stdin) => stdin.write_all(&text).await.is_ok() && stdin.shutdown().await.is_ok(),
            None => false,
        };
        let status = child.wait().await;
        exited.notify_one();
        (complete, status)
    };
    let mut kept = Vec::new();
    let read = async {
        // A process that the program left behind may keep standard error open for as long as it runs.
        let after_exit = async {
            exited.notified().await;
            tokio::time::sleep(STDERR_AFTER_EXIT).await;
        };
        tokio::select! {
            () = read_beginning(stderr, &mut kept) => {}
            () = after_exit => {}
        }
    };
    let ((complete, status), ()) = tokio::join!(run, read);
    Ok(Exit { status: status?, complete, stderr_text: String::from_utf8_lossy(&kept).into_owned() })
}

/// Reads a stream to its end and keeps its beginning. Unreadable parts are left out, because the text is only
/// for the answer.
async fn read_beginning(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let _ = (&mut stream).take(MAX_STDERR_BYTES).read_to_end(kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
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
