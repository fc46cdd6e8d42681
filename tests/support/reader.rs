//! Readers, who act through web pages and get emails in the built-in mailbox.

use super::{address as parsed, app::TestApp, mailbox::Mail, web::Page};
use daily::{
    actions::{
        privacy::verify_consent::{Verdict, verify_consent},
        subscription::set_preferences::set_preferences,
    },
    db::{
        newsletters::NewsletterRecord,
        subscribers::{self, ConsentRecord, SubscriptionRecord},
    },
    domain::{
        actor::Actor,
        subscriber::{
            cadence::Cadence, preferences::Preferences, sections::Sections, subscription::SubscriptionStatus,
        },
        token::Purpose,
    },
};

/// Returns the preferences of a reader who has chosen nothing.
pub fn anything() -> Preferences {
    Preferences { cadence: Cadence::EveryIssue, sections: Sections::ALL, time_zone: None, send_time: None }
}

/// A person with an address. Links are those of their oldest subscription.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    app: &'a TestApp,
    pub address: &'a str,
}

impl Reader<'_> {
    /// Signs up, and waits for the confirmation email.
    pub async fn signs_up(&self) -> Page {
        self.signs_up_with(&[]).await
    }

    /// Signs up for these newsletters.
    pub async fn signs_up_for(&self, newsletters: &[&str]) -> Page {
        let fields: Vec<_> = newsletters.iter().map(|slug| ("newsletter", *slug)).collect();
        self.signs_up_with(&fields).await
    }

    /// Signs up with these fields besides the address.
    pub async fn signs_up_with(&self, fields: &[(&str, &str)]) -> Page {
        let fields = [&[("email", self.address)], fields].concat();
        let page = self.app.submit("/subscribe", &fields).await;
        self.app.settle().await;
        page
    }

    /// Returns the link in the latest confirmation email.
    pub fn confirmation_link(&self) -> String {
        self.app.confirmation_link(self.address)
    }

    /// Submits the form behind the latest confirmation link.
    pub async fn confirms(&self) -> Page {
        let page = self.app.press(&self.confirmation_link()).await;
        assert_eq!(page.status, 200, "{page}");
        self.app.settle().await;
        page
    }

    /// Returns all emails in the inbox, oldest first.
    pub fn emails(&self) -> Vec<Mail> {
        self.app.emails_to(self.address)
    }

    pub fn last_email(&self) -> Mail {
        self.emails().pop().unwrap_or_else(|| panic!("no email to {}", self.address))
    }

    /// Returns all subscriptions, oldest first.
    pub async fn subscriptions(&self) -> Vec<SubscriptionRecord> {
        self.app.wait_for_signups().await;
        let mut tx = self.app.app.db.read().await.expect("a transaction");
        subscribers::for_address(&mut tx, &parsed(self.address)).await.expect("a query")
    }

    /// Returns the oldest subscription.
    pub async fn subscription(&self) -> SubscriptionRecord {
        let found = self.subscriptions().await.into_iter().next();
        found.unwrap_or_else(|| panic!("{} has no subscription", self.address))
    }

    /// Returns the subscription to a newsletter.
    pub async fn subscription_to(&self, newsletter: &str) -> SubscriptionRecord {
        let found = self.subscriptions().await.into_iter().find(|it| it.newsletter == newsletter);
        found.unwrap_or_else(|| panic!("{} has no subscription to {newsletter}", self.address))
    }

    /// Returns the status of the subscription to a newsletter, if there is one.
    pub async fn status_at(&self, newsletter: &str) -> Option<SubscriptionStatus> {
        self.subscriptions().await.iter().find(|it| it.newsletter == newsletter).map(|it| it.status)
    }

    /// Returns the consent ledger's entries about all subscriptions, each subscription's oldest first.
    pub async fn ledger(&self) -> Vec<ConsentRecord> {
        let mut entries = Vec::new();
        for it in self.subscriptions().await {
            let mut tx = self.app.app.db.read().await.expect("a transaction");
            entries.extend(subscribers::consent_history(&mut tx, it.id).await.expect("a query"));
        }
        entries
    }

    /// Returns the token that opens the reader's own pages.
    pub async fn token(&self) -> String {
        self.app.token(&self.subscription().await)
    }

    /// Returns the path of the preferences page.
    pub async fn preferences(&self) -> String {
        format!("/preferences/{}", self.token().await)
    }

    /// Returns the path of the page to unsubscribe.
    pub async fn unsubscribe_link(&self) -> String {
        format!("/unsubscribe/{}", self.token().await)
    }

    pub async fn opens_preferences(&self) -> Page {
        self.app.page(&self.preferences().await).await
    }

    /// Submits the preferences page.
    pub async fn chooses(&self, fields: &[(&str, &str)]) -> Page {
        self.app.submit(&self.preferences().await, fields).await
    }

    pub async fn pauses_until(&self, date: &str) -> Page {
        self.chooses(&[("do", "pause"), ("until", date)]).await
    }

    pub async fn resumes(&self) -> Page {
        self.chooses(&[("do", "resume")]).await
    }

    /// Subscribes to another newsletter on the preferences page.
    pub async fn joins(&self, newsletter: &str) -> Page {
        self.chooses(&[("join", newsletter)]).await
    }

    /// Unsubscribes from another newsletter on the preferences page.
    pub async fn leaves(&self, newsletter: &str) -> Page {
        self.chooses(&[("leave", newsletter)]).await
    }

    /// Requests a change of address on the preferences page.
    pub async fn asks_for_address(&self, address: &str) -> Page {
        let page = self.chooses(&[("do", "address"), ("address", address)]).await;
        self.app.settle().await;
        page
    }

    /// Returns the link in the latest email about a change of address.
    pub fn address_link(&self) -> String {
        let emails = self.emails();
        let email = emails.iter().rfind(|it| it.text().contains("/address/"));
        email.unwrap_or_else(|| panic!("no change of address for {}", self.address)).link("/address/")
    }

    /// Submits the form behind the latest link about a change of address.
    pub async fn agrees_to_address(&self) -> Page {
        self.app.press(&self.address_link()).await
    }

    /// Does the same with the cookies of this browser.
    pub async fn agrees_with(&self, browser: &str) -> Page {
        let press = self.app.posting(&self.address_link()).header("user-agent", browser);
        Page::read(press.send().await.expect("an answer")).await
    }

    /// Unsubscribes through the link and its form.
    pub async fn unsubscribes(&self) -> Page {
        let page = self.app.press(&self.unsubscribe_link().await).await;
        assert_eq!(page.status, 200, "{page}");
        self.app.settle().await;
        page
    }

    /// Unsubscribes like an email client (RFC 8058).
    pub async fn unsubscribes_by_one_click(&self) -> Page {
        let one_click = [("List-Unsubscribe", "One-Click")];
        let page = self.app.submit(&self.unsubscribe_link().await, &one_click).await;
        assert_eq!(&*page, "unsubscribed\n");
        self.app.settle().await;
        page
    }
}

impl TestApp {
    /// Returns a person who has done nothing yet.
    pub fn visitor<'a>(&'a self, address: &'a str) -> Reader<'a> {
        Reader { app: self, address }
    }

    /// Returns a reader who has signed up and confirmed through web pages and emails.
    pub async fn reader<'a>(&'a self, address: &'a str) -> Reader<'a> {
        let reader = self.visitor(address);
        reader.signs_up().await;
        reader.confirms().await;
        reader
    }

    /// Creates a reader without any email, for stories whose relay is no mailbox.
    pub async fn reader_at_once<'a>(&'a self, address: &'a str) -> Reader<'a> {
        self.confirmed(&self.newsletter().await, &[address]).await;
        self.visitor(address)
    }

    /// Creates readers 0 to `count` of a domain without any email, and returns their addresses.
    pub async fn readers(&self, count: usize, domain: &str) -> Vec<String> {
        let addresses: Vec<String> = (0..count).map(|n| format!("reader{n}@{domain}")).collect();
        self.confirmed(&self.newsletter().await, &addresses).await;
        addresses
    }

    /// Creates a reader of a newsletter with these preferences, without any email.
    pub async fn reader_of<'a>(
        &'a self,
        newsletter: &NewsletterRecord,
        address: &'a str,
        preferences: &Preferences,
    ) -> Reader<'a> {
        self.confirmed(newsletter, &[address]).await;
        self.set_preferences(newsletter, address, preferences).await;
        self.visitor(address)
    }

    async fn confirmed(&self, newsletter: &NewsletterRecord, addresses: &[impl AsRef<str>]) {
        let now = self.clock.now();
        let mut tx = self.app.db.begin().await.expect("a transaction");
        for address in addresses {
            let address = parsed(address.as_ref());
            let subscriber = subscribers::subscriber(&mut tx, &address, now).await.expect("a subscriber");
            let subscription = subscribers::subscription(&mut tx, subscriber, newsletter.id, now)
                .await
                .expect("a subscription");
            subscribers::activate(&mut tx, subscription.id, now).await.expect("an active subscription");
        }
        tx.commit().await.expect("a commit");
    }

    /// Changes a reader's preferences.
    pub async fn set_preferences(
        &self,
        newsletter: &NewsletterRecord,
        address: &str,
        preferences: &Preferences,
    ) {
        let all = self.visitor(address).subscriptions().await;
        let id = all.iter().find(|it| it.newsletter_id == newsletter.id).expect("a subscription").id;
        assert!(set_preferences(&self.app.actions, &Actor::Reader, id, preferences).await.expect("a query"));
    }

    /// Unsubscribes without any page, for readers who don't have a link yet.
    pub async fn end_subscription(&self, subscription: &SubscriptionRecord) {
        let mut tx = self.app.db.begin().await.expect("a transaction");
        subscribers::end(&mut tx, subscription.id, self.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
    }

    /// Returns the token that opens the pages of a subscription.
    pub fn token(&self, subscription: &SubscriptionRecord) -> String {
        self.app.subscription.keys.sign(Purpose::Unsubscribe, subscription.id.0)
    }

    /// Returns the link in the latest confirmation email to this address.
    pub fn confirmation_link(&self, address: &str) -> String {
        let mails = self.emails_to(address);
        let mail = mails.iter().rfind(|mail| mail.text().contains("/confirm/"));
        mail.unwrap_or_else(|| panic!("no email to confirm for {address}")).link("/confirm/")
    }

    /// Returns the status of an address's oldest subscription.
    pub async fn status_of(&self, address: &str) -> Option<SubscriptionStatus> {
        self.visitor(address).subscriptions().await.first().map(|it| it.status)
    }

    /// Verifies the whole consent ledger.
    pub async fn verify_ledger(&self) -> Verdict {
        verify_consent(&self.app.db).await.expect("a query")
    }

    /// Returns the kinds of entries in the consent ledger of an address, oldest first.
    pub async fn consent_of(&self, address: &str) -> Vec<String> {
        self.visitor(address).ledger().await.into_iter().map(|entry| entry.kind).collect()
    }
}
