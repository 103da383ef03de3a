//! Pages that the process shows of itself, served as the settings of a server say.

use super::server;
use crate::error::StartError;
use crate::ingress::{
    ConnectionLimits, Listener, PageOptions, PageService, Pages, Protocol, Shown,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, HttpServer, Settings};
use tailweir_tls::ServerConfigs;
use tokio_util::sync::CancellationToken;

/// Pages that are on their way get this long at the end.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Most clients that are connected at once: people, and the tools that they use.
const CLIENTS_MAX: usize = 64;

/// A server of pages that is bound and does not answer yet.
pub struct Site {
    listener: Listener,
    options: PageOptions,
    tls: Option<Arc<ServerConfigs>>,
    limits: ConnectionLimits,
}

impl Site {
    /// Reads certificates and credentials, and binds the address.
    ///
    /// # Errors
    ///
    /// Which of these cannot be done.
    pub async fn bind(
        id: &ComponentId,
        http: &HttpServer,
        settings: &Settings,
    ) -> Result<Self, StartError> {
        let auth = http.auth.as_ref();
        let auth = auth.map(|auth| server::extension_of(id, auth.authenticator.as_ref(), settings));
        let options = server::page_options(http, auth.transpose()?.as_ref())?;
        let tls = server::tls(id, http.tls.as_ref(), &["h2", "http/1.1"])?;
        let endpoint = server::endpoint(http.endpoint.trim(), http.transport);
        let listener = Listener::bind(&endpoint).await;
        let listener = listener.map_err(|source| StartError::Bind {
            component: id.clone(),
            endpoint: endpoint.to_string(),
            source,
        })?;
        Ok(Self {
            listener,
            options,
            tls,
            limits: ConnectionLimits {
                connections_max: CLIENTS_MAX,
                ..server::http_limits(http)
            },
        })
    }

    /// Where it is bound; nothing for a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.address()
    }

    /// Answers until `stop`.
    pub async fn serve(self, pages: Arc<dyn Pages>, stop: CancellationToken) {
        let service = PageService::new(Shown::Pages(pages), self.options);
        let protocol = Protocol::Page(service);
        let server = self.listener.serve(protocol, self.tls, self.limits);
        stop.cancelled().await;
        server.stop(STOP_GRACE).await;
    }
}
