//! A span as Zipkin has it.

use super::endpoint::{self, Endpoint};
use crate::as_json;
use std::collections::BTreeMap;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{Attributes, LinkView, RequestView, ScopeView, SpanEventView, SpanView};

/// By key, in order.
pub(super) type Tags = BTreeMap<String, String>;

const ERROR: &str = "error";
const SERVICE_SOURCE: &str = "otlp.service.name.source";
const CLOUD_RESOURCE: &str = "cloud.resource_id";
const FUNCTION: &str = "faas.id";
const HTTP_STATUS: &str = "http.response.status_code";
const HTTP_STATUS_OLD: &str = "http.status_code";

/// What names a service, where `service.name` does not. The tag `otlp.service.name.source` says which did.
const SERVICE_SOURCES: [&str; 3] = [
    "faas.name",
    "k8s.deployment.name",
    "process.executable.name",
];

/// The spans of a request.
pub(super) struct Spans {
    pub(super) spans: Vec<Span>,
    /// How many have no trace id or no span id: Zipkin has no place for them.
    pub(super) left_out: u64,
}

/// A span of Zipkin, version 2. Times in microseconds; 0 is not known.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    /// Zero: it is a root.
    pub(super) parent: SpanId,
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
    pub(super) timestamp: u64,
    pub(super) duration: u64,
    pub(super) local: Option<Endpoint>,
    pub(super) remote: Option<Endpoint>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) tags: Tags,
}

/// What happened at one moment of a span.
#[derive(Debug)]
pub(super) struct Annotation {
    pub(super) timestamp: u64,
    pub(super) value: String,
}

/// Which side of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Server,
    Producer,
    Consumer,
}

impl Spans {
    /// Those of an OTLP request. `default_service` is the name of a service that has none.
    pub(super) fn of(request: &[u8], default_service: &str) -> Self {
        let mut all = Self {
            spans: Vec::new(),
            left_out: 0,
        };
        for resource in RequestView(request).resources() {
            let mut resource_tags = tags(resource.resource().attributes());
            let service = service(&mut resource_tags, default_service);
            for scope in resource.scopes() {
                let mut tags = resource_tags.clone();
                add_scope(&mut tags, scope.scope());
                for span in scope.items().map(SpanView) {
                    match Span::of(span, tags.clone(), &service) {
                        Some(span) => all.spans.push(span),
                        None => all.left_out += 1,
                    }
                }
            }
        }
        all
    }
}

impl Span {
    /// `tags` are those of resource and scope.
    fn of(span: SpanView<'_>, mut tags: Tags, service: &str) -> Option<Self> {
        let (trace_id, id) = (span.trace_id(), span.span_id());
        if trace_id == TraceId::default() || id == SpanId::default() {
            return None;
        }
        add(&mut tags, span.attributes());
        if let Some(status) = tags.get(HTTP_STATUS).cloned() {
            tags.entry(HTTP_STATUS_OLD.to_owned()).or_insert(status);
        }
        put(&mut tags, "w3c.tracestate", span.trace_state());
        if span.kind() == 1 {
            put(&mut tags, "span.kind", b"internal");
        }
        let local = endpoint::local(&mut tags, service);
        let remote = endpoint::remote(&mut tags);
        add_status(&mut tags, span);
        for (number, link) in span.links().enumerate() {
            tags.insert(format!("otlp.link.{number}"), link_text(link));
        }
        Some(Self {
            trace_id,
            id,
            parent: span.parent_span_id(),
            name: text(span.name()),
            kind: kind(span.kind()),
            timestamp: timestamp(span.start()),
            duration: duration(span.start(), span.end()),
            local,
            remote,
            annotations: span.events().map(annotation).collect(),
            tags,
        })
    }
}

fn kind(kind: i32) -> Option<Kind> {
    match kind {
        2 => Some(Kind::Server),
        3 => Some(Kind::Client),
        4 => Some(Kind::Producer),
        5 => Some(Kind::Consumer),
        _ => None,
    }
}

/// A start within the first second of 1970 is none.
fn timestamp(nanos: u64) -> u64 {
    if nanos < 1_000_000_000 {
        0
    } else {
        micros(nanos)
    }
}

/// What lasts less than a microsecond lasts one; what ends before it began has no duration.
fn duration(start: u64, end: u64) -> u64 {
    match end.saturating_sub(start) {
        0 => 0,
        nanos => micros(nanos).max(1),
    }
}

fn micros(nanos: u64) -> u64 {
    nanos / 1000 + u64::from(nanos % 1000 >= 500)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn put(tags: &mut Tags, key: &str, value: &[u8]) {
    if !value.is_empty() {
        tags.insert(key.to_owned(), text(value));
    }
}

fn tags(attributes: Attributes<'_>) -> Tags {
    let mut tags = Tags::new();
    add(&mut tags, attributes);
    tags
}

fn add(tags: &mut Tags, attributes: Attributes<'_>) {
    for entry in attributes {
        let value = tailweir_paths::value_of(entry.value).to_text();
        tags.insert(text(entry.key), value);
    }
}

/// The service of a resource. What names it is no tag any more.
fn service(tags: &mut Tags, default: &str) -> String {
    if let Some(id) = tags.remove(CLOUD_RESOURCE) {
        tags.entry(FUNCTION.to_owned()).or_insert(id);
    }
    if let Some(name) = tags.remove("service.name") {
        return name;
    }
    for source in SERVICE_SOURCES {
        if let Some(name) = tags.remove(source) {
            tags.insert(SERVICE_SOURCE.to_owned(), source.to_owned());
            return name;
        }
    }
    default.to_owned()
}

fn add_scope(tags: &mut Tags, scope: ScopeView<'_>) {
    add(tags, scope.attributes());
    put(tags, "otel.library.name", scope.name());
    put(tags, "otel.library.version", scope.version());
}

/// Zipkin takes any span with the tag `error` for one that failed.
fn add_status(tags: &mut Tags, span: SpanView<'_>) {
    let status = span.status();
    if status.code == 2 {
        tags.insert(ERROR.to_owned(), "true".to_owned());
    } else {
        tags.remove(ERROR);
    }
    let name = match status.code {
        0 => return,
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "",
    };
    tags.insert("otel.status_code".to_owned(), name.to_owned());
    put(tags, "otel.status_description", status.message);
}

/// `name`, or `name|attributes|dropped` where there are any.
fn annotation(event: SpanEventView<'_>) -> Annotation {
    let name = text(event.name());
    let dropped = event.dropped_attributes_count();
    let value = match event.attributes() {
        attributes if attributes.is_empty() && dropped == 0 => name,
        attributes => format!("{name}|{}|{dropped}", as_json::object(attributes)),
    };
    Annotation {
        timestamp: micros(event.time()),
        value,
    }
}

/// `trace|span|state|attributes|dropped`.
fn link_text(link: LinkView<'_>) -> String {
    let trace = match link.trace_id() {
        id if id == TraceId::default() => String::new(),
        id => id.to_string(),
    };
    let span = match link.span_id() {
        id if id == SpanId::default() => String::new(),
        id => id.to_string(),
    };
    let state = text(link.trace_state());
    let attributes = as_json::object(link.attributes());
    let dropped = link.dropped_attributes_count();
    format!("{trace}|{span}|{state}|{attributes}|{dropped}")
}
