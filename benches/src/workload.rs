//! The stated workload: 608 bytes a span, 256 spans a request, 16 spans a trace.
//!
//! A *round* is four requests that carry 64 traces, four spans of each trace in each request, over two
//! resources with two scopes each. Rounds are encoded once; sending one writes fresh trace ids into a
//! copy, so that the generator costs little more than the copy.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// Traces of one round.
pub(crate) const TRACES: usize = 64;
/// Requests of one round.
pub(crate) const REQUESTS: usize = 4;
/// Spans of one request.
pub(crate) const SPANS: usize = 256;
/// Spans of one trace.
pub(crate) const SPANS_PER_TRACE: usize = SPANS * REQUESTS / TRACES;

/// When the first record began, in nanoseconds of the Unix epoch.
pub(crate) const START: u64 = 1_790_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// One encoded request and where its trace ids are.
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Place of an id and the number of its trace within the round.
    ids: Vec<(usize, usize)>,
}

impl Template {
    /// A copy with these ids, one for each trace of the round.
    pub(crate) fn with_ids(&self, ids: &[[u8; 16]; TRACES]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for &(place, trace) in &self.ids {
            bytes[place..place + 16].copy_from_slice(&ids[trace]);
        }
        bytes
    }

    /// Size of the request in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// As many rounds as wanted; 25 are 1,600 traces, of which 1 % each fail, are slow, belong to the gold tier, or answer 503.
pub(crate) fn rounds(count: usize) -> Vec<[Template; REQUESTS]> {
    (0..count)
        .map(|round| std::array::from_fn(|request| template(round, request)))
        .collect()
}

fn template(round: usize, request: usize) -> Template {
    let placeholder = |trace: usize| {
        let mut id = [0xa5; 16];
        id[12..].copy_from_slice(&(0x5a5a_0000 + trace as u32).to_be_bytes());
        id
    };
    let mut parts: Vec<ResourceSpans> = (0..2).map(resource_spans).collect();
    for trace in 0..TRACES {
        for step in 0..SPANS / TRACES {
            let ordinal = request * (SPANS / TRACES) + step;
            let span = span(round * TRACES + trace, ordinal, placeholder(trace).to_vec());
            let scopes = &mut parts[trace % 2].scope_spans;
            scopes[step % 2].spans.push(span);
        }
    }
    let bytes = ExportTraceServiceRequest {
        resource_spans: parts,
    }
    .encode_to_vec();
    let mut ids = Vec::with_capacity(SPANS);
    let mut at = 0;
    // A placeholder begins with twelve bytes that stand nowhere else.
    while let Some(found) = bytes[at..]
        .windows(12)
        .position(|window| window == [0xa5; 12])
    {
        let place = at + found;
        let trace = u16::from_be_bytes([bytes[place + 14], bytes[place + 15]]);
        ids.push((place, usize::from(trace)));
        at = place + 16;
    }
    Template { bytes, ids }
}

fn resource_spans(service: usize) -> ResourceSpans {
    let scope = |number| ScopeSpans {
        scope: Some(instrumentation(number)),
        ..Default::default()
    };
    ResourceSpans {
        resource: Some(resource(service)),
        scope_spans: vec![scope(0), scope(1)],
        schema_url: "https://opentelemetry.io/schemas/1.40.0".into(),
    }
}

/// The resource of a service, with ten attributes.
pub(crate) fn resource(service: usize) -> Resource {
    let attributes = vec![
        text("service.name", &format!("service-{service}")),
        text("service.namespace", "shop"),
        text("service.version", "2026.11.3"),
        text(
            "service.instance.id",
            "627cc493-f310-47de-96bd-71410b7dec09",
        ),
        text("host.name", "ip-10-0-42-17.eu-central-1.compute.internal"),
        text("k8s.pod.name", "checkout-7d9f8b6c5d-x2v9q"),
        text("k8s.namespace.name", "production"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.language", "java"),
        text("telemetry.sdk.version", "1.55.0"),
    ];
    Resource {
        attributes,
        ..Default::default()
    }
}

/// The scope of a library.
pub(crate) fn instrumentation(number: usize) -> InstrumentationScope {
    InstrumentationScope {
        name: format!("io.opentelemetry.instrumentation-{number}"),
        version: "2.20.1-alpha".into(),
        ..Default::default()
    }
}

/// The id of a trace of a round, where no load gives it one.
pub(crate) fn trace_number(round: usize, trace: usize) -> [u8; 16] {
    let mut id = [0x42; 16];
    id[8..].copy_from_slice(&((round * TRACES + trace + 1) as u64).to_be_bytes());
    id
}

/// Span number `ordinal` of trace number `trace`; what a policy looks for stands in the last one.
fn span(trace: usize, ordinal: usize, trace_id: Vec<u8>) -> Span {
    let last = ordinal + 1 == SPANS_PER_TRACE;
    let slow = trace % 100 == 1 && last;
    let status = if trace % 100 == 3 && last { 503 } else { 200 };
    let tier = if trace % 100 == 2 && last {
        "gold"
    } else {
        "base"
    };
    let start = START + ordinal as u64 * MILLISECOND;
    let mut id = [0; 8];
    id[..4].copy_from_slice(&(trace as u32 + 1).to_be_bytes());
    id[7] = ordinal as u8 + 1;
    let mut parent = id;
    parent[7] = ordinal as u8;
    Span {
        trace_id,
        span_id: id.to_vec(),
        parent_span_id: if ordinal == 0 {
            Vec::new()
        } else {
            parent.to_vec()
        },
        flags: 0x101,
        name: format!("GET /api/v1/orders/{{id}}/items/{ordinal}"),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + if slow { 9_000 } else { 3 } * MILLISECOND,
        attributes: attributes(status, tier, ordinal),
        events: events(ordinal),
        status: (trace.is_multiple_of(100) && last).then(|| Status {
            code: 2,
            message: "upstream connect error".into(),
        }),
        ..Default::default()
    }
}

fn attributes(status: i64, tier: &str, ordinal: usize) -> Vec<KeyValue> {
    vec![
        text("http.request.method", "GET"),
        text("url.path", "/api/v1/orders/8731652/items"),
        text("url.scheme", "https"),
        text("http.route", "/api/v1/orders/{id}/items"),
        integer("http.response.status_code", status),
        text("server.address", "orders.shop.svc.cluster.local"),
        integer("server.port", 8443),
        text("client.address", "10.0.17.221"),
        text(
            "user_agent.original",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        ),
        text("customer.tier", tier),
        integer("thread.id", 40 + ordinal as i64),
        text("thread.name", "http-nio-8443-exec-17"),
    ]
}

/// One span in ten has an exception.
fn events(ordinal: usize) -> Vec<Event> {
    if ordinal % 10 != 5 {
        return Vec::new();
    }
    let attributes = vec![
        text("exception.type", "java.net.SocketTimeoutException"),
        text("exception.message", "Read timed out after 2000 ms"),
    ];
    vec![Event {
        time_unix_nano: START,
        name: "exception".into(),
        attributes,
        ..Default::default()
    }]
}

/// An attribute that is text.
pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    key_value(key, Value::StringValue(value.into()))
}

/// An attribute that is an integer.
pub(crate) fn integer(key: &str, value: i64) -> KeyValue {
    key_value(key, Value::IntValue(value))
}

fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{REQUESTS, SPANS, TRACES, rounds};

    /// Scenario: the workload is generated.
    /// Guarantees: it is the stated one: 256 spans a request, each id found, 608 bytes a span.
    #[test]
    fn the_workload_is_the_stated_one() {
        let rounds = rounds(25);
        let templates = || rounds.iter().flatten();
        assert!(templates().all(|template| template.ids.len() == SPANS));
        let bytes: usize = templates().map(super::Template::len).sum();
        let bytes_per_span = bytes / (templates().count() * SPANS);
        assert!((604..=612).contains(&bytes_per_span), "{bytes_per_span}");
        assert_eq!(TRACES * 16, SPANS * REQUESTS);
    }
}
