//! Halves of edges, on their way to whoever pairs them.
//!
//! The two spans of a request may come through two processes. Each cuts its requests down to what an edge needs to know, as
//! spans with little in them, so that whoever pairs them reads a half as it reads a span.

use super::ServiceGraph;
use super::edges::{Edge, EdgeKey, Kind};
use super::plan::{Plan, SERVICE, Side};
use std::collections::BTreeMap;
use tailweir_config::Connector;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{
    AttributeSet, Attributes, EncodedValue, NewSpan, RequestView, ScopeFields, SpanHead, SpanView,
    SpanWriter, StatusCode, TracesBuilder,
};

/// The number of a span's status that says it failed.
const FAILED: i32 = 2;

/// Cuts requests down to what a `service_graph` needs to know of them.
#[derive(Debug)]
pub struct Halves {
    plan: Plan,
}

/// Halves that were cut out.
#[derive(Debug)]
pub struct CutHalves<K> {
    /// Requests of them, one for each key.
    pub requests: BTreeMap<K, Vec<u8>>,
    /// How many there are.
    pub halves: u64,
    /// Spans that are none, because their resource has no `service.name`.
    pub without_service: u64,
}

impl Halves {
    /// Those of a `service_graph`; nothing for other connectors.
    #[must_use]
    pub fn of(connector: &Connector) -> Option<Self> {
        let Connector::ServiceGraph(settings) = connector else {
            return None;
        };
        let plan = Plan::new(settings);
        Some(Self { plan })
    }

    /// The halves in a request, by the keys of their traces. A graph that is shown them counts what it would have counted
    /// of the request. What is malformed is left out.
    pub fn cut<K: Ord>(&self, request: &[u8], key_of: impl Fn(TraceId) -> K) -> CutHalves<K> {
        let (mut cut, mut without_service) = (Cut::default(), 0);
        for resource in RequestView(request).resources() {
            let attributes = resource.resource().attributes();
            let spans = resource.scopes().flat_map(ScopeFields::items).map(SpanView);
            if attributes.get(SERVICE).is_none() {
                without_service += spans.count() as u64;
                continue;
            }
            let kept = only(attributes, |name| self.plan.reads_of_resource(name));
            for span in spans {
                let head = SpanHead::of(span);
                if Side::of(head.kind).is_some() {
                    let half = self.half(span, &head);
                    cut.add(key_of(head.trace_id), &kept, &half);
                }
            }
        }
        cut.finish(without_service)
    }

    fn half(&self, span: SpanView<'_>, head: &SpanHead) -> SpanWriter {
        let mut half = SpanWriter::new(&NewSpan {
            trace_id: head.trace_id,
            span_id: head.span_id,
            parent_id: span.parent_span_id(),
            kind: head.kind as u8,
            start: head.start,
            end: head.end,
            status_code: status_code(head.status == StatusCode::Error),
            ..NewSpan::default()
        });
        half.attributes(&only(span.attributes(), |name| {
            self.plan.reads_of_span(name)
        }));
        half
    }
}

impl ServiceGraph {
    /// Takes out the halves that wait, of traces that have a key, for another graph to pair.
    pub fn withdraw<K: Ord>(&mut self, key_of: impl Fn(TraceId) -> Option<K>) -> CutHalves<K> {
        let mut cut = Cut::default();
        for (key, edge) in self.edges.take_out(|trace| key_of(trace).is_some()) {
            if let Some(place) = key_of(key.trace) {
                let (resource, half) = span_of(&self.plan, &key, &edge);
                cut.add(place, &resource, &half);
            }
        }
        cut.finish(0)
    }
}

/// The span that an edge is to another graph, and its resource. An edge that waits has one half.
fn span_of(plan: &Plan, key: &EdgeKey, edge: &Edge) -> (AttributeSet, SpanWriter) {
    let side = match edge.server.is_empty() {
        true => Side::Client,
        false => Side::Server,
    };
    let (service, seconds, kinds) = match side {
        Side::Client => (&edge.client, edge.client_seconds, [3, 4]),
        Side::Server => (&edge.server, edge.server_seconds, [2, 5]),
    };
    let mut resource = AttributeSet::default();
    resource.put(SERVICE, &EncodedValue::string(service));
    for (name, value) in plan.dimensions_of(side, edge) {
        if name != SERVICE {
            resource.put(name, &EncodedValue::string(value));
        }
    }
    let mut half = SpanWriter::new(&NewSpan {
        trace_id: key.trace,
        span_id: match side {
            Side::Client => key.client,
            Side::Server => SpanId::default(),
        },
        parent_id: match side {
            Side::Client => SpanId::default(),
            Side::Server => key.client,
        },
        kind: kinds[usize::from(edge.kind == Kind::Messaging)],
        end: (seconds * 1e9).round() as u64,
        status_code: status_code(edge.is_failed),
        ..NewSpan::default()
    });
    if let (Some(name), Some(peer)) = (plan.peer_of(edge), &edge.peer) {
        let mut attributes = AttributeSet::default();
        attributes.put(name, &EncodedValue::string(peer));
        half.attributes(&attributes);
    }
    (resource, half)
}

const fn status_code(is_failed: bool) -> i32 {
    if is_failed { FAILED } else { 0 }
}

/// The attributes of these names, of each the first.
fn only(attributes: Attributes<'_>, is_read: impl Fn(&[u8]) -> bool) -> AttributeSet {
    let mut kept = AttributeSet::default();
    for entry in attributes.iter().filter(|entry| is_read(entry.key)) {
        if kept.view().get(entry.key).is_none() {
            kept.put(entry.key, &entry.value.encoded());
        }
    }
    kept
}

/// Requests under construction, by key.
struct Cut<K> {
    requests: BTreeMap<K, TracesBuilder>,
    halves: u64,
}

impl<K: Ord> Default for Cut<K> {
    fn default() -> Self {
        Self {
            requests: BTreeMap::new(),
            halves: 0,
        }
    }
}

impl<K: Ord> Cut<K> {
    fn add(&mut self, key: K, resource: &AttributeSet, half: &SpanWriter) {
        let request = self.requests.entry(key).or_default();
        request.add(resource, b"", b"", half);
        self.halves += 1;
    }

    fn finish(self, without_service: u64) -> CutHalves<K> {
        let finished = |(key, request): (K, TracesBuilder)| {
            let mut bytes = Vec::new();
            request.finish(&mut bytes);
            (key, bytes)
        };
        CutHalves {
            requests: self.requests.into_iter().map(finished).collect(),
            halves: self.halves,
            without_service,
        }
    }
}
