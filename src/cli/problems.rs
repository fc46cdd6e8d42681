//! Problems with the arguments of a command, as `--option: problem`, all at once.

use crate::{cli::CliError, domain::validation::Problems, i18n};
use clap::{Args, Command};

/// Returns the error for problems with the arguments `T`.
pub fn usage<T: Args>(problems: &Problems) -> CliError {
    let (command, texts) = (T::augment_args(Command::new("daily")), i18n::texts_in("en"));
    let lines: Vec<String> = problems
        .iter()
        .map(|it| {
            let which = it.item().map(|index| format!(" (value {})", index + 1)).unwrap_or_default();
            match argument(&command, it.field()) {
                Some(argument) => format!("{argument}{which}: {}", texts.problem(it)),
                None => texts.problem(it),
            }
        })
        .collect();
    CliError::Usage(match lines.as_slice() {
        [only] => only.clone(),
        _ => format!("{} problems\n{}", lines.len(), lines.join("\n")),
    })
}

/// Returns an argument as it is written on the command line.
fn argument(command: &Command, field: &str) -> Option<String> {
    let argument = command.get_arguments().find(|it| it.get_id() == field)?;
    Some(match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => format!("<{}>", field.to_uppercase()),
    })
}
