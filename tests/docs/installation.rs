//! An installation for the commands of a document: a running service, the files that the document names, and
//! replacements for programs that need root.

use crate::support::{
    command::{Ended, Environment, Running},
    eventually, service,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

/// Programs in the docs that don't run here, with the reason.
const NOT_RUN: [(&str, &str); 12] = [
    ("apt-get", "needs root and the network"),
    ("useradd", "needs root"),
    ("systemctl", "needs systemd; the service is running already"),
    ("pg_dump", "needs a PostgreSQL server"),
    ("sqlite3", "is not installed everywhere"),
    ("openssl", "is not installed everywhere"),
    ("rustup", "needs the network"),
    ("git", "needs the network"),
    ("just", "is not installed everywhere; script/test runs what it would"),
    ("script/test", "would run this test again"),
    ("script/bootstrap", "needs root and the network"),
    ("script/bench", "takes 20 minutes"),
];

/// Programs that run with changes: without root, and to an end.
const CHANGED: [(&str, &str); 5] = [
    // Another service ends after a moment, and the demo after its summary.
    (
        "daily",
        "case \" $* \" in\n\
         *' serve '*) DAILY__HTTP__LISTEN=127.0.0.1:0 exec timeout --preserve-status 3 \"$DAILY_PROGRAM\" \"$@\" ;;\n\
         *' demo '*) exec \"$DAILY_PROGRAM\" \"$@\" --once ;;\n\
         esac\n\
         exec \"$DAILY_PROGRAM\" \"$@\"",
    ),
    ("sudo", "if [ \"$1\" = -u ]; then shift 2; fi\nexec \"$@\""),
    // The program is built already.
    ("cargo", "[ \"$1\" = run ] || exit 0\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec daily \"$@\""),
    (
        "install",
        "folders=\n\
         while :; do case $1 in\n\
         -o | -g | -m) shift 2 ;;\n\
         -d) folders=yes && shift ;;\n\
         *) break ;;\n\
         esac; done\n\
         if [ -n \"$folders\" ]; then exec mkdir -p \"$@\"; fi\n\
         exec cp \"$@\"",
    ),
    // `daily issue preview` opens a browser.
    ("xdg-open", "exit 0"),
];

/// A program in place of one that doesn't run.
const STAND_IN: &str = "exit 0";

const NOTE: &str = "Good morning from the desk.\n";
const READERS: &str = "email,confirmed_at\nbob@example.org,2026-01-02 07:00:00\n";
const UNSUBSCRIBED: &str = "email,unsubscribed_at\ncleo@example.org,2026-02-02 07:00:00\n";
const GERMAN_READERS: &str = "E-Mail,Datum\ndora@example.org,02.01.2026\n";
const MESSAGE: &str = "From: ann@example.org\nTo: news@example.org\nSubject: Thanks\n\nA nice issue.\n";
const PAGE: &str = "<html><head><title>A story</title></head><body><p>Once upon a time.</p></body></html>";

/// How far an installation has come before the document's commands run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// A service with a feed and a confirmed reader.
    Ready,
    /// An issue to 30 readers is being sent, a message every two seconds.
    Sending,
    /// A copy is in doubt and waits for a decision.
    Uncertain,
}

pub struct DocsInstallation {
    folder: TempDir,
    environment: Environment,
    service: Running,
    _sending: Option<Running>,
    relay: Option<SmtpServer>,
}

impl DocsInstallation {
    pub async fn new(situation: Situation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare_files(folder.path());
        let environment = Environment::in_folder(&folder.path().join("system/var/lib/daily"), None)
            .set("BROWSER", "true")
            .set("DAILY_PROGRAM", env!("CARGO_BIN_EXE_daily"));
        let relay = match situation {
            Situation::Uncertain => {
                Some(SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await)
            }
            Situation::Ready | Situation::Sending => None,
        };
        let environment = match (&relay, situation) {
            (Some(relay), _) => environment
                .set("DAILY__RELAYS__0__URL", &relay.url())
                .set("DAILY__SENDING__UNCERTAIN", "hold"),
            (None, Situation::Sending) => environment.set("DAILY__RELAYS__0__RATE_PER_MINUTE", "30"),
            (None, _) => environment,
        };
        let (service, environment, url) = service::serve(environment).await;
        prepare_newsletter(&environment, &folder.path().join("work"), situation).await;
        let sending = (situation != Situation::Ready).then(|| environment.start(&["issue", "send", "--yes"]));
        let mut installation = Self { folder, environment, service, _sending: sending, relay };
        match situation {
            Situation::Ready => {}
            Situation::Sending => installation.deliveries_are("sent").await,
            Situation::Uncertain => installation.crash(&url).await,
        }
        installation
    }

    /// Runs a block as a shell script that stops at the first error.
    pub async fn run_script(&self, script: &str) -> Ended {
        let script = self.with_own_paths(script);
        self.environment
            .run_script(&script, &self.folder.path().join("work"), &self.folder.path().join("programs"))
            .await
    }

    /// Loads a block as a configuration file, without settings from the environment.
    pub async fn load_configuration(&self, text: &str) -> Ended {
        let file = self.folder.path().join("system/etc/daily/block.toml");
        fs::write(&file, self.with_own_paths(text)).unwrap();
        Environment::default().run(&["--config", file.to_str().unwrap(), "dkim", "show"]).await
    }

    /// Moves the folders of a real system below the installation's own, and the feed from the web to a file.
    fn with_own_paths(&self, text: &str) -> String {
        let system = self.folder.path().join("system").display().to_string();
        let mut text = text.replace(
            "https://www.example.org/feed.xml",
            &self.folder.path().join("work/feed.xml").display().to_string(),
        );
        for folder in ["/etc/", "/var/", "/usr/local/"] {
            for before in [" ", "'", "\"", "="] {
                text = text.replace(&format!("{before}{folder}"), &format!("{before}{system}{folder}"));
            }
        }
        text
    }

    /// Waits until a delivery of the issue has this status.
    async fn deliveries_are(&self, status: &str) {
        eventually(&format!("a delivery is {status}"), || async {
            let ended = self.environment.run(&["--json", "issue", "status"]).await;
            let counts = (ended.code == 0).then(|| ended.json()["deliveries"].take())?;
            (counts[status].as_i64()? > 0).then_some(())
        })
        .await;
    }

    /// Kills the service while the relay keeps it waiting for an answer, and starts it again.
    async fn crash(&mut self, url: &str) {
        self.relay.as_ref().expect("a relay").wait_until(|record| !record.messages.is_empty()).await;
        self.service.kill();
        self.relay.as_ref().expect("a relay").follow(Script::accept());
        self.service = self.environment.start(&["serve"]);
        service::ready(url).await;
        self.deliveries_are("uncertain").await;
    }
}

/// Adds a feed and confirmed readers, and plans the next issue.
async fn prepare_newsletter(daily: &Environment, work: &Path, situation: Situation) {
    let others = if situation == Situation::Sending { 29 } else { 0 };
    let mut list = String::from("email,confirmed_at\nann@example.org,2026-01-01 07:00:00\n");
    for number in 0..others {
        let _ = writeln!(list, "reader{number}@example.org,2026-01-01 07:00:00");
    }
    let readers = work.join("prepared.csv");
    fs::write(&readers, list).unwrap();
    for command in [
        &["feed", "add", work.join("feed.xml").to_str().unwrap()][..],
        &["subscriber", "import", readers.to_str().unwrap(), "--newsletter", "daily"],
        &["issue", "plan"],
    ] {
        let ended = daily.run(command).await;
        assert_eq!(ended.code, 0, "{command:?}: {ended:?}");
    }
}

/// Writes the files that the documents name, and the programs that they call.
fn prepare_files(folder: &Path) {
    let (work, system, programs) = (folder.join("work"), folder.join("system"), folder.join("programs"));
    for made in [
        work.join("config"),
        work.join("script"),
        work.join("target/release"),
        system.join("etc/daily"),
        system.join("etc/systemd/system"),
        system.join("etc/bash_completion.d"),
        system.join("var/lib/daily"),
        system.join("var/backups"),
        system.join("usr/local/bin"),
        programs.clone(),
    ] {
        fs::create_dir_all(made).unwrap();
    }
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for entry in fs::read_dir(config).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), work.join("config").join(entry.file_name())).unwrap();
    }
    fs::copy(work.join("config/first.example.toml"), system.join("etc/daily/daily.toml")).unwrap();
    for (name, text) in [
        ("feed.xml", feed().as_str()),
        ("note.md", NOTE),
        ("subscribers.csv", READERS),
        ("confirmed.csv", READERS),
        ("all.csv", READERS),
        ("unsubscribed.csv", UNSUBSCRIBED),
        ("liste.csv", GERMAN_READERS),
        ("message.eml", MESSAGE),
        ("saved-page.html", PAGE),
    ] {
        fs::write(work.join(name), text).unwrap();
    }
    for (name, _reason) in NOT_RUN {
        let below = if name.contains('/') { &work } else { &programs };
        write_program(&below.join(name), STAND_IN);
    }
    for (name, text) in CHANGED {
        write_program(&programs.join(name), text);
    }
    for place in [work.join("target/release/daily"), system.join("usr/local/bin/daily")] {
        fs::copy(programs.join("daily"), place).unwrap();
    }
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns a feed with four articles of today.
fn feed() -> String {
    let now = daily::clock::Clock::system().now();
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let mut items = String::new();
    for number in 1..=4 {
        let _ = write!(
            items,
            "<item><title>Story {number}</title><link>https://www.example.org/{number}</link>\
             <pubDate>{date}</pubDate></item>"
        );
    }
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>The Example</title>\
         <link>https://www.example.org/</link><description>News</description>{items}</channel></rss>"
    )
}
