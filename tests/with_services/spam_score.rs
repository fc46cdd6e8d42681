//! SpamAssassin's score of our emails, without network tests.

use crate::support::{Engine, app::TestApp, supervisor::assert_installed};
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// SpamAssassin classifies an email as spam from 5 points.
const MOST_POINTS: f64 = 1.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_spam_filter_has_nothing_against_an_issue_and_a_confirmation() {
    assert_installed(&["spamassassin"]);
    let app = TestApp::start(Engine::Sqlite).await;
    for title in
        ["The bridge opens", "Ferries sail again at dawn", "A choir of kettles", "Lamps return to the quay"]
    {
        app.article(title).await;
    }
    app.reader("ann@example.org").await; // a confirmation
    app.send_issue().await;
    let mails = files(&app.mailbox());
    assert_eq!(mails.len(), 2, "a confirmation and an issue");
    for mail in mails {
        let (points, report) = score(&received(&mail));
        println!("{report}");
        assert!(report.contains("HTML_MESSAGE"), "the rules are there:\n{report}");
        assert!(points < MOST_POINTS, "{points} points:\n{report}");
    }
}

fn files(mailbox: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(mailbox).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|file| file.extension().is_some_and(|it| it == "eml")).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// Adds the header that the receiving server adds.
fn received(mail: &str) -> String {
    let date = mail.lines().find_map(|line| line.strip_prefix("Date: ")).expect("a date");
    format!(
        "Received: from mx.newsletter.example (mx.newsletter.example [IPv6:2001:db8::9])\r\n \
         by mx.example.org with ESMTPS id 1; {date}\r\n{mail}"
    )
}

/// Returns the points and the rules behind them.
fn score(mail: &str) -> (f64, String) {
    let home = tempfile::tempdir().unwrap();
    let mut filter = Command::new("spamassassin")
        .args(["--local", "--test-mode", "--nocreate-prefs"])
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("spamassassin runs");
    let mut input = filter.stdin.take().expect("stdin is a pipe");
    let mail = mail.to_owned();
    let writer = std::thread::spawn(move || input.write_all(mail.as_bytes()));
    let output = filter.wait_with_output().expect("spamassassin ends");
    writer.join().unwrap().expect("spamassassin reads the mail");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // "Content analysis details:   (-0.1 points, 5.0 required)", then a table.
    let (_, report) = said.rsplit_once("Content analysis details:").expect("a report");
    let (_, points) = report.split_once('(').expect("points");
    let points = points.split(' ').next().unwrap_or_default().parse().expect("a number of points");
    (points, report.to_owned())
}
