//! Who calls and who is called: endpoints, taken out of the tags.

use super::span::Tags;
use std::net::IpAddr;

/// One side of a call, as Zipkin has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Endpoint {
    /// Empty: not known.
    pub(super) service: String,
    pub(super) address: Option<IpAddr>,
    /// 0: not known.
    pub(super) port: u16,
}

/// The attributes that one side may be described by; earlier ones count first.
struct Side {
    services: &'static [&'static str],
    addresses: &'static [&'static str],
    ports: &'static [&'static str],
}

const LOCAL: Side = Side {
    services: &[],
    addresses: &["network.local.address", "net.host.ip"],
    ports: &["network.local.port", "net.host.port"],
};

const REMOTE: Side = Side {
    services: &["service.peer.name", "peer.service"],
    addresses: &["network.peer.address", "net.peer.ip"],
    ports: &["network.peer.port", "net.peer.port"],
};

/// The side of the span itself, whose service is known. What describes it is no tag any more.
pub(super) fn local(tags: &mut Tags, service: &str) -> Option<Endpoint> {
    LOCAL.take(tags, service)
}

/// The other side.
pub(super) fn remote(tags: &mut Tags) -> Option<Endpoint> {
    REMOTE.take(tags, "")
}

impl Side {
    /// Only what goes into the endpoint leaves the tags: a name that is no address stays there, and so does
    /// a port when there is nobody that it could belong to.
    fn take(&self, tags: &mut Tags, service: &str) -> Option<Endpoint> {
        let mut endpoint = Endpoint {
            service: service.to_owned(),
            ..Endpoint::default()
        };
        if let Some((key, name)) = first(tags, self.services, |text| Some(text.to_owned())) {
            endpoint.service = name;
            tags.remove(key);
        }
        if let Some((key, address)) = first(tags, self.addresses, |text| text.parse().ok()) {
            endpoint.address = Some(IpAddr::to_canonical(&address));
            tags.remove(key);
        }
        if endpoint.service.is_empty() && endpoint.address.is_none() {
            return None;
        }
        if let Some((key, port)) = first(tags, self.ports, port) {
            endpoint.port = port;
            tags.remove(key);
        }
        Some(endpoint)
    }
}

/// The first of these tags that can be read, with its key.
fn first<T>(
    tags: &Tags,
    keys: &[&'static str],
    read: impl Fn(&str) -> Option<T>,
) -> Option<(&'static str, T)> {
    let mut found = keys.iter().filter_map(|key| {
        let value = read(tags.get(*key)?)?;
        Some((*key, value))
    });
    found.next()
}

/// A port; what is above the highest is the highest, as in the Collector.
fn port(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u16::MAX))
}
