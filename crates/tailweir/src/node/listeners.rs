//! The listeners beside the receivers: admin and health checks.

use super::ADMIN_DEFAULT;
use anyhow::Context;
use std::net::SocketAddr;
use tailweir_config::{ComponentId, Extension, HealthCheck, Settings};
use tokio::net::TcpListener;

/// A health check that is bound and not served yet.
pub(super) struct BoundHealthCheck {
    pub(super) id: ComponentId,
    pub(super) address: SocketAddr,
    pub(super) settings: HealthCheck,
    pub(super) listener: TcpListener,
}

impl BoundHealthCheck {
    /// Its id and where it listens.
    pub(super) fn label(&self) -> (String, SocketAddr) {
        (self.id.to_string(), self.address)
    }
}

/// Where to listen: what the command line says, else where metrics are scraped, else the default,
/// so that probes are answered even when metrics are off.
pub(super) fn admin_addresses(settings: &Settings, flag: Option<&str>) -> Vec<String> {
    if let Some(address) = flag {
        return vec![address.to_owned()];
    }
    let mut addresses: Vec<_> = settings.telemetry.metrics.addresses().collect();
    if addresses.is_empty() {
        addresses.push(ADMIN_DEFAULT.to_owned());
    }
    addresses
}

pub(super) async fn bind(address: &str) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// The health checks that run.
pub(super) fn health_checks(settings: &Settings) -> impl Iterator<Item = &HealthCheck> {
    running(settings).map(|(_, check)| check)
}

fn running(settings: &Settings) -> impl Iterator<Item = (&ComponentId, &HealthCheck)> {
    settings
        .service_extensions
        .iter()
        .filter_map(|id| match settings.extensions.get(id)? {
            Extension::HealthCheck(check) => Some((id, check.as_ref())),
            _ => None,
        })
}

pub(super) async fn bind_health_checks(
    settings: &Settings,
) -> anyhow::Result<Vec<BoundHealthCheck>> {
    let mut bound = Vec::new();
    for (id, check) in running(settings) {
        let endpoint = &check.endpoint;
        let listener = bind(endpoint).await;
        let listener = listener.with_context(|| format!("{id} cannot listen on {endpoint}"))?;
        bound.push(BoundHealthCheck {
            id: id.clone(),
            address: listener.local_addr()?,
            settings: check.clone(),
            listener,
        });
    }
    Ok(bound)
}
