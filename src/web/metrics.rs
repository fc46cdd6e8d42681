//! `/metrics`: the figures of this process, for Prometheus.

use crate::web::{AppError, Site, client_address::is_on_this_machine};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{net::SocketAddr, time::Instant};

/// Prometheus's text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Responds with the figures to clients on this machine and in the allowed networks. All others learn nothing.
pub async fn get(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let client = peer.ip().to_canonical();
    let is_allowed = site.monitoring.allow_networks.iter().any(|network| network.contains(&client));
    if !is_allowed && !is_on_this_machine(peer, &headers) {
        return Err(AppError::NoPage);
    }
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], site.metrics.render()).into_response())
}

/// Records how long requests take, by route.
pub async fn measure(State(site): State<Site>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = known_method(request.method());
    let begun = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    // The mailbox's address is a secret.
    let route = if route.starts_with("/mailbox") { "/mailbox" } else { route };
    site.metrics.record_request(method, route, response.status().as_u16(), begun.elapsed());
    response
}

/// Returns the method's name. Clients may invent methods, and each would get a figure of its own.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
