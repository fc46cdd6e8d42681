//! MAIL, RCPT, DATA, the message, and what becomes of it.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_mail_is_handed_over_and_the_connection_takes_the_next() {
    for keywords in ["PIPELINING", ""] {
        let fake = FakeRelay::new(keywords, |_, _| None);
        let mut conversation = open(&fake).await;
        for _ in 0..2 {
            let outcome = send(&mut conversation, b"a\r\n.b\r\n").await;
            let Ok(answer) = outcome else { panic!("{outcome:?}") };
            assert_eq!(answer.line(), "250 2.0.0 queued");
            assert_eq!((answer.stage, answer.enhanced), (Some(Stage::Message), "2.0.0".parse().ok()));
        }
        conversation.quit().await;
        settle().await;
        let one = ["MAIL FROM:<news@example.org>", "RCPT TO:<ann@example.net>", "DATA", "a", "..b", "."];
        let expected = [&["EHLO client.example"][..], &one, &one, &["QUIT"]].concat();
        assert_eq!(fake.lines(0), expected);
    }
}

/// MAIL, RCPT, DATA and end as said; what becomes of the mail; whether the connection goes on.
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
        ([OK, OK, GO, BYE], "trouble", Some(Message), false),
        ([OK, OK, GO, "354 more\r\n"], "doubt", Some(Message), false),
        ([OK, OK, GO, "what?\r\n"], "doubt", Some(Message), false),
        ([OK, OK, LATER, OK], "deferred", Some(Data), true),
        ([OK, OK, NO, OK], "failed", Some(Data), true),
        ([OK, OK, BYE, OK], "trouble", Some(Data), false),
        ([OK, OK, OK, OK], "trouble", Some(Data), false),
        ([OK, LATER, NO, OK], "deferred", Some(Rcpt), true),
        ([OK, NO, NO, OK], "failed", Some(Rcpt), true),
        ([OK, NO, LATER, OK], "failed", Some(Rcpt), true),
        ([OK, GO, NO, OK], "trouble", Some(Rcpt), false),
        ([OK, BYE, NO, OK], "trouble", Some(Rcpt), false),
        ([LATER, NO, NO, OK], "trouble", Some(Mail), false),
        ([NO, NO, NO, OK], "trouble", Some(Mail), false),
        ([BYE, NO, NO, OK], "trouble", Some(Mail), false),
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
async fn after_a_refusal_the_next_mail_begins_afresh() {
    for keywords in ["PIPELINING", ""] {
        let fake = FakeRelay::new(keywords, {
            let rcpts = std::sync::atomic::AtomicUsize::new(0);
            move |_, step| {
                let first = step == "RCPT" && rcpts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                first.then_some(Act::Say("550 5.1.1 no such user\r\n"))
            }
        });
        let mut conversation = open(&fake).await;
        assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "failed");
        assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "sent");
        assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "sent");
        let resets = fake.lines(0).iter().filter(|line| *line == "RSET").count();
        assert_eq!(resets, 1, "only when needed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_waits_for_a_message_to_nobody_gets_an_empty_one() {
    for end in [NO, OK, LATER] {
        let fake = FakeRelay::new("PIPELINING", {
            let rcpts = std::sync::atomic::AtomicUsize::new(0);
            move |_, step| match step {
                "RCPT" if rcpts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => Some(Act::Say(NO)),
                "DATA" => Some(Act::Say(GO)),
                "end" if rcpts.load(std::sync::atomic::Ordering::SeqCst) == 1 => Some(Act::Say(end)),
                _ => None,
            }
        });
        let mut conversation = open(&fake).await;
        let outcome = send(&mut conversation, MESSAGE).await;
        assert_eq!((kind(&outcome), stage(&outcome)), ("failed", Some(Stage::Rcpt)));
        assert_eq!(fake.lines(0)[3..], ["DATA", "."], "nothing of the message");
        assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "sent");
        assert_eq!(fake.lines(0)[5], "MAIL FROM:<news@example.org>", "no RSET needed");
    }
    let replies = [("MAIL", "552 too big\r\n"), ("RCPT", OK), ("DATA", GO)];
    let (outcome, ready) = first_and_next(&FakeRelay::saying("PIPELINING", &replies)).await;
    assert_eq!((kind(&outcome), ready), ("failed", false), "a dot might send an empty mail");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_or_falls_silent_ends_as_far_as_it_came() {
    use Stage::{Data, Mail, Message, Rcpt};
    let large = [b"Subject: x\r\n\r\n".to_vec(), b"0123456789abcdef\r\n".repeat(1_000)].concat();
    for keywords in ["PIPELINING", ""] {
        for (step, outcome, at) in [
            ("MAIL", "trouble", Mail),
            ("RCPT", "trouble", Rcpt),
            ("DATA", "trouble", Data),
            ("body", "trouble", Message),
            ("end", "doubt", Message),
        ] {
            for (act, limit) in [(Act::Close, Duration::ZERO), (Act::Hang, STEP)] {
                let limit = if step == "end" && limit > Duration::ZERO { ANSWER } else { limit };
                let mut conversation = open(&FakeRelay::at(keywords, step, act)).await;
                let begin = Instant::now();
                let found = send(&mut conversation, &large).await;
                assert_eq!((kind(&found), stage(&found)), (outcome, Some(at)), "{keywords} {step}");
                assert!(!conversation.is_ready(), "{step}");
                assert_eq!(begin.elapsed(), limit, "{step}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_drips_out_ends_too() {
    // One piece a second: each in time, all together not.
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
    assert!(!unwritten.complete && matches!(unwritten.fault, Fault::Silent));
    assert_eq!(begin.elapsed(), STEP * 2);
    drop(wire);
    reader.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_relay_says_while_it_breaks_off_counts() {
    let large = b"0123456789abcdef\r\n".repeat(1_000);
    for (said, outcome) in [
        ("552 5.3.4 too big\r\n", "failed"),
        ("452 4.3.1 disk full\r\n", "deferred"),
        ("421 4.3.2 bye\r\n", "trouble"),
        ("250 taken?\r\n", "trouble"),
    ] {
        // Says it and goes, while the message is on its way.
        let (ours, mut theirs) = tokio::io::duplex(4_096);
        let fake = FakeRelay::polite();
        let mut conversation = open(&fake).await;
        conversation.wire = Wire::new(Box::new(ours), STEP);
        conversation.extensions.pipelining = true;
        let peer = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            theirs.write_all(b"250 ok\r\n250 ok\r\n354 go\r\n").await.unwrap();
            let mut some = [0; 200];
            theirs.read_exact(&mut some).await.unwrap();
            theirs.write_all(said.as_bytes()).await.unwrap();
        });
        let found = send(&mut conversation, &large).await;
        assert_eq!((kind(&found), conversation.is_ready()), (outcome, false), "{said}");
        peer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_leaves_no_connection_behind() {
    for step in ["MAIL", "RCPT", "DATA", "end"] {
        for keywords in ["PIPELINING", ""] {
            let mut conversation = open(&FakeRelay::at(keywords, step, Act::Hang)).await;
            let sending = tokio::time::timeout(Duration::from_secs(1), send(&mut conversation, MESSAGE));
            assert!(sending.await.is_err());
            assert!(!conversation.is_ready(), "{step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_says_too_much_is_not_believed() {
    for (step, said, outcome) in [
        ("DATA", "354 go ahead\r\n250 2.0.0 queued\r\n", "trouble"),
        ("RCPT", "250 ok\r\n354 go\r\n250 2.0.0 queued\r\n", "trouble"),
        ("end", "250 2.0.0 queued\r\n250 and again\r\n", "sent"),
    ] {
        let (found, ready) = first_and_next(&FakeRelay::at("PIPELINING", step, Act::Say(said))).await;
        assert_eq!((kind(&found), ready), (outcome, false), "{step}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_is_refused_ends_the_connection() {
    let replies = [("RCPT", NO), ("RSET", "500 what?\r\n")];
    for keywords in ["PIPELINING", ""] {
        let mut conversation = open(&FakeRelay::saying(keywords, &replies)).await;
        assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "failed");
        assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "trouble");
        assert!(!conversation.is_ready());
    }
}
