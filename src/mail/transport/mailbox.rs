//! The built-in mailbox: a folder with one RFC 5322 file per email, for evaluation without a relay.

use crate::{clock::Clock, domain::delivery::status::Answer, mail::transport::SendError};
use async_trait::async_trait;
use lettre::{Address, AsyncTransport, address::Envelope};
use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// Distinguishes emails that arrive in the same microsecond.
static ARRIVALS: AtomicU64 = AtomicU64::new(0);

pub(super) struct Mailbox {
    pub folder: PathBuf,
    pub clock: Clock,
    /// The relay's name, for answers.
    pub name: String,
}

#[async_trait]
impl AsyncTransport for Mailbox {
    type Ok = Answer;
    type Error = SendError;

    async fn send_raw(&self, envelope: &Envelope, message: &[u8]) -> Result<Answer, SendError> {
        match self.deliver(envelope, message).await {
            Ok(file) => Ok(Answer::new(&self.name, Some(250), &format!("stored as {file}"))),
            Err(error) => {
                let text = format!("can't write to {}: {error}", self.folder.display());
                Err(SendError::RelayFailure(Answer::new(&self.name, None, &text)))
            }
        }
    }
}

impl Mailbox {
    /// Creates the folder with access for its owner only: emails contain addresses and links that act for
    /// their readers.
    pub async fn make_folder(&self) -> io::Result<()> {
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).await
    }

    /// Writes an email atomically to its own file and returns the name. Names sort by time of arrival.
    ///
    /// The envelope is stored in `Return-Path` and `Delivered-To` lines before the message, as at final
    /// delivery (RFC 5321 section 4.4).
    async fn deliver(&self, envelope: &Envelope, message: &[u8]) -> io::Result<String> {
        let now = self.clock.now().as_microsecond();
        let arrival = ARRIVALS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{now:016}-{arrival:06}-{}.eml", crate::random::hex::<4>());
        let mut text =
            format!("Return-Path: <{}>\r\n", envelope.from().map_or("", Address::as_ref)).into_bytes();
        for recipient in envelope.to() {
            text.extend_from_slice(format!("Delivered-To: {recipient}\r\n").as_bytes());
        }
        text.extend_from_slice(message);
        let (unfinished, finished) = (self.folder.join(format!(".{name}.part")), self.folder.join(&name));
        self.make_folder().await?;
        // A single blocking task avoids a thread switch per step.
        tokio::task::spawn_blocking(move || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(unfinished, finished)
        })
        .await
        .map_err(io::Error::other)??;
        Ok(name)
    }
}
