//! A newsletter's readers, page by page.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query_as},
    domain::{
        ids::{NewsletterId, SubscriptionId},
        subscriber::subscription::SubscriptionStatus,
    },
};

/// A reader in an export.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ListedReader {
    #[serde(skip)]
    pub id: SubscriptionId,
    pub email: String,
    /// The subscription's status. `blocked` if the reader would get issues but the address is suppressed.
    pub status: String,
    pub requested_at: DbTime,
    /// The IP address of the request, if the ledger has it.
    pub requested_ip: Option<String>,
    pub confirmed_at: Option<DbTime>,
    /// The IP address of the confirmation, if the ledger has it.
    pub confirmed_ip: Option<String>,
    pub ended_at: Option<DbTime>,
    pub cadence: String,
    /// Keys of the chosen sections. Empty: all.
    pub sections: String,
    /// The reader's time zone. `None`: the newsletter's.
    pub time_zone: Option<String>,
    /// The reader's send time. `None`: the newsletter's.
    pub send_time: Option<String>,
    /// The date of the first issue after a pause.
    pub paused_until: Option<String>,
    /// A BCP 47 tag.
    pub language: Option<String>,
}

/// Returns a page of a newsletter's readers after `after`, in the order they signed up. With a status, only
/// readers with that status. Leaves out erased readers.
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
                "(SELECT e.client_address FROM consent_events e WHERE e.subscription_id = s.id AND e.kind = \
                 '",
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
