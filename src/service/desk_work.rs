//! The work behind the operators' pages that pages can't do themselves.

use crate::{
    app::App,
    domain::{content::article::FoundArticle, ids::IssueId},
    jobs::{plan_issue, read_article::read_article},
    queue,
    service::surroundings,
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

    async fn queues(&self) -> Option<Vec<(String, i64, i64)>> {
        let figures = queue::figures(&self.0.db).await.ok()?;
        Some(figures.into_iter().map(|it| (it.queue, it.jobs, it.oldest_seconds)).collect())
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
        checks: surroundings::checks(app),
        tallies: Arc::default(),
    }
}
