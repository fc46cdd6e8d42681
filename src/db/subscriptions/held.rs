//! Everything that is held about one reader.

use super::{SubscriptionRecord, of_address};
use crate::{
    db::{
        DbError, Stamp, Tx, newsletters, on,
        reader_requests::{self, ReaderRequest},
        suppressions::{self, NewsletterSuppression, Suppression},
    },
    domain::{email_address::EmailAddress, ids::SubscriptionId},
};

/// Most rows of a kind in one answer: ten years of daily issues of ten newsletters.
const MOST: i64 = 40_000;

/// Everything that is held about one reader.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Held {
    /// The address.
    pub address: String,
    /// Since when it is known.
    pub known_since: Option<Stamp>,
    /// Nobody may mail it, and why.
    pub suppressed: Option<Suppression>,
    /// Newsletters that no list brings it into, since it left them elsewhere.
    pub kept_out_of: Vec<NewsletterSuppression>,
    /// Subscriptions, with what was chosen and on whose word.
    pub subscriptions: Vec<HeldSubscription>,
    /// Copies of issues, newest first.
    pub issues: Vec<HeldDelivery>,
    /// What a mail of welcome showed, newest first.
    pub welcomes: Vec<HeldWelcome>,
    /// Other mails, newest first.
    pub mails: Vec<HeldMail>,
    /// Signups of which nothing was made yet, oldest first.
    pub signups: Vec<HeldSignup>,
    /// Wishes of other readers to be mailed at this address, oldest first. Whose they are is not told.
    pub wishes_of_others: Vec<HeldWish>,
}

/// A subscription with its history.
#[derive(Debug, Clone, serde::Serialize)]
pub struct HeldSubscription {
    /// The subscription and what was chosen.
    #[serde(flatten)]
    pub subscription: SubscriptionRecord,
    /// Its ledger, oldest first.
    pub consent: Vec<HeldConsent>,
    /// What the reader said on leaving, oldest first.
    pub said_on_leaving: Vec<HeldReason>,
    /// What the reader asked for on their page, oldest first.
    pub requests: Vec<ReaderRequest>,
    /// Its links to confirm, oldest first.
    pub confirmation_links: Vec<HeldConfirmation>,
}

/// An entry of the consent ledger, whole.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldConsent {
    /// What happened.
    pub kind: String,
    /// When.
    pub occurred_at: Stamp,
    /// By what means.
    pub method: String,
    /// The client's IP address.
    pub client_address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The page the form stood on, or the file that was imported.
    pub source_url: Option<String>,
    /// The address, as it was.
    pub address: Option<String>,
    /// The number of the mail to confirm that it is about.
    pub confirmation_id: Option<i64>,
    /// The text that was agreed to.
    pub wording: Option<String>,
    /// Its version.
    pub wording_version: Option<i64>,
}

/// Why the reader left, as they said.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldReason {
    /// When they left.
    pub left_at: Stamp,
    /// The reason.
    pub reason: String,
    /// What they added.
    pub remark: Option<String>,
}

/// A link to confirm.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldConfirmation {
    /// Its number, as the ledger has it.
    pub id: i64,
    /// When it was made.
    pub created_at: Stamp,
    /// Until when it works.
    pub expires_at: Stamp,
    /// When it was used.
    pub used_at: Option<Stamp>,
}

/// A copy of an issue.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldDelivery {
    /// Of which newsletter.
    pub newsletter: String,
    /// The issue's date.
    pub issue_date: String,
    /// Where it stands.
    pub status: String,
    /// When it was due.
    pub due_at: Stamp,
    /// When it came to an end.
    pub finished_at: Option<Stamp>,
    /// Attempts begun.
    pub attempts: i64,
    /// The relay that answered last.
    pub relay: Option<String>,
    /// Its reply code.
    pub reply_code: Option<i64>,
    /// Its reply text.
    pub reply_text: Option<String>,
}

/// An issue that a mail of welcome showed.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldWelcome {
    /// Of which newsletter.
    pub newsletter: String,
    /// The issue's date.
    pub issue_date: String,
    /// When.
    pub welcomed_at: Stamp,
}

/// A signup as it arrived.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldSignup {
    /// When.
    pub received_at: Stamp,
    /// By what means.
    pub method: String,
    /// For which newsletters.
    #[sqlx(skip)]
    pub newsletters: Vec<String>,
    /// The client's IP address.
    pub client_address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The page the form stood on.
    pub source_url: Option<String>,
    /// The language of that page.
    pub language: Option<String>,
    /// The zone of the client's clock.
    pub time_zone: Option<String>,
    /// The text that was agreed to, if one was.
    pub wording: Option<String>,
    /// Its version.
    pub wording_version: Option<i64>,
}

/// Somebody's wish to be mailed at this address.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldWish {
    /// When.
    pub requested_at: Stamp,
    /// Until when its links work.
    pub expires_at: Stamp,
}

/// A mail that was about this reader or went to them.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct HeldMail {
    /// What for.
    pub kind: String,
    /// In whose name.
    pub newsletter: String,
    /// Where it went.
    pub recipient: String,
    /// When it was made.
    pub created_at: Stamp,
    /// Where it stands.
    pub status: String,
    /// When it came to an end.
    pub finished_at: Option<Stamp>,
    /// The relay that answered last.
    pub relay: Option<String>,
    /// Its reply code.
    pub reply_code: Option<i64>,
    /// Its reply text.
    pub reply_text: Option<String>,
}

/// Everything that is held about a reader; `None`: nothing is.
pub async fn held(tx: &mut Tx, address: &EmailAddress) -> Result<Option<Held>, DbError> {
    let known_since: Option<Stamp> = on!(tx, |conn| {
        sqlx::query_scalar("SELECT created_at FROM subscribers WHERE address_key = $1")
            .bind(address.key())
            .fetch_optional(conn)
            .await?
    });
    let mut subscriptions = Vec::new();
    for subscription in of_address(tx, address).await? {
        let consent = consent(tx, subscription.id).await?;
        let confirmation_links = confirmation_links(tx, subscription.id).await?;
        let said_on_leaving = said_on_leaving(tx, subscription.id).await?;
        let mut requests = reader_requests::of_subscription(tx, subscription.id).await?;
        requests.iter_mut().for_each(without_strangers);
        subscriptions.push(HeldSubscription {
            subscription,
            consent,
            said_on_leaving,
            requests,
            confirmation_links,
        });
    }
    let held = Held {
        address: address.to_string(),
        known_since,
        suppressed: suppressions::of_address(tx, address).await?,
        kept_out_of: suppressions::of_newsletters(tx, address).await?,
        subscriptions,
        issues: issues(tx, address).await?,
        welcomes: welcomes(tx, address).await?,
        mails: mails(tx, address).await?,
        signups: signups(tx, address).await?,
        wishes_of_others: wishes_of_others(tx, address).await?,
    };
    let nothing = held.known_since.is_none()
        && held.suppressed.is_none()
        && held.kept_out_of.is_empty()
        && held.mails.is_empty()
        && held.signups.is_empty()
        && held.wishes_of_others.is_empty();
    Ok((!nothing).then_some(held))
}

async fn consent(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<HeldConsent>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT kind, occurred_at, method, client_address, user_agent, source_url, address, confirmation_id, wording, \
             wording_version FROM consent_events WHERE subscription_id = $1 ORDER BY id LIMIT $2",
)
        .bind(id.0)
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}

async fn said_on_leaving(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<HeldReason>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT left_at, reason, remark FROM leaving_reasons WHERE subscription_id = $1 ORDER BY left_at LIMIT $2",
)
        .bind(id.0)
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}

async fn confirmation_links(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<HeldConfirmation>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT id, created_at, expires_at, used_at FROM confirmations WHERE subscription_id = $1 ORDER BY id LIMIT $2",
)
        .bind(id.0)
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}

async fn issues(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<HeldDelivery>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT n.slug AS newsletter, i.issue_date, d.status, d.due_at, d.finished_at, d.attempts, d.relay, \
             d.reply_code, d.reply_text FROM deliveries d \
             JOIN issues i ON i.id = d.issue_id JOIN newsletters n ON n.id = i.newsletter_id \
             WHERE d.subscriber_id = (SELECT id FROM subscribers WHERE address_key = $1) ORDER BY d.issue_id DESC, d.id DESC LIMIT $2",
)
        .bind(address.key())
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}

async fn welcomes(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<HeldWelcome>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT n.slug AS newsletter, i.issue_date, w.welcomed_at FROM welcomes w \
             JOIN issue_variants v ON v.id = w.variant_id JOIN issues i ON i.id = v.issue_id \
             JOIN newsletters n ON n.id = i.newsletter_id \
             WHERE w.subscriber_id = (SELECT id FROM subscribers WHERE address_key = $1) ORDER BY w.welcomed_at DESC LIMIT $2",
)
        .bind(address.key())
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}

/// Mails to the address, and those about the reader's subscriptions, wherever they went.
async fn mails(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<HeldMail>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT m.kind, n.slug AS newsletter, m.recipient, m.created_at, m.status, m.finished_at, m.relay, \
             m.reply_code, m.reply_text FROM mails m JOIN newsletters n ON n.id = m.newsletter_id \
             WHERE m.id IN (SELECT id FROM mails WHERE lower(recipient) = $1 \
             UNION SELECT id FROM mails WHERE subscription_id IN (SELECT s.id FROM subscriptions s \
             JOIN subscribers r ON r.id = s.subscriber_id WHERE r.address_key = $1)) ORDER BY m.id DESC LIMIT $2",
)
        .bind(address.key())
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}

/// Takes away how the new end of a change was confirmed that was never made: that mailbox may be somebody else's.
fn without_strangers(request: &mut ReaderRequest) {
    if request.done_at.is_none() {
        request.new_client_address = None;
        request.new_user_agent = None;
    }
}

#[derive(sqlx::FromRow)]
struct SignupRow {
    #[sqlx(rename = "newsletters")]
    ids: String,
    #[sqlx(flatten)]
    signup: HeldSignup,
}

async fn signups(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<HeldSignup>, DbError> {
    let rows: Vec<SignupRow> = on!(tx, |conn| {
        sqlx::query_as(
            "SELECT received_at, method, newsletters, client_address, user_agent, source_url, language, time_zone, wording, \
             wording_version FROM signups WHERE address_key = $1 ORDER BY id LIMIT $2",
        )
        .bind(address.key())
        .bind(MOST)
        .fetch_all(conn)
        .await?
    });
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let all = newsletters::list(tx).await?;
    let named = |SignupRow { ids, signup }| {
        // What can't be read names none.
        let ids: Vec<i64> = serde_json::from_str(&ids).unwrap_or_default();
        let titles = all.iter().filter(|it| ids.contains(&it.id.0)).map(|it| it.newsletter.slug.clone());
        HeldSignup { newsletters: titles.collect(), ..signup }
    };
    Ok(rows.into_iter().map(named).collect())
}

async fn wishes_of_others(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<HeldWish>, DbError> {
    on!(tx, |conn| {
        sqlx::query_as(
            "SELECT q.requested_at, q.expires_at FROM reader_requests q JOIN subscriptions s ON s.id = q.subscription_id \
             JOIN subscribers r ON r.id = s.subscriber_id WHERE q.new_address_key = $1 AND r.address_key <> $1 \
             ORDER BY q.id LIMIT $2",
        )
        .bind(address.key())
        .bind(MOST)
        .fetch_all(conn)
        .await
    })
}
