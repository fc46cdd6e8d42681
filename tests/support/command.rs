//! The program itself, run as its users run it.

use super::supervisor::ReservedPort;
use serde_json::Value;
use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        Self {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).expect("text"),
            stderr: String::from_utf8(stderr).expect("text"),
        }
    }
}

impl Ended {
    /// Returns what a command with `--json` wrote.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Settings of a program run, as environment variables.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    /// The port that the program listens on, kept free for it.
    _port: Option<Arc<ReservedPort>>,
}

impl Environment {
    /// SQLite and mailbox in a folder; `url` in place of SQLite, if given.
    pub fn in_folder(folder: &Path, database: Option<&str>) -> Self {
        let sqlite = format!("sqlite://{}", folder.join("daily.db").display());
        Self::default()
            // Stories count emails; those about these turn them on.
            .set("DAILY__SIGNUP__WELCOME_MAIL", "false")
            .set("DAILY__SIGNUP__GOODBYE_MAIL", "false")
            // Relays and pages are on this machine.
            .set("DAILY__SCHEDULE__REQUIRE_READY", "false")
            // Their domains don't exist.
            .set("DAILY__SIGNUP__CHECK_MX", "false")
            .set("DAILY__DATABASE__URL", database.unwrap_or(&sqlite))
            .set("DAILY__DATA__FOLDER", &folder.display().to_string())
            .set("DAILY__RELAYS__0__URL", &format!("mailbox:{}", folder.join("mailbox").display()))
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(set, _)| set != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has the program listen on a free port, which stays its own as long as this environment; returns its
    /// URL, too.
    pub fn listening(self) -> (Self, String) {
        let port = ReservedPort::reserve();
        let address = format!("127.0.0.1:{}", port.number());
        let url = format!("http://{address}");
        let listening = self.set("DAILY__HTTP__LISTEN", &address).set("DAILY__HTTP__PUBLIC_URL", &url);
        (Self { _port: Some(Arc::new(port)), ..listening }, url)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daily"));
        command.args(arguments);
        self.apply_to(command)
    }

    /// Gives a program these settings, and no others of Daily.
    fn apply_to(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DAILY__")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    #[allow(dead_code, reason = "the docs' stories need it")]
    /// Runs a shell script in a folder until its first error. `programs` comes first in its PATH.
    pub async fn run_script(&self, script: &str, folder: &Path, programs: &Path) -> Ended {
        let mut command = Command::new("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(["-euc", script])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", programs.display()));
        run_to_end(self.apply_to(command), b"").await
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, b"").await
    }

    /// Runs a command to its end, with this on its standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ended {
        run_to_end(self.command(arguments), input).await
    }

    #[allow(dead_code, reason = "the stories of the command line need it")]
    /// Runs a command whose standard output nobody reads, as when it is piped into a `head` that has ended.
    pub async fn run_without_reader(&self, arguments: &[&str]) -> Ended {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = self.command(arguments);
        let run = move || command.stdout(writer).stderr(Stdio::piped()).output().expect("its end");
        Ended::from(tokio::task::spawn_blocking(run).await.expect("a thread"))
    }

    /// Starts a command that runs on; it is killed when dropped.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Running(child)
    }

    /// Starts a command that runs on, and appends its output to a file.
    pub fn start_logging(&self, arguments: &[&str], log: &Path) -> Running {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let child = self
            .command(arguments)
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Running(child)
    }
}

async fn run_to_end(mut command: Command, input: &[u8]) -> Ended {
    let input = input.to_owned();
    let run = move || {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("its standard input");
        // A program that ends early has not read all of it.
        let _ended_early = std::io::Write::write_all(&mut stdin, &input);
        drop(stdin);
        child.wait_with_output().expect("its end")
    };
    Ended::from(tokio::task::spawn_blocking(run).await.expect("a thread"))
}

/// A program that runs.
pub struct Running(Child);

impl Running {
    /// Its process's number.
    #[allow(dead_code, reason = "the benchmark asks for it")]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its state").is_some()
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) {
        self.0.kill().expect("a process to kill");
        self.0.wait().expect("its end");
    }

    /// SIGTERM, and its end.
    pub async fn terminate(mut self) -> i32 {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        let code = super::eventually("the program ends", || {
            let code = self.0.try_wait().expect("its state").map(|status| status.code().unwrap_or(-1));
            async move { code }
        });
        code.await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
