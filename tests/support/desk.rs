//! The desk of a newsletter: stories with sections, more newsletters, readers with wishes, issues as they come.

use super::app::TestApp;
use daily::{
    actions::{send_issue::send_issue, set_newsletter::set_newsletter, set_preferences::set_preferences},
    db::{
        DbError, articles, articles::Origin, issues, newsletters, newsletters::NewsletterRecord,
        subscriptions, variants,
    },
    domain::{
        article::FoundArticle,
        cadence::Cadence,
        email_address::EmailAddress,
        ids::{ArticleId, IssueId},
        newsletter::Newsletter,
        preferences::Preferences,
        sections::Sections,
    },
};

/// What a reader wants when they say nothing.
pub fn anything() -> Preferences {
    Preferences {
        cadence: Cadence::EveryIssue,
        sections: Sections::parse("").expect("no sections"),
        time_zone: None,
        send_time: None,
    }
}

impl TestApp {
    /// Adds a story of a section as an operator does.
    pub async fn story(&self, title: &str, section: &str) -> ArticleId {
        let mut found = FoundArticle::titled(title);
        let slug = title.to_lowercase().replace(' ', "-");
        found.url = Some(format!("https://news.example/{slug}").parse().expect("a URL"));
        found.section = Some(section.to_owned()).filter(|section| !section.is_empty());
        let mut tx = self.app.db.begin().await.expect("a transaction");
        let stored =
            articles::store(&mut tx, &found, Origin::Operator, self.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
        stored.expect("an article with an address").id()
    }

    /// Changes the newsletter out of the box.
    pub async fn change_newsletter(&self, change: impl FnOnce(&mut Newsletter)) {
        let id = self.newsletter().await.id;
        set_newsletter(&self.app.actions, id, |it| {
            change(it);
            Ok::<_, DbError>(())
        })
        .await
        .expect("a changed newsletter");
    }

    /// Another newsletter, like the first but for what is changed.
    pub async fn add_newsletter(&self, slug: &str, change: impl FnOnce(&mut Newsletter)) -> NewsletterRecord {
        let mut newsletter =
            Newsletter { slug: slug.into(), title: slug.into(), ..self.newsletter().await.newsletter };
        change(&mut newsletter);
        let mut tx = self.app.db.begin().await.expect("a transaction");
        newsletters::insert_if_new(&mut tx, &newsletter, self.clock.now()).await.expect("a query");
        let record = newsletters::by_slug(&mut tx, slug).await.expect("a query").expect("the newsletter");
        tx.commit().await.expect("a commit");
        record
    }

    /// Makes a confirmed reader of a newsletter who wants what they say.
    pub async fn reader_of(&self, newsletter: &NewsletterRecord, address: &str, wishes: &Preferences) {
        let address = EmailAddress::parse(address).expect("an address");
        let now = self.clock.now();
        let mut tx = self.app.db.begin().await.expect("a transaction");
        let subscriber = subscriptions::subscriber(&mut tx, &address, now).await.expect("a subscriber");
        let subscription = subscriptions::subscription(&mut tx, subscriber, newsletter.id, now)
            .await
            .expect("a subscription");
        subscriptions::activate(&mut tx, subscription.id, now).await.expect("an active subscription");
        tx.commit().await.expect("a commit");
        assert!(set_preferences(&self.app.actions, subscription.id, wishes).await.expect("a query"));
    }

    /// Changes what a reader wants.
    pub async fn wish(&self, newsletter: &NewsletterRecord, address: &str, wishes: &Preferences) {
        let address = EmailAddress::parse(address).expect("an address");
        let mut tx = self.app.db.read().await.expect("a transaction");
        let all = subscriptions::of_address(&mut tx, &address).await.expect("a query");
        drop(tx);
        let mine = all.iter().find(|it| it.newsletter_id == newsletter.id).expect("a subscription");
        assert!(set_preferences(&self.app.actions, mine.id, wishes).await.expect("a query"));
    }

    /// Sends today's issue of a newsletter and waits until nothing more happens by itself.
    pub async fn send(&self, newsletter: &NewsletterRecord) -> IssueId {
        let issue = send_issue(&self.app.actions, newsletter).await.expect("an issue").id;
        self.settle().await;
        issue
    }

    /// Which of these titles the mails to a reader told, each with how often.
    pub fn told(&self, address: &str, titles: &[&str]) -> Vec<usize> {
        let mails = self.mails_to(address);
        let told = |title: &&str| mails.iter().filter(|mail| mail.text().contains(*title)).count();
        titles.iter().map(told).collect()
    }

    /// The schedule looks twice: what the first look begins, the second one may find due.
    pub async fn tick_twice(&self) {
        self.tick().await;
        self.tick().await;
    }

    /// How many variants an issue has.
    pub async fn variants(&self, issue: IssueId) -> usize {
        let mut tx = self.app.db.read().await.expect("a transaction");
        variants::of_issue(&mut tx, issue).await.expect("a query").len()
    }

    /// The issue of a newsletter and date.
    pub async fn issue_of(&self, newsletter: &NewsletterRecord, date: &str) -> Option<issues::IssueRecord> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::by_date(&mut tx, newsletter.id, date.parse().expect("a date")).await.expect("a query")
    }
}
