//! Tables `consent_chain`, the ledger's hash chain, and `consent_backlog`. Every entry gets its link in the
//! transaction that adds it. Imported entries are listed in the backlog instead, and [`link_backlog`] adds
//! their links later.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
        subscribers::locks::lock_rows,
    },
    domain::{
        ids::{ConfirmationId, SubscriptionId},
        subscriber::consent_chain::{Entry, PersonalData, link},
    },
    random,
};
use std::collections::HashMap;

/// The most entries that get their links at once.
const PORTION: u16 = 4_000;

/// A link and its entry.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LinkedEvent {
    /// The subscription, according to the chain.
    pub subscription_id: SubscriptionId,
    /// The link's place in the subscription's chain.
    pub position: i64,
    /// The entry, according to the chain.
    pub event_id: i64,
    /// The salt of the personal data. `None`: the personal data is erased.
    pub salt: Option<String>,
    /// The digest of the personal data.
    pub personal: String,
    pub chain: String,
    /// The entry. All its fields are `None` if it is missing.
    #[sqlx(flatten)]
    pub event: EventFields,
}

/// The fields of an entry. All are `None` if there is no entry.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EventFields {
    event_subscription: Option<SubscriptionId>,
    kind: Option<String>,
    occurred_at: Option<DbTime>,
    method: Option<String>,
    address: Option<String>,
    client_address: Option<String>,
    user_agent: Option<String>,
    source_url: Option<String>,
    wording: Option<String>,
    wording_version: Option<i64>,
    confirmation_id: Option<ConfirmationId>,
}

impl EventFields {
    /// Returns the entry's personal data.
    pub fn personal(&self) -> PersonalData<'_> {
        PersonalData {
            address: self.address.as_deref(),
            client_address: self.client_address.as_deref(),
            user_agent: self.user_agent.as_deref(),
            source_url: self.source_url.as_deref(),
        }
    }

    /// Returns the rest of the entry, for a place in a chain. `None` if there is no entry, or it belongs to
    /// another subscription.
    pub fn entry(&self, subscription: SubscriptionId, position: i64, event: i64) -> Option<Entry<'_>> {
        if self.event_subscription != Some(subscription) {
            return None;
        }
        Some(Entry {
            event,
            subscription: subscription.0,
            position,
            kind: self.kind.as_deref()?,
            occurred_at: self.occurred_at?.0.as_microsecond(),
            method: self.method.as_deref()?,
            wording: self.wording.as_deref(),
            wording_version: self.wording_version,
            confirmation: self.confirmation_id.map(|id| id.0),
        })
    }
}

#[derive(sqlx::FromRow)]
struct UnlinkedEvent {
    id: i64,
    #[sqlx(flatten)]
    event: EventFields,
}

/// A link to add.
#[derive(serde::Serialize)]
struct Row {
    subscription: SubscriptionId,
    position: i64,
    event: i64,
    salt: String,
    personal: String,
    chain: String,
}

macro_rules! event_fields {
    () => {
        "e.subscription_id AS event_subscription, e.kind, e.occurred_at, e.method, e.address, \
         e.client_address, e.user_agent, e.source_url, e.wording, e.wording_version, e.confirmation_id"
    };
}

/// The condition that an import has listed entry `e` in the backlog.
macro_rules! in_backlog {
    () => {
        "EXISTS (SELECT 1 FROM consent_backlog b WHERE b.after_event < e.id AND e.id <= b.up_to_event)"
    };
}

/// Adds the missing links of these subscriptions' entries, in order: those in `new`, which the caller has just
/// inserted, and those of the backlog. Any other entry without a link was slipped in, and must not get one. The
/// caller has locked the subscriptions' rows. Returns the number of links, at most [`PORTION`].
pub(super) async fn link_events(tx: &mut Tx, ids: &[SubscriptionId], new: &[i64]) -> Result<usize, DbError> {
    // PostgreSQL looks these rows up by key. Joins would read the whole ledger and the whole chain for each portion.
    // A subscription may be given more than once.
    let unlinked: Vec<UnlinkedEvent> = query_as!(
        tx,
        concat!(
            "SELECT e.id, ",
            event_fields!(),
            " FROM {sqlite consent_events e WHERE e.subscription_id IN (SELECT value FROM json_each($1)) AND}\
             {postgres (SELECT DISTINCT value FROM unnest($1) AS value) AS s CROSS JOIN LATERAL (SELECT * FROM consent_events x \
             WHERE x.subscription_id = s.value OFFSET 0) AS e WHERE} (SELECT c.event_id FROM \
             consent_chain c WHERE c.event_id = e.id) IS NULL AND (e.id {in $3} OR ",
            in_backlog!(),
            ") ORDER BY e.subscription_id, e.id LIMIT $2"
        ),
        DbList(ids),
        i64::from(PORTION),
        DbList(new)
    )
    .fetch_all()
    .await?;
    if unlinked.is_empty() {
        return Ok(0);
    }
    let last: Vec<(SubscriptionId, i64, String)> = query_as!(
        tx,
        "SELECT c.subscription_id, c.position, c.chain FROM {list $1} \
         {sqlite JOIN consent_chain c ON c.subscription_id = value WHERE c.position = (SELECT max(x.position) \
         FROM consent_chain x WHERE x.subscription_id = value)}\
         {postgres CROSS JOIN LATERAL (SELECT x.subscription_id, x.position, x.chain FROM consent_chain x \
         WHERE x.subscription_id = value ORDER BY x.position DESC LIMIT 1) AS c}",
        DbList(ids)
    )
    .fetch_all()
    .await?;
    let mut heads: HashMap<SubscriptionId, (i64, String)> =
        last.into_iter().map(|(id, position, chain)| (id, (position, chain))).collect();
    let mut rows = Vec::with_capacity(unlinked.len());
    for it in &unlinked {
        let subscription = it.event.event_subscription.ok_or(DbError::RowNotFound)?;
        let (position, previous) = heads.entry(subscription).or_default();
        *position += 1;
        let salt = random::hex::<16>();
        let personal = it.event.personal().digest(&salt);
        let entry = it.event.entry(subscription, *position, it.id).ok_or(DbError::RowNotFound)?;
        *previous = link(previous, &entry, &personal);
        rows.push(Row {
            subscription,
            position: *position,
            event: it.id,
            salt,
            personal,
            chain: previous.clone(),
        });
    }
    query!(
        tx,
        "INSERT INTO consent_chain (subscription_id, position, event_id, salt, personal, chain) \
         SELECT CAST(value ->> 'subscription' AS BIGINT), CAST(value ->> 'position' AS BIGINT), \
         CAST(value ->> 'event' AS BIGINT), value ->> 'salt', value ->> 'personal', value ->> 'chain' \
         FROM {rows $1}",
        json_rows(&rows)?
    )
    .execute()
    .await?;
    Ok(unlinked.len())
}

/// Returns the id of the ledger's latest entry.
pub(crate) async fn last_event(tx: &mut Tx) -> Result<i64, DbError> {
    query_scalar!(tx, "SELECT COALESCE(max(id), 0) FROM consent_events").fetch_one().await
}

/// Adds the entries since `since` to the backlog. Entries that have their links may be among them; they are
/// skipped later.
pub(crate) async fn defer_links(tx: &mut Tx, since: i64) -> Result<(), DbError> {
    let up_to = last_event(tx).await?;
    query!(tx, "INSERT INTO consent_backlog (after_event, up_to_event) VALUES ($1, $2)", since, up_to)
        .execute()
        .await
}

/// Returns whether entries wait for their links.
pub async fn has_backlog(tx: &mut Tx) -> Result<bool, DbError> {
    query_scalar!(tx, "SELECT EXISTS (SELECT 1 FROM consent_backlog)").fetch_one().await
}

/// The result of [`link_backlog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// The backlog was empty.
    Empty,
    /// This many entries got their links.
    Linked(usize),
}

/// Adds the links of the backlog's next entries, at most `limit`, and takes the entries off the backlog.
/// Reads no ledger if the backlog is empty.
pub async fn link_backlog(tx: &mut Tx, limit: i64) -> Result<Backlog, DbError> {
    // The update changes nothing. It locks the row, so that a second process waits and then takes the next
    // portion.
    let next: Option<(i64, i64, i64)> = query_as!(
        tx,
        "UPDATE consent_backlog SET up_to_event = up_to_event WHERE id = (SELECT id \
         FROM consent_backlog ORDER BY after_event, id LIMIT 1) RETURNING id, after_event, up_to_event"
    )
    .fetch_optional()
    .await?;
    let Some((row, after, up_to)) = next else { return Ok(Backlog::Empty) };
    let events: Vec<(i64, SubscriptionId)> = query_as!(
        tx,
        "SELECT id, subscription_id FROM consent_events WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
        after,
        up_to,
        limit
    )
    .fetch_all()
    .await?;
    let mut ids: Vec<SubscriptionId> = events.iter().map(|(_, subscription)| *subscription).collect();
    ids.sort_unstable();
    ids.dedup();
    let linked = link_all(tx, &ids).await?;
    match events.last() {
        Some((last, _)) if *last < up_to => {
            query!(tx, "UPDATE consent_backlog SET after_event = $2 WHERE id = $1", row, last)
                .execute()
                .await?;
        }
        _ => {
            query!(tx, "DELETE FROM consent_backlog WHERE id = $1", row).execute().await?;
        }
    }
    Ok(Backlog::Linked(linked))
}

/// Locks subscriptions' rows, as every transaction does that adds an entry, and adds all their missing links.
/// Returns the number of links.
async fn link_all(tx: &mut Tx, ids: &[SubscriptionId]) -> Result<usize, DbError> {
    lock_rows(tx, ids).await?;
    let mut linked = 0;
    loop {
        let more = link_events(tx, ids, &[]).await?;
        linked += more;
        if more < usize::from(PORTION) {
            return Ok(linked);
        }
    }
}

/// Returns links after a subscription and place, in order, each with its entry.
pub async fn links_after(
    tx: &mut Tx,
    after: (SubscriptionId, i64),
    limit: i64,
) -> Result<Vec<LinkedEvent>, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT c.subscription_id, c.position, c.event_id, c.salt, c.personal, c.chain, ",
            event_fields!(),
            " FROM consent_chain c LEFT JOIN consent_events e ON e.id = c.event_id \
             WHERE (c.subscription_id, c.position) > ($1, $2) ORDER BY c.subscription_id, c.position \
             LIMIT $3"
        ),
        after.0,
        after.1,
        limit
    )
    .fetch_all()
    .await
}

/// The entries without a link.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Unlinked {
    /// Entries of imports, which wait in the backlog for their links.
    pub waiting: i64,
    /// Entries that no import has listed: Daily did not add them.
    #[sqlx(rename = "foreign_entries")]
    pub foreign: i64,
    /// The first of the foreign entries.
    pub first_foreign: Option<i64>,
}

/// Counts the entries that have no link.
pub async fn count_unlinked(tx: &mut Tx) -> Result<Unlinked, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT COALESCE(sum(CASE WHEN x.listed THEN 1 ELSE 0 END), 0) AS waiting, \
             COALESCE(sum(CASE WHEN x.listed THEN 0 ELSE 1 END), 0) AS foreign_entries, \
             min(CASE WHEN x.listed THEN NULL ELSE x.id END) AS first_foreign FROM (SELECT e.id, ",
            in_backlog!(),
            " AS listed FROM consent_events e WHERE NOT EXISTS (SELECT 1 FROM consent_chain c \
             WHERE c.event_id = e.id)) AS x"
        )
    )
    .fetch_one()
    .await
}

/// Returns the subscription of an entry.
pub async fn subscription_of(tx: &mut Tx, event: i64) -> Result<Option<SubscriptionId>, DbError> {
    query_scalar!(tx, "SELECT subscription_id FROM consent_events WHERE id = $1", event)
        .fetch_optional()
        .await
}

/// Erases the personal data in a subscription's entries, with its salts. The events stay, and the chain stays
/// valid.
pub async fn erase_evidence(tx: &mut Tx, id: SubscriptionId) -> Result<(), DbError> {
    // Missing links are added first, because only the digest of the personal data will be left.
    link_all(tx, &[id]).await?;
    erase_personal(tx, id, 0).await
}

/// Erases the personal data in the requests since a subscription's reader last confirmed or unsubscribed,
/// with its salts: nobody confirmed these requests. Earlier entries stay.
pub(crate) async fn erase_requests(tx: &mut Tx, id: SubscriptionId) -> Result<(), DbError> {
    link_all(tx, &[id]).await?;
    let last: i64 = query_scalar!(
        tx,
        "SELECT COALESCE(max(id), 0) FROM consent_events WHERE subscription_id = $1 AND kind <> 'requested'",
        id
    )
    .fetch_one()
    .await?;
    erase_personal(tx, id, last).await
}

/// Erases the personal data in a subscription's entries after `event`, with its salts.
async fn erase_personal(tx: &mut Tx, id: SubscriptionId, event: i64) -> Result<(), DbError> {
    for statement in [
        "UPDATE consent_events SET address = NULL, client_address = NULL, user_agent = NULL, source_url = \
         NULL WHERE subscription_id = $1 AND id > $2",
        "UPDATE consent_chain SET salt = NULL WHERE subscription_id = $1 AND event_id > $2",
    ] {
        query!(tx, portable statement, id, event).execute().await?;
    }
    Ok(())
}
