//! Readers of a newsletter, written out page by page.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query_as},
    domain::{
        ids::{NewsletterId, SubscriptionId},
        subscriber::subscription::SubscriptionStatus,
    },
};

/// A reader as a list has them.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ListedReader {
    #[serde(skip)]
    pub id: SubscriptionId,
    pub email: String,
    /// Where the subscription stands; `blocked` where it would get mail if its address were not suppressed.
    pub status: String,
    /// When it was asked for.
    pub requested_at: DbTime,
    /// From which IP address, as far as the ledger knows.
    pub requested_ip: Option<String>,
    /// When it was confirmed.
    pub confirmed_at: Option<DbTime>,
    /// From which IP address.
    pub confirmed_ip: Option<String>,
    /// When it ended.
    pub ended_at: Option<DbTime>,
    /// Which issues the reader wants.
    pub cadence: String,
    /// Which sections; none: all.
    pub sections: String,
    /// The reader's zone, if it is not the newsletter's.
    pub time_zone: Option<String>,
    /// The reader's time, if it is not the newsletter's.
    pub send_time: Option<String>,
    /// The day until which the reader rests, if they do and said until when.
    pub paused_until: Option<String>,
    /// The language they read in, by its tag, if it is known.
    pub language: Option<String>,
}

/// A page of a newsletter's readers after `after`, in the order they came; with a status only those who have it. Whose address was
/// erased is left out: of nobody there is nothing to tell.
pub async fn listed_readers(
    tx: &mut Tx,
    newsletter: NewsletterId,
    status: Option<SubscriptionStatus>,
    after: SubscriptionId,
    limit: i64,
) -> Result<Vec<ListedReader>, DbError> {
    macro_rules! address_of {
        ($kind:literal) => {
            concat!(
                "(SELECT e.client_address FROM consent_events e WHERE e.subscription_id = s.id AND e.kind = '",
                $kind,
                "' ORDER BY e.id DESC LIMIT 1)"
            )
        };
    }
    query_as!(
        tx,
        concat!(
            "SELECT s.id, r.address AS email, CASE WHEN p.address_key IS NOT NULL \
             AND s.status IN ('pending', 'active', 'paused') THEN 'blocked' ELSE s.status END AS status, \
             s.requested_at, ",
            address_of!("requested"),
            " AS requested_ip, s.confirmed_at, ",
            address_of!("confirmed"),
            " AS confirmed_ip, s.ended_at, s.cadence, s.sections, s.time_zone, s.send_time, s.paused_until, \
             s.language FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id LEFT \
             JOIN suppressions p ON p.address_key = r.address_key WHERE r.erased_at IS NULL \
             AND s.newsletter_id = $1 AND s.id > $2 AND ($3 = '' OR s.status = $3) ORDER BY s.id LIMIT $4"
        ),
        newsletter,
        after,
        status.map_or("", SubscriptionStatus::as_str),
        limit
    )
    .fetch_all()
    .await
}
