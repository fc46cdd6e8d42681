//! Signs messages (DKIM: RFC 6376, with Ed25519 of RFC 8463 and the key sizes of RFC 8301).
//!
//! Signatures are relaxed/relaxed. The headers that matter to readers and filters are listed once more than they
//! occur, so that adding another one breaks the signature. Bodies are encoded so that their relaxed form is the
//! body itself (`quoted_printable`), and headers arrive hashed. This file adds one signature per key.

use crate::{
    domain::subscriber::email_address::EmailAddress,
    mail::message::dkim_keys::{DkimKey, DkimKeys},
};
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use std::sync::Arc;

/// The headers that a signature covers, in the order in which they are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// Without one-click unsubscribe.
    Plain,
    /// With `List-Unsubscribe` and `List-Unsubscribe-Post`, which RFC 8058 section 4 requires to be signed.
    WithOneClick,
}

/// The signed headers that all copies share, in the order of [`Listed`]. A recipient's own follow.
const SHARED: [&str; 9] = [
    "From",
    "Subject",
    "Date",
    "MIME-Version",
    "Content-Type",
    "List-Id",
    "Reply-To",
    "List-Unsubscribe-Post",
    "Feedback-ID",
];

/// Headers that readers see or filters use, listed once more than a message has them: adding one breaks the
/// signature (RFC 6376 section 8.15).
macro_rules! once_more {
    () => {
        "From:To:Cc:Subject:Date:Reply-To:Message-ID:MIME-Version:Content-Type:\r\n \
         List-Id:List-Unsubscribe:List-Unsubscribe-Post:List-Help:\r\n \
         List-Subscribe:List-Post:List-Owner:List-Archive;"
    };
}

impl Listed {
    const fn tag(self) -> &'static str {
        match self {
            Self::Plain => {
                concat!(
                    "h=From:Subject:Date:MIME-Version:Content-Type:List-Id:Reply-To:\r\n \
                     Feedback-ID:To:Message-ID:\r\n ",
                    once_more!()
                )
            }
            Self::WithOneClick => {
                concat!(
                    "h=From:Subject:Date:MIME-Version:Content-Type:List-Id:\r\n \
                     Reply-To:List-Unsubscribe-Post:Feedback-ID:To:Message-ID:\r\n \
                     List-Unsubscribe:\r\n ",
                    once_more!()
                )
            }
        }
    }
}

/// Characters of a signature per line, not counting the leading space.
const SIGNATURE_LINE: usize = 72;

/// The keys that sign a sender's email; by default none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Signers(Vec<Arc<DkimKey>>);

/// A key failed to sign, for the domain named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message can't be signed for {0}")]
pub struct SignError(String);

impl DkimKeys {
    /// Returns the keys that sign a sender's email.
    pub fn for_sender(&self, sender: &EmailAddress) -> Signers {
        Signers(self.covering(sender))
    }
}

impl Signers {
    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes a `DKIM-Signature` header for each key. `headers`: the hash of the signed headers in relaxed
    /// form.
    pub(super) fn sign(
        &self,
        listed: Listed,
        headers: &digest::Context,
        body_hash: &digest::Digest,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), SignError> {
        let body_hash = STANDARD.encode(body_hash);
        for key in &self.0 {
            let tags = format!("{}\r\n t={}; bh={body_hash};\r\n b=", listed.tag(), now.as_second());
            let mut hash = headers.clone();
            hash.update(key.relaxed_start().as_bytes());
            // The tags contain only single spaces and single line breaks.
            hash.update(tags.replace("\r\n", "").as_bytes());
            let signature = key.sign(&hash.finish()).ok_or_else(|| SignError(key.domain().to_owned()))?;
            out.extend_from_slice(key.start().as_bytes());
            out.extend_from_slice(tags.as_bytes());
            for (index, line) in STANDARD.encode(signature).as_bytes().chunks(SIGNATURE_LINE).enumerate() {
                if index > 0 {
                    out.extend_from_slice(b"\r\n ");
                }
                out.extend_from_slice(line);
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

/// Starts the hash of the signed headers with those that all copies share.
pub(super) fn hash_shared(headers: &str) -> digest::Context {
    let mut hash = digest::Context::new(&digest::SHA256);
    let lines = relaxed_lines(headers);
    for name in SHARED {
        let prefix = format!("{}:", name.to_ascii_lowercase());
        if let Some(line) = lines.iter().find(|line| line.starts_with(&prefix)) {
            hash.update(line.as_bytes());
        }
    }
    hash
}

/// Returns each header in the relaxed form that DKIM signs (RFC 6376 section 3.4.2), its line break included.
pub(super) fn relaxed_lines(headers: &str) -> Vec<String> {
    let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded
        .split_terminator("\r\n")
        .map(|header| {
            let (name, value) = header.split_once(':').unwrap_or((header, ""));
            let words: Vec<&str> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            format!("{}:{}\r\n", name.trim_end().to_ascii_lowercase(), words.join(" "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_the_tags_is_too_long() {
        for listed in [Listed::Plain, Listed::WithOneClick] {
            assert!(listed.tag().split("\r\n").all(|line| line.len() < 76), "{}", listed.tag());
            assert!(!listed.tag().contains("  "));
        }
    }

    #[test]
    fn headers_are_relaxed_as_in_the_rfc() {
        let relaxed = relaxed_lines("SubJect :\t Two  words \r\n\tmore \r\nTo:\r\n");
        assert_eq!(relaxed, ["subject:Two words more\r\n", "to:\r\n"]);
    }
}
