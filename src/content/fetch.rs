//! Fetches documents from other sites. All outgoing requests for content go through this module.
//!
//! A fetch connects to public addresses only. Each redirect is checked again, and names are checked after
//! resolving, by the resolver that the connection uses. Time and size are limited. Proxies from the
//! environment are not used, because they would resolve names without these checks. Each host gets one
//! request at a time, with a pause between requests (`host_limiter`).

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use ipnet::IpNet;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use crate::{
    content::{
        address_filter::{AddressFilter, RefusedAddress},
        answer_headers::{Validators, header_text, max_age, retry_after, validators_of},
        fetch_error::FetchError,
        host_limiter::{HostAccess, HostLimiter, PATIENCE},
        resolver::FilteringResolver,
    },
    domain::content::picture,
    http_client::LazyClient,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, \
                      application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.8, text/html;q=0.8, */*;q=0.5";
const ACCEPT_PICTURES: &str = "image/jpeg, image/png, image/webp, image/gif";
/// Longest pause for a whole host that returned an overload error. Single documents may have longer pauses.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// Limits and settings of fetches.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    /// Networks that may be fetched from although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// Time limit of a whole fetch, with all redirects and the body.
    pub timeout: Duration,
    /// Longest body in bytes, after decompression.
    pub max_bytes: u64,
    /// Most redirects that are followed.
    pub max_redirects: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Pause between two requests to one host.
    pub host_pause: Duration,
}

/// The result of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Unchanged since the validators were issued.
    NotModified(Unchanged),
    Page(Document),
}

/// Headers of a "not modified" response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unchanged {
    /// The new address, after permanent redirects.
    pub permanent_url: Option<Url>,
    /// Validators, if they differ from those that were sent.
    pub validators: Validators,
    /// How long the server allows the document to be cached.
    pub max_age: Option<Duration>,
}

/// The beginning of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first bytes, as many as were asked for.
    pub bytes: Vec<u8>,
    /// URL after redirects.
    pub url: Url,
}

/// A document and its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// URL after redirects.
    pub url: Url,
    /// URL to use next time, if the first redirect was permanent (301, 308): the target of the last redirect
    /// of an unbroken series of permanent ones.
    pub permanent_url: Option<Url>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// Validators for the next fetch.
    pub validators: Validators,
    /// Time that the response stays fresh.
    pub max_age: Option<Duration>,
}

/// Fetches documents under a [`FetchPolicy`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: LazyClient,
    filter: Arc<AddressFilter>,
    timeout: Duration,
    max_bytes: u64,
    max_redirects: usize,
    host_limiter: HostLimiter,
}

/// A request for a document, conditional if it carries validators.
struct DocumentRequest<'a> {
    url: &'a Url,
    validators: &'a Validators,
    accept: Option<&'static str>,
    /// Time limit, without the wait for other requests to the same host.
    limit: Duration,
}

/// A response that is not a redirect.
struct Answer {
    response: Response,
    url: Url,
    permanent_url: Option<Url>,
    access: HostAccess,
    left: Duration,
}

impl Fetcher {
    /// Creates a fetcher with the settings of `policy`.
    pub fn new(policy: FetchPolicy) -> Self {
        let filter = Arc::new(AddressFilter::new(policy.allow_networks));
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        let (timeout, max_bytes, max_redirects) = (policy.timeout, policy.max_bytes, policy.max_redirects);
        let (user_agent, resolver) = (policy.user_agent, FilteringResolver(Arc::clone(&filter)));
        let client = LazyClient::new(move || {
            Client::builder()
                .user_agent(&user_agent)
                .default_headers(headers.clone())
                .no_proxy()
                .referer(false)
                .redirect(reqwest::redirect::Policy::none())
                .dns_resolver(resolver.clone())
                .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        });
        Self {
            client,
            filter,
            timeout,
            max_bytes,
            max_redirects,
            host_limiter: HostLimiter::new(policy.host_pause),
        }
    }

    /// Fetches `url`, or reports that it has not changed since `validators`.
    pub async fn fetch(&self, url: &Url, validators: &Validators) -> Result<Fetched, FetchError> {
        self.fetch_within(url, validators, self.timeout).await
    }

    /// Like [`fetch`](Self::fetch), in at most `limit`. Waiting for other requests to the same host doesn't
    /// count; it takes at most [`PATIENCE`](crate::content::host_limiter::PATIENCE).
    pub async fn fetch_within(
        &self,
        url: &Url,
        validators: &Validators,
        limit: Duration,
    ) -> Result<Fetched, FetchError> {
        let limit = limit.min(self.timeout);
        let mut answer = self.follow(&DocumentRequest { url, validators, accept: None, limit }).await?;
        let conditional = validators.etag.is_some() || validators.last_modified.is_some();
        match answer.response.status() {
            StatusCode::NOT_MODIFIED if conditional => Ok(Fetched::NotModified(Unchanged {
                permanent_url: answer.permanent_url,
                validators: validators_of(&answer.response),
                max_age: max_age(&answer.response),
            })),
            status if status.is_success() => {
                let left = answer.left;
                tokio::time::timeout(left, self.read(answer))
                    .await
                    .unwrap_or_else(|_| Err(FetchError::TimedOut { url: shown(url), after: limit }))
                    .map(Fetched::Page)
            }
            _ => Err(refusal(&mut answer)),
        }
    }

    /// Fetches the beginning of the picture at `url`. Fails if the picture is known to be larger than
    /// [`picture::MAX_BYTES`].
    pub async fn picture_head(&self, url: &Url) -> Result<Head, FetchError> {
        self.picture_bytes(url, picture::HEAD_BYTES).await
    }

    /// Fetches the whole picture at `url`. Fails if it is larger than [`picture::MAX_BYTES`].
    pub async fn picture(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let most = usize::try_from(picture::MAX_BYTES).unwrap_or(usize::MAX);
        self.picture_bytes(url, most).await.map(|whole| whole.bytes)
    }

    /// Fetches at most `room` bytes of the picture at `url`.
    async fn picture_bytes(&self, url: &Url, room: usize) -> Result<Head, FetchError> {
        let validators = Validators::default();
        let request = DocumentRequest {
            url,
            validators: &validators,
            accept: Some(ACCEPT_PICTURES),
            limit: self.timeout,
        };
        let mut answer = self.follow(&request).await?;
        if !answer.response.status().is_success() {
            return Err(refusal(&mut answer));
        }
        let left = answer.left;
        let reading = read_head(answer, room);
        tokio::time::timeout(left, reading)
            .await
            .unwrap_or_else(|_| Err(FetchError::TimedOut { url: shown(url), after: self.timeout }))
    }

    /// Follows redirects. Redirects within one host count as one visit.
    async fn follow(&self, request: &DocumentRequest<'_>) -> Result<Answer, FetchError> {
        let mut url = request.url.clone();
        url.set_fragment(None);
        let mut chain = vec![url.clone()];
        let mut permanent_url = None;
        let mut all_permanent = true;
        let mut left = request.limit;
        let mut access: Option<HostAccess> = None;
        loop {
            self.admit(&url)?;
            let here = match access.take() {
                Some(access) if access.is_at(&url) => access,
                other => {
                    drop(other);
                    let busy = |busy: crate::content::host_limiter::Busy| FetchError::HostBusy {
                        url: shown(&url),
                        wait: busy.wait,
                    };
                    self.host_limiter.take(&url, PATIENCE).await.map_err(busy)?
                }
            };
            let begun = tokio::time::Instant::now();
            let response =
                tokio::time::timeout(left, self.send(&url, request)).await.unwrap_or_else(|_| {
                    Err(FetchError::TimedOut { url: shown(request.url), after: request.limit })
                })?;
            left = left.saturating_sub(begun.elapsed());
            let Some(next) = redirect_target(&url, &response)? else {
                return Ok(Answer { response, url, permanent_url, access: here, left });
            };
            all_permanent &=
                matches!(response.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
            // A permanent redirect must not downgrade https to http.
            all_permanent &= url.scheme() == next.scheme() || next.scheme() == "https";
            if all_permanent {
                permanent_url = Some(next.clone());
            }
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
            access = Some(here);
        }
    }

    /// Rejects URLs that can be judged without resolving the name.
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

    async fn send(&self, url: &Url, request: &DocumentRequest<'_>) -> Result<Response, FetchError> {
        let client = self.client.get().map_err(|error| FetchError::Setup { reason: told(&error) })?;
        let mut builder = client.get(url.clone());
        if let Some(accept) = request.accept {
            builder = builder.header(header::ACCEPT, accept);
        }
        for (name, value) in [
            (header::IF_NONE_MATCH, &request.validators.etag),
            (header::IF_MODIFIED_SINCE, &request.validators.last_modified),
        ] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                builder = builder.header(name, value);
            }
        }
        builder.send().await.map_err(|error| unreachable(url, &error))
    }

    async fn read(&self, answer: Answer) -> Result<Document, FetchError> {
        let Answer { response, url, permanent_url, access: _access, .. } = answer;
        let content_type = header_text(&response, &header::CONTENT_TYPE);
        let (validators, max_age) = (validators_of(&response), max_age(&response));
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
        Ok(Document { url, permanent_url, content_type, body, validators, max_age })
    }
}

/// Reads the first bytes, at most `room`. If the response has no length, reads on to count the bytes.
async fn read_head(answer: Answer, room: usize) -> Result<Head, FetchError> {
    let Answer { response, url, access: _access, .. } = answer;
    let too_large = || FetchError::TooLarge { url: shown(&url), limit_bytes: picture::MAX_BYTES };
    let length = response.content_length();
    if length.is_some_and(|length| length > picture::MAX_BYTES) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut count = 0_u64;
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| FetchError::Broken { url: shown(&url), reason: told(&error) })?;
        count = count.saturating_add(chunk.len() as u64);
        let free = room.saturating_sub(bytes.len());
        bytes.extend_from_slice(&chunk[..chunk.len().min(free)]);
        if count > picture::MAX_BYTES {
            return Err(too_large());
        }
        if length.is_some() && bytes.len() >= room {
            break;
        }
    }
    Ok(Head { bytes, url })
}

/// Returns the error for a response without a document. If the host is overloaded, pauses requests to it.
fn refusal(answer: &mut Answer) -> FetchError {
    let (url, status) = (shown(&answer.url), answer.response.status());
    if status == StatusCode::GONE {
        return FetchError::Gone { url };
    }
    let retry_after = retry_after(&answer.response);
    if let (429 | 503, Some(wait)) = (status.as_u16(), retry_after) {
        answer.access.rest(wait.min(LONGEST_REST));
    }
    FetchError::Status { url, status: status.as_u16(), retry_after }
}

/// Returns the target of a redirect, or `None` for any other response.
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION);
    // Read as bytes, because some servers send raw UTF-8 here.
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let target = location.as_deref().and_then(|location| url.join(location.trim()).ok());
    let Some(mut target) = target else {
        return Err(FetchError::BadRedirect { url: shown(url), location: location.unwrap_or_default() });
    };
    target.set_fragment(None);
    Ok(Some(target))
}

/// Returns the address without user name and password, which must not be logged.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail only for addresses that can't have credentials.
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

/// Formats an error and its causes on one line, without the address, which our own message contains.
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

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
