//! Two independent verifiers of DKIM signatures: dkimpy and OpenDKIM. Both read DNS records from a list.

use super::bootstrapped;
use crate::support::supervisor::{assert_installed, program_path};
use std::{
    fmt::Write as _,
    path::PathBuf,
    process::{Command, Output},
};

/// Prints `pass`, `fail` or the problem for each signature of the message.
const DKIMPY: &str = r#"
import dkim, sys
records = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[1]))
message = open(sys.argv[2], "rb").read()
signatures = dkim.DKIM(message).headers
for index in range(sum(name.lower() == b"dkim-signature" for name, value in signatures)):
    try:
        ask = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()
        print("pass" if dkim.DKIM(message).verify(index, dnsfunc=ask) else "fail")
    except dkim.DKIMException as error:
        print("fail:", error)
"#;

/// Both verifiers with their DNS records.
pub struct Verifiers {
    folder: tempfile::TempDir,
    python: PathBuf,
}

/// The results of both verifiers for each signature of a message, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdicts {
    pub dkimpy: Vec<bool>,
    pub opendkim: Vec<bool>,
}

impl Verifiers {
    /// Creates the verifiers with DNS records, each a name and a value.
    pub fn new<'a>(records: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        assert_installed(&["opendkim"]);
        let python = bootstrapped("dkimpy-1.1.8/bin/python");
        let folder = tempfile::tempdir().unwrap();
        let mut lines = String::new();
        for (name, value) in records {
            writeln!(lines, "{name} {value}").unwrap();
        }
        let dns = folder.path().join("records");
        std::fs::write(&dns, lines).unwrap();
        let configuration = format!("Mode v\nTestPublicKeys {}\nAlwaysAddARHeader yes\n", dns.display());
        std::fs::write(folder.path().join("opendkim.conf"), configuration).unwrap();
        std::fs::write(folder.path().join("verify.py"), DKIMPY).unwrap();
        Self { folder, python }
    }

    /// Verifies a message with both programs.
    pub fn verify(&self, message: &[u8]) -> Verdicts {
        let path = |name: &str| self.folder.path().join(name);
        let file = path("message.eml");
        std::fs::write(&file, message).unwrap();
        let mut dkimpy = Command::new(&self.python);
        let dkimpy = output_of(dkimpy.arg(path("verify.py")).arg(path("records")).arg(&file));
        let mut opendkim = Command::new("opendkim");
        opendkim.env("PATH", program_path()).arg("-x").arg(path("opendkim.conf"));
        let opendkim = output_of(opendkim.arg("-t").arg(&file).arg("-vv"));
        Verdicts {
            dkimpy: dkimpy.lines().map(|line| line == "pass").collect(),
            // The output is the content of Authentication-Results.
            opendkim: opendkim
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("dkim="))
                .filter(|verdict| *verdict != "none")
                .map(|verdict| verdict.trim_end_matches(';') == "pass")
                .collect(),
        }
    }
}

fn output_of(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a verifier runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} failed:\n{text}");
    text
}
