//! Commands named in the text, and the reference of all commands.

use super::{blocks::without_blocks, documents_with_text};
use crate::support::help::{Command, all_commands};
use std::fmt::Write as _;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/commands.md");

#[tokio::test]
async fn commands_in_the_text_exist_with_their_options() {
    let commands = all_commands().await;
    // The style guide names words that are gone.
    for (document, text) in
        documents_with_text().into_iter().filter(|(document, _)| document != "docs/STYLE.md")
    {
        for span in without_blocks(&text).replace('\n', " ").split('`').skip(1).step_by(2) {
            if let Some(arguments) = span.strip_prefix("daily ") {
                check(&commands, arguments)
                    .unwrap_or_else(|problem| panic!("{document}: `{span}`: {problem}"));
            }
        }
    }
}

/// Looks up the subcommand and each option in the help.
fn check(commands: &[Command], arguments: &str) -> Result<(), String> {
    let mut path: Vec<&str> = Vec::new();
    for word in arguments.split_whitespace().filter(|word| !word.starts_with("--")) {
        let longer = [path.as_slice(), &[word]].concat();
        if !commands.iter().any(|command| command.path == longer) {
            break;
        }
        path = longer;
    }
    let is_named = !path.is_empty() || arguments.starts_with("--");
    let command = commands.iter().find(|command| command.path == path && is_named);
    let command = command.ok_or("there is no such command")?;
    for option in arguments.split_whitespace().filter(|word| word.starts_with("--")) {
        if !command.help.split_whitespace().any(|word| word == option) {
            return Err(format!("it has no {option}"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_reference_of_commands_is_current() {
    let mut reference = String::from(
        "# Commands\n\nThe help of every command. `just commands` writes this page.\n\n\
         All commands take `--config FILE`, `--json` and `--help`.\n",
    );
    for command in all_commands().await {
        let name = [&["daily"], command.path_words().as_slice()].concat().join(" ");
        let _ = write!(reference, "\n## {name}\n\n```text\n{}\n```\n", command.own_help());
    }
    if std::env::var_os("DAILY_WRITE_REFERENCE").is_some() {
        std::fs::write(REFERENCE, reference).unwrap();
    } else {
        let written = std::fs::read_to_string(REFERENCE).unwrap();
        assert!(written == reference, "docs/reference/commands.md is out of date: run `just commands`");
    }
}
