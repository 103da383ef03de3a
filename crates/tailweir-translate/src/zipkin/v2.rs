//! Version 2: what a span says, as OTLP.

use super::encoded::{self, EventParts};
use super::resource_keys::is_of_resource;
use super::{START_ABSENT, Zipkin, nanoseconds};
use crate::translation::Translation;
use crate::values::NO_SERVICE;
use crate::{TranslateError, values};
use std::collections::BTreeMap;
use std::net::IpAddr;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{AttributeMap, AttributeSet, EncodedValue, NewSpan, NewSpanEvent, SpanWriter};

/// By key, in order.
pub(super) type Tags = BTreeMap<String, String>;

const SERVICE_SOURCE: &str = "otlp.service.name.source";
const ERROR: i32 = 2;

/// A span of version 2. Times in microseconds.
#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
    /// Absent: not said.
    pub(super) timestamp: Option<u64>,
    pub(super) duration: u64,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
    /// Moments, and what happened.
    pub(super) annotations: Vec<(u64, String)>,
    pub(super) tags: Tags,
}

/// Which side of a call a span is, as OTLP numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// One end of a call.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    pub(super) service: String,
    pub(super) ipv4: Option<IpAddr>,
    pub(super) ipv6: Option<IpAddr>,
    pub(super) port: u16,
}

impl Endpoint {
    /// The address; where there are two, that of version 6.
    fn address(&self) -> Option<String> {
        let address = self.ipv6.or(self.ipv4)?;
        Some(address.to_canonical().to_string())
    }
}

impl Span {
    /// Adds the span to a request.
    pub(super) fn write(
        mut self,
        zipkin: &Zipkin,
        traces: &mut Translation<'_>,
    ) -> Result<(), TranslateError> {
        let resource = self.take_resource();
        let (scope, version) = self.take_scope();
        let trace_state = self.tags.remove("w3c.tracestate").unwrap_or_default();
        let kind = self.take_kind();
        let (status_code, status_message) = self.take_status();
        let links = encoded::take_links(&mut self.tags);
        let start = nanoseconds(self.timestamp.unwrap_or(0));
        let head = NewSpan {
            trace_id: self.trace_id,
            span_id: self.id,
            parent_id: if self.parent == self.id {
                SpanId::default()
            } else {
                self.parent
            },
            trace_state: trace_state.as_bytes(),
            name: self.name.as_bytes(),
            kind,
            start,
            end: start.saturating_add(nanoseconds(self.duration)),
            flags: 0,
            status_code,
            status_message: status_message.as_bytes(),
        };
        let mut span = SpanWriter::new(&head);
        span.attributes(&self.attributes(zipkin.parse_string_tags));
        for (time, value) in &self.annotations {
            write_event(&mut span, nanoseconds(*time), value);
        }
        for link in &links {
            span.link(&link.as_new());
        }
        let resource = traces.resource(&resource)?;
        traces.add(resource, (&scope, &version), &span)
    }

    /// The service, and tags that belong to the resource.
    fn take_resource(&mut self) -> AttributeSet {
        let mut resource = AttributeMap::default();
        let source = self.tags.remove(SERVICE_SOURCE).unwrap_or_default();
        if !matches!(self.local.service.as_str(), "" | NO_SERVICE) {
            let key = match source.as_str() {
                "" => "service.name",
                source => source,
            };
            resource.put(
                key.as_bytes(),
                EncodedValue::string(self.local.service.as_bytes()),
            );
        }
        self.tags.retain(|key, value| {
            let moves = is_of_resource(key);
            if moves {
                resource.put(key.as_bytes(), EncodedValue::string(value.as_bytes()));
            }
            !moves
        });
        resource.finish()
    }

    /// Name and version of the scope.
    fn take_scope(&mut self) -> (String, String) {
        let mut take = |new: &str, old: &str| {
            let old = self.tags.remove(old);
            self.tags.remove(new).or(old).unwrap_or_default()
        };
        let name = take("otel.scope.name", "otel.library.name");
        let version = take("otel.scope.version", "otel.library.version");
        match name.as_str() {
            "" => Default::default(),
            _ => (name, version),
        }
    }

    fn take_kind(&mut self) -> u8 {
        if let Some(kind) = self.kind {
            return kind as u8;
        }
        let tag = self.tags.remove("span.kind");
        u8::from(tag.is_some_and(|kind| kind == "internal"))
    }

    /// The code and the message.
    fn take_status(&mut self) -> (i32, String) {
        let mut status = (0, String::new());
        if let Some(code) = self.tags.remove("otel.status_code") {
            status.0 = match code.as_str() {
                "STATUS_CODE_OK" | "Ok" => 1,
                "STATUS_CODE_ERROR" | "Error" => ERROR,
                _ => 0,
            };
            let description = self.tags.remove("otel.status_description");
            status.1 = description.unwrap_or_default();
        }
        if let Some(error) = self.tags.get("error") {
            status.0 = ERROR;
            if error == "true" {
                self.tags.remove("error");
            }
        }
        status
    }

    fn attributes(&self, parse: bool) -> AttributeSet {
        let mut attributes = AttributeMap::default();
        for (key, value) in &self.tags {
            attributes.put(key.as_bytes(), values::tag(value, parse));
        }
        let mut put = |key: &str, value: EncodedValue| attributes.put(key.as_bytes(), value);
        if let Some(address) = self.local.address() {
            put(
                "network.local.address",
                EncodedValue::string(address.as_bytes()),
            );
        }
        if self.local.port > 0 {
            put("net.host.port", EncodedValue::int(self.local.port.into()));
        }
        if !self.remote.service.is_empty() {
            put(
                "service.peer.name",
                EncodedValue::string(self.remote.service.as_bytes()),
            );
        }
        if let Some(address) = self.remote.address() {
            put(
                "network.peer.address",
                EncodedValue::string(address.as_bytes()),
            );
        }
        if self.remote.port > 0 {
            put("net.peer.port", EncodedValue::int(self.remote.port.into()));
        }
        if self.timestamp.is_none() {
            attributes.put(START_ABSENT, EncodedValue::bool(true));
        }
        attributes.finish()
    }
}

/// An annotation; one that an exporter of OpenTelemetry wrote has attributes.
fn write_event(span: &mut SpanWriter, time: u64, value: &str) {
    let parts = encoded::event(value).unwrap_or_else(|| EventParts {
        name: value,
        attributes: AttributeSet::default(),
        dropped_attributes: 0,
    });
    span.event(&NewSpanEvent {
        time,
        name: parts.name.as_bytes(),
        attributes: &parts.attributes,
        dropped_attributes: parts.dropped_attributes,
    });
}
