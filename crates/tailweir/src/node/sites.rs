//! The `zpages` extensions: where they listen, and what serves them.

use crate::logging::RecentLines;
use crate::node::NodeView;
use crate::zpages::ZPages;
use std::net::SocketAddr;
use std::sync::Arc;
use tailweir_config::{ComponentId, Extension, FeatureGate, Settings, ZPages as PageSettings};
use tailweir_gateway::{Site, StartError};
use tokio_util::sync::CancellationToken;

/// Pages that are bound and not served yet.
pub(super) struct BoundPages {
    id: ComponentId,
    shows_figures: bool,
    site: Site,
}

/// What pages tell beside what the node knows.
pub(crate) struct PageSources {
    /// The feature gates that are known.
    pub(crate) gates: Vec<FeatureGate>,
    /// What was warned of.
    pub(crate) recent: RecentLines,
}

/// The pages that run, and who checks their callers: what a reload does not change.
pub(super) fn pages(settings: &Settings) -> Vec<(PageSettings, Option<Extension>)> {
    running(settings)
        .map(|(_, pages)| {
            let auth = pages.server.auth.as_ref();
            let auth = auth.and_then(|auth| settings.extensions.get(auth.authenticator.as_ref()?));
            (pages.clone(), auth.cloned())
        })
        .collect()
}

fn running(settings: &Settings) -> impl Iterator<Item = (&ComponentId, &PageSettings)> {
    let ids = settings.service_extensions.iter();
    ids.filter_map(|id| match settings.extensions.get(id)? {
        Extension::ZPages(pages) => Some((id, pages.as_ref())),
        _ => None,
    })
}

pub(super) async fn bind_pages(settings: &Settings) -> Result<Vec<BoundPages>, StartError> {
    let mut bound = Vec::new();
    for (id, pages) in running(settings) {
        bound.push(BoundPages {
            id: id.clone(),
            shows_figures: pages.expvar.enabled,
            site: Site::bind(id, &pages.server, settings).await?,
        });
    }
    Ok(bound)
}

impl BoundPages {
    /// Its id and where it listens; nothing for a Unix socket.
    pub(super) fn label(&self) -> Option<(String, SocketAddr)> {
        Some((self.id.to_string(), self.site.address()?))
    }

    /// Answers until `stop`; `addresses` tells where extensions listen.
    pub(super) async fn serve(
        self,
        view: NodeView,
        sources: Arc<PageSources>,
        addresses: Arc<[(String, SocketAddr)]>,
        stop: CancellationToken,
    ) {
        let (gates, recent) = (sources.gates.clone(), sources.recent.clone());
        let pages = ZPages::new(view, gates, recent, addresses, self.shows_figures);
        self.site.serve(Arc::new(pages), stop).await;
    }
}
