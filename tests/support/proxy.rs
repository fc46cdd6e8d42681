//! A proxy before an app, as publishers run one. While its server is away, it answers for it.

use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
};

const BAD_GATEWAY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\
    Connection: close\r\n\r\nBad Gateway";

/// A running proxy. It ends with the test.
pub struct Proxy {
    pub url: String,
    /// Whether its server is there.
    up: Arc<watch::Sender<bool>>,
}

impl Proxy {
    /// Starts a proxy before the app at a URL.
    pub async fn start(app: &str) -> Self {
        let server: SocketAddr = app.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let up = Arc::new(watch::Sender::new(true));
        let state = up.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server, state.subscribe()));
            }
        });
        Self { url, up }
    }

    /// Takes the server away: connections to it break, and the proxy answers 502.
    pub fn loses_its_server(&self) {
        self.up.send_replace(false);
    }

    pub fn finds_its_server(&self) {
        self.up.send_replace(true);
    }
}

async fn serve(mut client: TcpStream, server: SocketAddr, mut up: watch::Receiver<bool>) {
    if !*up.borrow() {
        // A request fits a packet. Without reading it, the answer would be lost with a reset.
        let _read = client.read(&mut [0; 16 * 1024]).await;
        let _written = client.write_all(BAD_GATEWAY).await;
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = up.wait_for(|up| !up) => {}
    }
}
