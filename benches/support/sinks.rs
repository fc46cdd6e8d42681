//! Sinks run in their own processes, so that their cost is not counted as the sender's.

use crate::support::{
    eventually,
    sink::{Announce, Announcement, Options, Report, Sink},
    supervisor::{ReservedPort, assert_installed, program_path},
};
use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Domain of the readers whose messages are announced.
pub const ANNOUNCED: &str = "single.example";

#[derive(Debug, Clone, clap::Subcommand)]
pub enum Internal {
    /// Run the minimal sink as a process
    #[command(hide = true)]
    Sink(SinkArguments),
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct SinkArguments {
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    #[arg(long, default_value_t = 0)]
    pub delay: u64,
    #[arg(long, default_value_t = 0)]
    pub round_trip: u64,
    #[arg(long)]
    pub remember: bool,
    #[arg(long, default_value = ANNOUNCED)]
    pub announce: String,
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// Runs a sink process until its standard input closes.
///
/// It prints `ready PORT`, `first MICROSECONDS` at the first MAIL FROM, and `arrived RECIPIENT MICROSECONDS`
/// for announced messages. For each line on standard input it prints `report JSON`.
pub fn serve(arguments: &SinkArguments) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads)
        .enable_all()
        .build()
        .expect("a runtime");
    let (to, mut announcements) = unbounded_channel();
    let options = Options {
        delay: Duration::from_millis(arguments.delay),
        round_trip: Duration::from_millis(arguments.round_trip),
        remember: arguments.remember,
        announce: Some(Announce { domain: format!("@{}", arguments.announce), to }),
    };
    let sink = runtime.block_on(Sink::start(arguments.port, options));
    say(&format!("ready {}", sink.port()));
    std::thread::spawn(move || {
        while let Some(it) = announcements.blocking_recv() {
            match it {
                Announcement::FirstMailFrom(at) => say(&format!("first {at}")),
                Announcement::Arrived { recipient, at } => say(&format!("arrived {recipient} {at}")),
            }
        }
    });
    for line in std::io::stdin().lines() {
        if line.is_err() {
            break;
        }
        let report = serde_json::to_string(&sink.tally().report()).expect("figures are JSON");
        say(&format!("report {report}"));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // If our parent has died, standard input closes as well.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Our own sink. Dropping it ends the process.
pub struct OurSink {
    child: Child,
    said: UnboundedReceiver<String>,
    port: u16,
    first: Option<i64>,
    arrived: HashMap<String, i64>,
    report: Option<Report>,
}

impl OurSink {
    /// Starts the sink on a free port.
    pub async fn start(arguments: &SinkArguments) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.args(["sink", "--round-trip", &arguments.round_trip.to_string()]);
        if arguments.remember {
            command.arg("--remember");
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the sink's process starts");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (to, said) = unbounded_channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    break;
                }
            }
        });
        let mut sink = Self { child, said, port: 0, first: None, arrived: HashMap::new(), report: None };
        while sink.port == 0 {
            sink.hear().await;
        }
        sink
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the first `MAIL FROM` and returns its time in microseconds since 1970.
    pub async fn first_mail_from(&mut self) -> i64 {
        loop {
            if let Some(at) = self.first {
                return at;
            }
            self.hear().await;
        }
    }

    /// Waits for the message to this recipient and returns its time in microseconds since 1970.
    pub async fn arrived(&mut self, recipient: &str) -> i64 {
        loop {
            if let Some(at) = self.arrived.remove(recipient) {
                return at;
            }
            self.hear().await;
        }
    }

    /// Returns the figures so far.
    pub async fn report(&mut self) -> Report {
        writeln!(self.child.stdin.as_mut().expect("stdin is piped"), "report").expect("the sink listens");
        loop {
            if let Some(report) = self.report.take() {
                return report;
            }
            self.hear().await;
        }
    }

    async fn hear(&mut self) {
        let line = self.said.recv().await.expect("the sink lives");
        let (what, rest) = line.split_once(' ').expect("a word and what it says");
        match what {
            "ready" => self.port = rest.parse().expect("a port"),
            "first" => self.first = Some(rest.parse().expect("a moment")),
            "arrived" => {
                let (recipient, at) = rest.rsplit_once(' ').expect("a recipient and a moment");
                self.arrived.insert(recipient.to_owned(), at.parse().expect("a moment"));
            }
            _ => self.report = Some(serde_json::from_str(rest).expect("a report")),
        }
    }
}

impl Drop for OurSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Postfix's `smtp-sink`. Dropping it ends the process.
pub struct PostfixSink {
    child: Child,
    port: ReservedPort,
}

impl PostfixSink {
    /// Starts the sink on a free port.
    pub async fn start() -> Self {
        assert_installed(&["smtp-sink"]);
        let port = ReservedPort::reserve();
        let mut command = Command::new("smtp-sink");
        if std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0) {
            // smtp-sink refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        let child = command
            .args([&format!("127.0.0.1:{}", port.number()), "1024"])
            .env("PATH", program_path())
            .stdout(Stdio::null())
            .spawn()
            .expect("smtp-sink starts");
        let sink = Self { child, port };
        eventually("smtp-sink listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", sink.port())).await.ok().map(drop)
        })
        .await;
        sink
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }
}

impl Drop for PostfixSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
