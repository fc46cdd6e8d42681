//! Runs test servers as processes. Each keeps its port to itself, and ends with its test.
//!
//! [`Supervisor::start`] runs a server under a small `sh`, in its own process group and temporary folder. The
//! shell waits for the end of a pipe that the test holds. The pipe ends on drop, after a panic and after a
//! `kill -9`. Then the shell stops the server and removes the folder.
//!
//! [`Supervisor::go_on`] writes a line to a server's start commands. [`Supervisor::wait_until_up`] reads
//! their output until the server is up. [`assert_installed`] and [`program_path`] find the servers' programs,
//! and [`ReservedPort`] keeps their ports.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use tokio::net::{TcpListener, TcpSocket};

/// Shell commands for one kind of server. Both scripts get the server's folder as `$folder`, and arguments as
/// `$1`, `$2` and so on. Only its owner can read the folder, unless a script changes that.
pub struct ServerScript {
    /// Prefix of the folder's name, and `$0` of the scripts.
    pub name: &'static str,
    /// Starts the server, and prints that it is up or why it is not.
    pub start: &'static str,
    /// Stops everything that `start` has started.
    pub stop: &'static str,
}

impl ServerScript {
    fn text(&self) -> String {
        let Self { start, stop, .. } = self;
        format!(
            r#"trap '' HUP INT TERM PIPE
umask 077
folder=$(mktemp -d "${{TMPDIR:-/tmp}}/$0.XXXXXXXX") || exit 1
echo "$folder"
{start}
exec >/dev/null 2>&1
read -r _ # returns when the test is over or its process has ended
{stop}
rm -rf "$folder" || rm -rf "$folder" # again, for what was being written meanwhile
"#
        )
    }
}

/// The shell of a running server. Dropping it stops the server and removes its folder.
pub struct Supervisor {
    shell: Child,
    said: Option<BufReader<ChildStdout>>,
    folder: PathBuf,
}

impl Supervisor {
    /// Runs the script in `shell`, an `sh` of any user. Returns once the folder exists.
    pub fn start(mut shell: Command, script: &ServerScript, arguments: &[&str]) -> Self {
        let mut shell = shell
            .args(["-c", &script.text(), script.name])
            .args(arguments)
            .env("PATH", program_path())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell runs on every Unix");
        let mut said = BufReader::new(shell.stdout.take().expect("stdout is piped"));
        let folder = PathBuf::from(next_line(&mut said).expect("the temp folder is writable"));
        Self { shell, said: Some(said), folder }
    }

    /// Returns the server's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets a `read` in the start commands return.
    pub fn go_on(&mut self) {
        let stdin = self.shell.stdin.as_mut().expect("stdin is piped");
        stdin.write_all(b"\n").expect("the shell listens as long as stdin is open");
    }

    /// Reads the output of the start commands up to the first line that `up` recognizes. Panics with the
    /// output if there is none.
    pub fn wait_until_up<T>(&mut self, up: impl Fn(&str) -> Option<T>) -> T {
        let mut said = self.said.take().expect("a server starts only once");
        let mut heard = String::new();
        while let Some(line) = next_line(&mut said) {
            if let Some(answer) = up(&line) {
                return answer;
            }
            heard.extend([&line, "\n"]);
        }
        panic!("the server did not start:\n{heard}")
    }

    /// Waits until the start commands print `ready`.
    pub fn wait_until_ready(&mut self) {
        self.wait_until_up(|line| (line == "ready").then_some(()));
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

fn next_line(said: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = Vec::new();
    let length = said.read_until(b'\n', &mut line).expect("a pipe is readable");
    (length > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Panics with instructions if one of these programs is missing.
pub fn assert_installed(programs: &[&str]) {
    for program in programs {
        let found = program_path().split(':').any(|folder| Path::new(folder).join(program).is_file());
        assert!(found, "{program} is not installed: run script/bootstrap");
    }
}

/// Returns PATH with the folders of servers' programs, which an ordinary user's lacks.
pub fn program_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// A free port of 127.0.0.1 that the system gives to no other process. The port is bound without listening.
/// Only a server that names it and sets SO_REUSEADDR can listen on it.
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    _socket: TcpSocket,
}

impl ReservedPort {
    /// Reserves a port until dropped.
    pub fn reserve() -> Self {
        let socket = reusable_socket(0);
        let number = socket.local_addr().expect("a bound socket has an address").port();
        Self { number, _socket: socket }
    }

    /// Returns the port number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Listens on the port within this process, any number of times, one listener at a time.
    pub fn listen(&self) -> TcpListener {
        reusable_socket(self.number).listen(1024).expect("nobody else listens on a reserved port")
    }
}

fn reusable_socket(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR can be set");
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).expect("127.0.0.1 has a free port");
    socket
}
