//! Replaces the peer address of requests from trusted proxies by the client's address.

use crate::domain::signup::client_address::{ForwardedBy, client_address};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use std::{net::SocketAddr, sync::Arc};

/// Proxies trusted to report the client's address.
#[derive(Debug, Clone)]
pub struct Proxies {
    pub trusted: Arc<[ipnet::IpNet]>,
    /// The header in which they report it.
    pub by: ForwardedBy,
}

/// Headers by which proxies show themselves.
const PROXY_HEADERS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Returns whether a request comes from this machine and, as far as its headers tell, not through a proxy.
pub fn is_on_this_machine(peer: SocketAddr, headers: &HeaderMap) -> bool {
    peer.ip().to_canonical().is_loopback() && !PROXY_HEADERS.iter().any(|name| headers.contains_key(*name))
}

/// Replaces the peer's address by the client's.
pub async fn resolve(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        // A proxy appends to the value that the client sent. Bytes that are not UTF-8 must not hide the
        // proxy's part.
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

/// Returns the client's address of a request, or the unspecified one if nothing is known.
pub fn of(extensions: &axum::http::Extensions) -> std::net::IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| peer.ip())
}
