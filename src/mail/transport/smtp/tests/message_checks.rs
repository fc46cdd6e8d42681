//! Checks of messages, and the parameters of MAIL.

use super::*;

/// Returns the outcome and the lines that the relay received after EHLO.
async fn sent(keywords: &'static str, message: &[u8]) -> (SendResult, Vec<String>) {
    let fake = FakeRelay::new(keywords, |_, _| None);
    let mut session = open(&fake).await;
    let outcome = send(&mut session, message).await;
    assert!(session.is_ready());
    (outcome, fake.lines(0)[1..].to_vec())
}

#[tokio::test(start_paused = true)]
async fn parameters_are_sent_if_offered_and_needed() {
    for (keywords, message, mail) in [
        ("", "a\r\n", ""),
        ("8BITMIME,SMTPUTF8", "a\r\n", ""),
        ("SIZE 100", "a", " SIZE=3"),
        ("SIZE", "a\r\n", " SIZE=3"),
        ("8BITMIME", "Subject: x\r\n\r\nü\r\n", " BODY=8BITMIME"),
        ("8BITMIME,SMTPUTF8,SIZE 0", "Subject: ü\r\n\r\nx\r\n", " SIZE=18 BODY=8BITMIME SMTPUTF8"),
    ] {
        let (outcome, lines) = sent(keywords, message.as_bytes()).await;
        assert_eq!(kind(&outcome), "sent", "{outcome:?}");
        assert_eq!(lines[0], format!("MAIL FROM:<news@example.org>{mail}"));
    }
}

#[tokio::test(start_paused = true)]
async fn unsendable_messages_are_rejected_before_any_command() {
    let long = format!("{}\r\n", "x".repeat(999));
    for (keywords, message, why) in [
        ("SIZE 10", "0123456789\r\n", "the message has 12 bytes, and the relay accepts 10"),
        ("SMTPUTF8", "Subject: x\r\n\r\nü\r\n", "8BITMIME"),
        ("8BITMIME", "Subject: ü\r\n\r\nx\r\n", "SMTPUTF8"),
        ("8BITMIME", "a\nb\r\n", "bare CR or LF"),
        ("8BITMIME", "a\r\n.\r", "bare CR or LF"),
        ("8BITMIME", "a\0b\r\n", "NUL"),
        ("8BITMIME", &long, "998 bytes"),
    ] {
        let (outcome, lines) = sent(keywords, message.as_bytes()).await;
        assert_eq!(kind(&outcome), "failed");
        assert_eq!((answer_of(&outcome).code, stage(&outcome)), (None, None));
        assert!(answer_of(&outcome).text.contains(why), "{outcome:?}");
        assert!(lines.is_empty(), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_holds_one_line() {
    let (ours, _theirs) = tokio::io::duplex(100);
    let mut wire = Wire::new(Box::new(ours), STEP);
    for command in ["EHLO a\r\nMAIL FROM:<>\r\n", "EHLO a\n\r\n", "EHLO \0\r\n", "EHLO a", "EHLO a\n"] {
        assert!(matches!(wire.command(&[command]).await, Err(WireError::BadCommand)));
    }
}
