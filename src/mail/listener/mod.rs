//! Listens for incoming email over LMTP (RFC 2033) or SMTP (RFC 5321).
//!
//! A message is acknowledged only after its receiver has made its effect durable. If the process dies before, the
//! mail server still has the message and hands it over again; receivers recognize repeated messages. Recipients
//! that the service takes no email for are refused at once, so the listener relays nothing.

mod lines;
mod session;
mod tls;

use crate::settings::{self, ReceiveProtocol};
use session::{Ended, Session};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Takes the messages that clients hand over.
#[async_trait::async_trait]
pub trait Receiver: Send + Sync + 'static {
    /// Whether the service takes email for an address.
    fn accepts(&self, address: &str) -> bool;

    /// Receives a message. Its effect is durable on return. An error asks the mail server to try again.
    async fn receive(&self, recipient: &str, message: &[u8]) -> Result<String, String>;
}

/// Time for open connections to finish after the process is asked to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after the system refused to accept a connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A bound listener.
pub struct Listener {
    socket: TcpListener,
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
}

/// The state that all sessions share.
pub(crate) struct Shared {
    pub receiver: Arc<dyn Receiver>,
    pub protocol: ReceiveProtocol,
    pub name: String,
    pub tls: Option<TlsAcceptor>,
    pub max_bytes: usize,
    pub timeout: Duration,
    pub stop: CancellationToken,
}

impl Listener {
    /// Binds the configured address. `name` is this machine's in greetings.
    pub async fn bind(
        settings: &settings::Receive,
        address: SocketAddr,
        name: String,
        receiver: Arc<dyn Receiver>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let tls = match (&settings.tls_certificate_file, &settings.tls_key_file) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            _ => None,
        };
        let shared = Shared {
            receiver,
            protocol: settings.protocol,
            name,
            tls,
            max_bytes: settings.max_bytes as usize,
            timeout: settings.timeout(),
            stop,
        };
        let places = Arc::new(Semaphore::new(settings.connections as usize));
        Ok(Self { socket: TcpListener::bind(address).await?, shared: Arc::new(shared), places })
    }

    /// Returns the bound address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves connections until the process is asked to stop.
    pub async fn run(self) {
        let sessions = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = self.shared.stop.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection for incoming email; retrying");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            match self.places.clone().try_acquire_owned() {
                Ok(place) => {
                    let shared = self.shared.clone();
                    sessions.spawn(async move {
                        if let Err(error) = serve(stream, &shared).await {
                            tracing::debug!(%peer, %error, "a connection for incoming email broke");
                        }
                        drop(place);
                    });
                }
                Err(_) => {
                    sessions.spawn(refuse(stream));
                }
            }
        }
        sessions.close();
        // Sessions that take longer are dropped. Their messages were not acknowledged.
        let _ = tokio::time::timeout(GRACE, sessions.wait()).await;
    }
}

async fn refuse(mut stream: TcpStream) {
    let answer = b"421 4.3.2 Too many connections, try again later\r\n";
    // The client may be gone.
    let _ = tokio::time::timeout(GRACE, stream.write_all(answer)).await;
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    // Replies are short, and the client waits for each.
    stream.set_nodelay(true)?;
    let session = Session::new(stream, shared, shared.tls.is_some());
    let Ended::StartTls(stream) = session.greet_and_serve().await? else { return Ok(()) };
    let Some(acceptor) = &shared.tls else { return Ok(()) };
    let stream = tokio::time::timeout(shared.timeout, acceptor.accept(stream))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Session::new(stream, shared, false).serve().await.map(drop)
}
