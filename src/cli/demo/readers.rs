//! The demo's three readers. They use only HTTP and the links in their emails.

use crate::cli::CliError;
use mail_parser::MessageParser;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

const ADDRESSES: [&str; 3] = ["ada@readers.example", "ben@readers.example", "cleo@readers.example"];
/// Time limit for an email to arrive.
const EMAIL_LIMIT: Duration = Duration::from_secs(30);

pub struct Readers<'a> {
    client: reqwest::Client,
    service: &'a str,
    article: &'a str,
    mailbox: &'a Path,
}

impl<'a> Readers<'a> {
    pub fn new(service: &'a str, article: &'a str, mailbox: &'a Path) -> Result<Self, CliError> {
        let client = reqwest::Client::builder().no_proxy().timeout(EMAIL_LIMIT).build()?;
        Ok(Self { client, service, article, mailbox })
    }

    /// Submits the form at the end of the article.
    pub async fn sign_up(&self) -> Result<(), CliError> {
        for address in ADDRESSES {
            let form = serde_urlencoded::to_string([("email", address), ("source", self.article)])?;
            self.client
                .post(format!("{}/subscribe", self.service))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form)
                .send()
                .await?
                .error_for_status()?;
        }
        Ok(())
    }

    /// Opens the link in each confirmation email and submits its form.
    pub async fn confirm(&self) -> Result<(), CliError> {
        let mails = self.wait_for_emails(|text| text.contains("/confirm/")).await?;
        for address in ADDRESSES {
            let text = mails.get(address).map(String::as_str).unwrap_or_default();
            let link = text
                .split_whitespace()
                .find(|word| word.starts_with(self.service) && word.contains("/confirm/"))
                .ok_or_else(|| {
                    CliError::Failed(format!("the email to {address} has no confirmation link"))
                })?;
            self.client.get(link).send().await?.error_for_status()?;
            self.client.post(link).send().await?.error_for_status()?;
        }
        Ok(())
    }

    /// Checks that each reader got a welcome email with a link to their preferences.
    pub async fn check_welcome(&self) -> Result<(), CliError> {
        self.wait_for_emails(|text| text.contains("/preferences/")).await.map(drop)
    }

    /// Checks that each reader got the issue with its links.
    pub async fn check_issue(&self) -> Result<(), CliError> {
        self.wait_for_emails(|text| text.contains("/unsubscribe/") && text.contains("/issues/"))
            .await
            .map(drop)
    }

    /// Waits until each reader has a wanted email, and returns the texts.
    async fn wait_for_emails(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<HashMap<String, String>, CliError> {
        let found = tokio::time::timeout(EMAIL_LIMIT, async {
            let mut interval = tokio::time::interval(Duration::from_millis(20));
            loop {
                interval.tick().await;
                let found = read_all(self.mailbox, &wanted)?;
                if ADDRESSES.iter().all(|address| found.contains_key(*address)) {
                    return Ok(found);
                }
            }
        });
        found.await.map_err(|_| CliError::Failed("an email did not arrive in the mailbox in time".into()))?
    }
}

fn read_all(mailbox: &Path, wanted: impl Fn(&str) -> bool) -> Result<HashMap<String, String>, CliError> {
    let mut found = HashMap::new();
    let files: Vec<PathBuf> = match std::fs::read_dir(mailbox) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        // No email has arrived yet.
        Err(_) => return Ok(found),
    };
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "eml")) {
        let bytes = std::fs::read(file)?;
        let Some(message) = MessageParser::default().parse(&bytes) else { continue };
        let to = message.to().and_then(|to| to.first()).and_then(|to| to.address());
        if let (Some(to), Some(text)) = (to, message.body_text(0))
            && wanted(&text)
        {
            found.insert(to.to_owned(), text.into_owned());
        }
    }
    Ok(found)
}
