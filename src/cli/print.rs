//! `outln!` and `errln!`, which print like `println!` and `eprintln!` but don't panic when the reader has
//! gone.
//!
//! On a terminal, characters that could drive it or reorder a line are shown by their numbers, because addresses,
//! headlines and answers of relays come from strangers.
//!
//! `daily issue list | head` closes the pipe after ten lines. A command that changes something still finishes
//! its work.

use std::{
    borrow::Cow,
    fmt::Arguments,
    io::{ErrorKind, IsTerminal as _, Write as _},
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
    let written = if out.is_terminal() {
        out.write_all(visible(&text.to_string()).as_bytes())
    } else {
        out.write_fmt(text)
    };
    if let Err(error) = written.and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        to_stderr(format_args!("daily: can't write to standard output: {error}\n"));
        std::process::exit(1);
    }
}

/// Writes to standard error. A failure can't be reported anywhere.
pub fn to_stderr(text: Arguments<'_>) {
    let mut out = std::io::stderr().lock();
    let _ignored = if out.is_terminal() {
        out.write_all(visible(&text.to_string()).as_bytes())
    } else {
        out.write_fmt(text)
    };
}

/// Replaces control characters except line ends and tabs, and all that change the direction of text, by their
/// numbers.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_directional(c);
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| if is_hidden(c) { format!("<U+{:04X}>", u32::from(c)) } else { c.into() };
    Cow::Owned(text.chars().map(show).collect())
}

/// Whether a character is a bidirectional control (Unicode TR 9).
pub const fn is_directional(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_drives_a_terminal_or_reorders_a_line() {
        assert_eq!(visible("gpj.\u{202e}exe\u{1b}[2J\n\tdone"), "gpj.<U+202E>exe<U+001B>[2J\n\tdone");
        assert!(matches!(visible("Zoë, שלום, 日本\n"), Cow::Borrowed(_)), "letters of every script stay");
    }
}
