//! Resolves names to addresses that may be connected to.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::content::address_filter::AddressFilter;

/// Resolver that uses the system's resolver and drops addresses that must not be connected to.
#[derive(Clone)]
pub struct FilteringResolver(pub Arc<AddressFilter>);

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
