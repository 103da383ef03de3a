//! What the two protocols of a receiver have in common: credentials, metadata, and the way in.

use super::auth::Authenticator;
use super::body::{Charged, Reading};
use crate::admission::Permit;
use crate::refusal::Refusal;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::HeaderMap;
use std::net::IpAddr;
use std::sync::Arc;
use tailweir_core::Signal;

/// The protocol a request came by; the label `transport` of the receiver's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Transport {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP.
    Http,
}

impl Transport {
    /// Both, in the order in which reports list them.
    pub(crate) const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// Who sent a request, as far as processors may ask.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// Its address; nothing over a Unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Header names, in lower case, and their values, where the receiver has `include_metadata`.
    pub(crate) metadata: Vec<(String, Vec<String>)>,
    /// What the authenticator found out.
    pub(crate) auth: Vec<(&'static str, String)>,
}

impl Client {
    /// The client at this address, of which nothing else is known.
    pub(crate) fn at(address: Option<IpAddr>) -> Arc<Self> {
        Arc::new(Self {
            address,
            ..Self::default()
        })
    }
}

/// A request that came in whole: plain protobuf, charged to the budget.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// How it came.
    pub(crate) transport: Transport,
    /// What it carries.
    pub(crate) signal: Signal,
    /// The bytes of an `Export*ServiceRequest`.
    pub(crate) body: Bytes,
    /// The charge for `body`.
    pub(crate) permit: Permit,
    /// Who sent it.
    pub(crate) client: Arc<Client>,
}

/// Where requests go. The future ends when the request is safe, or refused.
pub(crate) trait Intake: Send + Sync {
    /// Takes a whole request or nothing.
    fn accept(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), Refusal>>;
}

/// One protocol of one receiver.
pub(crate) struct Door {
    /// The protocol.
    pub(crate) transport: Transport,
    /// How bodies are read.
    pub(crate) reading: Reading,
    /// Whether processors may see the request's headers.
    pub(crate) include_metadata: bool,
    /// Who may come in; everybody where there is none.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    /// Where requests go.
    pub(crate) intake: Arc<dyn Intake>,
}

impl Door {
    /// Checks the credentials. Called before the body is read.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unauthenticated`].
    pub(crate) async fn identify(
        &self,
        headers: &HeaderMap,
        peer: &Arc<Client>,
    ) -> Result<Arc<Client>, Refusal> {
        let auth = match &self.authenticator {
            Some(authenticator) => authenticator.authenticate(headers).await?,
            None => Vec::new(),
        };
        if auth.is_empty() && !self.include_metadata {
            return Ok(Arc::clone(peer));
        }
        Ok(Arc::new(Client {
            address: peer.address,
            metadata: if self.include_metadata {
                metadata(headers)
            } else {
                Vec::new()
            },
            auth,
        }))
    }

    /// Hands a request in.
    ///
    /// # Errors
    ///
    /// Whatever the pipelines answer.
    pub(crate) async fn hand_in(
        &self,
        signal: Signal,
        charged: Charged,
        client: Arc<Client>,
    ) -> Result<(), Refusal> {
        let delivery = Delivery {
            transport: self.transport,
            signal,
            body: charged.body,
            permit: charged.permit,
            client,
        };
        self.intake.accept(delivery).await
    }
}

/// Headers as processors see them; those that are not text are left out.
fn metadata(headers: &HeaderMap) -> Vec<(String, Vec<String>)> {
    let values = |name| {
        let all = headers.get_all(name).iter();
        all.filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect()
    };
    let names = headers.keys();
    names
        .map(|name| (name.as_str().to_owned(), values(name)))
        .collect()
}
