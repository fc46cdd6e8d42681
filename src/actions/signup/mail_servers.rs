//! Checks with DNS whether a domain can receive email, and caches the results. It is never called within a
//! transaction.

use crate::domain::signup::mail_exchange::{
    Deliverability, DnsAnswer, from_addresses, from_mail_servers, is_reserved,
};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{collections::HashMap, net::SocketAddr, time::Duration};
use tokio::sync::Semaphore;

/// Longest time that a signup waits for a result. Most results take a few milliseconds.
const TOTAL_TIMEOUT: Duration = Duration::from_millis(1500);
/// Timeout of one query.
const QUERY_TIMEOUT: Duration = Duration::from_millis(700);
/// Most concurrent checks. Further domains are not checked.
const MAX_CONCURRENT: usize = 64;
/// Most domains in the cache.
const CACHE_SIZE: usize = 10_000;
/// Unanswered queries in a row after which the name server is probed. If it doesn't answer either, checks pause for
/// a while, so that signups don't wait in vain.
const MAX_UNANSWERED: u32 = 3;
/// Lifetimes of cached results.
const YES_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const NO_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const UNSURE_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How long checks pause.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Checks domains with a name server, and caches the results.
pub struct MailServers {
    resolver: Option<TokioResolver>,
    cache: Mutex<Cache>,
    slots: Semaphore,
}

#[derive(Debug, Default)]
struct Cache {
    domains: HashMap<Box<str>, (Deliverability, Timestamp)>,
    unanswered: u32,
    paused_until: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "signup.check_mx: the system's name server can't be found ({0}); set signup.dns_server, or set signup.check_mx to false"
)]
pub struct NoNameServer(#[from] NetError);

impl std::fmt::Debug for MailServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailServers(enabled: {})", self.resolver.is_some())
    }
}

impl MailServers {
    /// Checks nothing: the result is always [`Deliverability::Unknown`].
    pub fn unchecked() -> Self {
        Self { resolver: None, cache: Mutex::default(), slots: Semaphore::new(MAX_CONCURRENT) }
    }

    /// Uses this name server, or the system's.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, NoNameServer> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio()?,
            Some(server) => {
                let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
                    let mut connection = ConnectionConfig::new(protocol);
                    connection.port = server.port();
                    connection
                });
                let server = NameServerConfig::new(server.ip(), true, connections.into());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts, options.cache_size) = (QUERY_TIMEOUT, 1, 0);
        Ok(Self { resolver: Some(builder.build()?), ..Self::unchecked() })
    }

    /// Checks whether a domain can receive email. [`Deliverability::No`] is definite.
    pub async fn check(&self, domain: &str, now: Timestamp) -> Deliverability {
        if let Some(cached) = self.cached(domain, now) {
            return cached;
        }
        let Some(resolver) = &self.resolver else { return Deliverability::Unknown };
        let Ok(_slot) = self.slots.try_acquire() else { return Deliverability::Unknown };
        let result = tokio::time::timeout(TOTAL_TIMEOUT, query(resolver, domain)).await;
        let (reach, is_unanswered) = result.unwrap_or((Deliverability::Unknown, true));
        self.store(domain, reach, now);
        if self.is_suspicious(is_unanswered) && !answers(resolver).await {
            self.cache.lock().paused_until = Some(now + PAUSE);
            tracing::warn!("the name server doesn't answer; skipping checks of email domains for a minute");
        }
        reach
    }

    /// Returns the result for a domain that needs no query. `None` if it needs one.
    pub fn cached(&self, domain: &str, now: Timestamp) -> Option<Deliverability> {
        if self.resolver.is_none() || is_reserved(domain) {
            return Some(Deliverability::Unknown);
        }
        let cache = self.cache.lock();
        let cached = cache.domains.get(domain).filter(|(_, until)| now < *until).map(|(reach, _)| *reach);
        cached.or_else(|| cache.paused_until.filter(|until| now < *until).map(|_| Deliverability::Unknown))
    }

    /// Counts unanswered queries in a row. Returns whether there were so many that the name server may be away.
    /// Domains whose own servers are silent look the same, and anyone can name such domains.
    fn is_suspicious(&self, is_unanswered: bool) -> bool {
        let mut cache = self.cache.lock();
        cache.unanswered = if is_unanswered { cache.unanswered + 1 } else { 0 };
        if cache.unanswered < MAX_UNANSWERED {
            return false;
        }
        cache.unanswered = 0;
        true
    }

    /// Caches a result.
    fn store(&self, domain: &str, reach: Deliverability, now: Timestamp) {
        let mut cache = self.cache.lock();
        if cache.domains.len() >= CACHE_SIZE {
            // Keeps domains that can receive email. Others may be made up by an attacker to flush the cache.
            cache.domains.retain(|_, (reach, until)| now < *until && *reach == Deliverability::Yes);
            if cache.domains.len() >= CACHE_SIZE {
                cache.domains.clear();
            }
        }
        let lifetime = match reach {
            Deliverability::Yes => YES_LIFETIME,
            Deliverability::No => NO_LIFETIME,
            Deliverability::Unknown => UNSURE_LIFETIME,
        };
        cache.domains.insert(domain.into(), (reach, now + lifetime));
    }
}

/// Queries a domain. Also returns whether the name server left a query unanswered.
async fn query(resolver: &TokioResolver, domain: &str) -> (Deliverability, bool) {
    // A fully qualified name, so that the system's search list is not used.
    let Ok(name) = Name::from_ascii(format!("{domain}.")) else { return (Deliverability::Unknown, false) };
    let servers = look_up(resolver, name.clone(), RecordType::MX, |data| match data {
        RData::MX(server) => Some(server.exchange.to_ascii()),
        _ => None,
    });
    let servers = servers.await;
    if let Some(reach) = from_mail_servers(&servers) {
        return (reach, servers.is_no_answer());
    }
    let address = |data: &RData| data.ip_addr();
    let (old, new) = tokio::join!(
        look_up(resolver, name.clone(), RecordType::A, address),
        look_up(resolver, name, RecordType::AAAA, address),
    );
    let reach = from_addresses(&old, &new);
    (reach, reach == Deliverability::Unknown && (old.is_no_answer() || new.is_no_answer()))
}

/// Probes the name server with a question that every resolver can answer at once: the root's name servers.
async fn answers(resolver: &TokioResolver) -> bool {
    let probe = look_up(resolver, Name::root(), RecordType::NS, |_| Some(()));
    tokio::time::timeout(QUERY_TIMEOUT, probe).await.is_ok_and(|answer| !answer.is_no_answer())
}

async fn look_up<T>(
    resolver: &TokioResolver,
    name: Name,
    kind: RecordType,
    read: impl Fn(&RData) -> Option<T>,
) -> DnsAnswer<T> {
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            let records: Vec<T> = found.answers().iter().filter_map(|record| read(&record.data)).collect();
            if records.is_empty() { DnsAnswer::NoRecords } else { DnsAnswer::Records(records) }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
            ResponseCode::NXDomain => DnsAnswer::NoName,
            ResponseCode::NoError => DnsAnswer::NoRecords,
            code => dns_failure(code),
        },
        Err(NetError::Dns(DnsError::ResponseCode(code))) => dns_failure(code),
        Err(error) => {
            tracing::debug!(%error, "the name server didn't answer");
            DnsAnswer::NoAnswer
        }
    }
}

/// Maps a response code: REFUSED comes from our name server, other errors from the domain's servers.
fn dns_failure<T>(code: ResponseCode) -> DnsAnswer<T> {
    if code == ResponseCode::Refused { DnsAnswer::NoAnswer } else { DnsAnswer::ServerFailure }
}
