//! The built-in mailbox: a folder with one RFC 5322 file per mail, for trying things out without a relay.

use crate::domain::email_address::EmailAddress;
use jiff::Timestamp;
use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Tells mails apart that arrive within one microsecond.
static ARRIVALS: AtomicU64 = AtomicU64::new(0);

/// Makes the folder, for its owner only: these mails hold addresses and links that act for their readers.
pub(super) async fn make_folder(folder: &Path) -> io::Result<()> {
    tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await
}

/// Writes a mail as a file of its own, whole or not at all. The names sort by time of arrival.
///
/// As a mail server does at final delivery (RFC 5321 section 4.4), the envelope is kept in `Return-Path` and `Delivered-To`
/// lines before the message.
pub(super) async fn deliver(
    folder: &Path,
    sender: &EmailAddress,
    recipient: &EmailAddress,
    message: &[u8],
    now: Timestamp,
) -> io::Result<String> {
    let name = {
        let arrival = ARRIVALS.fetch_add(1, Ordering::Relaxed);
        format!("{:016}-{arrival:06}-{}.eml", now.as_microsecond(), crate::random::hex::<4>())
    };
    let envelope = format!("Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n");
    let text = [envelope.as_bytes(), message].concat();
    let (unfinished, finished) = (folder.join(format!(".{name}.part")), folder.join(&name));
    make_folder(folder).await?;
    // In one piece: each step by itself would go to another thread and back.
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
