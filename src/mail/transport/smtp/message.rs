//! Checks messages before they are sent, and dot-stuffs them.

use memchr::{memchr, memchr_iter, memmem};
use std::borrow::Cow;

/// Maximum length of a line without its CRLF, in bytes (RFC 5321 section 4.5.3.1.6).
pub(super) const MAX_LINE_BYTES: usize = 998;

/// Reasons why a message is not sent at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidMessage {
    /// A bare CR or LF allows SMTP smuggling: servers differ in what ends a line, so one may see the end of
    /// the message where another doesn't, and read the rest as commands.
    #[error("the message has a bare CR or LF, which can't be sent")]
    BareLineEnd,
    #[error("the message has a NUL byte, which can't be sent")]
    Nul,
    #[error("the message has a line of more than {MAX_LINE_BYTES} bytes")]
    LongLine,
}

#[derive(Debug)]
pub(super) struct CheckedMessage<'a> {
    message: &'a [u8],
    /// Positions of lines that begin with a dot.
    dots: Vec<usize>,
    /// Whether the body has non-ASCII bytes.
    pub eight_bit: bool,
    /// Whether the header has non-ASCII bytes (RFC 6532).
    pub utf8_header: bool,
}

impl<'a> CheckedMessage<'a> {
    pub fn new(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        if memchr(0, message).is_some() {
            return Err(InvalidMessage::Nul);
        }
        let (mut start, mut lines) = (0, 0);
        let mut dots = Vec::new();
        for end in memchr_iter(b'\n', message) {
            // If each LF follows a CR, and there are as many CRs as LFs, none is bare.
            if end == start || message[end - 1] != b'\r' {
                return Err(InvalidMessage::BareLineEnd);
            }
            if end - 1 - start > MAX_LINE_BYTES {
                return Err(InvalidMessage::LongLine);
            }
            if message[start] == b'.' {
                dots.push(start);
            }
            start = end + 1;
            lines += 1;
        }
        if memchr_iter(b'\r', message).count() != lines {
            return Err(InvalidMessage::BareLineEnd);
        }
        if message.len() - start > MAX_LINE_BYTES {
            return Err(InvalidMessage::LongLine);
        }
        if message.get(start) == Some(&b'.') {
            dots.push(start);
        }
        let (mut eight_bit, mut utf8_header) = (false, false);
        if !message.is_ascii() {
            let (header, body) =
                message.split_at(memmem::find(message, b"\r\n\r\n").unwrap_or(message.len()));
            (utf8_header, eight_bit) = (!header.is_ascii(), !body.is_ascii());
        }
        Ok(Self { message, dots, eight_bit, utf8_header })
    }

    /// Returns the size in bytes with the final CRLF, before dot-stuffing (RFC 1870 section 3).
    pub fn size(&self) -> usize {
        self.message.len() + if self.ends_with_crlf() { 0 } else { 2 }
    }

    /// Returns the dot-stuffed message (RFC 5321 section 4.5.2) and its end marker.
    pub fn to_wire(&self) -> (Cow<'a, [u8]>, &'static [u8]) {
        let end: &[u8] = if self.ends_with_crlf() { b".\r\n" } else { b"\r\n.\r\n" };
        if self.dots.is_empty() {
            return (Cow::Borrowed(self.message), end);
        }
        let mut stuffed = Vec::with_capacity(self.message.len() + self.dots.len());
        let mut from = 0;
        for &dot in &self.dots {
            stuffed.extend_from_slice(&self.message[from..dot]);
            stuffed.push(b'.');
            from = dot;
        }
        stuffed.extend_from_slice(&self.message[from..]);
        (Cow::Owned(stuffed), end)
    }

    fn ends_with_crlf(&self) -> bool {
        self.message.is_empty() || self.message.ends_with(b"\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(message: &[u8]) -> Vec<u8> {
        let checked = CheckedMessage::new(message).unwrap();
        let (body, end) = checked.to_wire();
        [&body, end].concat()
    }

    #[test]
    fn dots_are_doubled_where_a_line_begins_with_one() {
        assert_eq!(wire(b"a\r\n.\r\n..b\r\nc.\r\n"), b"a\r\n..\r\n...b\r\nc.\r\n.\r\n");
        assert_eq!(wire(b".a"), b"..a\r\n.\r\n");
        assert_eq!(wire(b"a\r\n."), b"a\r\n..\r\n.\r\n");
        assert_eq!(wire(b""), b".\r\n");
        assert!(matches!(CheckedMessage::new(b"a\r\n").unwrap().to_wire().0, Cow::Borrowed(_)));
    }

    #[test]
    fn ambiguous_line_ends_are_rejected() {
        for message in [
            &b"a\nb\r\n"[..],
            b"\n",
            b"a\rb\r\n",
            b"a\r",
            b"a\r\r\n",
            b"\n.\n",
            b"\n.\r\n",
            b"\r.\r",
            b"a\r\n.\r",
            b"a\r\n.\rMAIL FROM:<eve@example.org>\r\n",
            b"a\n.\nMAIL FROM:<eve@example.org>\r\n",
        ] {
            let text = String::from_utf8_lossy(message);
            assert_eq!(CheckedMessage::new(message).unwrap_err(), InvalidMessage::BareLineEnd, "{text:?}");
        }
        assert_eq!(CheckedMessage::new(b"a\0b\r\n").unwrap_err(), InvalidMessage::Nul);
        for length in [MAX_LINE_BYTES, MAX_LINE_BYTES + 1] {
            let line = vec![b'x'; length];
            let long = length > MAX_LINE_BYTES;
            for message in
                [line.clone(), [&line[..], b"\r\n"].concat(), [b"a\r\n", &line[..], b"\r\nb\r\n"].concat()]
            {
                assert_eq!(CheckedMessage::new(&message).err(), long.then_some(InvalidMessage::LongLine));
            }
        }
    }

    #[test]
    fn size_and_character_set_are_detected() {
        let checked = CheckedMessage::new(b"Subject: x\r\n\r\n.d\r\nend").unwrap();
        assert_eq!((checked.size(), checked.eight_bit, checked.utf8_header), (23, false, false));
        let checked = CheckedMessage::new("Subject: x\r\n\r\nGrüße\r\n".as_bytes()).unwrap();
        assert_eq!((checked.eight_bit, checked.utf8_header), (true, false));
        let checked = CheckedMessage::new("Subject: Grüße\r\n\r\nx\r\n".as_bytes()).unwrap();
        assert_eq!((checked.eight_bit, checked.utf8_header), (false, true));
    }

    proptest! {
        /// A server that only implements RFC 5321 reads back the same message and one end.
        #[test]
        fn a_server_reads_back_the_same_message(message in "[.\r\nab]{0,40}|([.a]{0,3}\r\n){0,12}") {
            let Ok(checked) = CheckedMessage::new(message.as_bytes()) else {
                let rest = message.replace("\r\n", "");
                prop_assert!(rest.contains(['\r', '\n']), "rejected without a reason");
                return Ok(());
            };
            let (body, end) = checked.to_wire();
            let sent = String::from_utf8([&body, end].concat()).unwrap();
            let mut read = String::new();
            let mut rest = sent.as_str();
            loop {
                let (line, after) = rest.split_once("\r\n").expect("an end");
                rest = after;
                if line == "." {
                    break;
                }
                prop_assert!(!line.contains(['\r', '\n']));
                read.push_str(line.strip_prefix('.').unwrap_or(line));
                read.push_str("\r\n");
            }
            prop_assert_eq!(rest, "", "nothing after the end");
            let size = checked.size();
            let whole = if message.is_empty() || message.ends_with("\r\n") { message } else { message + "\r\n" };
            prop_assert_eq!(whole.len(), size);
            prop_assert_eq!(read, whole);
        }
    }
}
