//! Reads a list of readers row by row, in any common encoding and with any common separator.

use crate::{
    actions::subscription::import_subscribers::{
        list_error::{ListError, MAX_ROW_BYTES},
        list_text::ListText,
    },
    domain::{
        import::{Dates, Layout, LayoutOptions, Refusal, Row},
        subscriber::email_address::EmailAddress,
    },
};
use csv::{ByteRecord, ReaderBuilder, StringRecord};
use encoding_rs::Encoding;
use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A row with the number of its first line.
pub type NumberedRow = (u64, Result<Row, RefusedRow>);

/// A row that can't be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// The address, if it could be read.
    pub address: Option<EmailAddress>,
    pub reason: Refusal,
}

/// Rows of a list that a person sees before they choose its columns.
const HEAD_ROWS: usize = 3;

/// The beginning of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHead {
    /// The names of the columns, or their numbers from 1.
    pub columns: Vec<String>,
    /// The first rows.
    pub rows: Vec<Vec<String>>,
    /// The column of addresses, if the list doesn't name its columns.
    pub addresses: Option<usize>,
}

pub struct List {
    rows: csv::Reader<Bounded>,
    left: Arc<AtomicUsize>,
    layout: Layout,
    dates: Dates,
    record: ByteRecord,
    /// Lines before those that the CSV reader counts.
    skipped: u64,
    /// Whether `record` is the first line and holds a reader, because the list doesn't name its columns.
    is_first_row: bool,
}

/// Limits the bytes of a row.
struct Bounded {
    inner: Box<dyn Read + Send>,
    left: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "row too long"));
        }
        let read = self.inner.read(buffer)?;
        self.left.store(left.saturating_sub(read), Ordering::Relaxed);
        Ok(read)
    }
}

impl List {
    /// Opens a list and reads its first line. If that has an address, the list doesn't name its columns, and
    /// they are named by their numbers, from 1.
    pub fn open(
        file: impl Read + Send + 'static,
        encoding: Option<&'static Encoding>,
        options: &LayoutOptions,
        dates: Dates,
    ) -> Result<Self, ListError> {
        let (rows, left, skipped, record) = first_line(file, encoding)?;
        let cells = cells(&record);
        let addresses = addresses(&cells);
        let layout = match addresses {
            Some(column) => Layout::without_names(cells.len(), column, options)?,
            None => Layout::of(cells.iter().map(AsRef::as_ref), options)?,
        };
        Ok(Self { rows, left, layout, dates, record, skipped, is_first_row: addresses.is_some() })
    }

    /// Reads the first rows of a list, for a person who says what its columns mean.
    pub fn head(
        file: impl Read + Send + 'static,
        encoding: Option<&'static Encoding>,
    ) -> Result<ListHead, ListError> {
        let (mut rows, left, skipped, mut record) = first_line(file, encoding)?;
        let first = cells(&record);
        let addresses = addresses(&first);
        let mut head = ListHead { columns: first, rows: Vec::new(), addresses };
        if addresses.is_some() {
            let names = (1..=head.columns.len()).map(|number| number.to_string()).collect();
            head.rows.push(std::mem::replace(&mut head.columns, names));
        }
        while head.rows.len() < HEAD_ROWS {
            left.store(MAX_ROW_BYTES, Ordering::Relaxed);
            let at = rows.position().line() + skipped;
            if !rows.read_byte_record(&mut record).map_err(|error| failed(&error, at))? {
                break;
            }
            head.rows.push(cells(&record));
        }
        Ok(head)
    }

    /// Fails if the list has a quotation mark that is never closed, or a row without an end.
    pub fn check(file: impl Read + Send, encoding: Option<&'static Encoding>) -> Result<(), ListError> {
        ListText::open(file, encoding)?.check()
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads the next row. `None` at the end of the list.
    pub fn next_row(&mut self) -> Result<Option<NumberedRow>, ListError> {
        self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
        let at = self.rows.position().line() + self.skipped;
        if !std::mem::take(&mut self.is_first_row)
            && !self.rows.read_byte_record(&mut self.record).map_err(|error| failed(&error, at))?
        {
            return Ok(None);
        }
        // The reader skips empty lines before a row, so the first line is counted back from the last.
        let within = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let line = (self.rows.position().line() + self.skipped).saturating_sub(within + 1);
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

/// Opens a list and reads its first line. Returns the rows after it, the bytes that are left of the next row, the
/// number of lines before those that the CSV reader counts, and the first line.
fn first_line(
    file: impl Read + Send + 'static,
    encoding: Option<&'static Encoding>,
) -> Result<(csv::Reader<Bounded>, Arc<AtomicUsize>, u64, ByteRecord), ListError> {
    let ListText { text, separator, skipped } = ListText::open(file, encoding)?;
    let left = Arc::new(AtomicUsize::new(MAX_ROW_BYTES));
    let mut rows = ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(Bounded { inner: text, left: Arc::clone(&left) });
    let mut record = ByteRecord::new();
    rows.read_byte_record(&mut record).map_err(|error| failed(&error, skipped + 1))?;
    Ok((rows, left, skipped, record))
}

fn cells(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

/// Returns the first cell of a row that has an address.
fn addresses(cells: &[String]) -> Option<usize> {
    cells.iter().position(|cell| EmailAddress::parse(cell).is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::import::LayoutError;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use std::io::Cursor;

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
    fn a_first_line_can_name_the_separator() {
        let text = "sep=;\r\nName;Email\r\n\"a,b,c,d\";ann@example.org\r\n";
        assert_eq!(rows(text, None), ["3 ann@example.org"]);
        assert_eq!(rows(text.replace("sep=;", "\"SEP=;\""), None), ["3 ann@example.org"]);
    }

    #[test]
    fn utf16_is_recognized_without_a_byte_order_mark() {
        let text = "Name\tEmail\nAnn\tann@example.org\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(rows(little, None), ["2 ann@example.org"]);
        assert_eq!(rows(big, None), ["2 ann@example.org"]);
    }

    #[test]
    fn a_list_needs_no_column_names() {
        let expected = ["1 ann@example.org", "2 bob@example.org"];
        assert_eq!(rows("ann@example.org\nbob@example.org\n", None), expected);
        assert_eq!(rows("Ann;ann@example.org\nBob;bob＠example.org\n", None), expected);
    }

    #[test]
    fn the_head_has_the_columns_and_the_first_rows() {
        let head = |text: &str| List::head(Cursor::new(text.to_owned()), None).unwrap();
        let named =
            head("Name;Email\nAnn;ann@example.org\n\nBob;bob@example.org\nCyd;c@example.org\nDee;d\n");
        assert_eq!(named.columns, ["Name", "Email"]);
        assert_eq!((named.rows.len(), named.rows[1][0].as_str(), named.addresses), (3, "Bob", None));
        let numbered = head("Ann,ann@example.org\n");
        assert_eq!(numbered.columns, ["1", "2"]);
        assert_eq!((numbered.rows.len(), numbered.addresses), (1, Some(1)));
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_found_first() {
        let check = |text: &str| List::check(Cursor::new(text.to_owned()), None);
        let text = "Email,Note\nann@example.org,\"so \"\"far\"\"\"\nbob@example.org,\"never closed\ncyd@example.org,\n";
        assert!(matches!(check(text), Err(ListError::OpenQuote { line: 3 })));
        assert!(matches!(check(&format!("sep=,\n{text}")), Err(ListError::OpenQuote { line: 4 })));
        assert!(check("Email,Note\nann@example.org,5\" nails\nbob@example.org,\"two\nlines\"\n").is_ok());
        assert!(check("").is_ok());
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
