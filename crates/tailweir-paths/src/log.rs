//! The context `log`.

use crate::attributes::{follow, plain, read};
use crate::path::{Entry, Keys, Path, Place, entry, indexed};
use crate::resource::{surroundings, text};
use crate::span::{nanoseconds, time};
use tailweir_otlp::{AnyValue, LogRecordView, ResourceFields, ScopeFields};
use tailweir_ottl::{EvaluationError, Key, Subject, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogField {
    Time,
    TimeUnixNano,
    ObservedTime,
    ObservedTimeUnixNano,
    SeverityNumber,
    SeverityText,
    Body,
    BodyString,
    Attributes,
    DroppedAttributesCount,
    Flags,
    TraceId,
    TraceIdString,
    SpanId,
    SpanIdString,
    EventName,
}

pub(crate) const LOG: &[Entry] = &[
    entry(&["time"], Place::Log(LogField::Time)),
    entry(&["time_unix_nano"], Place::Log(LogField::TimeUnixNano)),
    entry(&["observed_time"], Place::Log(LogField::ObservedTime)),
    entry(
        &["observed_time_unix_nano"],
        Place::Log(LogField::ObservedTimeUnixNano),
    ),
    entry(&["severity_number"], Place::Log(LogField::SeverityNumber)),
    entry(&["severity_text"], Place::Log(LogField::SeverityText)),
    indexed(&["body"], Place::Log(LogField::Body), Keys::Any),
    entry(&["body", "string"], Place::Log(LogField::BodyString)),
    indexed(&["attributes"], Place::Log(LogField::Attributes), Keys::Any),
    entry(
        &["dropped_attributes_count"],
        Place::Log(LogField::DroppedAttributesCount),
    ),
    entry(&["flags"], Place::Log(LogField::Flags)),
    entry(&["trace_id"], Place::Log(LogField::TraceId)),
    entry(&["trace_id", "string"], Place::Log(LogField::TraceIdString)),
    entry(&["span_id"], Place::Log(LogField::SpanId)),
    entry(&["span_id", "string"], Place::Log(LogField::SpanIdString)),
    entry(&["event_name"], Place::Log(LogField::EventName)),
];

pub(crate) const SEVERITIES: &[(&str, i64)] = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];

type Found<'a> = Result<Value<'a>, EvaluationError>;

/// A log record, for conditions of [`crate::Scene::Log`].
#[derive(Debug, Clone, Copy)]
pub struct LogSubject<'b> {
    /// The resource that it belongs to.
    pub resource: ResourceFields<'b>,
    /// The scope that it belongs to.
    pub scope: ScopeFields<'b>,
    /// The log record.
    pub record: LogRecordView<'b>,
}

impl Subject<Path> for LogSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        match path.0 {
            Place::Log(field) => log_value(self.record, field, keys),
            place => surroundings(self.resource, Some(self.scope), place, keys),
        }
    }
}

pub(crate) fn log_value<'a>(
    record: LogRecordView<'a>,
    field: LogField,
    keys: &[Key<'_>],
) -> Found<'a> {
    Ok(match field {
        LogField::Time => time(record.time()),
        LogField::TimeUnixNano => nanoseconds(record.time()),
        LogField::ObservedTime => time(record.observed_time()),
        LogField::ObservedTimeUnixNano => nanoseconds(record.observed_time()),
        LogField::SeverityNumber => Value::Int(record.severity_number().into()),
        LogField::SeverityText => text(record.severity_text()),
        LogField::Body => return follow(record.body(), keys),
        LogField::BodyString => match record.body() {
            AnyValue::String(body) => text(body),
            body => Value::text(plain(body).to_text()),
        },
        LogField::Attributes => return read(record.attributes(), keys),
        LogField::DroppedAttributesCount => Value::Int(record.dropped_attributes_count().into()),
        LogField::Flags => Value::Int(record.flags().into()),
        LogField::TraceId => Value::TraceId(record.trace_id().0),
        LogField::TraceIdString => Value::text(record.trace_id().to_string()),
        LogField::SpanId => Value::SpanId(record.span_id().0),
        LogField::SpanIdString => Value::text(record.span_id().to_string()),
        LogField::EventName => text(record.event_name()),
    })
}
