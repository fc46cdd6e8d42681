//! The work behind the operators' pages that pages can't do themselves.

use crate::{
    app::App,
    domain::{
        content::article::FoundArticle, delivery::relay::RelayFault, ids::IssueId,
        subscriber::email_address::EmailAddress,
    },
    jobs::{plan_issue, read_article::read_article},
    queue,
    web::admin::{Admin, ShownSetting, Work},
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

    async fn check_relays(&self) -> Vec<(String, Result<(), RelayFault>)> {
        self.0.jobs.delivery.mailer.check().await
    }

    fn signs(&self, sender: &EmailAddress) -> bool {
        !self.0.jobs.delivery.dkim.for_sender(sender).is_empty()
    }

    async fn queue_depth(&self) -> Option<i64> {
        queue::depth(&self.0.db).await.ok()
    }

    fn settings(&self) -> Vec<ShownSetting> {
        let all = self.0.settings.effective.iter();
        all.map(|it| ShownSetting {
            key: it.key.clone(),
            value: it.value.clone(),
            origin: it.origin.as_str(),
        })
        .collect()
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
        tallies: Arc::default(),
    }
}
