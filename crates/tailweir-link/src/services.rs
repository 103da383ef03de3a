//! The gRPC services of a listener.

use crate::Roles;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::Service;

/// The methods of a service, and the roles of which a caller must have one. What is not listed is not served.
pub type Access = &'static [(&'static str, Roles)];

/// A service and who may call it.
#[derive(Clone)]
struct Entry {
    routes: Routes,
    access: Access,
}

/// What is served. Services come while others are called already: those of a room that starts later.
#[derive(Default)]
pub(crate) struct Services(ArcSwap<HashMap<&'static str, Entry>>);

impl Services {
    /// Adds a service, in the place of one of the same name.
    pub(crate) fn add<S>(&self, service: S, access: Access)
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
        let routes = Routes::new(service);
        let entry = Entry { routes, access };
        self.0.rcu(|services| {
            let mut services = HashMap::clone(services);
            services.insert(S::NAME, entry.clone());
            services
        });
    }

    /// The service of a path, and who may call it.
    pub(crate) fn find(&self, path: &str) -> Option<(Routes, Roles)> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let services = self.0.load();
        let entry = services.get(service)?;
        let (_, roles) = entry.access.iter().find(|(name, _)| *name == method)?;
        Some((entry.routes.clone(), *roles))
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.load().keys()).finish()
    }
}
