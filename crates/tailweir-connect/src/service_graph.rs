//! The `service_graph` connector: requests between services, by pairs of client and server spans.
//!
//! ```text
//! client span (trace, its id)       \
//!                                     edge -> complete -> series of (client, server, kind, failed)
//! server span (trace, its parent)   /
//! ```
//!
//! An edge waits for its other half, a short time; then it may become an edge to a server (or from a user)
//! without spans.

mod edges;
mod flush;
mod halves;
mod plan;

pub use halves::{CutHalves, Halves};

use crate::figures::SeriesFigures;
use crate::now::Now;
use crate::series::{Arrival, Table};
use edges::{Edge, EdgeKey, Edges, Kind};
use plan::{Plan, SERVICE, Side};
use std::time::Duration;
use tailweir_config::ServiceGraphConnector;
use tailweir_core::Moment;
use tailweir_otlp::{
    AttributeSet, EncodedValue, RequestView, ResourceFields, SpanHead, SpanView, StatusCode,
};

/// Bytes that all series may take together. Past it, new pairs of services are counted in the series of
/// the rest.
const MEMORY_MAX: usize = 64 << 20;
/// A series without requests for so long is forgotten.
const STALE_AFTER: Duration = Duration::from_secs(15 * 60);

/// Counts requests. Bounded in waiting edges by `store.max_items`, in series by memory.
#[derive(Debug)]
pub struct ServiceGraph {
    plan: Plan,
    edges: Edges,
    series: Table,
    started: u64,
    next: Option<Next>,
    memory: usize,
    figures: SeriesFigures,
    is_one_of_many: bool,
}

/// When something is due.
#[derive(Debug, Clone, Copy)]
struct Next {
    expire: Moment,
    forget: Moment,
    flush: Moment,
}

impl ServiceGraph {
    /// Counts as these settings say, from `now` on.
    #[must_use]
    pub fn new(settings: &ServiceGraphConnector, now: Now, seed: u64) -> Self {
        let size = usize::try_from(settings.store.max_items).unwrap_or_default();
        Self {
            plan: Plan::new(settings),
            edges: Edges::new(settings.store.ttl, size, seed),
            series: Table::new(0, seed),
            started: now.unix_nanos,
            next: None,
            memory: 0,
            figures: SeriesFigures::default(),
            is_one_of_many: false,
        }
    }

    /// Whether others count beside it: what it writes are changes then, and it keeps only what waits for another half.
    #[must_use]
    pub fn as_one_of_many(self, is_one_of_many: bool) -> Self {
        Self {
            is_one_of_many,
            ..self
        }
    }

    /// Counts the spans of a request. What is malformed in it is left out.
    pub fn consume(&mut self, now: Now, request: &[u8]) {
        for resource in RequestView(request).resources() {
            let attributes = resource.resource().attributes();
            if let Some(service) = attributes.get(SERVICE) {
                let service = crate::text::text_of(service);
                self.resource(now, resource, &service);
            } else {
                let spans = resource.scopes().map(|scope| scope.items().count() as u64);
                self.figures.without_service += spans.sum::<u64>();
            }
        }
    }

    fn resource(&mut self, now: Now, resource: ResourceFields<'_>, service: &[u8]) {
        for span in resource.scopes().flat_map(|scope| scope.items()) {
            let span = SpanView(span);
            let head = SpanHead::of(span);
            let kind = match head.kind {
                4 | 5 => Kind::Messaging,
                _ => Kind::Unknown,
            };
            let Some(side) = Side::of(head.kind) else {
                continue;
            };
            let key = EdgeKey {
                trace: head.trace_id,
                client: match side {
                    Side::Client => head.span_id,
                    Side::Server => span.parent_span_id(),
                },
            };
            let plan = &self.plan;
            let complete = self.edges.update(now.moment, key, |edge| {
                edge.kind = kind;
                edge.is_failed |= head.status == StatusCode::Error;
                // Times that run backwards wrap around, as they do for the Collector.
                let duration = head.end.wrapping_sub(head.start) as f64 / 1e9;
                plan.put_dimensions(side, edge, resource, span);
                match side {
                    Side::Client => {
                        edge.client = service.to_vec();
                        edge.client_seconds = duration;
                        plan.put_peer(edge, span);
                        if let Some(name) = plan.database(resource, span) {
                            edge.kind = Kind::Database;
                            edge.server = name;
                            edge.server_seconds = duration;
                        }
                    }
                    Side::Server => {
                        edge.server = service.to_vec();
                        edge.server_seconds = duration;
                    }
                }
            });
            match complete {
                Ok(Some(edge)) => self.count(now, &edge),
                Ok(None) => {}
                Err(edges::Full) => self.figures.edges_without_room += 1,
            }
        }
    }

    fn count(&mut self, now: Now, edge: &Edge) {
        let key = self.plan.key(edge);
        let attributes = self.attributes(edge);
        let arrival = Arrival {
            moment: now.moment,
            unix_nanos: self.started,
            has_room: self.memory < MEMORY_MAX,
        };
        let shape = Some(&self.plan.shape);
        let found = self
            .series
            .get_or_insert(&key, arrival, shape, || attributes.clone());
        self.memory += found.grown;
        self.figures.overflowed += u64::from(found.is_overflow);
        let series = found.series;
        if !found.is_overflow {
            // The latest edge says what the series is called.
            series.attributes = attributes;
        }
        // The server's side; the client's has a histogram of its own.
        series.add(edge.server_seconds, 1);
        let second = series.second.get_or_insert_with(|| self.plan.second());
        second.histogram.observe(edge.client_seconds, 1);
        second.failed += u64::from(edge.is_failed);
    }

    fn attributes(&self, edge: &Edge) -> AttributeSet {
        let mut attributes = AttributeSet::default();
        attributes.put(b"client", &EncodedValue::string(&edge.client));
        attributes.put(b"server", &EncodedValue::string(&edge.server));
        let kind = EncodedValue::string(edge.kind.word());
        attributes.put(b"connection_type", &kind);
        attributes.put(b"failed", &EncodedValue::bool(edge.is_failed));
        for (name, value) in &edge.dimensions {
            attributes.put(name, &EncodedValue::string(value));
        }
        if self.plan.writes_virtual_node {
            let node = EncodedValue::string(edge.virtual_node);
            attributes.put(b"virtual_node", &node);
        }
        attributes
    }

    /// Lets edges go that have waited too long.
    pub fn expire_edges(&mut self, now: Now) {
        while let Some((key, mut edge)) = self.edges.take_expired(now.moment) {
            self.figures.edges_expired += 1;
            if !self.plan.has_peers() {
                continue;
            }
            edge.kind = Kind::Virtual;
            if edge.client.is_empty() && key.client.is_zero() {
                edge.client = b"user".to_vec();
                edge.virtual_node = b"client";
                self.count(now, &edge);
            }
            if edge.server.is_empty() {
                edge.server = edge.peer.take().unwrap_or_else(|| b"unknown".to_vec());
                edge.virtual_node = b"server";
                self.count(now, &edge);
            }
        }
    }

    fn forget_stale(&mut self, now: Moment) {
        // A series that was seen exactly so long ago is not stale yet.
        let freed = self
            .series
            .expire(now, STALE_AFTER + Duration::from_nanos(1));
        self.memory = self.memory.saturating_sub(freed);
    }

    /// Does what is due, and answers when something is due next. Data points are appended to `out`, as a
    /// request; how many there are is added to `points`.
    pub fn advance(&mut self, now: Now, out: &mut Vec<u8>, points: &mut u64) -> Moment {
        let plan = &self.plan;
        let at = now.moment;
        let mut next = *self.next.get_or_insert(Next {
            expire: at + plan.expire_every,
            forget: at + plan.forget_every,
            flush: at + plan.flush_every,
        });
        if next.expire <= at {
            next.expire = at + plan.expire_every;
            self.expire_edges(now);
        }
        if next.forget <= at {
            next.forget = at + self.plan.forget_every;
            self.forget_stale(at);
        }
        if next.flush <= at && !self.plan.flush_every.is_zero() {
            next.flush = at + self.plan.flush_every;
            *points += self.flush(now, out);
        }
        self.next = Some(next);
        let others = next.expire.min(next.forget);
        if self.plan.flush_every.is_zero() {
            others
        } else {
            others.min(next.flush)
        }
    }

    /// Whether it is flushed after each request.
    #[must_use]
    pub fn flushes_at_once(&self) -> bool {
        self.plan.flush_every.is_zero()
    }

    /// What it has counted of itself.
    #[must_use]
    pub fn figures(&self) -> SeriesFigures {
        SeriesFigures {
            series: self.series.len() as u64,
            memory: self.memory as u64,
            memory_max: MEMORY_MAX as u64,
            edges: self.edges.len() as u64,
            edges_total: self.edges.begun(),
            ..self.figures
        }
    }
}
