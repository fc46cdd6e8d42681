//! A parser for options with a fixed set of values.

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
};
use std::ffi::OsStr;

/// Lists the values in help and completions. The request's rules check them, so that all problems are
/// reported at once.
#[derive(Debug, Clone, Copy)]
pub struct ListedValues(pub &'static [&'static str]);

impl TypedValueParser for ListedValues {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        clap::builder::StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}
