//! OTLP requests for tests, written as one sentence each.
//!
//! ```
//! use tailweir_testkit::{request, span, trace_id};
//!
//! let bytes = request()
//!     .service("checkout")
//!     .span(span(trace_id(1), 1).named("POST /cart").lasting_millis(700).error())
//!     .span(span(trace_id(1), 2).child_of(1))
//!     .bytes();
//! assert!(!bytes.is_empty());
//! ```

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status, span, status::StatusCode,
};
use prost::Message;
use tailweir_core::{SpanId, TraceId};

/// Start of every span that does not say otherwise: 2026-01-01 00:00:00 UTC, in nanoseconds.
pub const START_NANOS: u64 = 1_767_225_600_000_000_000;

/// The id of trace number `n`; different numbers give different ids, spread over all slots.
#[must_use]
pub fn trace_id(n: u64) -> TraceId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    // The low half looks random, as consistent probability sampling assumes.
    id[8..].copy_from_slice(&(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes());
    TraceId(id)
}

/// The id of span number `n`.
#[must_use]
pub fn span_id(n: u64) -> SpanId {
    SpanId(n.to_be_bytes())
}

/// An empty request; spans go to the resource and scope opened last.
#[must_use]
pub fn request() -> RequestBuilder {
    RequestBuilder(Vec::new())
}

/// A root span called `operation`, of one millisecond from [`START_NANOS`].
#[must_use]
pub fn span(trace: TraceId, id: u64) -> SpanBuilder {
    SpanBuilder(Span {
        trace_id: trace.0.to_vec(),
        span_id: span_id(id).0.to_vec(),
        name: "operation".to_owned(),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: START_NANOS,
        end_time_unix_nano: START_NANOS + 1_000_000,
        ..Span::default()
    })
}

/// A key and its value, of a type that OTLP knows.
#[must_use]
pub fn attribute(key: &str, value: impl Into<AttributeValue>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(value.into().0),
        }),
        ..KeyValue::default()
    }
}

/// What [`attribute`] accepts: text, whole numbers, fractions and truth values.
pub struct AttributeValue(Value);

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self(Value::StringValue(text.to_owned()))
    }
}

impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self(Value::StringValue(text))
    }
}

impl From<i64> for AttributeValue {
    fn from(number: i64) -> Self {
        Self(Value::IntValue(number))
    }
}

impl From<f64> for AttributeValue {
    fn from(number: f64) -> Self {
        Self(Value::DoubleValue(number))
    }
}

impl From<bool> for AttributeValue {
    fn from(truth: bool) -> Self {
        Self(Value::BoolValue(truth))
    }
}

/// Builds an `ExportTraceServiceRequest`.
#[derive(Debug, Clone)]
pub struct RequestBuilder(Vec<ResourceSpans>);

impl RequestBuilder {
    /// Opens a resource with this `service.name`.
    #[must_use]
    pub fn service(self, name: &str) -> Self {
        self.resource([attribute("service.name", name)])
    }

    /// Opens a resource with these attributes.
    #[must_use]
    pub fn resource(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.0.push(ResourceSpans {
            resource: Some(Resource {
                attributes: attributes.into_iter().collect(),
                ..Resource::default()
            }),
            ..ResourceSpans::default()
        });
        self
    }

    /// Adds an attribute to the resource opened last.
    #[must_use]
    pub fn resource_attribute(mut self, key: &str, value: impl Into<AttributeValue>) -> Self {
        let resource = &mut self.last_resource().resource;
        let attributes = &mut resource.get_or_insert_default().attributes;
        attributes.push(attribute(key, value));
        self
    }

    /// Opens a scope in the resource opened last.
    #[must_use]
    pub fn scope(mut self, name: &str) -> Self {
        self.last_resource().scope_spans.push(ScopeSpans {
            scope: Some(InstrumentationScope {
                name: name.to_owned(),
                ..InstrumentationScope::default()
            }),
            ..ScopeSpans::default()
        });
        self
    }

    /// Adds a span to the scope opened last.
    #[must_use]
    pub fn span(mut self, span: SpanBuilder) -> Self {
        let scopes = &mut self.last_resource().scope_spans;
        if scopes.is_empty() {
            scopes.push(ScopeSpans::default());
        }
        if let Some(scope) = scopes.last_mut() {
            scope.spans.push(span.0);
        }
        self
    }

    /// Adds each of these spans.
    #[must_use]
    pub fn spans(self, spans: impl IntoIterator<Item = SpanBuilder>) -> Self {
        spans.into_iter().fold(self, Self::span)
    }

    /// The request as a message.
    #[must_use]
    pub fn message(self) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest {
            resource_spans: self.0,
        }
    }

    /// The request in protobuf.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.message().encode_to_vec()
    }

    fn last_resource(&mut self) -> &mut ResourceSpans {
        if self.0.is_empty() {
            self.0.push(ResourceSpans::default());
        }
        self.0.last_mut().expect("one was just added")
    }
}

/// Builds a span.
#[derive(Debug, Clone)]
pub struct SpanBuilder(Span);

impl SpanBuilder {
    /// Makes it a child of span number `parent` of the same trace.
    #[must_use]
    pub fn child_of(mut self, parent: u64) -> Self {
        self.0.parent_span_id = span_id(parent).0.to_vec();
        self
    }

    /// Gives it a name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.0.name);
        self
    }

    /// Gives it a kind.
    #[must_use]
    pub fn kind(mut self, kind: span::SpanKind) -> Self {
        self.0.kind = kind as i32;
        self
    }

    /// Moves its start, in nanoseconds of the Unix epoch, keeping its duration.
    #[must_use]
    pub fn starting_at(mut self, nanos: u64) -> Self {
        let lasts = self.0.end_time_unix_nano - self.0.start_time_unix_nano;
        self.0.start_time_unix_nano = nanos;
        self.0.end_time_unix_nano = nanos + lasts;
        self
    }

    /// Sets its end this long after its start.
    #[must_use]
    pub fn lasting_millis(mut self, millis: u64) -> Self {
        self.0.end_time_unix_nano = self.0.start_time_unix_nano + millis * 1_000_000;
        self
    }

    /// Gives it the status ERROR.
    #[must_use]
    pub fn error(self) -> Self {
        self.status(StatusCode::Error, "")
    }

    /// Gives it the status OK.
    #[must_use]
    pub fn ok(self) -> Self {
        self.status(StatusCode::Ok, "")
    }

    /// Gives it a status with a message.
    #[must_use]
    pub fn status(mut self, code: StatusCode, message: &str) -> Self {
        self.0.status = Some(Status {
            message: message.to_owned(),
            code: code as i32,
        });
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<AttributeValue>) -> Self {
        self.0.attributes.push(attribute(key, value));
        self
    }

    /// Adds an event at the start of the span.
    #[must_use]
    pub fn event(mut self, name: &str, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.0.events.push(span::Event {
            time_unix_nano: self.0.start_time_unix_nano,
            name: name.to_owned(),
            attributes: attributes.into_iter().collect(),
            ..span::Event::default()
        });
        self
    }

    /// Links it to a span of another trace.
    #[must_use]
    pub fn link(mut self, trace: TraceId, id: u64) -> Self {
        self.0.links.push(span::Link {
            trace_id: trace.0.to_vec(),
            span_id: span_id(id).0.to_vec(),
            ..span::Link::default()
        });
        self
    }

    /// Sets its W3C tracestate.
    #[must_use]
    pub fn trace_state(mut self, text: &str) -> Self {
        text.clone_into(&mut self.0.trace_state);
        self
    }

    /// Sets its flags; bit 0 is W3C's `sampled`.
    #[must_use]
    pub fn flags(mut self, flags: u32) -> Self {
        self.0.flags = flags;
        self
    }

    /// The span as a message.
    #[must_use]
    pub fn message(self) -> Span {
        self.0
    }
}
