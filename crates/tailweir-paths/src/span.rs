//! The contexts `span` and `spanevent`.

use crate::attributes::read;
use crate::path::{Entry, Keys, Path, Place, entry, indexed};
use crate::resource::{surroundings, text};
use tailweir_otlp::{ResourceFields, ScopeFields, SpanEventView, SpanView, TraceState};
use tailweir_ottl::{EvaluationError, Key, Object, Subject, Time, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanField {
    TraceId,
    TraceIdString,
    SpanId,
    SpanIdString,
    ParentSpanId,
    ParentSpanIdString,
    TraceState,
    Name,
    Kind,
    KindString,
    KindDeprecatedString,
    StartTime,
    StartTimeUnixNano,
    EndTime,
    EndTimeUnixNano,
    Attributes,
    DroppedAttributesCount,
    Events,
    DroppedEventsCount,
    Links,
    DroppedLinksCount,
    Status,
    StatusCode,
    StatusMessage,
    Flags,
    /// The converter `IsRootSpan()`.
    IsRoot,
}

pub(crate) const SPAN: &[Entry] = &[
    entry(&["trace_id"], Place::Span(SpanField::TraceId)),
    entry(
        &["trace_id", "string"],
        Place::Span(SpanField::TraceIdString),
    ),
    entry(&["span_id"], Place::Span(SpanField::SpanId)),
    entry(&["span_id", "string"], Place::Span(SpanField::SpanIdString)),
    entry(&["parent_span_id"], Place::Span(SpanField::ParentSpanId)),
    entry(
        &["parent_span_id", "string"],
        Place::Span(SpanField::ParentSpanIdString),
    ),
    indexed(
        &["trace_state"],
        Place::Span(SpanField::TraceState),
        Keys::One,
    ),
    entry(&["name"], Place::Span(SpanField::Name)),
    entry(&["kind"], Place::Span(SpanField::Kind)),
    entry(&["kind", "string"], Place::Span(SpanField::KindString)),
    entry(
        &["kind", "deprecated_string"],
        Place::Span(SpanField::KindDeprecatedString),
    ),
    entry(&["start_time"], Place::Span(SpanField::StartTime)),
    entry(
        &["start_time_unix_nano"],
        Place::Span(SpanField::StartTimeUnixNano),
    ),
    entry(&["end_time"], Place::Span(SpanField::EndTime)),
    entry(
        &["end_time_unix_nano"],
        Place::Span(SpanField::EndTimeUnixNano),
    ),
    indexed(
        &["attributes"],
        Place::Span(SpanField::Attributes),
        Keys::Any,
    ),
    entry(
        &["dropped_attributes_count"],
        Place::Span(SpanField::DroppedAttributesCount),
    ),
    entry(&["events"], Place::Span(SpanField::Events)),
    entry(
        &["dropped_events_count"],
        Place::Span(SpanField::DroppedEventsCount),
    ),
    entry(&["links"], Place::Span(SpanField::Links)),
    entry(
        &["dropped_links_count"],
        Place::Span(SpanField::DroppedLinksCount),
    ),
    entry(&["status"], Place::Span(SpanField::Status)),
    entry(&["status", "code"], Place::Span(SpanField::StatusCode)),
    entry(
        &["status", "message"],
        Place::Span(SpanField::StatusMessage),
    ),
    entry(&["flags"], Place::Span(SpanField::Flags)),
];

/// Kinds of spans by number: as people write them, and as enumerations do.
pub(crate) const KINDS: [(&str, &str); 6] = [
    ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
    ("Internal", "SPAN_KIND_INTERNAL"),
    ("Server", "SPAN_KIND_SERVER"),
    ("Client", "SPAN_KIND_CLIENT"),
    ("Producer", "SPAN_KIND_PRODUCER"),
    ("Consumer", "SPAN_KIND_CONSUMER"),
];

pub(crate) const SPAN_SYMBOLS: &[(&str, i64)] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventField {
    Time,
    TimeUnixNano,
    Name,
    Attributes,
    DroppedAttributesCount,
    Index,
}

pub(crate) const SPAN_EVENT: &[Entry] = &[
    entry(&["time"], Place::SpanEvent(EventField::Time)),
    entry(
        &["time_unix_nano"],
        Place::SpanEvent(EventField::TimeUnixNano),
    ),
    entry(&["name"], Place::SpanEvent(EventField::Name)),
    indexed(
        &["attributes"],
        Place::SpanEvent(EventField::Attributes),
        Keys::Any,
    ),
    entry(
        &["dropped_attributes_count"],
        Place::SpanEvent(EventField::DroppedAttributesCount),
    ),
    entry(&["event_index"], Place::SpanEvent(EventField::Index)),
];

type Found<'a> = Result<Value<'a>, EvaluationError>;

/// A part of the message at these bytes.
pub(crate) fn part<'a>(kind: &'static str, message: &[u8], length: Option<usize>) -> Value<'a> {
    Value::Object(Object {
        kind,
        identity: message.as_ptr() as usize,
        length,
    })
}

/// A timestamp as a number. Beyond 63 bits it is negative, as the Collector reads it.
pub(crate) fn nanoseconds<'a>(timestamp: u64) -> Value<'a> {
    Value::Int(timestamp as i64)
}

pub(crate) fn time<'a>(timestamp: u64) -> Value<'a> {
    Value::Time(Time::from_unix_nanoseconds(timestamp))
}

fn kind_names(kind: i32) -> (&'static str, &'static str) {
    usize::try_from(kind)
        .ok()
        .and_then(|kind| KINDS.get(kind))
        .copied()
        .unwrap_or_default()
}

pub(crate) fn span_value<'a>(span: SpanView<'a>, field: SpanField, keys: &[Key<'_>]) -> Found<'a> {
    Ok(match field {
        SpanField::TraceId => Value::TraceId(span.trace_id().0),
        SpanField::TraceIdString => Value::text(span.trace_id().to_string()),
        SpanField::SpanId => Value::SpanId(span.span_id().0),
        SpanField::SpanIdString => Value::text(span.span_id().to_string()),
        SpanField::ParentSpanId => Value::SpanId(span.parent_span_id().0),
        SpanField::ParentSpanIdString => Value::text(span.parent_span_id().to_string()),
        SpanField::TraceState => return trace_state(span, keys),
        SpanField::Name => text(span.name()),
        SpanField::Kind => Value::Int(span.kind().into()),
        SpanField::KindString => Value::text(kind_names(span.kind()).0),
        SpanField::KindDeprecatedString => Value::text(kind_names(span.kind()).1),
        SpanField::StartTime => time(span.start()),
        SpanField::StartTimeUnixNano => nanoseconds(span.start()),
        SpanField::EndTime => time(span.end()),
        SpanField::EndTimeUnixNano => nanoseconds(span.end()),
        SpanField::Attributes => return read(span.attributes(), keys),
        SpanField::DroppedAttributesCount => Value::Int(span.dropped_attributes_count().into()),
        SpanField::Events => part("list of events", span.0, Some(span.events().count())),
        SpanField::DroppedEventsCount => Value::Int(span.dropped_events_count().into()),
        SpanField::Links => part("list of links", span.0, Some(span.links().count())),
        SpanField::DroppedLinksCount => Value::Int(span.dropped_links_count().into()),
        SpanField::Status => part("status", span.0, None),
        SpanField::StatusCode => Value::Int(span.status().code.into()),
        SpanField::StatusMessage => text(span.status().message),
        SpanField::Flags => Value::Int(span.flags().into()),
        SpanField::IsRoot => Value::Bool(span.parent_span_id().is_zero()),
    })
}

/// The tracestate as sent, or one member of it: empty when there is no such member, nil when the
/// tracestate breaks the rules.
fn trace_state<'a>(span: SpanView<'a>, keys: &[Key<'_>]) -> Found<'a> {
    let Some(key) = keys.first() else {
        return Ok(text(span.trace_state()));
    };
    match TraceState::parse(span.trace_state()) {
        Ok(state) => Ok(text(state.get(key.name()?).unwrap_or_default())),
        Err(_) => Ok(Value::Nil),
    }
}

/// A span, for conditions of [`crate::Scene::Span`].
#[derive(Debug, Clone, Copy)]
pub struct SpanSubject<'b> {
    /// The resource that it belongs to.
    pub resource: ResourceFields<'b>,
    /// The scope that it belongs to.
    pub scope: ScopeFields<'b>,
    /// The span.
    pub span: SpanView<'b>,
}

impl Subject<Path> for SpanSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        match path.0 {
            Place::Span(field) => span_value(self.span, field, keys),
            place => surroundings(self.resource, Some(self.scope), place, keys),
        }
    }
}

pub(crate) fn event_value<'a>(
    event: SpanEventView<'a>,
    field: EventField,
    keys: &[Key<'_>],
) -> Found<'a> {
    Ok(match field {
        EventField::Time => time(event.time()),
        EventField::TimeUnixNano => nanoseconds(event.time()),
        EventField::Name => text(event.name()),
        EventField::Attributes => return read(event.attributes(), keys),
        EventField::DroppedAttributesCount => Value::Int(event.dropped_attributes_count().into()),
        EventField::Index => {
            return Err(EvaluationError::Unavailable(
                "the event's index is not known here",
            ));
        }
    })
}

/// An event of a span, for conditions of [`crate::Scene::SpanEvent`].
#[derive(Debug, Clone, Copy)]
pub struct SpanEventSubject<'b> {
    /// The resource of its span.
    pub resource: ResourceFields<'b>,
    /// The scope of its span.
    pub scope: ScopeFields<'b>,
    /// The span that it happened in.
    pub span: SpanView<'b>,
    /// The event.
    pub event: SpanEventView<'b>,
    /// Its number within the span, from 0. Tail sampling in the Collector never sets it, so a condition
    /// about it fails there; nothing here does the same.
    pub index: Option<usize>,
}

impl Subject<Path> for SpanEventSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        match path.0 {
            Place::SpanEvent(EventField::Index) => match self.index {
                Some(index) => Ok(Value::Int(index as i64)),
                None => event_value(self.event, EventField::Index, keys),
            },
            Place::SpanEvent(field) => event_value(self.event, field, keys),
            Place::Span(field) => span_value(self.span, field, keys),
            place => surroundings(self.resource, Some(self.scope), place, keys),
        }
    }
}
