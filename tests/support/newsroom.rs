//! Articles, newsletters, operators, suppressions and single emails of a story.

use super::{OPERATOR, address as parsed, app::TestApp};
use daily::{
    actions::{
        newsletter::set_newsletter::set_newsletter,
        operator::add_operator::{AddOutcome, add_operator},
    },
    db::{
        DbError,
        content::articles::{self, ArticleRecord, Origin},
        deliveries::emails::{self, NewEmail},
        newsletters::{self, NewsletterRecord},
        subscribers::SubscriptionRecord,
        suppressions,
    },
    domain::{
        content::article::FoundArticle,
        delivery::email::EmailKind,
        ids::{ArticleId, EmailId},
        newsletter::Newsletter,
    },
};

impl TestApp {
    /// Adds an article with a summary, as an operator does.
    pub async fn article(&self, title: &str) -> ArticleId {
        self.add_article(FoundArticle { dek: Some(format!("About {title}.")), ..titled(title) }).await
    }

    /// Adds an article of a section, without a summary.
    pub async fn story(&self, title: &str, section: &str) -> ArticleId {
        let section = Some(section.to_owned()).filter(|section| !section.is_empty());
        self.add_article(FoundArticle { section, ..titled(title) }).await
    }

    /// Adds an article like an operator, but with fields that forms refuse.
    pub async fn add_article(&self, found: FoundArticle) -> ArticleId {
        let mut tx = self.app.db.begin().await.expect("a transaction");
        let stored =
            articles::store(&mut tx, &found, Origin::Operator, self.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
        stored.expect("an article with an address").id()
    }

    pub async fn article_record(&self, id: ArticleId) -> ArticleRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        articles::get(&mut tx, id).await.expect("a query").expect("the article")
    }

    /// Returns all articles, oldest first.
    pub async fn articles(&self) -> Vec<ArticleRecord> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        let mut all = articles::page(&mut tx, ArticleId(i64::MAX), 100).await.expect("a query");
        all.reverse();
        all
    }

    /// Returns the newsletter that a new installation has.
    pub async fn newsletter(&self) -> NewsletterRecord {
        self.newsletter_named("daily").await
    }

    pub async fn newsletter_named(&self, slug: &str) -> NewsletterRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        newsletters::get_by_slug(&mut tx, slug).await.expect("a query").expect("the newsletter")
    }

    /// Changes the newsletter that a new installation has.
    pub async fn change_newsletter(&self, change: impl FnOnce(&mut Newsletter)) {
        self.change_newsletter_named("daily", change).await;
    }

    pub async fn change_newsletter_named(&self, slug: &str, change: impl FnOnce(&mut Newsletter)) {
        let id = self.newsletter_named(slug).await.id;
        set_newsletter(&self.app.actions, &OPERATOR, id, |it| {
            change(it);
            Ok::<_, DbError>(())
        })
        .await
        .expect("a changed newsletter");
    }

    /// Adds a newsletter like the first one, with some changes.
    pub async fn add_newsletter(&self, slug: &str, change: impl FnOnce(&mut Newsletter)) -> NewsletterRecord {
        let mut newsletter =
            Newsletter { slug: slug.into(), title: slug.into(), ..self.newsletter().await.newsletter };
        change(&mut newsletter);
        let mut tx = self.app.db.begin().await.expect("a transaction");
        newsletters::insert_if_new(&mut tx, &newsletter, self.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
        self.newsletter_named(slug).await
    }

    /// Adds an operator, who gets alerts.
    pub async fn add_operator(&self, address: &str) {
        assert_eq!(
            add_operator(&self.app.actions, &OPERATOR, &parsed(address)).await.expect("a query"),
            AddOutcome::New
        );
    }

    /// Suppresses an address, but leaves its subscriptions as they are.
    pub async fn suppress(&self, address: &str, reason: &str) {
        self.store().await.suppress_silently(&parsed(address).key(), reason, self.clock.now()).await;
    }

    /// Returns the reason why an address is suppressed, if it is.
    pub async fn suppressed(&self, address: &str) -> Option<String> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        suppressions::reason(&mut tx, &parsed(address)).await.expect("a query")
    }

    /// Inserts a single email that no job will send.
    pub async fn insert_email(
        &self,
        kind: EmailKind,
        recipient: &str,
        subscription: Option<&SubscriptionRecord>,
    ) -> EmailId {
        let newsletter = match subscription {
            Some(it) => it.newsletter_id,
            None => self.newsletter().await.id,
        };
        let mail = NewEmail {
            kind,
            newsletter,
            recipient: &parsed(recipient),
            subscription: subscription.map(|it| it.id),
            confirmation: None,
            issue: None,
            feed: None,
            message_id: &format!("{}@newsletter.example", daily::random::hex::<8>()),
        };
        let mut tx = self.app.db.begin().await.expect("a transaction");
        let id = emails::insert(&mut tx, &mail, self.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
        id
    }

    /// Returns how many single emails of a kind there are, sent or not.
    pub async fn count_emails(&self, kind: EmailKind) -> usize {
        self.store().await.emails().await.iter().filter(|mail| mail.kind == kind).count()
    }
}

fn titled(title: &str) -> FoundArticle {
    let slug = title.to_lowercase().replace(' ', "-");
    let url = Some(format!("https://news.example/{slug}").parse().expect("a URL"));
    FoundArticle { url, ..FoundArticle::titled(title) }
}
