//! Help and output of all commands, as terminals and pipes show them.

use crate::support::{
    Engine,
    help::all_commands,
    service::{Installation, write_feed},
};

#[tokio::test]
async fn help_fits_80_columns_and_says_it_briefly() {
    let mut problems = Vec::new();
    for command in all_commands().await {
        let name = format!("daily {}", command.path.join(" "));
        for line in command.help.lines().filter(|line| line.chars().count() > 80) {
            problems.push(format!("{name}: wider than 80 columns: {line}"));
        }
        let summary = command.help.lines().next().unwrap_or_default();
        if summary.chars().count() >= 60 {
            problems.push(format!("{name}: 60 characters or more: {summary}"));
        }
        // clap wraps the examples, too; a line without a command is the rest of one.
        let examples = command.help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
        for line in examples.take_while(|line| !line.is_empty()).filter(|line| !line.contains("daily ")) {
            problems.push(format!("{name}: an example is wrapped at: {line}"));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// `head` closes the pipe after its lines; a shell shows what a panic would print.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_panics_when_its_reader_has_gone() {
    let here = Installation::new(Engine::Sqlite).await;
    let feed = write_feed(here.folder());
    assert_eq!(here.daily.run(&["feed", "add", &feed]).await.code, 0);
    let mut commands = vec![
        vec!["check"],
        vec!["newsletter", "list"],
        vec!["newsletter", "show"],
        vec!["newsletter", "set", "daily", "--title", "A"],
        vec!["feed", "list"],
        vec!["feed", "show", &feed],
        vec!["feed", "add", &feed],
        vec!["feed", "poll"],
        vec!["article", "list"],
        vec!["issue", "list"],
        vec!["issue", "plan", "--explain"],
        vec!["issue", "show", "--next"],
        vec!["issue", "preview", "--text"],
        vec!["issue", "edit", "--pin", "1"],
        vec!["subscriber", "list"],
        vec!["subscriber", "export"],
        vec!["consent", "verify"],
        vec!["consent", "reasons"],
        vec!["operator", "add", "desk@example.org"],
        vec!["operator", "list"],
        vec!["audit"],
        vec!["migrate"],
        vec!["completions", "bash"],
    ];
    let all = all_commands().await;
    for command in &all {
        commands.push(command.path_words().into_iter().chain(["--help"]).collect());
    }
    for command in commands {
        let ended = here.daily.run_without_reader(&command).await;
        assert_eq!(ended.code, 0, "daily {command:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "daily {command:?}: {}", ended.stderr);
    }
}
