//! This process among the members.

use crate::dial::channel;
use crate::stamp::Own;
use crate::{Channel, Identity, LinkError, Network, Peer, Server, Tcp};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tailweir_config::TlsFiles;
use tailweir_tls::{ClientConfigs, ServerConfigs, certificate};

/// How often certificates are read again where nothing else is said.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);
const PROTOCOLS: &[&str] = &["h2"];

/// How members know each other.
#[derive(Debug, Clone)]
pub enum Security {
    /// By certificates of one authority. Needs `ca`, `cert` and `key`; a `reload_interval` of zero means 10 s.
    Tls(TlsFiles),
    /// Not at all: everybody who reaches the port is whom it says. For networks that nobody else reaches.
    Insecure,
}

/// This process as a member of its cluster: opens connections to others, and a listener for theirs. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    own: Arc<Own>,
    network: Arc<dyn Network>,
    tls: Option<Certificates>,
}

#[derive(Clone)]
struct Certificates {
    client: Arc<ClientConfigs>,
    server: Arc<ServerConfigs>,
}

impl Link {
    /// A member of this identity, over TCP.
    ///
    /// # Errors
    ///
    /// When certificates cannot be read, do not fit together, or are for another member.
    pub fn new(identity: Identity, security: &Security) -> Result<Self, LinkError> {
        Self::over(Arc::new(Tcp::default()), identity, security)
    }

    /// A member of this identity, over another network.
    ///
    /// # Errors
    ///
    /// As [`Link::new`].
    pub fn over(
        network: Arc<dyn Network>,
        identity: Identity,
        security: &Security,
    ) -> Result<Self, LinkError> {
        let tls = match security {
            Security::Tls(files) => Some(Certificates::new(&identity, files)?),
            Security::Insecure => {
                tracing::warn!(
                    "members speak plain text: whoever reaches the port is taken for whom it says"
                );
                None
            }
        };
        let own = Arc::new(Own {
            identity,
            incarnation: AtomicU64::new(0),
        });
        Ok(Self { own, network, tls })
    }

    /// Who this member is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.own.identity
    }

    /// This member's life; nothing before [`Self::set_incarnation`].
    #[must_use]
    pub fn incarnation(&self) -> Option<u64> {
        self.own.incarnation()
    }

    /// From here on calls bear this incarnation, and calls for another one are refused.
    pub fn set_incarnation(&self, incarnation: u64) {
        self.own.incarnation.store(incarnation, Ordering::Relaxed);
    }

    /// Calls to `peer`. Nothing is opened before the first; each connection reads the certificates as they are then.
    ///
    /// # Errors
    ///
    /// [`LinkError::Address`] when the address is no `HOST:PORT`. Must be called within a tokio runtime.
    pub fn channel(&self, peer: &Peer) -> Result<Channel, LinkError> {
        let tls = self.tls.as_ref().map(|tls| &tls.client);
        channel(&self.own, &self.network, tls, peer)
    }

    /// Listens on `address` (port 0 takes a free one). Services are [added](Server::add) to what it returns.
    ///
    /// # Errors
    ///
    /// [`LinkError::Bind`], with the system's reason.
    pub async fn listen(&self, address: &str) -> Result<Server, LinkError> {
        let tls = self.tls.as_ref().map(|tls| Arc::clone(&tls.server));
        Server::listen(address, &*self.network, Arc::clone(&self.own), tls).await
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("own", &self.own)
            .field("network", &self.network)
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

impl Certificates {
    fn new(identity: &Identity, files: &TlsFiles) -> Result<Self, LinkError> {
        let mut files = files.clone();
        if files.reload_interval.is_zero() {
            files.reload_interval = RELOAD_INTERVAL;
        }
        let shown = Identity::of_certificate(&certificate(&files)?)?;
        if !shown.covers(identity) {
            return Err(LinkError::NotOurs {
                certificate: shown,
                configured: identity.clone(),
            });
        }
        Ok(Self {
            client: Arc::new(ClientConfigs::mutual(&files, PROTOCOLS)?),
            server: Arc::new(ServerConfigs::mutual(&files, PROTOCOLS)?),
        })
    }
}
