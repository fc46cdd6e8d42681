//! The listener for incoming email.

use super::{ANN, PATTERN, complaint, next_issue, report, sender, start};
use crate::support::{Engine, TestApp, eventually, on_both_engines, supervisor::ReservedPort};
use daily::{
    db::bounces,
    domain::{
        delivery::bounce_address::BounceAddress, ids::IssueId,
        subscriber::subscription::SubscriptionStatus::Complained,
    },
    service::incoming,
    settings::ReceiveProtocol,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, DropGuard};

on_both_engines!(
    a_complaint_over_lmtp_is_acknowledged_once_it_is_durable,
    killing_the_listener_loses_no_acknowledged_bounce,
);

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

/// Hands one bounce over on a connection of its own. `false`: it was not acknowledged.
async fn hands_over(address: SocketAddr, to: &str) -> bool {
    let handing_over = async {
        let mut stream = BufReader::new(TcpStream::connect(address).await?);
        let message = report(to, ANN, "failed", "550 5.1.1 no such user");
        let commands = format!("LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n");
        stream.get_mut().write_all(commands.as_bytes()).await?;
        let mut line = String::new();
        while !line.starts_with("354 ") {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(false);
            }
        }
        stream.get_mut().write_all(format!("{message}.\r\n").as_bytes()).await?;
        line.clear();
        stream.read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line.starts_with("250 "))
    };
    handing_over.await.unwrap_or(false)
}

async fn listens(address: SocketAddr) {
    eventually("it listens", || async { TcpStream::connect(address).await.ok() }).await;
}

async fn bounces_of(app: &TestApp, issue: IssueId) -> usize {
    let mut tx = app.app.db.read().await.unwrap();
    let counts = bounces::count_by_kind(&mut tx, issue).await.unwrap();
    counts.iter().map(|it| usize::try_from(it.count).unwrap()).sum()
}

async fn killing_the_listener_loses_no_acknowledged_bounce(engine: Engine) {
    const READERS: usize = 80;
    let app = start(engine).await;
    let readers = app.readers(READERS, "example.org").await;
    let issue = next_issue(&app, 1).await;
    let mut senders = Vec::new();
    for reader in &readers {
        senders.push(sender(&app, issue, reader).await);
    }
    let port = ReservedPort::reserve();
    let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
    let daily = app
        .program()
        .set("DAILY__SENDING__BOUNCE_ADDRESS", PATTERN)
        .set("DAILY__RECEIVE__LISTEN", &address.to_string());
    let (daily, _) = daily.listening();
    let mut running = daily.start(&["serve", "--role", "web"]);
    listens(address).await;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (count, all) = (acknowledged.clone(), senders.clone());
    let handing_over = tokio::spawn(async move {
        for to in all {
            if hands_over(address, &to).await {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    eventually("some are acknowledged", || async {
        (acknowledged.load(Ordering::SeqCst) >= 15).then_some(())
    })
    .await;
    running.kill();
    handing_over.await.unwrap();
    let (stored, acknowledged) = (bounces_of(&app, issue).await, acknowledged.load(Ordering::SeqCst));
    assert!(stored >= acknowledged && acknowledged < READERS, "{stored} of {acknowledged} are stored");
    // The mail server hands all others over again, and here the stored ones, too.
    let _running = daily.start(&["serve", "--role", "web"]);
    listens(address).await;
    for to in &senders {
        assert!(hands_over(address, to).await);
    }
    assert_eq!(bounces_of(&app, issue).await, READERS, "each counts once");
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
