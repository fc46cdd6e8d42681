//! The help of every command, as a terminal of 80 columns shows it.

use super::command::Environment;

/// A command or group of commands.
#[derive(Debug)]
pub struct Command {
    /// The words behind `daily`.
    pub path: Vec<String>,
    pub help: String,
}

impl Command {
    pub fn path_words(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// Returns the help without the options that all commands have.
    pub fn own_help(&self) -> String {
        let mut is_global = false;
        let own = self.help.lines().filter(|line| {
            if !line.is_empty() && !line.starts_with(' ') {
                is_global = line.starts_with("Global options:");
            }
            !is_global
        });
        own.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Returns the names of the commands below this one.
    fn subcommands(&self) -> Vec<String> {
        let Some((_, list)) = self.help.split_once("\nCommands:\n") else { return Vec::new() };
        let names = list.lines().take_while(|line| !line.is_empty());
        let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect()
    }
}

/// Runs `--help` of every command.
pub async fn all_commands() -> Vec<Command> {
    let daily = Environment::default().set("COLUMNS", "80");
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let ended = daily.run(&words).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let command = Command { path, help: ended.stdout };
        let below = command.subcommands().into_iter().rev();
        open.extend(below.map(|name| [command.path.as_slice(), &[name]].concat()));
        found.push(command);
    }
    found
}
