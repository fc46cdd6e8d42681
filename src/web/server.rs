//! Accepts connections, with limits that slow or many clients can't exceed.
//!
//! A client that sends its request head slowly, or never reads its answer, holds a file descriptor and memory.
//! Each connection has a time and size limit for heads, and an age limit. There are at most
//! [`ServerLimits::connections`], so that file descriptors remain for mail and database.

use axum::{
    Router,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Limits of the web server.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Most connections at the same time. Others wait until one ends.
    pub connections: usize,
    /// Time for a client to send a complete request head, and to begin its next request.
    pub head_time: Duration,
    /// Largest request head in bytes. Longer ones get 431.
    pub head_bytes: usize,
    /// Age at which a connection ends after its current request.
    pub age: Duration,
    /// Time for that request to finish, before the connection is cut.
    pub last_request: Duration,
}

impl ServerLimits {
    /// The limits in production, with at most this many connections.
    pub const fn new(connections: usize) -> Self {
        Self {
            connections,
            head_time: Duration::from_secs(10),
            head_bytes: 16 * 1024,
            age: Duration::from_mins(5),
            last_request: Duration::from_secs(40),
        }
    }
}

/// Pause after a failed accept. Without file descriptors, the next one would fail at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// Shortest time between two warnings that all connections are in use.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Serves requests until `stop` is cancelled and all open requests have finished.
pub async fn serve(listener: TcpListener, router: Router, limits: ServerLimits, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let mut warned_at: Option<Instant> = None;
    loop {
        if slots.available_permits() == 0 && warned_at.is_none_or(|at| at.elapsed() > WARN_EVERY) {
            warned_at = Some(Instant::now());
            tracing::warn!(limit = limits.connections, "all connections are in use; new clients wait");
        }
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = serve_connection(stream, peer, router.clone(), limits, stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::error!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ServerLimits,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A client that goes away or breaks the protocol is no event for operators.
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = async { tokio::select! { () = stop.cancelled() => {}, () = sleep(limits.age) => {} } } => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.last_request, &mut connection).await {
                Ok(ended) => ended,
                Err(_elapsed) => return tracing::debug!(%peer, "cut a connection that didn't end"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Starts a server with these limits. Returns its address.
    async fn start(change: impl FnOnce(&mut ServerLimits)) -> (SocketAddr, CancellationToken) {
        let mut limits = ServerLimits::new(100);
        change(&mut limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router =
            Router::new().route("/", get(|ConnectInfo(_): ConnectInfo<SocketAddr>| async { "fine" }));
        tokio::spawn(serve(listener, router, limits, stop.clone()));
        (address, stop)
    }

    /// Sends bytes and returns everything that the server answers until it closes the connection.
    async fn exchange(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A server that closes with unread input resets the connection.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_request_head_that_never_ends_is_cut_off() {
        let (address, _stop) = start(|limits| limits.head_time = Duration::from_millis(20)).await;
        assert_eq!(exchange(address, b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await, "");
        assert!(exchange(address, REQUEST).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn a_request_head_that_is_too_long_is_refused() {
        let (address, _stop) = start(|_| {}).await;
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "a".repeat(380_000));
        let answer = exchange(address, head.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        let usual = format!("GET / HTTP/1.1\r\ncookie: {}\r\nconnection: close\r\n\r\n", "a".repeat(8000));
        assert!(exchange(address, usual.as_bytes()).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn clients_beyond_the_limit_wait_for_the_slow_ones_to_be_cut_off() {
        let (address, _stop) = start(|limits| {
            limits.connections = 2;
            limits.head_time = Duration::from_millis(50);
        })
        .await;
        let mut slow = Vec::new();
        for _ in 0..10 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            slow.push(stream);
        }
        assert!(exchange(address, REQUEST).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn a_client_that_never_reads_its_answers_is_cut_off() {
        let (address, _stop) = start(|limits| {
            limits.age = Duration::from_millis(50);
            limits.last_request = Duration::from_millis(50);
        })
        .await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        // Pipelined requests whose answers fill all buffers.
        while stream.write_all(request).await.is_ok() {}
    }

    #[tokio::test]
    async fn a_stop_ends_idle_connections_and_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "fine" }));
        let server = tokio::spawn(serve(listener, router, ServerLimits::new(10), stop.clone()));
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(idle.read(&mut [0; 1000]).await.unwrap() > 0);
        stop.cancel();
        server.await.unwrap();
        assert_eq!(idle.read(&mut [0; 10]).await.unwrap(), 0);
    }
}
