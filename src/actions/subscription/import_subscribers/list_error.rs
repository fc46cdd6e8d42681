//! Why a list can't be read.

use crate::domain::import::LayoutError;
use std::io;

/// Longest row in bytes. Without a limit, an unclosed quotation mark would make the rest of the file one row.
pub const MAX_ROW_BYTES: usize = 1 << 20;
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(
        "line {line}: a row of more than {} KiB begins here; check for an unclosed quotation mark. Correct the file \
         and import it again",
        MAX_ROW_BYTES / 1024
    )]
    EndlessRow { line: u64 },
    #[error(
        "line {line}: a quotation mark is opened here and never closed, so all rows after it would be lost. Nothing \
         was imported. Correct the file and import it again"
    )]
    OpenQuote { line: u64 },
    #[error("the file can't be read: {0}")]
    Read(#[from] io::Error),
}
