//! Connections to other members.

use crate::network::{Connection, Network, Stream};
use crate::stamp::{Own, Stamp};
use crate::{Identity, LinkError, Role};
use http::Uri;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tailweir_tls::ClientConfigs;
use tokio_rustls::TlsConnector;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel as Transport, Endpoint};

/// How often a connection is asked whether it lives, also while nothing is said.
pub(crate) const KEEPALIVE_TIME: Duration = Duration::from_secs(5);
/// How long the answer may take.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that one stream may send ahead of being read.
pub(crate) const STREAM_WINDOW: u32 = 4 << 20;
/// Bytes that one connection may send ahead of being read.
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;
/// Longest time for TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// Calls to one peer. It connects at the first call, and again after the connection broke.
pub type Channel = InterceptedService<Transport, Stamp>;

/// The member that is to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where, as `HOST:PORT`.
    pub address: Arc<str>,
    /// What it must be.
    pub role: Role,
    /// What its certificate must say that it is called; nothing: any member of that role.
    pub name: Option<Arc<str>>,
    /// The life of it that is meant: another one at the same address refuses the calls. Nothing: any.
    pub incarnation: Option<u64>,
}

pub(crate) fn channel(
    own: &Arc<Own>,
    network: &Arc<dyn Network>,
    tls: Option<&Arc<ClientConfigs>>,
    peer: &Peer,
) -> Result<Channel, LinkError> {
    let no_address = || LinkError::Address {
        address: peer.address.to_string(),
    };
    let uri: Uri = format!("http://{}", peer.address)
        .parse()
        .map_err(|_| no_address())?;
    if uri.port().is_none() || uri.path() != "/" || uri.query().is_some() {
        return Err(no_address());
    }
    let endpoint = Endpoint::from(uri)
        .http2_keep_alive_interval(KEEPALIVE_TIME)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let dialler = Arc::new(Dialler {
        network: Arc::clone(network),
        tls: tls.cloned(),
        own: Arc::clone(own),
        peer: peer.clone(),
    });
    let connect = tower::service_fn(move |uri| {
        let dialler = Arc::clone(&dialler);
        async move { dialler.connect(uri).await }
    });
    let stamp = Stamp::new(Arc::clone(own), peer.incarnation);
    let transport = endpoint.connect_with_connector_lazy(connect);
    Ok(InterceptedService::new(transport, stamp))
}

struct Dialler {
    network: Arc<dyn Network>,
    /// Nothing: plain text.
    tls: Option<Arc<ClientConfigs>>,
    own: Arc<Own>,
    peer: Peer,
}

type Dialled = TokioIo<Box<dyn Stream>>;

impl Dialler {
    async fn connect(&self, uri: Uri) -> io::Result<Dialled> {
        let stream = self.network.connect(&self.peer.address).await?;
        let Some(tls) = &self.tls else {
            return Ok(TokioIo::new(stream));
        };
        let host = uri.host().unwrap_or_default();
        let secured = self.secure(tls, host, stream).await;
        secured.map_err(|error| {
            tracing::warn!(%error, "a peer is refused");
            io::Error::other(error)
        })
    }

    async fn secure(
        &self,
        tls: &ClientConfigs,
        host: &str,
        stream: Box<dyn Connection>,
    ) -> Result<Dialled, LinkError> {
        let address = || self.peer.address.to_string();
        let connector = TlsConnector::from(tls.current());
        let handshake = connector.connect(tls.server_name(host)?, stream);
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake)
            .await
            .map_err(|_| LinkError::TooSlow {
                address: address(),
                seconds: HANDSHAKE_TIMEOUT.as_secs(),
            })?
            .map_err(|source| LinkError::Handshake {
                address: address(),
                source,
            })?;
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(<[_]>::first);
        let certificate =
            certificate.ok_or_else(|| LinkError::NoCertificate { address: address() })?;
        self.recognise(Identity::of_certificate(certificate)?)?;
        Ok(TokioIo::new(Box::new(stream)))
    }

    /// Whether this is the peer that was to be reached.
    fn recognise(&self, identity: Identity) -> Result<(), LinkError> {
        let address = self.peer.address.to_string();
        let ours = self.own.identity.cluster();
        if identity.cluster() != ours {
            return Err(LinkError::OtherCluster {
                address,
                theirs: identity.cluster().to_owned(),
                ours: ours.to_owned(),
            });
        }
        match &self.peer.name {
            Some(expected) if **expected != *identity.name() => {
                return Err(LinkError::OtherName {
                    address,
                    theirs: identity.name().to_owned(),
                    expected: expected.to_string(),
                });
            }
            Some(_) | None => {}
        }
        let wanted = self.peer.role;
        if identity.roles().has(wanted) {
            return Ok(());
        }
        Err(LinkError::OtherRole {
            address,
            identity,
            wanted,
        })
    }
}
