use super::*;
use std::{fs, io::Write as _};

/// Writes a shell script. A separate process writes it: a file that this process has open for writing can't
/// be run while another test forks.
fn program(folder: &Path, script: &str) -> PathBuf {
    let file = folder.join("sendmail");
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    write!(writer.stdin.take().unwrap(), "#!/bin/sh\n{script}\n").unwrap();
    assert!(writer.wait().unwrap().success());
    file
}

fn relay(program: &Path) -> Sendmail {
    Sendmail::new(program, format!("sendmail:{}", program.display()), Duration::from_mins(1))
}

fn envelope() -> Envelope {
    let address = |text: &str| text.parse().unwrap();
    Envelope::new(Some(address("-news@example.org")), vec![address("ann@example.net")]).unwrap()
}

async fn send(script: &str, message: &[u8]) -> Result<Answer, SendError> {
    let folder = tempfile::tempdir().unwrap();
    relay(&program(folder.path(), script)).send_raw(&envelope(), message).await
}

#[tokio::test]
async fn the_program_gets_the_envelope_as_arguments_and_the_message_with_unix_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(folder.path(), "cat > \"$0.message\"\nprintf '%s\\n' \"$@\" > \"$0.arguments\"");
    let answer = relay(&program).send_raw(&envelope(), b"Subject: x\r\n\r\n.\r\nend\r\n").await.unwrap();
    assert_eq!((answer.code, answer.stage), (Some(250), Some(Stage::Message)));
    let written = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(written("sendmail.message"), "Subject: x\n\n.\nend\n");
    assert_eq!(written("sendmail.arguments"), "-i\n-f\n-news@example.org\n--\nann@example.net\n");
}

#[tokio::test]
async fn each_exit_code_maps_to_an_outcome() {
    type Kind = fn(Answer) -> SendError;
    for (code, kind, reply) in [
        (75, SendError::Deferred as Kind, Some(451)),
        (65, SendError::Failed, Some(554)),
        (67, SendError::Failed, Some(554)),
        (68, SendError::Failed, Some(554)),
        (64, SendError::RelayFailure, None),
        (69, SendError::RelayFailure, None),
        (71, SendError::RelayFailure, None),
        (78, SendError::RelayFailure, None),
        (127, SendError::RelayFailure, None),
        (1, SendError::RelayFailure, None),
    ] {
        let error = send(&format!("cat > /dev/null; echo 'queue full' >&2; exit {code}"), b"x\r\n").await;
        let Err(
            SendError::Deferred(ref answer)
            | SendError::Failed(ref answer)
            | SendError::RelayFailure(ref answer),
        ) = error
        else {
            panic!("{code}: {error:?}")
        };
        assert_eq!((answer.code, answer.text.as_str()), (reply, &*format!("exit code {code}: queue full")));
        assert_eq!(error, Err(kind(answer.clone())));
    }
}

#[tokio::test]
async fn a_program_that_is_killed_leaves_the_message_in_doubt() {
    let error = send("cat > /dev/null; kill -9 $$", b"x\r\n").await.unwrap_err();
    assert!(matches!(&error, SendError::InDoubt(answer) if answer.text.contains("signal")), "{error}");
}

#[tokio::test]
async fn a_program_that_does_not_read_the_message_did_not_accept_it() {
    let large = b"0123456789abcdef\r\n".repeat(100_000);
    let error = send("exit 0", &large).await.unwrap_err();
    assert!(matches!(&error, SendError::RelayFailure(answer) if answer.text.contains("read")), "{error}");
    let error = send("echo 'no such user' >&2; exit 67", &large).await.unwrap_err();
    assert!(matches!(&error, SendError::Failed(answer) if answer.text.contains("no such user")), "{error}");
}

#[tokio::test]
async fn output_is_bounded_and_never_blocks_the_program() {
    let script =
        "cat > /dev/null; yes complaint | head -c 1000000 >&2; yes chatter | head -c 1000000; exit 75";
    let error = send(script, b"x\r\n").await.unwrap_err();
    assert!(matches!(&error, SendError::Deferred(answer) if answer.text.len() <= 500), "{error}");
}

#[tokio::test]
async fn a_process_that_the_program_leaves_behind_delays_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        program(folder.path(), "cat > /dev/null; sleep 600 & echo $! > \"$0.pid\"; echo late >&2; exit 75");
    let error = relay(&script).send_raw(&envelope(), b"x\r\n").await.unwrap_err();
    assert!(matches!(&error, SendError::Deferred(answer) if answer.text.contains("late")), "{error}");
    let pid = std::fs::read_to_string(format!("{}.pid", script.display())).unwrap();
    let killed = std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
    assert!(killed.success(), "it was still running");
}

/// Time is paused, so the limit is reached as soon as nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_program_that_takes_too_long_leaves_the_message_in_doubt() {
    let error = send("exec sleep 1000", b"x\r\n").await.unwrap_err();
    assert!(matches!(&error, SendError::InDoubt(answer) if answer.text.contains("in time")), "{error}");
}

#[tokio::test]
async fn a_missing_program_is_a_relay_failure_and_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let missing = relay(&folder.path().join("sendmail"));
    let error = missing.send_raw(&envelope(), b"x\r\n").await.unwrap_err();
    assert!(
        matches!(&error, SendError::RelayFailure(answer) if answer.text.contains("can't be run")),
        "{error}"
    );
    assert!(missing.check().await.unwrap_err().contains("No such file"));
    let text = folder.path().join("text");
    fs::write(&text, "x").unwrap();
    assert!(relay(&text).check().await.unwrap_err().contains("is not a program"));
    assert!(relay(folder.path()).check().await.is_err());
    assert!(relay(&program(folder.path(), "exit 0")).check().await.is_ok());
}
