//! `/admin`: the operators' pages.
//!
//! A page asks one question and answers it in its headline. Every action is a plain form that goes through the function
//! the command line uses, with the operator as its actor. Scripts only make pages quicker.

mod account;
mod assets;
mod bare;
mod calendar;
mod charts;
mod checks;
mod desk;
mod feeds;
mod forms;
mod import;
mod issue;
mod layout;
mod live;
mod notice;
mod oidc;
mod people;
mod reader;
mod readers;
mod report;
mod send;
mod settings;
mod sign_in;
mod sse;
mod suppressions;
mod system;
mod tallies;
mod today;
mod verdict;
mod welcome;
mod who;
mod words;

pub use tallies::Tallies;

use super::{client_address, error::AppError};
use crate::{
    actions::{Context, check::Checks, operator::context::OperatorContext, signup::context::SignupContext},
    domain::{
        content::article::FoundArticle, delivery::breaker::Breaker, ids::IssueId, issue::schedule::Margins,
    },
    issues::plan::{PlanRules, Planning},
};
use async_trait::async_trait;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use std::sync::Arc;
use url::Url;

/// Largest form in bytes: a note with every character escaped.
const MAX_FORM_BYTES: usize = 128 * 1024;

/// Work that pages need from parts of Daily they must not import.
#[async_trait]
pub trait Work: Send + Sync {
    /// Plans an issue now.
    async fn plan(&self, issue: IssueId) -> Result<(), String>;
    /// Reads an article from its page.
    async fn read_article(&self, url: &Url) -> Result<FoundArticle, String>;
    /// The queues with jobs that wait: their names, how many, and for how many seconds the oldest. `None`: the database
    /// doesn't answer.
    async fn queues(&self) -> Option<Vec<(String, i64, i64)>>;
    /// The effective settings. Secrets are masked.
    fn settings(&self) -> Vec<ShownSetting>;
}

/// A setting with the layer that its value comes from: `default`, `file` or `environment`.
pub struct ShownSetting {
    pub key: String,
    pub value: String,
    pub origin: &'static str,
}

/// The state of the operators' pages. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    pub operators: OperatorContext,
    pub signup: SignupContext,
    /// The configured limits for planning, which a newsletter may override.
    pub rules: PlanRules,
    pub margins: Margins,
    pub breaker: Breaker,
    /// URL of the operators' pages, without `/admin`.
    pub url: Arc<str>,
    pub public_url: Arc<str>,
    /// URL of the folder that readers get made pictures from.
    pub pictures_url: Arc<str>,
    /// The only host name for which the pages are served.
    pub host: Option<Arc<str>>,
    /// Whether the pages' URL is HTTPS.
    pub secure_cookies: bool,
    /// Whether operators who edited an issue can't approve it.
    pub second_person: bool,
    pub work: Arc<dyn Work>,
    pub checks: Checks,
    /// The last counts of large issues' copies by domain and answer.
    pub tallies: Arc<Tallies>,
}

impl Admin {
    fn actions(&self) -> &Context {
        &self.operators.actions
    }

    fn planning(&self) -> Planning {
        self.rules.at(self.actions().clock.now())
    }
}

/// Returns the routes below `/admin`.
pub fn router<S: Clone + Send + Sync + 'static>(admin: Admin) -> Router<S> {
    Router::new()
        .route("/admin", get(today::first))
        .route("/admin/sign-in", get(sign_in::get).post(sign_in::post))
        .route("/admin/sign-in/code", get(sign_in::code).post(sign_in::post_code))
        .route("/admin/sign-in/second-factor", get(sign_in::enrolment).post(sign_in::post_enrolment))
        .route("/admin/sign-in/oidc", get(oidc::begin))
        .route("/admin/sign-in/oidc/callback", get(oidc::finish))
        .route("/admin/sign-out", post(sign_in::sign_out))
        .route("/admin/welcome/{token}", get(welcome::get).post(welcome::post))
        .route("/admin/demo/{token}", get(welcome::demo))
        .route("/admin/me", get(account::get).post(account::post))
        .route("/admin/keys", get(account::keys))
        .route("/admin/n/{slug}", get(today::get))
        .route("/admin/n/{slug}/issues", get(issue::next))
        .route("/admin/n/{slug}/issues/{date}", get(issue::get).post(issue::post))
        .route("/admin/n/{slug}/issues/{date}/edit", get(issue::edit::get).post(issue::edit::post))
        .route("/admin/n/{slug}/issues/{date}/email", get(issue::email::frame))
        .route("/admin/n/{slug}/issues/{date}/preview", get(issue::email::get))
        .route("/admin/n/{slug}/issues/{date}/send", get(send::get))
        .route("/admin/n/{slug}/issues/{date}/send/events", get(send::events))
        .route("/admin/n/{slug}/issues/{date}/check", post(send::check_again))
        .route("/admin/n/{slug}/issues/{date}/test", post(send::test))
        .route("/admin/n/{slug}/issues/{date}/groups", post(send::save_group))
        .route("/admin/n/{slug}/issues/{date}/approve", post(send::approve))
        .route("/admin/n/{slug}/issues/{date}/now", post(send::now))
        .route("/admin/n/{slug}/issues/{date}/anyway", post(send::anyway))
        .route("/admin/n/{slug}/issues/{date}/skip", post(send::skip))
        .route("/admin/n/{slug}/issues/{date}/pause", post(live::pause))
        .route("/admin/n/{slug}/issues/{date}/resume", post(live::resume))
        .route("/admin/n/{slug}/issues/{date}/cancel", post(live::cancel))
        .route("/admin/n/{slug}/issues/{date}/report", get(report::get))
        .route("/admin/n/{slug}/issues/{date}/report/figures.csv", get(report::figures))
        .route("/admin/n/{slug}/issues/{date}/settle", post(report::settle))
        .route("/admin/n/{slug}/issues/{date}/resend", post(report::resend))
        .route("/admin/n/{slug}/issues/{date}/live", get(live::get))
        .route("/admin/n/{slug}/issues/{date}/live/events", get(live::events))
        .route("/admin/n/{slug}/live", get(live::latest))
        .route("/admin/n/{slug}/reports", get(report::latest))
        .route("/admin/n/{slug}/calendar", get(calendar::get))
        .route("/admin/n/{slug}/search", get(readers::find))
        .route("/admin/n/{slug}/readers", get(readers::get).post(readers::post))
        .route("/admin/n/{slug}/readers/{id}", get(reader::get).post(reader::post))
        .route("/admin/n/{slug}/suppressions", get(suppressions::get).post(suppressions::post))
        .route("/admin/n/{slug}/import", get(import::get).post(import::upload))
        .route("/admin/n/{slug}/import/{id}", get(import::show).post(import::post))
        .route("/admin/n/{slug}/import/{id}/events", get(import::events))
        .route("/admin/n/{slug}/import/{id}/left-out.csv", get(import::report))
        .route("/admin/n/{slug}/feeds", get(feeds::get).post(feeds::post))
        .route("/admin/n/{slug}/settings", get(settings::get).post(settings::post))
        .route("/admin/n/{slug}/settings/look", get(settings::saved_look).post(settings::preview))
        .route("/admin/people", get(people::get).post(people::post))
        .route("/admin/system", get(system::get).post(system::check_again))
        .route("/admin/review/{token}", get(send::go))
        .route("/admin/notice/{token}", get(notice::go))
        .route("/admin/assets/{name}", get(assets::get))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(axum::middleware::from_fn_with_state(admin.clone(), only_our_host))
        .with_state(admin)
}

/// Refuses requests for other host names than the configured one.
async fn only_our_host(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    match &admin.host {
        Some(ours) if host.is_none_or(|host| !host.eq_ignore_ascii_case(ours)) => {
            AppError::NoPage.into_response()
        }
        _ => next.run(request).await,
    }
}

/// Returns the client's address, which the middleware has found.
fn client_of(parts: &axum::http::request::Parts) -> std::net::IpAddr {
    client_address::of(&parts.extensions)
}
