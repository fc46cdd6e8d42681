//! ReplyParser (RFC 5321 section 4.2), read within bounds from pieces of any size.

use std::borrow::Cow;

/// Maximum length of a line, in bytes. RFC 5321 section 4.5.3.1.5 asks for 512; some servers write more.
pub(super) const MAX_LINE_BYTES: usize = 2_048;
/// Maximum number of lines in a reply.
pub(super) const MAX_LINES: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The text of each line without its code; at least one line.
    pub lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyClass {
    Success,
    /// 3xx: the relay waits for more.
    Intermediate,
    /// 4xx: try again later.
    TransientFailure,
    /// 421: the relay closes the connection, whatever the command was (RFC 5321 section 3.8).
    Closing,
    PermanentFailure,
}

impl Reply {
    pub fn class(&self) -> ReplyClass {
        match self.code {
            421 => ReplyClass::Closing,
            200..300 => ReplyClass::Success,
            300..400 => ReplyClass::Intermediate,
            400..500 => ReplyClass::TransientFailure,
            _ => ReplyClass::PermanentFailure,
        }
    }

    /// Returns all lines joined by spaces.
    pub fn text(&self) -> Cow<'_, str> {
        match self.lines.as_slice() {
            [one] => Cow::Borrowed(one),
            lines => Cow::Owned(lines.join(" ")),
        }
    }
}

/// Reasons why bytes are no SMTP reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("a line longer than {MAX_LINE_BYTES} bytes")]
    LongLine,
    #[error("a reply of more than {MAX_LINES} lines")]
    ManyLines,
    #[error("a line that does not begin with a reply code")]
    NoCode,
    #[error("a reply with different codes in its lines")]
    TwoCodes,
}

/// Parses replies incrementally. Each byte is scanned once, however small the chunks are.
#[derive(Debug, Default)]
pub(super) struct ReplyParser {
    /// Received bytes. The caller appends to them.
    pub bytes: Vec<u8>,
    /// Start of the current line.
    start: usize,
    /// Position up to which the line's end was searched.
    scanned: usize,
    /// Code and lines of the current reply.
    code: u16,
    lines: Vec<String>,
}

impl ReplyParser {
    /// Whether there are no unparsed bytes.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len() && self.lines.is_empty()
    }

    /// Returns the next reply, if it is complete.
    pub fn next(&mut self) -> Result<Option<Reply>, Malformed> {
        while let Some(at) = memchr::memchr(b'\n', &self.bytes[self.scanned..]) {
            let end = self.scanned + at;
            let line = &self.bytes[self.start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (code, last, text) = parse_line(line)?;
            if !self.lines.is_empty() && code != self.code {
                return Err(Malformed::TwoCodes);
            }
            if self.lines.len() == MAX_LINES {
                return Err(Malformed::ManyLines);
            }
            self.code = code;
            self.lines.push(text);
            self.start = end + 1;
            self.scanned = self.start;
            if last {
                self.discard_parsed();
                return Ok(Some(Reply { code, lines: std::mem::take(&mut self.lines) }));
            }
        }
        self.scanned = self.bytes.len();
        self.discard_parsed();
        if self.bytes.len() - self.start > MAX_LINE_BYTES {
            return Err(Malformed::LongLine);
        }
        Ok(None)
    }

    fn discard_parsed(&mut self) {
        self.bytes.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
    }
}

/// Returns code, whether the line is the last one, and text.
fn parse_line(line: &[u8]) -> Result<(u16, bool, String), Malformed> {
    if line.len() > MAX_LINE_BYTES {
        return Err(Malformed::LongLine);
    }
    let (&[a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'], rest) =
        line.split_first_chunk::<3>().ok_or(Malformed::NoCode)?
    else {
        return Err(Malformed::NoCode);
    };
    let code = [a, b, c].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (last, text) = match rest.split_first() {
        // A code without text is valid (RFC 5321 section 4.2).
        None => (true, rest),
        Some((b' ', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return Err(Malformed::NoCode),
    };
    Ok((code, last, String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<Reply>, Malformed> {
        let mut replies = ReplyParser::default();
        let mut found = Vec::new();
        for piece in pieces {
            replies.bytes.extend_from_slice(piece);
            while let Some(reply) = replies.next()? {
                found.push(reply);
            }
        }
        Ok(found)
    }

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|&line| line.to_owned()).collect() }
    }

    #[test]
    fn single_and_multi_line_replies_are_parsed() {
        let bytes = b"220 relay.example ready\r\n250-one\r\n250-\r\n250 \xFFthree\r\n354\r\n250\n";
        let expected = vec![
            reply(220, &["relay.example ready"]),
            reply(250, &["one", "", "\u{fffd}three"]),
            reply(354, &[""]),
            reply(250, &[""]),
        ];
        assert_eq!(read(&[bytes]).unwrap(), expected);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single).unwrap(), expected);
        assert_eq!(expected[1].text(), "one  \u{fffd}three");
    }

    #[test]
    fn invalid_replies_are_rejected_with_a_reason() {
        for (bytes, why) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], Malformed::NoCode),
            (b"\r\n", Malformed::NoCode),
            (b"25\r\n", Malformed::NoCode),
            (b"150 x\r\n", Malformed::NoCode),
            (b"650 x\r\n", Malformed::NoCode),
            (b"250x\r\n", Malformed::NoCode),
            (b"+50 x\r\n", Malformed::NoCode),
            (b"250-a\r\n251 b\r\n", Malformed::TwoCodes),
        ] {
            assert_eq!(read(&[bytes]), Err(why), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn lines_and_replies_are_limited() {
        let long = [b"250 ".to_vec(), vec![b'x'; MAX_LINE_BYTES]].concat();
        assert_eq!(read(&[&long]), Err(Malformed::LongLine), "even before its end");
        let ended = [long.as_slice(), b"\r\n"].concat();
        assert_eq!(read(&[&ended]), Err(Malformed::LongLine));
        let just = [b"250 ".to_vec(), vec![b'x'; MAX_LINE_BYTES - 4], b"\r\n".to_vec()].concat();
        assert_eq!(read(&[&just]).unwrap().len(), 1);
        let endless = b"250-again\r\n".repeat(MAX_LINES + 1);
        assert_eq!(read(&[&endless]), Err(Malformed::ManyLines));
    }

    #[test]
    fn unparsed_bytes_are_detected() {
        let mut replies = ReplyParser::default();
        replies.bytes.extend_from_slice(b"220 ready\r\n250 injected");
        assert!(replies.next().unwrap().is_some());
        assert!(!replies.is_empty());
        replies.bytes.extend_from_slice(b"\r\n");
        assert!(replies.next().unwrap().is_some());
        assert!(replies.is_empty());
        replies.bytes.extend_from_slice(b"250-half\r\n");
        assert_eq!(replies.next(), Ok(None));
        assert!(!replies.is_empty());
    }

    proptest! {
        #[test]
        fn chunk_sizes_make_no_difference(
            lines in prop::collection::vec("(2[0-5]0[- ][a-z]{0,5}|[0-9a-z -]{0,6})(\r\n|\n)", 0..8),
            size in 1_usize..9,
        ) {
            let bytes = lines.concat().into_bytes();
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(read(&pieces), read(&[&bytes]));
        }
    }
}
