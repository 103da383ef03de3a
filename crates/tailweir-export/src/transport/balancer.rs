//! Spreads calls over the addresses of one name.

use super::{Client, Connector, chain};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// Names are resolved again after this time, or sooner when an address fails.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);
/// But not more often than this.
const RESOLVE_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Most addresses of a name that are used.
const ADDRESSES_MAX: usize = 256;

/// Where calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name or address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Each call to the next address; false: all to the first that works.
    pub(crate) round_robin: bool,
}

/// One client for each address of a target.
pub(crate) struct Balancer {
    target: Target,
    connector: Connector,
    build: Box<dyn Fn(Connector) -> Client + Send + Sync>,
    addresses: Mutex<Addresses>,
    next: AtomicUsize,
    failed: AtomicBool,
}

#[derive(Default)]
struct Addresses {
    clients: Vec<(SocketAddr, Client)>,
    resolved: Option<Instant>,
}

impl Balancer {
    pub(crate) fn new(
        target: Target,
        connector: Connector,
        build: impl Fn(Connector) -> Client + Send + Sync + 'static,
    ) -> Self {
        Self {
            target,
            connector,
            build: Box::new(build),
            addresses: Mutex::default(),
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// Sends the request to one address; where that cannot be connected, to the others in turn.
    pub(crate) async fn call(
        &self,
        request: &Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        let clients = self.clients().await?;
        let start = self.next.load(Relaxed);
        if self.target.round_robin {
            self.next.fetch_add(1, Relaxed);
        }
        let mut last = CallError::unreachable(format!("{} has no address", self.target.host));
        for turn in 0..clients.len() {
            let index = start.wrapping_add(turn);
            let client = &clients[index % clients.len()];
            match client.request(request.clone()).await {
                Ok(response) => return Ok(response),
                Err(error) => {
                    last = CallError {
                        is_unreachable: error.is_connect(),
                        message: chain(&error),
                    };
                }
            }
            self.failed.store(true, Relaxed);
            if !last.is_unreachable {
                break;
            }
            if !self.target.round_robin {
                // Stay with the next one from now on.
                self.next.store(index.wrapping_add(1), Relaxed);
            }
        }
        Err(last)
    }

    async fn clients(&self) -> Result<Vec<Client>, CallError> {
        if self.is_due() {
            self.resolve().await?;
        }
        let addresses = self.addresses.lock();
        Ok(addresses
            .clients
            .iter()
            .map(|(_, client)| client.clone())
            .collect())
    }

    fn is_due(&self) -> bool {
        let Some(resolved) = self.addresses.lock().resolved else {
            return true;
        };
        let age = Instant::now().saturating_duration_since(resolved);
        age >= RESOLVE_INTERVAL || (age >= RESOLVE_INTERVAL_MIN && self.failed.load(Relaxed))
    }

    /// Looks the name up. Addresses that stay keep their connections; where the look-up fails,
    /// all stay.
    async fn resolve(&self) -> Result<(), CallError> {
        let found = tokio::net::lookup_host((&*self.target.host, self.target.port)).await;
        let mut addresses = self.addresses.lock();
        let mut found: Vec<SocketAddr> = match found {
            Ok(found) => found.take(ADDRESSES_MAX).collect(),
            Err(error) if addresses.clients.is_empty() => {
                let text = format!("{} cannot be resolved: {error}", self.target.host);
                return Err(CallError::unreachable(text));
            }
            Err(_) => addresses
                .clients
                .iter()
                .map(|(address, _)| *address)
                .collect(),
        };
        // Resolvers shuffle; a fixed order lets the turn reach everyone.
        found.sort_unstable();
        found.dedup();
        let mut old = std::mem::take(&mut addresses.clients);
        addresses.clients = found
            .into_iter()
            .map(|address| {
                let kept = old.iter().position(|(old, _)| *old == address);
                kept.map_or_else(
                    || (address, (self.build)(self.connector.to(address))),
                    |index| old.swap_remove(index),
                )
            })
            .collect();
        addresses.resolved = Some(Instant::now());
        self.failed.store(false, Relaxed);
        Ok(())
    }
}

/// A call that got no answer.
#[derive(Debug)]
pub(crate) struct CallError {
    /// No connection was made: the backend has seen nothing.
    pub(crate) is_unreachable: bool,
    pub(crate) message: String,
}

impl CallError {
    fn unreachable(message: String) -> Self {
        Self {
            is_unreachable: true,
            message,
        }
    }
}
