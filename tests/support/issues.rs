//! Sending a story's issues, and their results.

use super::{OPERATOR, app::TestApp, eventually};
use daily::{
    actions::issue::send_issue::send_issue,
    db::{
        deliveries,
        issues::{self, variants},
        newsletters::NewsletterRecord,
    },
    domain::{
        ids::{IssueId, SubscriberId},
        issue::{schedule::date_at, status::IssueStatus},
    },
    service::scheduler,
};
use jiff::SignedDuration;

impl TestApp {
    /// Freezes today's issue, begins sending it, and returns at once.
    pub async fn begin_issue(&self) -> IssueId {
        let newsletter = self.newsletter().await;
        let today = date_at(&newsletter.newsletter, self.clock.now());
        send_issue(&self.app.actions, &OPERATOR, &newsletter, today).await.expect("an issue").id
    }

    /// Creates this many readers of one domain, and begins sending them today's issue.
    pub async fn begin_issue_to(&self, readers: usize) -> (IssueId, Vec<String>) {
        let readers = self.readers(readers, "example.org").await;
        (self.begin_issue().await, readers)
    }

    /// Sends today's issue, and returns its status when the queue is empty.
    pub async fn send_issue(&self) -> IssueStatus {
        let issue = self.send(&self.newsletter().await).await;
        self.issue(issue).await.status
    }

    /// Sends today's issue of a newsletter, and returns it when the queue is empty.
    pub async fn send(&self, newsletter: &NewsletterRecord) -> IssueId {
        let today = date_at(&newsletter.newsletter, self.clock.now());
        let issue = send_issue(&self.app.actions, &OPERATOR, newsletter, today).await.expect("an issue").id;
        self.settle().await;
        issue
    }

    pub async fn issue(&self, issue: IssueId) -> issues::IssueRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::get(&mut tx, issue).await.expect("a query").expect("the issue")
    }

    /// Returns the first newsletter's issues, latest first.
    pub async fn issues(&self) -> Vec<issues::IssueRecord> {
        self.issues_of(&self.newsletter().await).await
    }

    /// Returns a newsletter's issues, latest first.
    pub async fn issues_of(&self, newsletter: &NewsletterRecord) -> Vec<issues::IssueRecord> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::page(&mut tx, newsletter.id, jiff::civil::Date::MAX, 100).await.expect("a query")
    }

    /// Returns the first newsletter's latest issue.
    pub async fn latest_issue(&self) -> issues::IssueRecord {
        self.issues().await.into_iter().next().expect("an issue")
    }

    /// Returns the issue of a newsletter and date.
    pub async fn issue_of(&self, newsletter: &NewsletterRecord, date: &str) -> Option<issues::IssueRecord> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::get_by_date(&mut tx, newsletter.id, date.parse().expect("a date")).await.expect("a query")
    }

    /// Returns all articles that were candidates for an issue, with their places and reasons.
    pub async fn stories(&self, issue: IssueId) -> Vec<issues::StoryRecord> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        issues::stories(&mut tx, issue).await.expect("a query")
    }

    /// Returns how many variants an issue has.
    pub async fn variants(&self, issue: IssueId) -> usize {
        let mut tx = self.app.db.read().await.expect("a transaction");
        variants::for_issue(&mut tx, issue).await.expect("a query").len()
    }

    /// Waits until an issue has a status.
    pub async fn wait_for_status(&self, issue: IssueId, status: IssueStatus) {
        eventually(&format!("the issue is {status}"), || async {
            (self.issue(issue).await.status == status).then_some(())
        })
        .await;
    }

    /// Runs the scheduler repeatedly, advancing the clock by `step` each time, until an issue has a status.
    pub async fn run_due_until(&self, issue: IssueId, status: IssueStatus, step: SignedDuration) {
        eventually(&format!("the issue becomes {status}"), || async {
            self.clock.advance(step);
            scheduler::run_due(&self.app.jobs).await.ok()?;
            (self.issue(issue).await.status == status).then_some(())
        })
        .await;
    }

    /// Does the same until the first newsletter's latest issue is sent.
    pub async fn run_due_until_sent(&self, step: SignedDuration) {
        self.run_due_until(self.latest_issue().await.id, IssueStatus::Sent, step).await;
    }

    /// Returns how many deliveries of an issue are in each state.
    pub async fn counts(&self, issue: IssueId) -> deliveries::Counts {
        let mut tx = self.app.db.read().await.expect("a transaction");
        deliveries::counts(&mut tx, issue).await.expect("a query")
    }

    /// Returns all deliveries of an issue.
    pub async fn deliveries(&self, issue: IssueId) -> Vec<deliveries::ReaderDelivery> {
        let mut tx = self.app.db.read().await.expect("a transaction");
        deliveries::page(&mut tx, issue, None, SubscriberId(0), 10_000).await.expect("a query")
    }

    /// Returns the delivery of an issue to one reader.
    pub async fn delivery(&self, issue: IssueId, address: &str) -> deliveries::ReaderDelivery {
        let all = self.deliveries(issue).await;
        all.into_iter().find(|it| it.address == address).unwrap_or_else(|| panic!("none to {address}"))
    }

    /// Returns how many emails to a reader contain each of these titles.
    pub fn count_titles(&self, address: &str, titles: &[&str]) -> Vec<usize> {
        let mails = self.emails_to(address);
        let count_titles = |title: &&str| mails.iter().filter(|mail| mail.text().contains(*title)).count();
        titles.iter().map(count_titles).collect()
    }
}
