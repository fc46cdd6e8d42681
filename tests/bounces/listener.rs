//! The listener for incoming email.

use super::{ANN, PATTERN, complaint, next_issue, sender, start};
use crate::support::{Engine, TestApp, on_both_engines};
use daily::{
    domain::{
        delivery::bounce_address::BounceAddress, subscriber::subscription::SubscriptionStatus::Complained,
    },
    service::incoming,
    settings::ReceiveProtocol,
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, DropGuard};

on_both_engines!(a_complaint_over_lmtp_is_acknowledged_once_it_is_durable);

/// A client that talks to the listener.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        let greeting = client.reply().await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        client
    }

    /// Reads one reply, with all its lines.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).await.unwrap() > 0, "closed after {reply}");
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    async fn sends(&mut self, text: &str) -> String {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.reply().await
    }
}

async fn listening(app: &TestApp) -> (SocketAddr, DropGuard) {
    let stop = CancellationToken::new();
    let listener = incoming::listen(&app.app, ([127, 0, 0, 1], 0).into(), stop.clone()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(listener.run());
    (address, stop.drop_guard())
}

async fn a_complaint_over_lmtp_is_acknowledged_once_it_is_durable(engine: Engine) {
    let app = start(engine).await;
    app.reader(ANN).await;
    let issue = next_issue(&app, 1).await;
    let to = sender(&app, issue, ANN).await;
    let (address, _stop) = listening(&app).await;
    let mut client = Client::connect(address).await;
    assert!(client.sends("EHLO mx\r\n").await.starts_with("502 "), "this is LMTP");
    assert!(client.sends("LHLO mx\r\n").await.contains("PIPELINING"));
    assert!(client.sends("MAIL FROM:<> SIZE=99999999\r\n").await.starts_with("552 "));
    assert!(client.sends("MAIL FROM:<>\r\n").await.starts_with("250 "));
    for stranger in
        ["ann@example.org", "bounce+x@bounces.example.org", &PATTERN.replace("{key}", &"0".repeat(31))]
    {
        assert!(client.sends(&format!("RCPT TO:<{stranger}>\r\n")).await.starts_with("550 "), "{stranger}");
    }
    assert!(client.sends("DATA\r\n").await.starts_with("503 "), "no recipient was taken");
    // Commands in one packet.
    assert!(
        client
            .sends(&format!("RCPT TO:<{to}>\r\nRCPT TO:<{}>\r\nDATA\r\n", to.to_uppercase()))
            .await
            .starts_with("250 ")
    );
    assert!(client.reply().await.starts_with("250 "));
    assert!(client.reply().await.starts_with("354 "));
    // A dot between bare line feeds ends no message, and an added dot is taken away.
    let message = complaint(&to).replace("Spam.", "Spam\n.\nMAIL FROM:<>\r\n..");
    assert!(client.sends(&format!("{message}.\r\n")).await.starts_with("250 "));
    assert!(client.reply().await.starts_with("250 "), "one answer for each recipient");
    assert_eq!(app.status_of(ANN).await, Some(Complained));
    assert!(client.sends("QUIT\r\n").await.starts_with("221 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_smtp_too_many_errors_and_connections_are_refused() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.sending.bounce_address = Some(BounceAddress::parse(PATTERN).unwrap());
        settings.receive.protocol = ReceiveProtocol::Smtp;
        settings.receive.connections = 1;
        settings.receive.max_bytes = 10_000;
        settings.receive.addresses = vec![crate::support::address("fbl@example.org")];
    })
    .await;
    let (address, stop) = listening(&app).await;
    let mut client = Client::connect(address).await;
    let mut second = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut refused = String::new();
    second.read_line(&mut refused).await.unwrap();
    assert!(refused.starts_with("421 "), "{refused}");
    assert!(client.sends("HELO mx\r\n").await.starts_with("250 "));
    assert!(client.sends("MAIL FROM:<a@example.org>\r\n").await.starts_with("250 "));
    assert!(client.sends("RCPT TO:<FBL@example.org>\r\n").await.starts_with("250 "));
    assert!(client.sends("DATA\r\n").await.starts_with("354 "));
    let long = format!("Subject: x\r\n\r\n{}\r\n.\r\n", "x".repeat(20_000));
    assert!(client.sends(&long).await.starts_with("552 "));
    assert!(client.sends(&format!("{}\r\n", "x".repeat(5_000))).await.starts_with("500 "));
    let mut last = String::new();
    for _ in 0..30 {
        last = client.sends("WHAT\r\n").await;
        if last.starts_with("421 ") {
            break;
        }
    }
    assert!(last.starts_with("421 "), "{last}");
    drop(stop);
}
