//! Tables `send_rates` and `throttled_domains`: permits to send, given out in one place for all processes.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        delivery::send_rate::{self, Pace, Slowed},
        ids::IssueId,
    },
};
use jiff::{SignedDuration, Timestamp};

/// Whose pace it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// A relay, by its name.
    Relay(&'a str),
    /// A destination domain.
    Domain(&'a str),
}

impl std::fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Relay(name) => write!(f, "relay {name}"),
            Self::Domain(name) => write!(f, "domain {name}"),
        }
    }
}

/// Permits got: the first is for `from`, each further one an interval later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permits {
    pub count: u32,
    /// When the first may be used.
    pub from: Timestamp,
    /// From one to the next.
    pub interval: SignedDuration,
}

/// What complaints have made of a pace.
pub async fn slowed(tx: &mut Tx, scope: Scope<'_>) -> Result<Option<Slowed>, DbError> {
    let row: Option<(Option<i64>, Option<DbTime>)> =
        query_as!(tx, "SELECT slowed_to, slowed_at FROM send_rates WHERE scope = $1", scope.to_string())
            .fetch_optional()
            .await?;
    Ok(row.and_then(read_slowed))
}

fn read_slowed((to, at): (Option<i64>, Option<DbTime>)) -> Option<Slowed> {
    Some(Slowed { per_minute: u32::try_from(to?).ok()?, at: at?.0 })
}

/// All domains that were ever slowed and may still be, with what was made of them. Those long recovered are not among them.
pub async fn slowed_domains(tx: &mut Tx, since: Timestamp) -> Result<Vec<(String, Slowed)>, DbError> {
    let rows: Vec<(String, Option<i64>, Option<DbTime>)> = query_as!(
        tx,
        "SELECT scope, slowed_to, slowed_at FROM send_rates WHERE slowed_at > $1 AND scope LIKE 'domain %'",
        DbTime(since)
    )
    .fetch_all()
    .await?;
    let read = |(scope, to, at): (String, _, _)| {
        Some((scope.strip_prefix("domain ")?.to_owned(), read_slowed((to, at))?))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Keeps what a complaint made of a pace.
pub async fn slow(tx: &mut Tx, scope: Scope<'_>, slowed: Slowed, complaint: &str) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO send_rates (scope, given_until, slowed_to, slowed_at, complaint) \
         VALUES ($1, $3, $2, $3, $4) ON CONFLICT (scope) DO UPDATE \
         SET slowed_to = excluded.slowed_to, slowed_at = excluded.slowed_at, complaint = excluded.complaint",
        scope.to_string(),
        i64::from(slowed.per_minute),
        DbTime(slowed.at),
        complaint
    )
    .execute()
    .await
}

/// Reserves the next portion of permits. `Ok(Err(at))`: all are given out until then.
pub async fn reserve(
    tx: &mut Tx,
    scope: Scope<'_>,
    per_minute: u32,
    ahead: SignedDuration,
    now: Timestamp,
) -> Result<Result<Permits, Timestamp>, DbError> {
    let scope = scope.to_string();
    query!(
        tx,
        "INSERT INTO send_rates (scope, given_until) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING",
        &scope,
        DbTime(now)
    )
    .execute()
    .await?;
    // The row is taken before it is read: who comes at the same time waits for what this one leaves.
    let given: DbTime = query_scalar!(
        tx,
        "UPDATE send_rates SET given_until = CASE WHEN given_until < $2 THEN $2 ELSE given_until END \
         WHERE scope = $1 RETURNING given_until",
        &scope,
        DbTime(now)
    )
    .fetch_one()
    .await?;
    let from = given.0;
    if from.duration_since(now) > ahead {
        return Ok(Err(from));
    }
    let (count, interval) = (send_rate::portion(per_minute), send_rate::interval(per_minute));
    let until = from + interval * i32::try_from(count).unwrap_or(i32::MAX);
    query!(tx, "UPDATE send_rates SET given_until = $2 WHERE scope = $1", &scope, DbTime(until))
        .execute()
        .await?;
    Ok(Ok(Permits { count, from, interval }))
}

/// A domain with rows of an issue set apart.
#[derive(Debug, Clone)]
pub struct ThrottledDomain {
    pub domain: String,
    /// What complaints have made of it; the configured pace is the caller's to know.
    pub pace: Pace,
}

/// Domains of an issue with rows set apart that are due and whose permits are not all given out, those first that have waited
/// longest; at most `limit`.
pub async fn ready_domains(
    tx: &mut Tx,
    issue: IssueId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ThrottledDomain>, DbError> {
    let rows: Vec<(String, Option<i64>, Option<DbTime>)> = query_as!(
        tx,
        "SELECT g.domain, p.slowed_to, p.slowed_at FROM throttled_domains g LEFT \
         JOIN send_rates p ON p.scope = 'domain ' || g.domain WHERE g.issue_id = $1 AND (p.given_until IS NULL \
         OR p.given_until <= $2) AND EXISTS (SELECT 1 FROM deliveries d WHERE d.issue_id = g.issue_id \
         AND d.throttled_domain = g.domain AND d.status IN ('queued', 'deferred') AND d.next_attempt_at <= $2) ORDER BY \
         CASE WHEN p.given_until IS NULL THEN 0 ELSE 1 END, p.given_until, g.domain LIMIT $3",
        issue,
        DbTime(now),
        limit
    )
    .fetch_all()
    .await?;
    Ok(rows
        .into_iter()
        .map(|(domain, to, at)| ThrottledDomain {
            domain,
            pace: Pace { configured: None, slowed: read_slowed((to, at)) },
        })
        .collect())
}

/// Notes that rows of an issue to these domains are set apart.
pub async fn mark_throttled(tx: &mut Tx, issue: IssueId, domains: &[String]) -> Result<(), DbError> {
    for domain in domains {
        query!(
            tx,
            "INSERT INTO throttled_domains (issue_id, domain) VALUES ($1, $2) ON CONFLICT (issue_id, domain) \
             DO NOTHING",
            issue,
            domain
        )
        .execute()
        .await?;
    }
    Ok(())
}
