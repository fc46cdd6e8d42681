//! `outln!` and `errln!`, which print like `println!` and `eprintln!` but don't panic when the reader has
//! gone.
//!
//! `daily issue list | head` closes the pipe after ten lines. A command that changes something still finishes
//! its work.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write as _},
};

macro_rules! out {
    ($($arguments:tt)*) => {
        $crate::cli::print::to_stdout(format_args!($($arguments)*))
    };
}

macro_rules! outln {
    ($($arguments:tt)*) => {
        $crate::cli::print::to_stdout(format_args!("{}\n", format_args!($($arguments)*)))
    };
}

macro_rules! errln {
    ($($arguments:tt)*) => {
        $crate::cli::print::to_stderr(format_args!("{}\n", format_args!($($arguments)*)))
    };
}

/// Writes to standard output. Ends the program with exit code 1 if that fails for another reason than a
/// closed pipe.
pub fn to_stdout(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        to_stderr(format_args!("daily: can't write to standard output: {error}\n"));
        std::process::exit(1);
    }
}

/// Writes to standard error. A failure can't be reported anywhere.
pub fn to_stderr(text: Arguments<'_>) {
    let _ignored = std::io::stderr().write_fmt(text);
}
