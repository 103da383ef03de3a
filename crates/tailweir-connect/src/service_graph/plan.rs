//! The settings, ready for use: keys, dimensions, and what servers are called.

use super::edges::Edge;
use crate::histogram::{Histogram, Shape};
use crate::series::Second;
use crate::text::{put_measured, text_of};
use std::time::Duration;
use tailweir_config::ServiceGraphConnector;
use tailweir_otlp::{ResourceFields, SpanView};

/// Bounds of durations, where the settings have none, in seconds.
const BOUNDS: [f64; 16] = [
    0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.4, 2.0, 5.0, 10.0, 15.0,
];

/// The attribute of a resource that names its service.
pub(super) const SERVICE: &[u8] = b"service.name";

/// A side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Side {
    /// The side that a kind of span is on; nothing for those between which there is no request.
    pub(super) const fn of(kind: i32) -> Option<Self> {
        match kind {
            3 | 4 => Some(Self::Client),
            2 | 5 => Some(Self::Server),
            _ => None,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) shape: Shape,
    /// Attributes, and what they are called on either side.
    dimensions: Vec<[Vec<u8>; 3]>,
    peers: Vec<Vec<u8>>,
    databases: Vec<Vec<u8>>,
    pub(super) writes_virtual_node: bool,
    pub(super) expire_every: Duration,
    pub(super) forget_every: Duration,
    /// Zero: after each request.
    pub(super) flush_every: Duration,
    pub(super) offset: Duration,
}

impl Plan {
    pub(super) fn new(settings: &ServiceGraphConnector) -> Self {
        let or = |duration: Duration, seconds| match duration {
            Duration::ZERO => Duration::from_secs(seconds),
            duration => duration,
        };
        let bytes = |names: &[String]| names.iter().map(|name| name.clone().into_bytes()).collect();
        let texts = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
        let dimension = |name: &String| {
            [
                name.clone(),
                format!("client_{name}"),
                format!("server_{name}"),
            ]
            .map(String::into_bytes)
        };
        Self {
            shape: shape(settings),
            dimensions: settings.dimensions.iter().map(dimension).collect(),
            peers: match &settings.virtual_node_peer_attributes {
                Some(names) => bytes(names),
                None => texts(&["peer.service", "db.name", "db.system"]),
            },
            databases: match settings.database_name_attributes.as_slice() {
                [] => texts(&["db.name"]),
                names => bytes(names),
            },
            writes_virtual_node: settings.virtual_node_extra_label,
            expire_every: or(settings.store_expiration_loop, 2),
            forget_every: or(settings.cache_loop, 60),
            flush_every: settings
                .metrics_flush_interval
                .unwrap_or(Duration::from_secs(60)),
            offset: settings.metrics_timestamp_offset,
        }
    }

    /// Whether servers without spans are counted.
    pub(super) fn has_peers(&self) -> bool {
        !self.peers.is_empty()
    }

    /// Whether an attribute of a resource has a say in an edge.
    pub(super) fn reads_of_resource(&self, name: &[u8]) -> bool {
        name == SERVICE || self.reads_of_both(name)
    }

    /// Whether an attribute of a span has a say in an edge.
    pub(super) fn reads_of_span(&self, name: &[u8]) -> bool {
        self.peers.iter().any(|peer| peer == name) || self.reads_of_both(name)
    }

    fn reads_of_both(&self, name: &[u8]) -> bool {
        let is_dimension = self.dimensions.iter().any(|[plain, ..]| plain == name);
        is_dimension || self.databases.iter().any(|database| database == name)
    }

    /// The dimensions of an edge that are of this side, as its span had them.
    pub(super) fn dimensions_of<'a>(
        &'a self,
        side: Side,
        edge: &'a Edge,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.dimensions
            .iter()
            .filter_map(move |[name, client, server]| {
                let written = if side == Side::Client { client } else { server };
                let value = edge.dimensions.get(written)?;
                Some((name.as_slice(), value.as_slice()))
            })
    }

    /// An attribute in which a client's span can say whom it calls, and nothing else about an edge that waits.
    pub(super) fn peer_of(&self, edge: &Edge) -> Option<&[u8]> {
        let adds_dimension = |peer: &Vec<u8>| {
            let mut dimensions = self.dimensions.iter();
            dimensions
                .any(|[name, client, _]| name == peer && !edge.dimensions.contains_key(client))
        };
        let found = self
            .peers
            .iter()
            .find(|peer| !self.databases.contains(peer) && !adds_dimension(peer));
        found.map(Vec::as_slice)
    }

    /// What a series has beside the server's durations.
    pub(super) fn second(&self) -> Box<Second> {
        Box::new(Second {
            histogram: Histogram::new(&self.shape),
            failed: 0,
        })
    }

    pub(super) fn put_dimensions(
        &self,
        side: Side,
        edge: &mut Edge,
        resource: ResourceFields<'_>,
        span: SpanView<'_>,
    ) {
        for [name, client, server] in &self.dimensions {
            let found = resource.resource().attributes().get(name);
            if let Some(value) = found.or_else(|| span.attributes().get(name)) {
                let name = if side == Side::Client { client } else { server };
                edge.dimensions.insert(name.clone(), text_of(value));
            }
        }
    }

    pub(super) fn put_peer(&self, edge: &mut Edge, span: SpanView<'_>) {
        let attributes = span.attributes();
        let found = self.peers.iter().find_map(|name| attributes.get(name));
        if let Some(value) = found {
            edge.peer = Some(text_of(value));
        }
    }

    /// The database that a client span speaks to.
    pub(super) fn database(
        &self,
        resource: ResourceFields<'_>,
        span: SpanView<'_>,
    ) -> Option<Vec<u8>> {
        let sources = [resource.resource().attributes(), span.attributes()];
        let of_name = |name: &Vec<u8>| sources.iter().find_map(|source| source.get(name));
        self.databases.iter().find_map(of_name).map(text_of)
    }

    /// What tells series apart.
    pub(super) fn key(&self, edge: &Edge) -> Vec<u8> {
        let mut key = Vec::new();
        put_measured(&edge.client, &mut key);
        put_measured(&edge.server, &mut key);
        key.extend_from_slice(&[edge.kind as u8, u8::from(edge.is_failed)]);
        for (name, value) in &edge.dimensions {
            put_measured(name, &mut key);
            put_measured(value, &mut key);
        }
        key
    }
}

fn shape(settings: &ServiceGraphConnector) -> Shape {
    if settings.exponential_histogram_max_size > 0 {
        return Shape::exponential(settings.exponential_histogram_max_size);
    }
    Shape::Explicit(match &settings.latency_histogram_buckets {
        Some(buckets) => buckets.iter().map(Duration::as_secs_f64).collect(),
        None => BOUNDS.into(),
    })
}
