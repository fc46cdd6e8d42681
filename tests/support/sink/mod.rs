//! An SMTP sink: it accepts every message, stores almost nothing of it, and counts. It is fast enough to measure the
//! sender, and accurate enough to show which readers got a message when the sender is killed.
//!
//! [`Sink::start`] listens in this process: the tests, or the benchmark's sink process. [`Tally`] has the counts. With
//! `remember`, it has each message's recipient, Message-ID, and position on its connection, too.

// The benchmark uses one half of this, and the tests the other.
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

/// The behavior of a sink.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The delay of the answer to a message, so that there are messages in flight.
    pub delay: Duration,
    /// The delay of every group of answers, as of a relay that is far away.
    pub round_trip: Duration,
    /// Whether each message's recipient and Message-ID are kept.
    pub remember: bool,
    /// The receiver of announcements, if there is one.
    pub announce: Option<Announce>,
}

/// The receiver of announcements, and the messages it wants.
#[derive(Debug, Clone)]
pub struct Announce {
    /// Every message to a recipient in this domain is announced.
    pub domain: String,
    /// The channel for announcements.
    pub to: UnboundedSender<Announcement>,
}

/// An announcement. Times are in microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// The first `MAIL FROM` of all.
    FirstMailFrom(i64),
    /// A message to the announced domain.
    Arrived { recipient: String, at: i64 },
}

/// A running sink; it ends, and breaks its connections, when dropped.
pub struct Sink {
    port: u16,
    tally: Arc<Tally>,
    serving: JoinHandle<()>,
}

impl Sink {
    /// Listens on a port of 127.0.0.1; 0 for a free one.
    pub async fn start(port: u16, options: Options) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the sink's port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let tally = Arc::new(Tally::default());
        let serving = tokio::spawn(serve(listener, options, tally.clone()));
        Self { port, tally, serving }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// As a relay's URL.
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
    // An error is the client's end, seen from here.
    let _ = session::Session::new(stream, options, tally, connection.clone()).run().await;
    connection.close();
}
