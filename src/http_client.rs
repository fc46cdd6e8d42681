//! HTTP clients that are built at their first request.
//!
//! Building one reads the system's certificates, which costs more than the rest of a command's start, and most
//! commands send no requests.

use reqwest::{Client, ClientBuilder};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// A client that is built when it is first asked for. Cheap to clone; clones share the client.
#[derive(Clone)]
pub struct LazyClient(Arc<Lazy>);

struct Lazy {
    client: OnceLock<Client>,
    build: Box<dyn Fn() -> ClientBuilder + Send + Sync>,
}

impl LazyClient {
    /// Returns a client with the settings of the builder that `build` returns.
    pub fn new(build: impl Fn() -> ClientBuilder + Send + Sync + 'static) -> Self {
        Self(Arc::new(Lazy { client: OnceLock::new(), build: Box::new(build) }))
    }

    /// Returns the client. Fails if the system's certificates can't be read; the next call tries again.
    pub fn get(&self) -> reqwest::Result<&Client> {
        if let Some(client) = self.0.client.get() {
            return Ok(client);
        }
        let client = (self.0.build)().build()?;
        Ok(self.0.client.get_or_init(|| client))
    }
}

impl fmt::Debug for LazyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyClient").field("client", &self.0.client).finish_non_exhaustive()
    }
}
