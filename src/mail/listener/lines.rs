//! Reads lines from a client within bounds of length and time.

use std::{io, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    time::timeout,
};

/// A line of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// With its end, which may be a bare line feed.
    Complete,
    /// It was longer than allowed. The rest of it is read and dropped.
    TooLong,
    /// The client has closed the connection.
    Closed,
}

/// Reads a line into `line`, at most `most` bytes of it.
pub async fn read_line<S: AsyncRead + Unpin>(
    reader: &mut BufReader<S>,
    line: &mut Vec<u8>,
    most: usize,
    limit: Duration,
) -> io::Result<Line> {
    line.clear();
    let mut is_too_long = false;
    loop {
        let bytes = timeout(limit, reader.fill_buf())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if bytes.is_empty() {
            return Ok(Line::Closed);
        }
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let taken = end.unwrap_or(bytes.len());
        let room = most.saturating_sub(line.len());
        line.extend_from_slice(&bytes[..taken.min(room)]);
        is_too_long |= taken > room;
        reader.consume(taken);
        if end.is_some() {
            return Ok(if is_too_long { Line::TooLong } else { Line::Complete });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_at_line_feeds_and_long_ones_are_cut() {
        let mut reader = BufReader::new(&b"one\r\ntoo long line\r\ntwo\n"[..]);
        let mut line = Vec::new();
        let mut next = async || {
            let kind = read_line(&mut reader, &mut line, 6, Duration::from_secs(5)).await.unwrap();
            (kind, String::from_utf8(line.clone()).unwrap())
        };
        assert_eq!(next().await, (Line::Complete, "one\r\n".into()));
        assert_eq!(next().await, (Line::TooLong, "too lo".into()));
        assert_eq!(next().await, (Line::Complete, "two\n".into()));
        assert_eq!(next().await.0, Line::Closed);
    }
}
