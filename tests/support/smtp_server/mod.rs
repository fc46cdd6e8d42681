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
//! A [`Script`] has an [`Action`] for each [`Step`]: to reply, to drop the connection, or to hold it. `refuse`, `first`,
//! `always` and `greylist` are short forms of `rule`, and `advertise` sets the EHLO keywords. A test reads the `Record`
//! (`record`, `wait_for` accepted messages, `wait_until` anything), and interferes by `follow` (another script), `release`
//! (those on hold), `stop` and `start_again`.
//!
//! There is no TLS here: `postfix.rs` has it. `STARTTLS` can be advertised, and then fails as the script says.

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
pub use self::script::{Action, Moment, Script, Step};
use super::supervisor::ReservedPort;

/// A running server; stops when dropped.
pub struct SmtpServer {
    stage: Arc<Stage>,
    /// Stays reserved while the server is stopped.
    port: ReservedPort,
    listening: Option<Listening>,
}

/// State that all conversations share.
struct Stage {
    director: Director,
    recorder: Recorder,
}

struct Listening {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        let stage = Arc::new(Stage { director: Director::new(script), recorder: Recorder::default() });
        let mut server = Self { stage, port: ReservedPort::reserve(), listening: None };
        server.start_again().await;
        server
    }

    /// The port on 127.0.0.1, the same through [`Self::stop`] and [`Self::start_again`].
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The relay's URL, as the settings and the records have it.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port())
    }

    /// Refuses connections from now on; the open ones are closed when this returns.
    pub async fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            drop(listening.stop);
            listening.task.await.expect("the server does not panic");
        }
    }

    /// Listens again on the same port; the record goes on.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(serve(self.port.listen(), self.stage.clone(), stopped));
        self.listening = Some(Listening { stop, task });
    }

    /// Goes on with another script, in open connections too.
    pub fn follow(&self, script: Script) {
        self.stage.director.follow(script);
    }

    /// Ends every [`Action::Hold`], those to come included.
    pub fn release(&self) {
        self.stage.director.release();
    }

    /// Ends this many [`Action::Hold`]s, in the order they began, those to come included.
    pub fn pass(&self, count: usize) {
        self.stage.director.pass(count);
    }

    /// A copy of everything seen so far.
    pub fn record(&self) -> Record {
        self.stage.recorder.record()
    }

    /// Waits until at least `count` messages were accepted and returns the record.
    pub async fn wait_for(&self, count: usize) -> Record {
        self.stage.recorder.wait_for_accepted(count).await
    }

    /// Waits until the record fulfils the condition and returns it.
    pub async fn wait_until(&self, fulfilled: impl Fn(&Record) -> bool) -> Record {
        self.stage.recorder.wait_until(fulfilled).await
    }
}

async fn serve(listener: TcpListener, stage: Arc<Stage>, mut stopped: watch::Receiver<()>) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let number = stage.recorder.connection_opened();
                conversations.spawn(conversation::converse(stream, stage.clone(), number));
            }
            Some(_) = conversations.join_next() => {}
        }
    }
    drop(listener);
    conversations.shutdown().await;
}

/// Locks even after a panic of a rule or a condition. Such a panic has its own message, and the record stays readable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
