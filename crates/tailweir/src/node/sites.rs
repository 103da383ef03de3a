//! Where the extensions `zpages` and `pprof` listen, and what serves them.

use crate::logging::RecentLines;
use crate::node::NodeView;
use crate::profile::ProfilePages;
use crate::zpages::ZPages;
use std::net::SocketAddr;
use std::sync::Arc;
use tailweir_config::{ComponentId, Extension, FeatureGate, HttpServer, Settings};
use tailweir_gateway::{Pages, Site, StartError};
use tokio_util::sync::CancellationToken;

/// Pages that are bound and not served yet.
pub(super) struct BoundPages {
    id: ComponentId,
    shown: Shown,
    site: Site,
}

/// What the pages of an extension are about.
enum Shown {
    Figures { for_programs_too: bool },
    Profiles,
}

/// What pages tell beside what the node knows.
pub(crate) struct PageSources {
    /// The feature gates that are known.
    pub(crate) gates: Vec<FeatureGate>,
    /// What was warned of.
    pub(crate) recent: RecentLines,
}

/// The extensions with pages that run, and who checks their callers: what a reload does not change.
pub(super) fn pages(settings: &Settings) -> Vec<(Extension, Option<Extension>)> {
    let ids = settings.service_extensions.iter();
    let extensions = ids.filter_map(|id| settings.extensions.get(id));
    extensions
        .filter_map(|extension| match extension {
            Extension::ZPages(pages) => {
                let auth = pages.server.auth.as_ref();
                let auth =
                    auth.and_then(|auth| settings.extensions.get(auth.authenticator.as_ref()?));
                Some((extension.clone(), auth.cloned()))
            }
            Extension::Pprof(_) => Some((extension.clone(), None)),
            _ => None,
        })
        .collect()
}

pub(super) async fn bind_pages(settings: &Settings) -> Result<Vec<BoundPages>, StartError> {
    let mut bound = Vec::new();
    for id in &settings.service_extensions {
        let (shown, site) = match settings.extensions.get(id) {
            Some(Extension::ZPages(pages)) => {
                let shown = Shown::Figures {
                    for_programs_too: pages.expvar.enabled,
                };
                (shown, Site::bind(id, &pages.server, settings).await?)
            }
            Some(Extension::Pprof(pprof)) => {
                let server = HttpServer {
                    endpoint: pprof.endpoint.clone(),
                    ..HttpServer::default()
                };
                (Shown::Profiles, Site::bind(id, &server, settings).await?)
            }
            _ => continue,
        };
        bound.push(BoundPages {
            id: id.clone(),
            shown,
            site,
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
        let pages: Arc<dyn Pages> = match self.shown {
            Shown::Figures { for_programs_too } => {
                let (gates, recent) = (sources.gates.clone(), sources.recent.clone());
                let pages = ZPages::new(view, gates, recent, addresses, for_programs_too);
                Arc::new(pages)
            }
            Shown::Profiles => Arc::new(ProfilePages),
        };
        self.site.serve(pages, stop).await;
    }
}
