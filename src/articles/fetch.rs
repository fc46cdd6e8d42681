//! The one way this program reads from other people's sites.
//!
//! Whatever the address, a fetch talks to public addresses only (each redirect is checked again, and names are
//! checked after resolving, by the resolver the connection itself uses), takes a bounded time, and holds a bounded
//! number of bytes. Proxies of the environment are not used: they would resolve names behind our back.

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use crate::articles::address_filter::{AddressFilter, RefusedAddress};
use crate::articles::fetch_error::FetchError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, \
                      application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.8, text/html;q=0.8, */*;q=0.5";

/// What a fetch may do.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    /// Networks that may be reached although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// For the whole of a fetch: all redirects and the body.
    pub timeout: Duration,
    /// Longest body, after decompression.
    pub max_bytes: u64,
    /// How many redirects are followed.
    pub max_redirects: usize,
    /// How we introduce ourselves.
    pub user_agent: String,
}

/// What the last answer said about its version; handed back, the server can answer "not modified".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, as it was.
    pub etag: Option<String>,
    /// The `Last-Modified` header, as it was.
    pub last_modified: Option<String>,
}

/// The outcome of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, matched at once; a box would be in the way")]
pub enum Fetched {
    /// Nothing new since the validators were given out.
    NotModified,
    /// The document.
    Page(Document),
}

/// A document and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where the document was in the end.
    pub url: Url,
    /// Set when there were redirects and every one said "moved permanently" (301, 308): the address to ask next time.
    pub permanent_url: Option<Url>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The decompressed bytes.
    pub body: Vec<u8>,
    /// To be handed back at the next fetch.
    pub validators: Validators,
}

/// Fetches documents under a [`FetchPolicy`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    filter: Arc<AddressFilter>,
    timeout: Duration,
    max_bytes: u64,
    max_redirects: usize,
}

impl Fetcher {
    /// A fetcher that keeps to `policy`.
    pub fn new(policy: FetchPolicy) -> Result<Self, FetchError> {
        let filter = Arc::new(AddressFilter::new(policy.allow_networks));
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        let client = Client::builder()
            .user_agent(policy.user_agent)
            .default_headers(headers)
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(FilteringResolver(Arc::clone(&filter)))
            .connect_timeout(CONNECT_TIMEOUT.min(policy.timeout))
            .build()
            .map_err(|error| FetchError::Setup { reason: told(&error) })?;
        let (timeout, max_bytes, max_redirects) = (policy.timeout, policy.max_bytes, policy.max_redirects);
        Ok(Self { client, filter, timeout, max_bytes, max_redirects })
    }

    /// The document at `url`, or word that it has not changed since `validators`.
    pub async fn fetch(&self, url: &Url, validators: &Validators) -> Result<Fetched, FetchError> {
        tokio::time::timeout(self.timeout, self.follow(url, validators))
            .await
            .unwrap_or_else(|_| Err(FetchError::TimedOut { url: shown(url), after: self.timeout }))
    }

    async fn follow(&self, start: &Url, validators: &Validators) -> Result<Fetched, FetchError> {
        let mut url = start.clone();
        url.set_fragment(None);
        let mut chain = vec![url.clone()];
        let mut all_permanent = true;
        loop {
            self.admit(&url)?;
            let response = self.ask(&url, validators).await?;
            let status = response.status();
            if let Some(next) = redirect_target(&url, &response)? {
                all_permanent &=
                    matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
                let seen = chain.contains(&next);
                chain.push(next.clone());
                if seen {
                    return Err(FetchError::RedirectLoop { chain: chain.iter().map(shown).collect() });
                }
                if chain.len() > self.max_redirects + 1 {
                    let (chain, limit) = (chain.iter().map(shown).collect(), self.max_redirects);
                    return Err(FetchError::TooManyRedirects { chain, limit });
                }
                url = next;
                continue;
            }
            let conditional = validators.etag.is_some() || validators.last_modified.is_some();
            return match status {
                StatusCode::NOT_MODIFIED if conditional => Ok(Fetched::NotModified),
                StatusCode::GONE => Err(FetchError::Gone { url: shown(&url) }),
                status if status.is_success() => {
                    let permanent_url = (chain.len() > 1 && all_permanent).then(|| url.clone());
                    self.read(url, permanent_url, response).await.map(Fetched::Page)
                }
                status => {
                    let retry_after = header_text(&response, &header::RETRY_AFTER)
                        .and_then(|seconds| seconds.trim().parse().ok())
                        .map(Duration::from_secs);
                    Err(FetchError::Status { url: shown(&url), status: status.as_u16(), retry_after })
                }
            };
        }
    }

    /// What can be refused by looking at the address alone.
    fn admit(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Scheme { url: shown(url), scheme: url.scheme().to_owned() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials { url: shown(url) });
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()), // the resolver decides
            None => return Err(FetchError::Scheme { url: shown(url), scheme: url.scheme().to_owned() }),
        };
        self.filter.check(literal).map_err(|refused| FetchError::Refused { url: shown(url), refused })
    }

    async fn ask(&self, url: &Url, validators: &Validators) -> Result<Response, FetchError> {
        let mut request = self.client.get(url.clone());
        for (name, value) in [
            (header::IF_NONE_MATCH, &validators.etag),
            (header::IF_MODIFIED_SINCE, &validators.last_modified),
        ] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(name, value);
            }
        }
        request.send().await.map_err(|error| unreachable(url, &error))
    }

    async fn read(
        &self,
        url: Url,
        permanent_url: Option<Url>,
        response: Response,
    ) -> Result<Document, FetchError> {
        let content_type = header_text(&response, &header::CONTENT_TYPE);
        let validators = Validators {
            etag: header_text(&response, &header::ETAG),
            last_modified: header_text(&response, &header::LAST_MODIFIED),
        };
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk =
                chunk.map_err(|error| FetchError::Broken { url: shown(&url), reason: told(&error) })?;
            if (body.len() as u64).saturating_add(chunk.len() as u64) > self.max_bytes {
                return Err(FetchError::TooLarge { url: shown(&url), limit_bytes: self.max_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Document { url, permanent_url, content_type, body, validators })
    }
}

/// Where a redirect leads; `None` for every other answer.
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION);
    // Bytes, because some servers send raw UTF-8 here.
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let target = location.as_deref().and_then(|location| url.join(location.trim()).ok());
    let Some(mut target) = target else {
        return Err(FetchError::BadRedirect { url: shown(url), location: location.unwrap_or_default() });
    };
    target.set_fragment(None);
    Ok(Some(target))
}

fn header_text(response: &Response, name: &header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The address without a user's name and password, which belong in no log.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail only for addresses that cannot have them.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

fn unreachable(url: &Url, error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(current) = cause {
        if let Some(refused) = current.downcast_ref::<RefusedAddress>() {
            return FetchError::Refused { url: shown(url), refused: refused.clone() };
        }
        cause = current.source();
    }
    FetchError::Unreachable { url: shown(url), reason: told(error) }
}

/// An error with its causes, in one line, without the address (ours says it already).
fn told(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(current) = cause {
        let text = current.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = current.source();
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}

/// Resolves names as the system does, then leaves only the addresses that may be reached.
struct FilteringResolver(Arc<AddressFilter>);

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let filter = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut refused = None;
            let mut admitted = Vec::with_capacity(found.len());
            for address in found {
                match filter.check(address.ip()) {
                    Ok(()) => admitted.push(address),
                    Err(reason) => refused = Some(reason),
                }
            }
            match refused {
                Some(reason) if admitted.is_empty() => Err(reason.into()),
                _ => Ok(Box::new(admitted.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
