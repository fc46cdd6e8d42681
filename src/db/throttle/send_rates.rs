//! Tables `send_rates` and `throttled_domains`: permits to send, which all processes share.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        delivery::send_rate::{self, ReducedRate, SendRate},
        ids::IssueId,
    },
};
use jiff::{SignedDuration, Timestamp};

/// The relay or domain that a rate applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The relay's name.
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

/// Reserved permits. The first is for `from`, each further one an `interval` later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permits {
    pub count: u32,
    pub from: Timestamp,
    pub interval: SignedDuration,
}

/// Returns the rate that complaints slowed a scope to.
pub async fn slowed(tx: &mut Tx, scope: Scope<'_>) -> Result<Option<ReducedRate>, DbError> {
    let row: Option<(Option<i64>, Option<DbTime>)> =
        query_as!(tx, "SELECT slowed_to, slowed_at FROM send_rates WHERE scope = $1", scope.to_string())
            .fetch_optional()
            .await?;
    Ok(row.and_then(read_slowed))
}

fn read_slowed((to, at): (Option<i64>, Option<DbTime>)) -> Option<ReducedRate> {
    Some(ReducedRate { per_minute: u32::try_from(to?).ok()?, at: at?.0 })
}

/// Returns all domains slowed since a time, with their rates. Domains slowed earlier have recovered.
pub async fn slowed_domains(tx: &mut Tx, since: Timestamp) -> Result<Vec<(String, ReducedRate)>, DbError> {
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

/// Saves the rate that a complaint slowed a scope to.
pub async fn slow(
    tx: &mut Tx,
    scope: Scope<'_>,
    slowed: ReducedRate,
    complaint: &str,
) -> Result<(), DbError> {
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

/// Reserves the next portion of permits. `Ok(Err(at))`: all permits until `at` are taken.
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
    // The update locks the row before it is read, so that a second process waits for the new value.
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
    let (count, interval) = (send_rate::reservation_size(per_minute), send_rate::interval(per_minute));
    let until = from + interval * i32::try_from(count).unwrap_or(i32::MAX);
    query!(tx, "UPDATE send_rates SET given_until = $2 WHERE scope = $1", &scope, DbTime(until))
        .execute()
        .await?;
    Ok(Ok(Permits { count, from, interval }))
}

/// A throttled domain of an issue.
#[derive(Debug, Clone)]
pub struct ThrottledDomain {
    pub domain: String,
    /// The rate after complaints. The caller knows the configured rate.
    pub pace: SendRate,
}

/// Returns throttled domains of an issue with due deliveries and free permits, at most `limit`. Those that
/// have waited longest come first.
pub async fn ready_domains(
    tx: &mut Tx,
    issue: IssueId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ThrottledDomain>, DbError> {
    let rows: Vec<(String, Option<i64>, Option<DbTime>)> = query_as!(
        tx,
        "SELECT g.domain, p.slowed_to, p.slowed_at FROM throttled_domains g LEFT \
         JOIN send_rates p ON p.scope = 'domain ' || g.domain WHERE g.issue_id = $1 AND (p.given_until IS \
         NULL OR p.given_until <= $2) AND EXISTS (SELECT 1 FROM deliveries d WHERE d.issue_id = g.issue_id \
         AND d.throttled_domain = g.domain AND d.status IN ('queued', 'deferred') AND d.next_attempt_at <= \
         $2) ORDER BY CASE WHEN p.given_until IS NULL THEN 0 ELSE 1 END, p.given_until, g.domain LIMIT $3",
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
            pace: SendRate { configured: None, slowed: read_slowed((to, at)) },
        })
        .collect())
}

/// Marks domains as throttled for an issue.
pub async fn mark_throttled(tx: &mut Tx, issue: IssueId, domains: &[impl AsRef<str>]) -> Result<(), DbError> {
    for domain in domains {
        query!(
            tx,
            "INSERT INTO throttled_domains (issue_id, domain) VALUES ($1, $2) ON CONFLICT (issue_id, domain) \
             DO NOTHING",
            issue,
            domain.as_ref()
        )
        .execute()
        .await?;
    }
    Ok(())
}
