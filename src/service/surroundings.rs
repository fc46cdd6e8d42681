//! The answers that checks need from parts of Daily that actions don't know.

use super::{disk::free_bytes, machine};
use crate::{
    actions::check::{Checks, Finding, Probes, SigningKey, Surroundings, of_provider},
    app::App,
    domain::{
        delivery::relay::RelayAnswer,
        issue::readiness::{PublicAnswer, PublicUrl},
        subscriber::email_address::EmailAddress,
    },
    jobs::periodic::watch_public_url,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

struct Process(App);

#[async_trait]
impl Surroundings for Process {
    async fn relays(&self, limit: Option<Duration>) -> Vec<(String, RelayAnswer)> {
        self.0.jobs.delivery.mailer.check(limit).await
    }

    async fn public_address(&self, limit: Option<Duration>) -> Option<PublicAnswer> {
        let (setup, url) = (self.0.settings.setup(), &self.0.settings.http.public_url);
        if setup.public_url == PublicUrl::Loopback && !setup.has_real_relay {
            return None;
        }
        let asking = watch_public_url::ask(&self.0.jobs.issues.http, url);
        Some(match limit {
            None => asking.await,
            Some(limit) => tokio::time::timeout(limit, asking)
                .await
                .unwrap_or_else(|_| PublicAnswer::Nothing(format!("no answer within {} s", limit.as_secs()))),
        })
    }

    async fn provider(&self, limit: Option<Duration>) -> Option<Finding> {
        let asking = of_provider(&self.0.operators);
        match limit {
            None => asking.await,
            Some(limit) => tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| {
                let silent = format!("no answer within {} s", limit.as_secs());
                Some(
                    Finding::warning("sign-in provider", silent)
                        .because("operators may have to use passwords"),
                )
            }),
        }
    }

    fn machine(&self) -> Vec<Finding> {
        machine::findings(&self.0.settings, free_bytes)
    }

    fn signing_keys(&self) -> Vec<SigningKey> {
        let keys = self.0.jobs.delivery.dkim.iter();
        keys.map(|key| SigningKey {
            record: key.record().name,
            file: key.file().display().to_string(),
            readable_by_others: key.readable_by_others(),
        })
        .collect()
    }

    fn signs(&self, sender: &EmailAddress) -> bool {
        !self.0.jobs.delivery.dkim.for_sender(sender).is_empty()
    }

    fn domain_rate(&self, domain: &str) -> Option<u32> {
        let rates = self.0.settings.sending.domain_rates.iter();
        rates.filter(|(name, _)| name == domain).map(|(_, rate)| *rate).next()
    }
}

/// Returns the checks of a process.
pub fn checks(app: &App) -> Checks {
    Checks {
        context: app.actions.clone(),
        rules: app.jobs.issues.plan_rules(),
        margins: app.settings.schedule.margins(),
        database: app.settings.database.url.to_string().into(),
        public_url: app.settings.http.public_url.as_str().into(),
        pictures_url: app.settings.pictures_url().into(),
        surroundings: Arc::new(Process(app.clone())),
        probes: Arc::new(Probes::default()),
    }
}
