//! A tracing span for each request, so that the log lines of one request can be told from those of others.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::Instrument as _;

/// Number of requests since the process started.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Runs a request in its span. The span has the route and not the path, because paths contain tokens.
pub async fn trace(request: Request, next: Next) -> Response {
    let id = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("request", id, method = %request.method(), route);
    async {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await
}
