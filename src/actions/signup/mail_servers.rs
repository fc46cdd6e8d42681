//! Asks the name system whether mail can reach a domain, and remembers for a while what it said. Never with a transaction open.

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

/// Longest time a signup waits for an answer. Most answers take a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Longest time for one try of them.
const ONE_TRY: Duration = Duration::from_millis(700);
/// Most questions at a time. A domain beyond that is not asked about.
const AT_ONCE: usize = 64;
/// Most domains that are remembered.
const REMEMBERED: usize = 10_000;
/// After so many questions in a row that nobody answered none is asked for a while: who signs up shall not wait for nothing.
const SILENCE: u32 = 3;
/// How long what was said holds.
const YES_FOR: SignedDuration = SignedDuration::from_hours(1);
const NO_FOR: SignedDuration = SignedDuration::from_mins(5);
const UNSURE_FOR: SignedDuration = SignedDuration::from_mins(1);

/// What is known of domains, and whom to ask.
pub struct MailServers {
    resolver: Option<TokioResolver>,
    known: Mutex<Known>,
    turns: Semaphore,
}

#[derive(Debug, Default)]
struct Known {
    domains: HashMap<Box<str>, (Deliverability, Timestamp)>,
    unanswered: u32,
    silent_until: Option<Timestamp>,
}

/// Whom to ask can't be found out.
#[derive(Debug, thiserror::Error)]
#[error(
    "signup.check_mx: the system's name server can't be found ({0}); give one in signup.dns_server, or write false"
)]
pub struct NoNameServer(#[from] NetError);

impl std::fmt::Debug for MailServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailServers(asks: {})", self.resolver.is_some())
    }
}

impl MailServers {
    /// Asks nobody: every domain may be reached.
    pub fn unchecked() -> Self {
        Self { resolver: None, known: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// Asks this server, or the system's.
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
        (options.timeout, options.attempts, options.cache_size) = (ONE_TRY, 1, 0);
        Ok(Self { resolver: Some(builder.build()?), ..Self::unchecked() })
    }

    /// Whether mail can reach a domain. Only a clear no is one: where nobody says so, it may.
    pub async fn reach(&self, domain: &str, now: Timestamp) -> Deliverability {
        if let Some(known) = self.known(domain, now) {
            return known;
        }
        let Some(resolver) = &self.resolver else { return Deliverability::Unknown };
        let Ok(_turn) = self.turns.try_acquire() else { return Deliverability::Unknown };
        let asked = tokio::time::timeout(PATIENCE, ask(resolver, domain)).await;
        let (reach, is_silence) = asked.unwrap_or((Deliverability::Unknown, true));
        self.learn(domain, reach, is_silence, now);
        reach
    }

    /// What is known without asking. `None`: somebody must be asked.
    pub fn known(&self, domain: &str, now: Timestamp) -> Option<Deliverability> {
        if self.resolver.is_none() || is_reserved(domain) {
            return Some(Deliverability::Unknown);
        }
        let known = self.known.lock();
        let remembered = known.domains.get(domain).filter(|(_, until)| now < *until).map(|(reach, _)| *reach);
        remembered
            .or_else(|| known.silent_until.filter(|until| now < *until).map(|_| Deliverability::Unknown))
    }

    /// `is_silence`: the name server itself is at fault. Trouble of a domain's own servers, which anybody can have, says nothing about it.
    fn learn(&self, domain: &str, reach: Deliverability, is_silence: bool, now: Timestamp) {
        let mut known = self.known.lock();
        if is_silence {
            known.unanswered += 1;
            if known.unanswered >= SILENCE {
                known.unanswered = 0;
                known.silent_until = Some(now + UNSURE_FOR);
                tracing::warn!(
                    "the name server does not answer; domains of addresses are not looked at for a minute"
                );
            }
        } else {
            known.unanswered = 0;
        }
        if known.domains.len() >= REMEMBERED {
            // Those that have mail are asked for again; others may have been made up to push them out.
            known.domains.retain(|_, (reach, until)| now < *until && *reach == Deliverability::Yes);
            if known.domains.len() >= REMEMBERED {
                known.domains.clear();
            }
        }
        let holds = match reach {
            Deliverability::Yes => YES_FOR,
            Deliverability::No => NO_FOR,
            Deliverability::Unknown => UNSURE_FOR,
        };
        known.domains.insert(domain.into(), (reach, now + holds));
    }
}

/// What is said of a domain, and whether the name server itself is at fault.
async fn ask(resolver: &TokioResolver, domain: &str) -> (Deliverability, bool) {
    // From the root: the system's search list is not a reader's.
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
            code => trouble(code),
        },
        Err(NetError::Dns(DnsError::ResponseCode(code))) => trouble(code),
        Err(error) => {
            tracing::debug!(%error, "the name server did not answer");
            DnsAnswer::NoAnswer
        }
    }
}

/// Who refuses to answer is not to be asked; anything else is the domain's trouble.
fn trouble<T>(code: ResponseCode) -> DnsAnswer<T> {
    if code == ResponseCode::Refused { DnsAnswer::NoAnswer } else { DnsAnswer::ServerFailure }
}
