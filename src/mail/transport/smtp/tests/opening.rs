//! From connecting to AUTH.

use super::*;

async fn refusal(url: &str, fake: &FakeRelay) -> Answer {
    dialer(url, fake).open().await.err().expect("no session")
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
            (Action::Close, None, "closed"),
            (Action::Hang, None, "no answer in time"),
            (Action::Drip("2"), None, "no answer in time"),
            (Action::Drip("220-wait\r\n"), None, "no answer in time"),
            (Action::Flood("220-again\r\n"), None, "more than 100 lines"),
            (Action::Flood("xxxxxxxxxxxxxxxx"), None, "longer than 2048 bytes"),
            (Action::Reply("HTTP/1.1 400 Bad Request\r\n"), None, "not SMTP"),
            (Action::Reply("421 4.3.2 later\r\n"), Some(421), "later"),
            (Action::Reply("454 4.7.0 not now\r\n"), Some(454), "not now"),
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
async fn a_refused_connection_is_reported() {
    let fake = FakeRelay::polite();
    fake.shut.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = refusal(PLAIN, &fake).await;
    assert_eq!(answer.stage, Some(Stage::Connect));
    assert!(answer.text.starts_with("can't connect: "), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn many_slow_steps_together_time_out() {
    let fake = FakeRelay::new("", |_, step| match step {
        "greeting" => Some(Action::ReplyAfter(45, "220 relay.example\r\n")),
        "EHLO" => Some(Action::ReplyAfter(45, "250-relay.example\r\n250 AUTH PLAIN\r\n")),
        "AUTH" => Some(Action::ReplyAfter(45, "235 welcome\r\n")),
        _ => None,
    });
    let begin = Instant::now();
    let answer = refusal("smtp://u:p@127.0.0.1", &fake).await;
    assert_eq!((answer.stage, begin.elapsed()), (Some(Stage::Auth), STEP * 2));
    assert!(answer.text.contains("no answer in time"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn replies_may_arrive_in_any_chunks() {
    for size in 1..40 {
        let fake = FakeRelay::new("", move |_, step| match step {
            "EHLO" => Some(Action::Pieces(size, "250-relay.example\r\n250-SIZE 99\r\n250 pipelining\r\n")),
            "MAIL" => Some(Action::Pieces(size, "250 ok\r\n250 ok\r\n354 go ahead\r\n")),
            "RCPT" | "DATA" => Some(Action::Reply("")),
            _ => None,
        });
        let session = open(&fake).await;
        assert!(session.extensions.pipelining && session.extensions.max_size == Some(99));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_ehlo_is_greeted_the_old_way() {
    let fake = FakeRelay::at("PIPELINING", "EHLO", Action::Reply("502 5.5.1 what?\r\n"));
    let mut session = open(&fake).await;
    assert_eq!(kind(&send(&mut session, MESSAGE).await), "sent");
    let lines = fake.lines(0);
    assert_eq!(lines[..3], ["EHLO client.example", "HELO client.example", "MAIL FROM:<news@example.org>"]);
    let both = [("EHLO", "500 no\r\n"), ("HELO", "550 5.7.1 no\r\n")];
    assert_eq!(refusal(PLAIN, &FakeRelay::saying("", &both)).await.code, Some(550));
    for url in ["smtp+starttls://relay.example", "smtp://u:p@127.0.0.1"] {
        let answer = refusal(url, &FakeRelay::at("", "EHLO", Action::Reply("500 no\r\n"))).await;
        assert!(answer.text.contains("offer"), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_required_tls_no_credentials_are_sent() {
    let url = "smtp+starttls://u:secret@relay.example";
    let fake = FakeRelay::new("AUTH PLAIN", |_, _| None);
    let answer = refusal(url, &fake).await;
    assert!(answer.text.contains("does not offer STARTTLS"), "{answer:?}");
    assert_eq!(fake.lines(0), ["EHLO client.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_injected_after_starttls_is_rejected() {
    for said in ["220 go ahead\r\n250 AUTH PLAIN\r\n", "220 go ahead\r\n2"] {
        let fake = FakeRelay::at("STARTTLS", "STARTTLS", Action::Reply(said));
        let answer = refusal("smtp+starttls://u:secret@relay.example", &fake).await;
        assert_eq!(answer.stage, Some(Stage::Tls));
        assert!(answer.text.contains("unencrypted data"), "{answer:?}");
        settle().await;
        assert_eq!(fake.lines(0), ["EHLO client.example", "STARTTLS"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_or_endless_handshake_is_abandoned() {
    let url = "smtps://relay.example";
    let answer = refusal(url, &FakeRelay::polite()).await;
    assert_eq!(answer.stage, Some(Stage::Tls));
    assert!(answer.text.starts_with("TLS negotiation failed: "), "{answer:?}");
    let begin = Instant::now();
    let answer = refusal(url, &FakeRelay::at("", "greeting", Action::Hang)).await;
    assert_eq!((answer.stage, begin.elapsed()), (Some(Stage::Tls), STEP));
}
