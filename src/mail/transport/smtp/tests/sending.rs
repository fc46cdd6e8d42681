//! MAIL, RCPT, DATA, the message, and its outcome.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_email_is_handed_over_and_the_session_takes_the_next() {
    for keywords in ["PIPELINING", ""] {
        let fake = FakeRelay::new(keywords, |_, _| None);
        let mut session = open(&fake).await;
        for _ in 0..2 {
            let outcome = send(&mut session, b"a\r\n.b\r\n").await;
            let Ok(answer) = outcome else { panic!("{outcome:?}") };
            assert_eq!(answer.line(), "250 2.0.0 queued");
            assert_eq!((answer.stage, answer.enhanced), (Some(Stage::Message), "2.0.0".parse().ok()));
        }
        session.quit().await;
        settle().await;
        let one = ["MAIL FROM:<news@example.org>", "RCPT TO:<ann@example.net>", "DATA", "a", "..b", "."];
        let expected = [&["EHLO client.example"][..], &one, &one, &["QUIT"]].concat();
        assert_eq!(fake.lines(0), expected);
    }
}

/// Replies to MAIL, RCPT, DATA and the end; the outcome; its stage; whether the session stays ready.
type Case = ([&'static str; 4], &'static str, Option<Stage>, bool);

const OK: &str = "250 2.1.0 ok\r\n";
const GO: &str = "354 go ahead\r\n";
const LATER: &str = "451 4.3.0 later\r\n";
const NO: &str = "554 5.3.0 no\r\n";
const BYE: &str = "421 4.3.2 bye\r\n";

#[tokio::test(start_paused = true)]
async fn every_combination_of_answers_has_its_outcome() {
    use Stage::{Data, Mail, Message, Rcpt};
    let cases: &[Case] = &[
        ([OK, OK, GO, OK], "sent", Some(Message), true),
        ([OK, "251 2.1.5 forwarded\r\n", GO, "250\r\n"], "sent", Some(Message), true),
        ([OK, OK, GO, LATER], "deferred", Some(Message), true),
        ([OK, OK, GO, NO], "failed", Some(Message), true),
        ([OK, OK, GO, BYE], "relay failure", Some(Message), false),
        ([OK, OK, GO, "354 more\r\n"], "doubt", Some(Message), false),
        ([OK, OK, GO, "what?\r\n"], "doubt", Some(Message), false),
        ([OK, OK, LATER, OK], "deferred", Some(Data), true),
        ([OK, OK, NO, OK], "failed", Some(Data), true),
        ([OK, OK, BYE, OK], "relay failure", Some(Data), false),
        ([OK, OK, OK, OK], "relay failure", Some(Data), false),
        ([OK, LATER, NO, OK], "deferred", Some(Rcpt), true),
        ([OK, NO, NO, OK], "failed", Some(Rcpt), true),
        ([OK, NO, LATER, OK], "failed", Some(Rcpt), true),
        ([OK, GO, NO, OK], "relay failure", Some(Rcpt), false),
        ([OK, BYE, NO, OK], "relay failure", Some(Rcpt), false),
        ([LATER, NO, NO, OK], "relay failure", Some(Mail), false),
        ([NO, NO, NO, OK], "relay failure", Some(Mail), false),
        ([BYE, NO, NO, OK], "relay failure", Some(Mail), false),
        (["552 5.3.4 too big\r\n", NO, NO, OK], "failed", Some(Mail), true),
        (["552 too big\r\n", NO, NO, OK], "failed", Some(Mail), true),
        (["554 5.3.4 too big\r\n", NO, NO, OK], "failed", Some(Mail), true),
    ];
    for (replies, outcome, at, goes_on) in cases {
        for keywords in ["PIPELINING", ""] {
            let [mail, rcpt, data, end] = *replies;
            let fake =
                FakeRelay::saying(keywords, &[("MAIL", mail), ("RCPT", rcpt), ("DATA", data), ("end", end)]);
            let (found, ready) = first_and_next(&fake).await;
            assert_eq!(
                (kind(&found), stage(&found), ready),
                (*outcome, *at, *goes_on),
                "{keywords} {replies:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_rejection_the_next_email_starts_clean() {
    for keywords in ["PIPELINING", ""] {
        let fake = FakeRelay::new(keywords, {
            let rcpts = std::sync::atomic::AtomicUsize::new(0);
            move |_, step| {
                let first = step == "RCPT" && rcpts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                first.then_some(Action::Reply("550 5.1.1 no such user\r\n"))
            }
        });
        let mut session = open(&fake).await;
        assert_eq!(kind(&send(&mut session, MESSAGE).await), "failed");
        assert_eq!(kind(&send(&mut session, MESSAGE).await), "sent");
        assert_eq!(kind(&send(&mut session, MESSAGE).await), "sent");
        let resets = fake.lines(0).iter().filter(|line| *line == "RSET").count();
        assert_eq!(resets, 1, "only when needed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_waits_for_a_message_without_recipients_gets_an_empty_one() {
    for end in [NO, OK, LATER] {
        let fake = FakeRelay::new("PIPELINING", {
            let rcpts = std::sync::atomic::AtomicUsize::new(0);
            move |_, step| match step {
                "RCPT" if rcpts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
                    Some(Action::Reply(NO))
                }
                "DATA" => Some(Action::Reply(GO)),
                "end" if rcpts.load(std::sync::atomic::Ordering::SeqCst) == 1 => Some(Action::Reply(end)),
                _ => None,
            }
        });
        let mut session = open(&fake).await;
        let outcome = send(&mut session, MESSAGE).await;
        assert_eq!((kind(&outcome), stage(&outcome)), ("failed", Some(Stage::Rcpt)));
        assert_eq!(fake.lines(0)[3..], ["DATA", "."], "nothing of the message");
        assert_eq!(kind(&send(&mut session, MESSAGE).await), "sent");
        assert_eq!(fake.lines(0)[5], "MAIL FROM:<news@example.org>", "no RSET needed");
    }
    let replies = [("MAIL", "552 too big\r\n"), ("RCPT", OK), ("DATA", GO)];
    let (outcome, ready) = first_and_next(&FakeRelay::saying("PIPELINING", &replies)).await;
    assert_eq!((kind(&outcome), ready), ("failed", false), "a dot might send an empty mail");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_or_hangs_fails_at_its_stage() {
    use Stage::{Data, Mail, Message, Rcpt};
    let large = [b"Subject: x\r\n\r\n".to_vec(), b"0123456789abcdef\r\n".repeat(1_000)].concat();
    for keywords in ["PIPELINING", ""] {
        for (step, outcome, at) in [
            ("MAIL", "relay failure", Mail),
            ("RCPT", "relay failure", Rcpt),
            ("DATA", "relay failure", Data),
            ("body", "relay failure", Message),
            ("end", "doubt", Message),
        ] {
            for (act, limit) in [(Action::Close, Duration::ZERO), (Action::Hang, STEP)] {
                let limit = if step == "end" && limit > Duration::ZERO { ANSWER } else { limit };
                let mut session = open(&FakeRelay::at(keywords, step, act)).await;
                let begin = Instant::now();
                let found = send(&mut session, &large).await;
                assert_eq!((kind(&found), stage(&found)), (outcome, Some(at)), "{keywords} {step}");
                assert!(!session.is_ready(), "{step}");
                assert_eq!(begin.elapsed(), limit, "{step}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_written_too_slowly_times_out() {
    // One byte a second: each is in time, but not the whole.
    let (ours, theirs) = tokio::io::duplex(1);
    let mut wire = Wire::new(Box::new(ours), STEP);
    wire.begin_phase(2);
    let reader = tokio::spawn(async move {
        let mut theirs = theirs;
        while tokio::io::AsyncReadExt::read_u8(&mut theirs).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let begin = Instant::now();
    let unwritten = wire.message(&[b'x'; 500], b"\r\n.\r\n").await.unwrap_err();
    assert!(!unwritten.complete && matches!(unwritten.error, WireError::TimedOut));
    assert_eq!(begin.elapsed(), STEP * 2);
    drop(wire);
    reader.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reply_before_a_disconnect_counts() {
    let large = b"0123456789abcdef\r\n".repeat(1_000);
    for (said, outcome) in [
        ("552 5.3.4 too big\r\n", "failed"),
        ("452 4.3.1 disk full\r\n", "deferred"),
        ("421 4.3.2 bye\r\n", "relay failure"),
        ("250 taken?\r\n", "relay failure"),
    ] {
        // Replies and disconnects during the message.
        let (ours, mut theirs) = tokio::io::duplex(4_096);
        let fake = FakeRelay::polite();
        let mut session = open(&fake).await;
        session.wire = Wire::new(Box::new(ours), STEP);
        session.extensions.pipelining = true;
        let peer = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            theirs.write_all(b"250 ok\r\n250 ok\r\n354 go\r\n").await.unwrap();
            let mut some = [0; 200];
            theirs.read_exact(&mut some).await.unwrap();
            theirs.write_all(said.as_bytes()).await.unwrap();
        });
        let found = send(&mut session, &large).await;
        assert_eq!((kind(&found), session.is_ready()), (outcome, false), "{said}");
        peer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_leaves_no_connection_behind() {
    for step in ["MAIL", "RCPT", "DATA", "end"] {
        for keywords in ["PIPELINING", ""] {
            let mut session = open(&FakeRelay::at(keywords, step, Action::Hang)).await;
            let sending = tokio::time::timeout(Duration::from_secs(1), send(&mut session, MESSAGE));
            assert!(sending.await.is_err());
            assert!(!session.is_ready(), "{step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unexpected_replies_are_not_trusted() {
    for (step, said, outcome) in [
        ("DATA", "354 go ahead\r\n250 2.0.0 queued\r\n", "relay failure"),
        ("RCPT", "250 ok\r\n354 go\r\n250 2.0.0 queued\r\n", "relay failure"),
        ("end", "250 2.0.0 queued\r\n250 and again\r\n", "sent"),
    ] {
        let (found, ready) = first_and_next(&FakeRelay::at("PIPELINING", step, Action::Reply(said))).await;
        assert_eq!((kind(&found), ready), (outcome, false), "{step}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_reset_ends_the_session() {
    let replies = [("RCPT", NO), ("RSET", "500 what?\r\n")];
    for keywords in ["PIPELINING", ""] {
        let mut session = open(&FakeRelay::saying(keywords, &replies)).await;
        assert_eq!(kind(&send(&mut session, MESSAGE).await), "failed");
        assert_eq!(kind(&send(&mut session, MESSAGE).await), "relay failure");
        assert!(!session.is_ready());
    }
}
