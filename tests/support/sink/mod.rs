//! An SMTP sink that accepts every message, stores almost nothing, and counts. It is fast enough to measure
//! the sender. It is accurate enough to show which readers got a message when the sender was killed.
//!
//! [`Sink::start`] listens in this process: a test, or the benchmark's sink process. [`Tally`] has the
//! counts. With `remember`, it also has each message's recipient, Message-ID and position on its connection.

// The benchmark and the tests each use a part of this module.
#![allow(dead_code, unused_imports)]

mod session;
mod tally;

pub use self::tally::{Phase, Report, Tally};

use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedSender,
    task::{JoinHandle, JoinSet},
};

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Delay of the answer to a message, which keeps messages in flight.
    pub delay: Duration,
    /// Delay of every group of answers, like that of a distant relay.
    pub round_trip: Duration,
    /// Whether to keep each message's recipient and Message-ID.
    pub remember: bool,
    pub announce: Option<Announce>,
}

/// Receiver of announcements.
#[derive(Debug, Clone)]
pub struct Announce {
    /// Messages to this domain are announced.
    pub domain: String,
    pub to: UnboundedSender<Announcement>,
}

/// An announcement, with times in microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// The first `MAIL FROM` on any connection.
    FirstMailFrom(i64),
    /// A message to the announced domain.
    Arrived { recipient: String, at: i64 },
}

/// A running sink. Dropping it breaks all connections.
pub struct Sink {
    port: u16,
    tally: Arc<Tally>,
    serving: JoinHandle<()>,
}

impl Sink {
    /// Listens on a port of 127.0.0.1, or on a free one if `port` is 0.
    pub async fn start(port: u16, options: Options) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the sink's port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let tally = Arc::new(Tally::default());
        let serving = tokio::spawn(serve(listener, options, tally.clone()));
        Self { port, tally, serving }
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of the sink as a relay.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Returns the counts so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, options: Options, tally: Arc<Tally>) {
    let options = Arc::new(options);
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                sessions.spawn(session(stream, options.clone(), tally.clone()));
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn session(stream: TcpStream, options: Arc<Options>, tally: Arc<Tally>) {
    let connection = tally.connection();
    // An error means that the client closed the connection.
    let _ = session::Session::new(stream, options, tally, connection.clone()).run().await;
    connection.close();
}
