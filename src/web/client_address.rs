//! Tells handlers who a request comes from, when a trusted proxy brings it.

use crate::domain::signup::client_address::{ForwardedBy, client_address};
use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use std::{net::SocketAddr, sync::Arc};

/// The proxies that are believed, and by which header.
#[derive(Debug, Clone)]
pub struct Proxies {
    /// Their networks.
    pub trusted: Arc<[ipnet::IpNet]>,
    /// The header they write.
    pub by: ForwardedBy,
}

/// Puts the client's address in the place of the peer's.
pub async fn resolve(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        // What a client makes up stands in one value with what the proxy adds: bytes that are no text must not hide that.
        let values: Vec<_> = request
            .headers()
            .get_all(proxies.by.as_str())
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        let ip = client_address(peer.ip(), &proxies.trusted, proxies.by, &values);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(ip, peer.port())));
    }
    next.run(request).await
}
