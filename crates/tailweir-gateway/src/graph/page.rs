//! Exporters that are scraped: a page and its server.

use super::server;
use crate::error::StartError;
use crate::ingress::{ConnectionLimits, Endpoint, Listener, PageService, Protocol, Server, Shown};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, Extension, PrometheusExporter};
use tailweir_export::Scraped;
use tailweir_tls::ServerConfigs;

/// Scrapes that are under way get this long when the page is taken down.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Most scrapers that are connected at once: each holds a piece of the page.
const SCRAPERS_MAX: usize = 256;
/// Least time between two looks for series that have expired.
const EXPIRY_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// A page that nobody serves yet.
pub(super) struct PageParts {
    pub(super) scraped: Arc<Scraped>,
    service: PageService,
    endpoint: Endpoint,
    tls: Option<Arc<ServerConfigs>>,
    limits: ConnectionLimits,
    expiration: Duration,
}

/// A page that is served.
pub(crate) struct RunningPage {
    pub(crate) scraped: Arc<Scraped>,
    server: Server,
    expiry: tokio::task::JoinHandle<()>,
}

impl PageParts {
    /// Reads certificates and credentials.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub(super) fn new(
        id: &ComponentId,
        settings: &PrometheusExporter,
        auth: Option<&(ComponentId, Extension)>,
        seed: u64,
    ) -> Result<Self, StartError> {
        let http = &settings.server;
        let scraped = Arc::new(Scraped::new(&id.to_string(), settings, seed));
        Ok(Self {
            service: PageService::new(
                Shown::Scraped {
                    scraped: Arc::clone(&scraped),
                    open_metrics: settings.enable_open_metrics,
                },
                server::page_options(http, auth)?,
            ),
            scraped,
            endpoint: server::endpoint(http.endpoint.trim(), http.transport),
            tls: server::tls(id, http.tls.as_ref(), &["h2", "http/1.1"])?,
            limits: ConnectionLimits {
                connections_max: SCRAPERS_MAX,
                ..server::http_limits(http)
            },
            expiration: settings.metric_expiration,
        })
    }

    /// Binds the port and serves.
    ///
    /// # Errors
    ///
    /// [`StartError::Bind`].
    pub(super) async fn listen(&self, id: &ComponentId) -> Result<RunningPage, StartError> {
        let listener = Listener::bind(&self.endpoint).await;
        let listener = listener.map_err(|source| StartError::Bind {
            component: id.clone(),
            endpoint: self.endpoint.to_string(),
            source,
        })?;
        tracing::info!(
            exporter = %id,
            endpoint = %self.endpoint,
            address = listener.address().map(tracing::field::display),
            "listening for scrapers at /metrics"
        );
        let protocol = Protocol::Page(self.service.clone());
        Ok(RunningPage {
            scraped: Arc::clone(&self.scraped),
            server: listener.serve(protocol, self.tls.clone(), self.limits.clone()),
            expiry: tokio::spawn(expire(Arc::clone(&self.scraped), self.expiration)),
        })
    }
}

/// Forgets what has expired, when nobody scrapes.
async fn expire(scraped: Arc<Scraped>, expiration: Duration) {
    let mut ticks = tokio::time::interval(expiration.max(EXPIRY_INTERVAL_MIN));
    loop {
        ticks.tick().await;
        scraped.expire();
    }
}

impl RunningPage {
    /// Where it is; nothing for a Unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.server.address()
    }

    /// Takes it down.
    pub(super) async fn stop(self) {
        self.expiry.abort();
        self.server.stop(STOP_GRACE).await;
    }
}
