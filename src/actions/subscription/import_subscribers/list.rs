//! Reads a list of readers row by row, in any common encoding and with any common separator.

use crate::domain::{
    import::{Dates, Layout, LayoutError, LayoutOptions, Refusal, Row},
    subscriber::email_address::EmailAddress,
};
use csv::{ByteRecord, ReaderBuilder, StringRecord};
use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::{
    io::{self, Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Longest row in bytes. Without a limit, an unclosed quotation mark would make the rest of the file one row.
pub const MAX_ROW_BYTES: usize = 1 << 20;
/// Longest first line in bytes.
const MAX_HEADER_BYTES: u64 = 1 << 16;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(
        "line {line}: a row of more than {} KiB begins here; check for an unclosed quotation mark. The rows before it were imported. \
         Correct the file and import it again",
        MAX_ROW_BYTES / 1024
    )]
    EndlessRow { line: u64 },
    #[error("the file can't be read: {0}")]
    Read(#[from] io::Error),
}

/// A row with the number of its first line.
pub type NumberedRow = (u64, Result<Row, RefusedRow>);

/// A row that can't be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// The address, if it could be read.
    pub address: Option<EmailAddress>,
    pub reason: Refusal,
}

pub struct List {
    rows: csv::Reader<Box<dyn Read + Send>>,
    left: Arc<AtomicUsize>,
    layout: Layout,
    dates: Dates,
    record: ByteRecord,
}

/// Limits the bytes of a row, and normalizes line ends, so that lines can be counted.
struct Bounded<R> {
    inner: R,
    left: Arc<AtomicUsize>,
    after_return: bool,
}

impl<R> Bounded<R> {
    /// Replaces all kinds of line ends by `\n`, in place. Returns the new length.
    fn normalize_line_ends(&mut self, bytes: &mut [u8]) -> usize {
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

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.left.load(Ordering::Relaxed);
            if left == 0 {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "row too long"));
            }
            let read = self.inner.read(buffer)?;
            self.left.store(left.saturating_sub(read), Ordering::Relaxed);
            let kept = self.normalize_line_ends(&mut buffer[..read]);
            // Reading nothing means the end of the file, but keeping nothing doesn't.
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

impl List {
    /// Opens a list and reads its first line. Without an encoding the list is UTF-8, or as its byte order
    /// mark says.
    pub fn open(
        file: impl Read + Send + 'static,
        encoding: Option<&'static Encoding>,
        options: &LayoutOptions,
        dates: Dates,
    ) -> Result<Self, ListError> {
        let mut text = DecodeReaderBytesBuilder::new()
            .encoding(encoding)
            .bom_override(true)
            .strip_bom(true)
            .utf8_passthru(true)
            .build(file);
        let mut head = Vec::new();
        (&mut text).take(MAX_HEADER_BYTES).read_to_end(&mut head)?;
        let separator = separator(&head);
        let left = Arc::new(AtomicUsize::new(MAX_ROW_BYTES));
        // Ends the last line like the others.
        let inner = Cursor::new(head).chain(text).chain(&b"\n"[..]);
        let bounded = Bounded { inner, left: Arc::clone(&left), after_return: false };
        let mut rows = ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .has_headers(false)
            .from_reader(Box::new(bounded) as Box<dyn Read + Send>);
        let mut record = ByteRecord::new();
        rows.read_byte_record(&mut record).map_err(|error| failed(&error, 1))?;
        let names = record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>();
        let layout = Layout::of(names.iter().map(AsRef::as_ref), options)?;
        Ok(Self { rows, left, layout, dates, record })
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads the next row. `None` at the end of the list.
    pub fn next_row(&mut self) -> Result<Option<NumberedRow>, ListError> {
        self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
        let at = self.rows.position().line();
        if !self.rows.read_byte_record(&mut self.record).map_err(|error| failed(&error, at))? {
            return Ok(None);
        }
        // The reader skips empty lines before a row, so the first line is counted back from the last.
        let within = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let line = self.rows.position().line().saturating_sub(within + 1);
        let row = match StringRecord::from_byte_record(std::mem::take(&mut self.record)) {
            Ok(text) => {
                let refused = |reason| RefusedRow { address: self.layout.address(&text), reason };
                let row = self.layout.read(&text, &self.dates).map_err(refused);
                self.record = text.into_byte_record();
                row
            }
            Err(_) => Err(RefusedRow { address: None, reason: Refusal::NotText }),
        };
        Ok(Some((line, row)))
    }
}

fn failed(error: &csv::Error, line: u64) -> ListError {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            ListError::EndlessRow { line }
        }
        csv::ErrorKind::Io(error) => ListError::Read(io::Error::new(error.kind(), error.to_string())),
        other => ListError::Read(io::Error::other(format!("{other:?}"))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn open(bytes: impl Into<Vec<u8>>, encoding: Option<&str>) -> Result<List, ListError> {
        let encoding = encoding.map(|label| Encoding::for_label(label.as_bytes()).unwrap());
        let dates = Dates { format: None, zone: TimeZone::UTC, now: "2026-05-01T12:00:00Z".parse().unwrap() };
        let options = LayoutOptions { all_confirmed: true, ..LayoutOptions::default() };
        List::open(Cursor::new(bytes.into()), encoding, &options, dates)
    }

    /// Returns each row as its line and its address or problem.
    fn rows(bytes: impl Into<Vec<u8>>, encoding: Option<&str>) -> Vec<String> {
        let mut list = open(bytes, encoding).unwrap();
        let mut found = Vec::new();
        while let Some((line, row)) = list.next_row().unwrap() {
            found.push(match row {
                Ok(row) => format!("{line} {}", row.address),
                Err(refused) => format!("{line} {}", refused.reason.kind()),
            });
        }
        found
    }

    #[test]
    fn common_encodings_separators_and_line_ends_are_read() {
        let expected = ["2 ann@example.org", "4 bob@example.org"];
        let text = "Name;Email\nAnn;ann@example.org\n\n\"Bob; the\nfirst\";bob@example.org\n";
        assert_eq!(rows(text, None), expected);
        assert_eq!(rows(text.replace('\n', "\r\n").replace(';', "\t"), None), expected);
        assert_eq!(rows(text.replace('\n', "\r"), None), expected);
        assert_eq!(rows(text.trim_end(), None), expected);
        assert_eq!(rows(format!("\u{feff}{}", text.replace(';', "|")), None), expected);
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(rows(utf16, None), expected);
    }

    #[test]
    fn rows_in_an_unnamed_encoding_are_refused() {
        let text = b"Email,Name\nzoe@example.fr,Zo\xeb\nann@example.org,Ann\n".to_vec();
        assert_eq!(rows(text.clone(), None), ["2 encoding", "3 ann@example.org"]);
        assert_eq!(rows(text, Some("latin1")), ["2 zoe@example.fr", "3 ann@example.org"]);
    }

    #[test]
    fn an_endless_row_is_an_error_and_not_kept_in_memory() {
        let mut text = b"Email\nann@example.org\n\"bob@example.org\n".to_vec();
        text.resize(4 * MAX_ROW_BYTES, b'x');
        let mut list = open(text, None).unwrap();
        assert!(matches!(list.next_row(), Ok(Some((2, Ok(_))))));
        assert!(matches!(list.next_row(), Err(ListError::EndlessRow { line: 3 })));
        assert!(matches!(open("", None), Err(ListError::Layout(LayoutError::Empty))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            for head in [&b""[..], b"email\n", b"\xff\xfe", b"email;status\n\""] {
                let Ok(mut list) = open([head, &bytes].concat(), None) else { continue };
                while let Ok(Some(_)) = list.next_row() {}
            }
        }
    }
}
