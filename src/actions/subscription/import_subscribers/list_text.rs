//! The text of a list: its encoding, its separator, and whether its quotation marks are closed.

use crate::{
    actions::subscription::import_subscribers::list_error::{ListError, MAX_ROW_BYTES},
    domain::encoding::utf16_without_mark,
};
use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::io::{self, BufReader, Cursor, Read};

/// Longest first line in bytes.
const MAX_HEADER_BYTES: u64 = 1 << 16;
/// Bytes by which an encoding is recognized.
const SAMPLE_BYTES: u64 = 256;

/// A list as UTF-8, with `\n` as the only line end.
pub(super) struct ListText<'a> {
    pub text: Box<dyn Read + Send + 'a>,
    pub separator: u8,
    /// Number of lines that were left out before the text.
    pub skipped: u64,
}

impl<'a> ListText<'a> {
    /// Opens a list. Without an encoding it is UTF-8, UTF-16 by its zeros, or as its byte order mark says. A
    /// first line such as `sep=;`, which spreadsheets write, names the separator.
    pub fn open(
        mut file: impl Read + Send + 'a,
        encoding: Option<&'static Encoding>,
    ) -> Result<Self, ListError> {
        let mut sample = Vec::new();
        (&mut file).take(SAMPLE_BYTES).read_to_end(&mut sample)?;
        let encoding = encoding.or_else(|| utf16_without_mark(&sample));
        let mut text = DecodeReaderBytesBuilder::new()
            .encoding(encoding)
            .bom_override(true)
            .strip_bom(true)
            .utf8_passthru(true)
            .build(Cursor::new(sample).chain(file));
        let mut head = Vec::new();
        (&mut text).take(MAX_HEADER_BYTES).read_to_end(&mut head)?;
        let (separator, skipped) = match named_separator(&head) {
            Some((separator, length)) => {
                head.drain(..length);
                (separator, 1)
            }
            None => (separator(&head), 0),
        };
        // Ends the last line like the others.
        let inner = Cursor::new(head).chain(text).chain(&b"\n"[..]);
        Ok(Self { text: Box::new(OneLineEnd { inner, after_return: false }), separator, skipped })
    }

    /// Reads the whole list and fails if a quotation mark is never closed, or a row has no end. Every row
    /// after an open mark would be lost.
    pub fn check(self) -> Result<(), ListError> {
        let mut state = State::Start;
        let (mut line, mut row, mut bytes) = (self.skipped + 1, self.skipped + 1, 0_usize);
        for byte in BufReader::with_capacity(1 << 16, self.text).bytes() {
            let byte = byte?;
            bytes += 1;
            if bytes > MAX_ROW_BYTES {
                return Err(ListError::EndlessRow { line: row });
            }
            state = match (state, byte) {
                (State::Start, b'"') => State::Quoted(line),
                (State::Quoted(from), b'"') => State::Closed(from),
                (State::Closed(from), b'"') | (State::Quoted(from), _) => State::Quoted(from),
                (_, byte) if byte == b'\n' || byte == self.separator => State::Start,
                _ => State::Plain,
            };
            line += u64::from(byte == b'\n');
            if byte == b'\n' && matches!(state, State::Start) {
                (row, bytes) = (line, 0);
            }
        }
        match state {
            State::Quoted(line) => Err(ListError::OpenQuote { line }),
            _ => Ok(()),
        }
    }
}

/// Where a CSV parser is (RFC 4180). The numbers are lines of opening quotation marks.
#[derive(Clone, Copy)]
enum State {
    /// At the start of a cell.
    Start,
    /// In a cell without quotation marks.
    Plain,
    Quoted(u64),
    /// After a mark that closes the cell, or begins a doubled one.
    Closed(u64),
}

/// Replaces all kinds of line ends by `\n`, so that lines can be counted.
struct OneLineEnd<R> {
    inner: R,
    after_return: bool,
}

impl<R> OneLineEnd<R> {
    /// Replaces line ends in place. Returns the new length.
    fn normalize(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for place in 0..bytes.len() {
            let byte = bytes[place];
            if !(byte == b'\n' && self.after_return) {
                bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
            self.after_return = byte == b'\r';
        }
        kept
    }
}

impl<R: Read> Read for OneLineEnd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(buffer)?;
            let kept = self.normalize(&mut buffer[..read]);
            // Reading nothing means the end of the file, but keeping nothing doesn't.
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

/// Returns the separator that a first line such as `sep=;` names, and the length of that line.
fn named_separator(head: &[u8]) -> Option<(u8, usize)> {
    let end = head.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(head.len());
    let line = head[..end].strip_prefix(b"\"").unwrap_or(&head[..end]);
    let name = line.get(..4).filter(|name| name.eq_ignore_ascii_case(b"sep="))?;
    let separator = match &line[name.len()..] {
        [separator] | [separator, b'"'] if separator.is_ascii() => *separator,
        _ => return None,
    };
    let line_end = if head[end..].starts_with(b"\r\n") { 2 } else { 1 };
    Some((separator, (end + line_end).min(head.len())))
}

/// Detects the separator: the most frequent candidate outside quotation marks in the first line.
fn separator(head: &[u8]) -> u8 {
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => {
                if counts.iter().any(|(_, count)| *count > 0) {
                    break;
                }
            }
            _ if quoted => {}
            other => {
                if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| separator == other) {
                    *count += 1;
                }
            }
        }
    }
    // The first of equally frequent ones.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}
