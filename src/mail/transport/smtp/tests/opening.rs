//! From connecting to AUTH.

use super::*;

async fn refusal(url: &str, fake: &FakeRelay) -> Answer {
    dial(url, fake).open().await.err().expect("no conversation")
}

#[tokio::test(start_paused = true)]
async fn every_step_has_its_stage_and_its_limit() {
    for (url, keywords, step, at) in [
        (PLAIN, "", "greeting", Stage::Greeting),
        (PLAIN, "", "EHLO", Stage::Hello),
        ("smtp+starttls://relay.example", "STARTTLS", "STARTTLS", Stage::Tls),
        ("smtp://u:p@127.0.0.1", "AUTH PLAIN", "AUTH", Stage::Auth),
    ] {
        for (act, code, says) in [
            (Act::Close, None, "closed"),
            (Act::Hang, None, "no answer in time"),
            (Act::Drip("2"), None, "no answer in time"),
            (Act::Drip("220-wait\r\n"), None, "no answer in time"),
            (Act::Flood("220-again\r\n"), None, "more than 100 lines"),
            (Act::Flood("xxxxxxxxxxxxxxxx"), None, "longer than 2048 bytes"),
            (Act::Say("HTTP/1.1 400 Bad Request\r\n"), None, "not SMTP"),
            (Act::Say("421 4.3.2 later\r\n"), Some(421), "later"),
            (Act::Say("454 4.7.0 not now\r\n"), Some(454), "not now"),
        ] {
            let begin = Instant::now();
            let answer = refusal(url, &FakeRelay::at(keywords, step, act)).await;
            assert_eq!((answer.stage, answer.code), (Some(at), code), "{step}: {answer:?}");
            assert!(answer.text.contains(says), "{step}: {answer:?}");
            assert!(begin.elapsed() <= STEP, "{step}: {:?}", begin.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_at_home_is_said_so() {
    let fake = FakeRelay::polite();
    fake.shut.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = refusal(PLAIN, &fake).await;
    assert_eq!(answer.stage, Some(Stage::Connect));
    assert!(answer.text.starts_with("can't connect: "), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn many_slow_steps_are_too_slow_together() {
    let fake = FakeRelay::new("", |_, step| match step {
        "greeting" => Some(Act::Late(45, "220 relay.example\r\n")),
        "EHLO" => Some(Act::Late(45, "250-relay.example\r\n250 AUTH PLAIN\r\n")),
        "AUTH" => Some(Act::Late(45, "235 welcome\r\n")),
        _ => None,
    });
    let begin = Instant::now();
    let answer = refusal("smtp://u:p@127.0.0.1", &fake).await;
    assert_eq!((answer.stage, begin.elapsed()), (Some(Stage::Auth), STEP * 2));
    assert!(answer.text.contains("no answer in time"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn replies_may_come_in_any_pieces() {
    for size in 1..40 {
        let fake = FakeRelay::new("", move |_, step| match step {
            "EHLO" => Some(Act::Pieces(size, "250-relay.example\r\n250-SIZE 99\r\n250 pipelining\r\n")),
            "MAIL" => Some(Act::Pieces(size, "250 ok\r\n250 ok\r\n354 go ahead\r\n")),
            "RCPT" | "DATA" => Some(Act::Say("")),
            _ => None,
        });
        let conversation = open(&fake).await;
        assert!(conversation.extensions.pipelining && conversation.extensions.max_size == Some(99));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_ehlo_is_greeted_the_old_way() {
    let fake = FakeRelay::at("PIPELINING", "EHLO", Act::Say("502 5.5.1 what?\r\n"));
    let mut conversation = open(&fake).await;
    assert_eq!(kind(&send(&mut conversation, MESSAGE).await), "sent");
    let lines = fake.lines(0);
    assert_eq!(lines[..3], ["EHLO client.example", "HELO client.example", "MAIL FROM:<news@example.org>"]);
    let both = [("EHLO", "500 no\r\n"), ("HELO", "550 5.7.1 no\r\n")];
    assert_eq!(refusal(PLAIN, &FakeRelay::saying("", &both)).await.code, Some(550));
    for url in ["smtp+starttls://relay.example", "smtp://u:p@127.0.0.1"] {
        let answer = refusal(url, &FakeRelay::at("", "EHLO", Act::Say("500 no\r\n"))).await;
        assert!(answer.text.contains("offer"), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_tls_that_was_asked_for_nothing_is_said() {
    let url = "smtp+starttls://u:secret@relay.example";
    let fake = FakeRelay::new("AUTH PLAIN", |_, _| None);
    let answer = refusal(url, &fake).await;
    assert!(answer.text.contains("does not offer STARTTLS"), "{answer:?}");
    assert_eq!(fake.lines(0), ["EHLO client.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_put_behind_the_answer_to_starttls_is_refused() {
    for said in ["220 go ahead\r\n250 AUTH PLAIN\r\n", "220 go ahead\r\n2"] {
        let fake = FakeRelay::at("STARTTLS", "STARTTLS", Act::Say(said));
        let answer = refusal("smtp+starttls://u:secret@relay.example", &fake).await;
        assert_eq!(answer.stage, Some(Stage::Tls));
        assert!(answer.text.contains("something unprotected"), "{answer:?}");
        settle().await;
        assert_eq!(fake.lines(0), ["EHLO client.example", "STARTTLS"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_none_or_never_ends_is_given_up() {
    let url = "smtps://relay.example";
    let answer = refusal(url, &FakeRelay::polite()).await;
    assert_eq!(answer.stage, Some(Stage::Tls));
    assert!(answer.text.starts_with("TLS can't be agreed on: "), "{answer:?}");
    let begin = Instant::now();
    let answer = refusal(url, &FakeRelay::at("", "greeting", Act::Hang)).await;
    assert_eq!((answer.stage, begin.elapsed()), (Some(Stage::Tls), STEP));
}
