//! Checks of the installation, its newsletters and their next issues.
//!
//! `daily check`, System, Today and the sheet before an issue goes out show the same findings: the same names, each
//! with why it matters and how to cure it. Findings that block keep issues from going out.

mod finding;
mod installation;
mod issue;
mod newsletter;
mod probes;
mod provider;

pub use finding::{Finding, Place, State, blockers};
pub use probes::{Answers, Probes, ask};
pub use provider::of_provider;

use crate::{
    actions::Context,
    db::{
        DbError,
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        delivery::relay::RelayAnswer,
        issue::{readiness::PublicAnswer, schedule::Margins},
        subscriber::email_address::EmailAddress,
    },
    issues::{
        forecast::{Forecast, forecast},
        next::next_date,
        plan::PlanRules,
    },
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

/// A DKIM key.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// The name of its record in the DNS.
    pub record: String,
    pub file: String,
    pub readable_by_others: bool,
}

/// The answers that checks need from parts of Daily that actions don't know.
#[async_trait]
pub trait Surroundings: Send + Sync {
    /// Connects to all relays. Returns each name with what went wrong.
    async fn relays(&self, limit: Option<Duration>) -> Vec<(String, RelayAnswer)>;
    /// Asks the public address for what only Daily answers. `None`: it leads to this machine, for trials.
    async fn public_address(&self, limit: Option<Duration>) -> Option<PublicAnswer>;
    /// Fetches what signing in through an OpenID provider needs. `None`: there is no provider.
    async fn provider(&self, limit: Option<Duration>) -> Option<Finding>;
    /// Checks this machine and its configuration.
    fn machine(&self) -> Vec<Finding>;
    fn signing_keys(&self) -> Vec<SigningKey>;
    /// Whether a DKIM key signs email from this address.
    fn signs(&self, sender: &EmailAddress) -> bool;
    /// The configured rate of a destination domain, in emails per minute.
    fn domain_rate(&self, domain: &str) -> Option<u32>;
}

/// Makes findings. Cheap to clone.
#[derive(Clone)]
pub struct Checks {
    pub context: Context,
    pub rules: PlanRules,
    pub margins: Margins,
    pub database: Arc<str>,
    pub public_url: Arc<str>,
    /// URL of the folder that readers get made pictures from.
    pub pictures_url: Arc<str>,
    pub surroundings: Arc<dyn Surroundings>,
    pub probes: Arc<Probes>,
}

impl Checks {
    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    /// Asks relays and the public address, however long it takes.
    pub async fn ask(&self) -> Answers {
        ask(&*self.surroundings, self.now(), None).await
    }

    /// Returns the last answers, or asks if they are old.
    pub async fn answers(&self) -> Answers {
        self.probes.get(&*self.surroundings, self.now()).await
    }

    /// Asks, unless somebody just did.
    pub async fn refresh(&self) -> Answers {
        self.probes.refresh(&*self.surroundings, self.now()).await
    }

    /// Checks everything, with all newsletters and their next issues.
    pub async fn everything(&self, answers: &Answers) -> Result<Vec<Finding>, DbError> {
        let all = newsletters::list(&mut self.context.db.read().await?).await?;
        let mut found = self.installation(Some(answers), &all).await?;
        for record in &all {
            found.extend(self.newsletter(record).await?);
            let mut tx = self.context.db.read().await?;
            let date = next_date(&mut tx, record, self.margins.grace, self.now()).await?;
            let it = forecast(self.rules.at(self.now()), &mut tx, record, date).await?;
            drop(tx);
            found.extend(self.issue(record, &it).await?);
        }
        found.extend(self.operation(&all).await?);
        Ok(found)
    }

    /// Checks an issue that an operator is about to approve, and all that it depends on.
    pub async fn before_sending(
        &self,
        record: &NewsletterRecord,
        it: &Forecast,
    ) -> Result<Vec<Finding>, DbError> {
        let all = newsletters::list(&mut self.context.db.read().await?).await?;
        let answers = self.answers().await;
        let mut found = self.issue(record, it).await?;
        found.extend(self.newsletter(record).await?);
        found.extend(self.installation(Some(&answers), &all).await?);
        found.extend(self.operation(&all).await?);
        let slug = &record.newsletter.slug;
        found.retain(|it| it.newsletter.as_ref().is_none_or(|about| about == slug));
        let anyway = it.issue.as_ref().is_some_and(|issue| issue.anyway);
        for it in found.iter_mut().filter(|it| it.is_setup && anyway && it.blocks()) {
            it.state = State::Warning;
        }
        found.sort_by_key(|it| it.state);
        Ok(found)
    }

    /// Returns what keeps a newsletter's next issue from going out, beside the issue itself. Waits for nobody: relays
    /// and the public address count as they answered last.
    pub async fn blocking(&self, record: &NewsletterRecord) -> Result<Vec<Finding>, DbError> {
        let answers = self.probes.known(&self.surroundings, self.now());
        let mut found = self.installation(answers.as_ref(), &[]).await?;
        found.extend(self.setup(record));
        found.retain(Finding::blocks);
        found.sort_by_key(|it| it.state);
        Ok(found)
    }
}
