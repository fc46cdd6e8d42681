//! Pages and endpoints. They translate requests to actions, and results to responses. They read the database,
//! but never write to it.

pub mod admin;
mod assets;
mod brand_style;
mod cached;
mod client_address;
mod error;
mod health;
mod layout;
mod link_ends;
mod mailbox;
mod metrics;
mod negotiate;
mod openapi;
mod picture_policy;
mod public;
mod request_span;
mod security;
pub mod server;
mod submission;

use crate::{
    actions::{self, signup::context::SignupContext, subscription::context::SubscriptionContext},
    db::{
        DbError,
        engine::writer_health::WriterHealth,
        newsletters::{self, NewsletterRecord},
    },
    domain::newsletter::is_slug,
    metrics::Metrics,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE},
    routing::{get, post},
};
use std::{sync::Arc, time::Duration};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    timeout::TimeoutLayer,
};

pub use client_address::Proxies;
use error::AppError;
pub use health::Monitoring;
pub use mailbox::Mailbox;

/// Largest request body in bytes. The largest legitimate one is a signup.
const MAX_BODY_BYTES: usize = 16 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The state of all handlers.
#[derive(Clone)]
pub struct Site {
    pub actions: actions::Context,
    pub signup: SignupContext,
    pub subscription: SubscriptionContext,
    pub health: WriterHealth,
    pub metrics: Metrics,
    pub monitoring: Arc<Monitoring>,
    /// Public URL of these pages, without a trailing slash.
    pub public_url: Arc<str>,
    /// Origins whose scripts may sign readers up.
    pub allowed_origins: Arc<[String]>,
    /// The built-in mailbox, if it may be shown.
    pub mailbox: Option<Arc<Mailbox>>,
    /// Whether the public URL is HTTPS.
    pub secure_cookies: bool,
    /// Proxies trusted to report the client's address.
    pub proxies: Proxies,
    pub admin: admin::Admin,
    /// Whether the operators' pages are on a listener of their own.
    pub admin_elsewhere: bool,
}

impl Site {
    /// Returns the newsletter with this short name, or the first one.
    async fn newsletter(&self, slug: Option<&str>) -> Result<NewsletterRecord, AppError> {
        let mut tx = self.actions.db.read().await?;
        let found = match slug {
            Some(slug) if is_slug(slug) => newsletters::get_by_slug(&mut tx, slug).await?,
            Some(_) => None,
            None => newsletters::list(&mut tx).await?.into_iter().next(),
        };
        match (found, slug) {
            (Some(newsletter), _) => Ok(newsletter),
            (None, Some(_)) => Err(AppError::NoNewsletter),
            (None, None) => Err(AppError::Db(DbError::RowNotFound)),
        }
    }
}

pub fn router(site: Site) -> Router {
    // The CORS layer handles OPTIONS only if the route has a handler for it.
    let subscribe = post(public::subscribe::post)
        .options(|| async { StatusCode::NO_CONTENT })
        .layer(cors(&site.allowed_origins));
    let mut router = Router::new()
        .route("/", get(public::signup::get))
        .route("/subscribe", subscribe)
        .route("/challenge", get(public::challenge::get).layer(cors(&site.allowed_origins)))
        .route("/confirm/{token}", get(public::confirm::get).post(public::confirm::post))
        .route("/confirm/{token}/renew", post(public::confirm::renew))
        .route("/unsubscribe/{token}", get(public::unsubscribe::get).post(public::unsubscribe::post))
        .route("/preferences/{token}", get(public::preferences::get).post(public::preferences::post))
        .route(
            "/address/{token}",
            get(public::preferences::address_change::get).post(public::preferences::address_change::post),
        )
        .route(
            "/data-export/{token}",
            get(public::preferences::data_export::get).post(public::preferences::data_export::post),
        )
        .route("/issues", get(public::issues::list))
        .route("/issues.xml", get(public::issues_feed::get))
        .route("/issues/{date}", get(public::issues::show))
        .route("/pictures/{name}", get(public::pictures::get))
        .route("/embed", get(public::signup::get).post(public::subscribe::post))
        .route("/embed.js", get(assets::embed_script))
        .route("/embed.json", get(public::embed::get))
        .route("/robots.txt", get(assets::robots))
        .route("/sitemap.xml", get(public::sitemap::get))
        .route("/favicon.ico", get(brand_style::favicon))
        .route("/challenge.js", get(assets::challenge_script))
        .route("/assets/style/{file}", get(assets::style))
        .route("/assets/brand/{file}", get(brand_style::style))
        .route("/assets/icon/{file}", get(brand_style::icon))
        .route("/assets/frame.js", get(assets::frame_script))
        .route("/assets/time-zone.js", get(assets::time_zone_script))
        .route("/openapi.json", get(openapi::get))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::get));
    if let Some(mailbox) = &site.mailbox {
        let path = &mailbox.path;
        router = router
            .route(path, get(mailbox::list))
            .route(&format!("{path}/{{name}}"), get(mailbox::show))
            .route(&format!("{path}/{{name}}/html"), get(mailbox::html));
    }
    if !site.admin_elsewhere {
        router = router.merge(admin::router(site.admin.clone()));
    }
    link_ends::tidied(wrapped(router, site))
}

/// Returns the pages of a listener for operators alone.
pub fn admin_router(site: Site) -> Router {
    wrapped(admin::router(site.admin.clone()), site)
}

/// Adds what all pages share: limits, errors as pages, headers.
fn wrapped(router: Router<Site>, site: Site) -> Router {
    router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn_with_state(site.proxies.clone(), client_address::resolve))
        .layer(axum::middleware::from_fn_with_state(
            (Some(site.clone()), security::frame_policy(&site.allowed_origins)),
            security::headers,
        ))
        .layer(axum::middleware::from_fn(request_span::trace))
        .layer(axum::middleware::from_fn_with_state(site.clone(), metrics::measure))
        .with_state(site)
}

/// Returns the routes of the further address for monitoring.
pub fn monitoring_router(site: Site) -> Router {
    let (health, ready, figures) = (get(health::alive), get(health::ready), get(metrics::get));
    Router::new()
        .route("/healthz", health)
        .route("/readyz", ready)
        .route("/metrics", figures)
        .fallback(error::not_found)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn_with_state(
            (None, HeaderValue::from_static("default-src 'none'")),
            security::headers,
        ))
        .with_state(site)
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers([CONTENT_TYPE])
}
