//! The work behind the operators' pages that pages can't do themselves.

use crate::{
    app::App,
    domain::{content::article::FoundArticle, ids::IssueId, subscriber::email_address::EmailAddress},
    jobs::{plan_issue, read_article::read_article},
    queue,
    web::admin::{Admin, Work},
};
use async_trait::async_trait;
use std::sync::Arc;
use url::Url;

struct DeskWork(App);

#[async_trait]
impl Work for DeskWork {
    async fn plan(&self, issue: IssueId) -> Result<(), String> {
        plan_issue::run(&self.0.jobs.issues, &self.0.jobs.feeds, issue)
            .await
            .map_err(|error| error.to_string())
    }

    async fn read_article(&self, url: &Url) -> Result<FoundArticle, String> {
        read_article(&self.0.jobs.feeds, url).await
    }

    async fn check_relays(&self) -> Vec<(String, Result<(), String>)> {
        let found = self.0.jobs.delivery.mailer.check().await;
        found.into_iter().map(|(relay, result)| (relay.to_string(), result)).collect()
    }

    fn signs(&self, sender: &EmailAddress) -> bool {
        !self.0.jobs.delivery.dkim.for_sender(sender).is_empty()
    }

    async fn queue_depth(&self) -> Option<i64> {
        queue::depth(&self.0.db).await.ok()
    }

    fn settings(&self) -> Vec<(String, String)> {
        shown_settings(&self.0)
    }
}

/// Returns the state of the operators' pages.
pub fn admin(app: &App) -> Admin {
    let settings = &app.settings;
    let url = settings.admin.url(&settings.http.public_url);
    Admin {
        operators: app.operators.clone(),
        signup: app.signup.clone(),
        rules: app.jobs.issues.plan_rules(),
        margins: settings.schedule.margins(),
        breaker: settings.sending.breaker(),
        secure_cookies: url.starts_with("https://"),
        url: url.into(),
        public_url: settings.http.public_url.as_str().into(),
        pictures_url: settings.pictures_url().into(),
        host: settings.admin.host.as_deref().map(Into::into),
        second_person: settings.admin.second_person,
        work: Arc::new(DeskWork(app.clone())),
        relays: Arc::default(),
    }
}

/// Returns the settings that help to understand what Daily does. Passwords in URLs are masked by their types.
fn shown_settings(app: &App) -> Vec<(String, String)> {
    let it = &app.settings;
    let mut shown = vec![
        ("database.url".to_owned(), it.database.url.to_string()),
        ("data.folder".into(), it.data.folder.display().to_string()),
        ("http.listen".into(), it.http.listen.to_string()),
        ("http.public_url".into(), it.http.public_url.clone()),
        (
            "admin.listen".into(),
            it.admin.listen.map_or_else(|| "with the readers’ pages".into(), |it| it.to_string()),
        ),
        ("admin.host".into(), it.admin.host.clone().unwrap_or_else(|| "any".into())),
        ("admin.second_factor".into(), it.admin.second_factor.to_string()),
        ("admin.second_person".into(), it.admin.second_person.to_string()),
    ];
    for (index, relay) in it.relays.iter().enumerate() {
        let rate = if relay.rate_per_minute == 0 {
            "no limit".into()
        } else {
            format!("{} a minute", relay.rate_per_minute)
        };
        shown.push((
            format!("relays.{index}"),
            format!("{} · {} connections · {rate}", relay.url, relay.connections),
        ));
    }
    shown.extend([
        ("sending.canary".to_owned(), it.sending.canary.to_string()),
        ("sending.max_failed_percent".into(), it.sending.max_failed_percent.to_string()),
        ("digest.min_stories".into(), it.digest.min_stories.to_string()),
        ("digest.max_stories".into(), it.digest.max_stories.to_string()),
        ("digest.too_few".into(), it.digest.too_few.to_string()),
        ("digest.max_age_hours".into(), it.digest.max_age_hours.to_string()),
    ]);
    shown
}
