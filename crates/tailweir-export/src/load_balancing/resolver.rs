//! Where the endpoints come from: a list, or the addresses of a name.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tailweir_config::{DnsResolver, EndpointResolver, Port};

/// Answers which endpoints there are.
pub(super) struct Resolver {
    kind: Kind,
    resolutions: AtomicU64,
    failures: AtomicU64,
    has_begun: AtomicBool,
}

enum Kind {
    Static(Vec<String>),
    Dns(DnsResolver),
}

impl Resolver {
    /// As configured.
    pub(super) fn of(settings: &EndpointResolver) -> Self {
        let kind = match (&settings.dns, &settings.r#static) {
            (Some(dns), _) => Kind::Dns(dns.clone()),
            (None, listed) => {
                let listed = listed.as_ref().map(|listed| listed.hostnames.clone());
                let mut listed = listed.unwrap_or_default();
                listed.retain(|endpoint| !endpoint.is_empty());
                Kind::Static(listed)
            }
        };
        Self {
            resolutions: AtomicU64::new(u64::from(matches!(kind, Kind::Static(_)))),
            kind,
            failures: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
        }
    }

    /// Its name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Static(_) => "static",
            Kind::Dns(_) => "dns",
        }
    }

    /// What is known without asking anybody.
    pub(super) fn known(&self) -> &[String] {
        match &self.kind {
            Kind::Static(listed) => listed,
            Kind::Dns(_) => &[],
        }
    }

    /// How often the endpoints were looked up with success, and without.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.resolutions.load(Relaxed), self.failures.load(Relaxed))
    }

    /// Looks the endpoints up: at once the first time, then after the interval. A list never changes.
    pub(super) async fn next(&self) -> Result<Vec<String>, String> {
        let Kind::Dns(dns) = &self.kind else {
            return std::future::pending().await;
        };
        if self.has_begun.swap(true, Relaxed) {
            tokio::time::sleep(dns.interval).await;
        }
        let found = look_up(dns).await;
        let counter = if found.is_ok() {
            &self.resolutions
        } else {
            &self.failures
        };
        counter.fetch_add(1, Relaxed);
        found
    }
}

async fn look_up(dns: &DnsResolver) -> Result<Vec<String>, String> {
    // The port plays no part in the look-up.
    let found = tokio::net::lookup_host((dns.hostname.as_str(), 0));
    let found = tokio::time::timeout(dns.timeout, found)
        .await
        .map_err(|_| format!("no answer about {} within {:?}", dns.hostname, dns.timeout))?
        .map_err(|error| format!("{}: {error}", dns.hostname))?;
    let mut endpoints: Vec<_> = found.map(|found| endpoint(found.ip(), &dns.port)).collect();
    endpoints.sort_unstable();
    endpoints.dedup();
    if endpoints.is_empty() {
        return Err(format!("{} has no addresses", dns.hostname));
    }
    Ok(endpoints)
}

/// As the Collector writes it, since it is what is hashed.
fn endpoint(address: IpAddr, Port(port): &Port) -> String {
    let host = match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match port.as_str() {
        "" => host,
        port => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Port, endpoint};

    /// Scenario: addresses of both versions of IP, one of them within the other, with and without a port.
    /// Guarantees: they are written as the Collector writes them.
    #[test]
    fn addresses_are_written_as_the_collector_does() {
        let text =
            |address: &str, port: &str| endpoint(address.parse().unwrap(), &Port(port.to_owned()));
        assert_eq!(text("10.0.0.1", "4317"), "10.0.0.1:4317");
        assert_eq!(text("10.0.0.1", ""), "10.0.0.1");
        assert_eq!(text("fd00::1", "4317"), "[fd00::1]:4317");
        assert_eq!(text("::ffff:10.0.0.1", "1"), "10.0.0.1:1");
    }
}
