//! The listener of a member.

use crate::accept::accept;
use crate::network::Network;
use crate::services::Services;
use crate::stamp::Own;
use crate::{Access, LinkError, Refused};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tailweir_tls::ServerConfigs;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

/// What the connections of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) own: Arc<Own>,
    /// Nothing: plain text.
    pub(crate) tls: Option<Arc<ServerConfigs>>,
    pub(crate) services: Services,
    pub(crate) refused: Refused,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) abort: CancellationToken,
}

/// A listener for members, and what it serves. Dropped without [`Server::stop`], it closes everything at once.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
    address: SocketAddr,
}

impl Server {
    pub(crate) async fn listen(
        address: &str,
        network: &dyn Network,
        own: Arc<Own>,
        tls: Option<Arc<ServerConfigs>>,
    ) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Bind {
            address: address.to_owned(),
            source,
        };
        let listener = network.listen(address).await.map_err(failed)?;
        let address = listener.address().map_err(failed)?;
        let shared = Arc::new(Shared {
            own,
            tls,
            services: Services::default(),
            refused: Refused::default(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            accepting,
            address,
        })
    }

    /// Where it is bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a further service, or another in the place of one of the same name. `access` lists each of its methods
    /// with the roles of which a caller must have one; a method that is not listed is not served.
    pub fn add<S>(&self, service: S, access: Access)
    where
        S: Service<http::Request<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.shared.services.add(service, access);
    }

    /// Who was not let in.
    #[must_use]
    pub fn refused(&self) -> &Refused {
        &self.shared.refused
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Stops accepting, lets open calls finish, and closes what is left after `grace`. Returns whether everything
    /// finished by itself. The socket is closed when this returns.
    pub async fn stop(mut self, grace: Duration) -> bool {
        self.shared.stop.cancel();
        // It ends at once: it waits for nothing but the socket and this signal.
        let _ = (&mut self.accepting).await;
        self.shared.tracker.close();
        let finished = tokio::time::timeout(grace, self.shared.tracker.wait()).await;
        self.shared.abort.cancel();
        self.shared.tracker.wait().await;
        finished.is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.abort.cancel();
    }
}
