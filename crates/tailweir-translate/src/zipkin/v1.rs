//! Version 1: what a span says, as OTLP.

use super::START_ABSENT;
use super::v1_status::StatusTags;
use crate::translation::Translation;
use crate::{TranslateError, values};
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{AttributeMap, AttributeSet, EncodedValue, NewSpan, NewSpanEvent, SpanWriter};

/// The service of spans that name none.
const UNKNOWN_SERVICE: &str = "unknown-service";
/// The key of binary annotations that name a local component.
const LOCAL_COMPONENT: &str = "lc";

/// A span of version 1. Times in microseconds; 0 and less is not known.
#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) name: String,
    pub(super) timestamp: Option<i64>,
    pub(super) duration: i64,
    pub(super) annotations: Vec<Annotation>,
    pub(super) binary_annotations: Vec<BinaryAnnotation>,
    /// The time that stands in for an unknown one, in nanoseconds of the Unix epoch. Absent: none does.
    pub(super) now: Option<u64>,
}

/// What happened at one moment, and where.
#[derive(Debug)]
pub(super) struct Annotation {
    pub(super) timestamp: i64,
    pub(super) value: String,
    pub(super) host: Host,
}

/// A tag.
#[derive(Debug)]
pub(super) struct BinaryAnnotation {
    pub(super) key: String,
    pub(super) value: EncodedValue,
    /// The value as text, for the key of a local component.
    pub(super) text: String,
    /// The service of where it was written, which the last tag that has one tells.
    pub(super) service: Option<String>,
}

/// Where something happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    pub(super) service: String,
    pub(super) ipv4: String,
    pub(super) ipv6: String,
    pub(super) port: i32,
}

impl Host {
    fn resource(&self) -> AttributeSet {
        let mut attributes = AttributeSet::default();
        let mut put = |key: &str, value: &str| {
            if !value.is_empty() {
                attributes.put(key.as_bytes(), &EncodedValue::string(value.as_bytes()));
            }
        };
        put("service.name", &self.service);
        put("ipv4", &self.ipv4);
        put("ipv6", &self.ipv6);
        if self.port != 0 {
            put("port", &self.port.to_string());
        }
        attributes
    }
}

/// What the annotations say about the whole span.
#[derive(Default)]
struct Outline {
    host: Option<Host>,
    kind: Option<u8>,
    earliest: Option<i64>,
    latest: Option<i64>,
}

impl Span {
    /// Adds the span to a request.
    pub(super) fn write(self, traces: &mut Translation<'_>) -> Result<(), TranslateError> {
        let outline = Outline::of(&self.annotations);
        let (mut attributes, component, status) = self.tags();
        let mut host = outline.host.unwrap_or_else(|| Host {
            service: UNKNOWN_SERVICE.to_owned(),
            ..Host::default()
        });
        if host.service == UNKNOWN_SERVICE && !component.is_empty() {
            host.service = component;
        }
        let (start, end) = match self.timestamp {
            Some(start) => (Some(start), Some(start.saturating_add(self.duration))),
            None => (outline.earliest, outline.latest),
        };
        let mut nanos = (epoch(start), epoch(end));
        if let Some(now) = self.now
            && nanos.0 == 0
        {
            nanos = (now, now);
            attributes.put(START_ABSENT, EncodedValue::bool(true));
        }
        let (status_code, status_message) = status.outcome();
        let mut span = SpanWriter::new(&NewSpan {
            trace_id: self.trace_id,
            span_id: self.id,
            parent_id: self.parent,
            name: self.name.as_bytes(),
            kind: outline.kind.unwrap_or(0),
            start: nanos.0,
            end: nanos.1,
            status_code,
            status_message: status_message.as_bytes(),
            ..NewSpan::default()
        });
        span.attributes(&attributes.finish());
        for annotation in self.annotations.iter().filter(|it| it.is_event()) {
            span.event(&NewSpanEvent {
                time: epoch(Some(annotation.timestamp)),
                name: annotation.value.as_bytes(),
                attributes: &AttributeSet::default(),
                dropped_attributes: 0,
            });
        }
        let resource = traces.resource(&host.resource())?;
        traces.add(resource, ("", ""), &span)
    }

    /// Attributes, the name of a service that tags give, and what they say of the status.
    fn tags(&self) -> (AttributeMap, String, StatusTags) {
        let mut attributes = AttributeMap::default();
        let mut status = StatusTags::default();
        let (mut service, mut component) = ("", "");
        for tag in &self.binary_annotations {
            if let Some(named) = &tag.service {
                service = named;
            }
            let mut key = tag.key.as_str();
            if key == LOCAL_COMPONENT {
                key = "component";
                component = &tag.text;
            }
            if !status.take(key, tag.value.view()) {
                attributes.put(key.as_bytes(), tag.value.clone());
            }
        }
        let named = if service.is_empty() {
            component
        } else {
            service
        };
        (attributes, named.to_owned(), status)
    }
}

impl Annotation {
    /// The kind of span that it tells of, as OTLP numbers it.
    fn kind(&self) -> Option<u8> {
        match self.value.as_str() {
            "cs" | "cr" => Some(3),
            "ss" | "sr" => Some(2),
            "ms" => Some(4),
            "mr" => Some(5),
            _ => None,
        }
    }

    fn is_event(&self) -> bool {
        !self.value.is_empty() && self.kind().is_none()
    }
}

impl Outline {
    fn of(annotations: &[Annotation]) -> Self {
        let mut outline = Self::default();
        for annotation in annotations.iter().filter(|it| !it.value.is_empty()) {
            let kind = annotation.kind();
            let service = annotation.host.service.as_str();
            if outline.host.is_none() && kind.is_some() && !matches!(service, "" | UNKNOWN_SERVICE)
            {
                outline.host = Some(annotation.host.clone());
            }
            outline.kind = outline.kind.or(kind);
            let time = annotation.timestamp;
            outline.earliest = Some(outline.earliest.map_or(time, |it| it.min(time)));
            outline.latest = Some(outline.latest.map_or(time, |it| it.max(time)));
        }
        outline
    }
}

/// Nanoseconds of the Unix epoch; 0 where nothing is known.
fn epoch(microseconds: Option<i64>) -> u64 {
    values::nanoseconds(microseconds.unwrap_or(0))
}
