//! A parser for options that take one of a few words.

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
};
use std::ffi::OsStr;

/// Lists words in help and completions, and leaves the check to the request's rules, so that all problems are reported at once.
#[derive(Debug, Clone, Copy)]
pub struct ListedWords(pub &'static [&'static str]);

impl TypedValueParser for ListedWords {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        clap::builder::StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}
