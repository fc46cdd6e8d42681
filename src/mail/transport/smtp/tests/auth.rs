//! Logins with passwords and access tokens.

use super::*;
use crate::domain::delivery::relay::OauthToken;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fs, path::Path};

async fn refusal(dialer: Dialer) -> Answer {
    dialer.open().await.err().expect("no session")
}

#[tokio::test(start_paused = true)]
async fn a_password_is_sent_with_an_offered_mechanism() {
    let url = "smtp://ann:p%20w@127.0.0.1";
    let fake = FakeRelay::new("AUTH LOGIN PLAIN", |_, _| None);
    dialer(url, &fake).open().await.unwrap();
    assert_eq!(fake.lines(0)[1..], ["AUTH PLAIN AGFubgBwIHc="]);
    let fake = FakeRelay::new("AUTH login", move |_, step| match step {
        "AUTH" | "YW5U" => Some(Action::Reply("334 VXNlcm5hbWU6\r\n")),
        "CCB3" => Some(Action::Reply("235 welcome\r\n")),
        _ => None,
    });
    dialer(url, &fake).open().await.unwrap();
    assert_eq!(fake.lines(0)[1..], ["AUTH LOGIN", "YW5u", "cCB3"]);
    let answer = refusal(dialer(url, &FakeRelay::new("AUTH CRAM-MD5", |_, _| None))).await;
    assert!(answer.text.contains("neither AUTH PLAIN nor AUTH LOGIN"), "{answer:?}");
    let answer =
        refusal(dialer(url, &FakeRelay::at("AUTH PLAIN", "AUTH", Action::Reply("535 5.7.8 no\r\n")))).await;
    assert_eq!((answer.code, answer.stage), (Some(535), Some(Stage::Auth)));
    assert!(!format!("{answer:?}").contains("p w"));
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_repeats_the_login_has_it_cut_from_its_answer() {
    let url = "smtp://ann:p%20w@127.0.0.1";
    for (offers, step, echo) in [
        ("AUTH PLAIN", "AUTH", "535 5.5.2 what is AUTH PLAIN AGFubgBwIHc=, p w?\r\n"),
        ("AUTH LOGIN", "CCB3", "535 5.5.2 what is cCB3, p w?\r\n"),
    ] {
        let fake = FakeRelay::new(offers, move |_, at| match at {
            it if it == step => Some(Action::Reply(echo)),
            "AUTH" | "YW5U" => Some(Action::Reply("334 VXNlcm5hbWU6\r\n")),
            _ => None,
        });
        let answer = refusal(dialer(url, &fake)).await;
        assert_eq!(answer.code, Some(535), "{answer:?}");
        for secret in ["AGFubgBwIHc=", "cCB3", "p w"] {
            assert!(!answer.text.contains(secret), "{answer:?}");
        }
        assert!(answer.text.contains("***, ***?"), "{answer:?}");
    }
}

const URL: &str = "smtp://ann%40example.org@127.0.0.1";

fn with_file(file: &Path, fake: &FakeRelay) -> Dialer {
    dial_with(URL, Some(OauthToken::File(file.into())), fake)
}

fn with_command(command: &str, fake: &FakeRelay) -> Dialer {
    dial_with(URL, Some(OauthToken::Command(command.into())), fake)
}

fn auth(token: &str) -> String {
    let login = format!("user=ann@example.org\u{1}auth=Bearer {token}\u{1}\u{1}");
    format!("AUTH XOAUTH2 {}", STANDARD.encode(login))
}

/// Rejects the first token, with or without a challenge, and writes another one to the file.
fn refusing_once(file: &Path, with_challenge: bool, fresh: &'static str) -> FakeRelay {
    let (file, attempts) = (file.to_owned(), std::sync::atomic::AtomicUsize::new(0));
    FakeRelay::new("AUTH XOAUTH2", move |_, step| match step {
        "AUTH" if attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
            fs::write(&file, fresh).unwrap();
            Some(Action::Reply(if with_challenge {
                "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"
            } else {
                "535 5.7.8 no\r\n"
            }))
        }
        "" => Some(Action::Reply("535 5.7.8 expired\r\n")),
        _ => None,
    })
}

#[tokio::test]
async fn a_token_is_read_at_each_login() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let fake = FakeRelay::new("AUTH PLAIN XOAUTH2", |_, _| None);
    for (connection, token) in ["first", "second"].into_iter().enumerate() {
        fs::write(&file, format!("{token}\n")).unwrap();
        with_file(&file, &fake).open().await.unwrap();
        assert_eq!(fake.lines(connection)[1..], [auth(token)]);
    }
    with_command("printf third", &fake).open().await.unwrap();
    assert_eq!(fake.lines(2)[1..], [auth("third")]);
}

#[tokio::test]
async fn a_refused_token_is_read_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    for with_challenge in [true, false] {
        fs::write(&file, "old").unwrap();
        let fake = refusing_once(&file, with_challenge, "new");
        with_file(&file, &fake).open().await.unwrap();
        let lines: Vec<String> = fake.lines(0).into_iter().skip(1).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, [auth("old"), auth("new")]);
    }
}

#[tokio::test]
async fn a_token_that_stays_the_same_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "old").unwrap();
    let fake = refusing_once(&file, true, "old");
    let answer = refusal(with_file(&file, &fake)).await;
    assert_eq!((answer.code, answer.stage), (Some(535), Some(Stage::Auth)));
    assert_eq!(fake.lines(0)[1..], [auth("old"), String::new()]);
}

#[tokio::test]
async fn an_unreadable_token_is_a_failure_that_names_its_source() {
    let fake = FakeRelay::new("AUTH XOAUTH2", |_, _| None);
    for (dialer, says) in [
        (with_file(Path::new("/nowhere/token"), &fake), "/nowhere/token can't be read"),
        (with_command("echo 'log in first' >&2; exit 3", &fake), "exit status: 3): log in first"),
        (with_command("true", &fake), "the OAuth token is empty"),
        (
            with_command("echo secret token", &fake),
            "the OAuth token is empty, too long or contains white space",
        ),
        (
            with_command("printf 'secret\\r\\nMAIL'", &fake),
            "the OAuth token is empty, too long or contains white space",
        ),
    ] {
        let answer = refusal(dialer).await;
        assert_eq!((answer.code, answer.stage), (None, Some(Stage::Auth)));
        assert!(answer.text.contains(says) && !answer.text.contains("secret"), "{answer:?}");
    }
    let without = FakeRelay::new("AUTH PLAIN LOGIN", |_, _| None);
    let answer = refusal(with_command("echo secret", &without)).await;
    assert!(answer.text.contains("does not offer AUTH XOAUTH2"), "{answer:?}");
}
