//! What the two protocols of a receiver have in common: credentials, metadata, and the way in.

use super::auth::Authenticator;
use super::body::{Charged, Reading};
use crate::admission::Permit;
use crate::refusal::Refusal;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use tailweir_core::{OWN_SPAN, Signal};
use tailweir_transform::ClientContext;

/// The protocol a request came by; the label `transport` of the receiver's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Transport {
    /// gRPC.
    Grpc,
    /// HTTP.
    Http,
    /// Files.
    File,
    /// Jaeger's compact thrift in datagrams.
    ThriftCompact,
    /// Jaeger's binary thrift in datagrams.
    ThriftBinary,
}

impl Transport {
    /// All, in the order in which reports list them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Grpc,
        Self::Http,
        Self::File,
        Self::ThriftCompact,
        Self::ThriftBinary,
    ];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
            Self::File => "file",
            Self::ThriftCompact => "udp_thrift_compact",
            Self::ThriftBinary => "udp_thrift_binary",
        }
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
    pub(crate) client: Arc<ClientContext>,
    /// The caller's span.
    pub(crate) caller: CallerSpan,
}

/// The headers that name the caller's span, as they came; none where nobody asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerSpan {
    traceparent: Option<HeaderValue>,
    tracestate: Option<HeaderValue>,
}

impl CallerSpan {
    /// What these headers say, if spans are made.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if !tracing::span_enabled!(target: OWN_SPAN, tracing::Level::INFO) {
            return Self::default();
        }
        Self {
            traceparent: headers.get("traceparent").cloned(),
            tracestate: headers.get("tracestate").cloned(),
        }
    }

    /// The `traceparent`, or nothing.
    pub(crate) fn traceparent(&self) -> &str {
        text(self.traceparent.as_ref())
    }

    /// The `tracestate`, or nothing.
    pub(crate) fn tracestate(&self) -> &str {
        text(self.tracestate.as_ref())
    }
}

fn text(value: Option<&HeaderValue>) -> &str {
    value.map_or("", |value| value.to_str().unwrap_or_default())
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
    /// Checks the credentials, which are headers or stand for some. Called before the body is read.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unauthenticated`].
    pub(crate) async fn identify(
        &self,
        headers: &HeaderMap,
        credentials: &HeaderMap,
        peer: &Arc<ClientContext>,
    ) -> Result<Arc<ClientContext>, Refusal> {
        let auth = match &self.authenticator {
            Some(authenticator) => authenticator.authenticate(credentials).await?,
            None => Vec::new(),
        };
        if auth.is_empty() && !self.include_metadata {
            return Ok(Arc::clone(peer));
        }
        Ok(Arc::new(ClientContext {
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
        client: Arc<ClientContext>,
        caller: CallerSpan,
    ) -> Result<(), Refusal> {
        let delivery = Delivery {
            transport: self.transport,
            signal,
            body: charged.body,
            permit: charged.permit,
            client,
            caller,
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
