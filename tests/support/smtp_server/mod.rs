//! A scripted SMTP server that records everything it is sent.
//!
//! ```ignore
//! let relay = SmtpServer::start(
//!     Script::accept()
//!         .refuse("nobody@example.org", "550 5.1.1 no such user")
//!         .first(2, Step::EndOfData, Action::reply("451 4.3.0 try again"))
//!         .rule(|at| (at.step == Step::Body && at.connection == 1).then_some(Action::Drop)),
//! )
//! .await;
//! relay.wait_for(3).await;
//! ```
//! The rules of a [`Script`] decide on an [`Action`] at each [`Step`]: reply, drop the connection, or hold
//! it. `refuse`, `first`, `always` and `greylist` are short forms of `rule`, and `advertise` sets the EHLO
//! keywords. A test reads the `Record` with `record`, `wait_for` and `wait_until`. It interferes with
//! `follow`, `release`, `stop` and `start_again`.
//!
//! There is no TLS here, but in `postfix.rs`. `STARTTLS` can be advertised, and then fails as scripted.

mod conversation;
mod record;
mod script;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::record::Recorder;
pub use self::record::{Message, Record};
use self::script::Director;
pub use self::script::{Action, Script, Step, StepContext};
use super::supervisor::ReservedPort;

/// A running server. Dropping it stops the server.
pub struct SmtpServer {
    shared: Arc<Shared>,
    /// Reserved even while the server is stopped.
    port: ReservedPort,
    listening: Option<Listening>,
}

/// State that all conversations share.
struct Shared {
    director: Director,
    recorder: Recorder,
}

struct Listening {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        let shared = Arc::new(Shared { director: Director::new(script), recorder: Recorder::default() });
        let mut server = Self { shared, port: ReservedPort::reserve(), listening: None };
        server.start_again().await;
        server
    }

    /// Returns the port on 127.0.0.1, which stays the same through [`Self::stop`] and [`Self::start_again`].
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Returns the relay's URL, as in the settings and the database.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port())
    }

    /// Closes all connections and refuses new ones.
    pub async fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            drop(listening.stop);
            listening.task.await.expect("the server does not panic");
        }
    }

    /// Listens again on the same port, with the same record.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(serve(self.port.listen(), self.shared.clone(), stopped));
        self.listening = Some(Listening { stop, task });
    }

    /// Switches to another script, for open connections too.
    pub fn follow(&self, script: Script) {
        self.shared.director.follow(script);
    }

    /// Ends every [`Action::Hold`], including future ones.
    pub fn release(&self) {
        self.shared.director.release();
    }

    /// Ends this many [`Action::Hold`]s in the order they began, including future ones.
    pub fn pass(&self, count: usize) {
        self.shared.director.pass(count);
    }

    /// Returns a copy of the record.
    pub fn record(&self) -> Record {
        self.shared.recorder.record()
    }

    /// Waits until at least `count` messages are accepted, and returns the record.
    pub async fn wait_for(&self, count: usize) -> Record {
        self.shared.recorder.wait_for_accepted(count).await
    }

    /// Waits until the record fulfils the condition, and returns it.
    pub async fn wait_until(&self, fulfilled: impl Fn(&Record) -> bool) -> Record {
        self.shared.recorder.wait_until(fulfilled).await
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let number = shared.recorder.connection_opened();
                conversations.spawn(conversation::converse(stream, shared.clone(), number));
            }
            Some(_) = conversations.join_next() => {}
        }
    }
    drop(listener);
    conversations.shutdown().await;
}

/// Locks even after a panic in a rule or a condition, which has printed its own message. The record stays
/// readable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
