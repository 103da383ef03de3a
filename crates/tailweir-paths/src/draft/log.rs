//! Writing fields of log records.

use super::write::{
    Written, attributes, bytes, enumerated, id, int, mismatch, moment, number, text, unsigned,
    value as whole_value,
};
use crate::log::LogField;
use tailweir_otlp::{LogRecordView, field};
use tailweir_ottl::{Key, Value};

pub(super) fn set(message: &[u8], path: LogField, keys: &[Key<'_>], value: Value<'_>) -> Written {
    let record = LogRecordView(message);
    match path {
        LogField::Time => number(field::LOG_TIME, message, record.time(), moment(&value)?),
        LogField::TimeUnixNano => {
            number(field::LOG_TIME, message, record.time(), int(&value)? as u64)
        }
        LogField::ObservedTime => {
            let held = record.observed_time();
            number(field::LOG_OBSERVED_TIME, message, held, moment(&value)?)
        }
        LogField::ObservedTimeUnixNano => {
            let held = record.observed_time();
            number(field::LOG_OBSERVED_TIME, message, held, int(&value)? as u64)
        }
        LogField::SeverityNumber => {
            let held = enumerated(record.severity_number().into());
            let new = enumerated(int(&value)?);
            number(field::LOG_SEVERITY_NUMBER, message, held, new)
        }
        LogField::SeverityText => text(
            field::LOG_SEVERITY_TEXT,
            message,
            record.severity_text(),
            &value,
        ),
        LogField::Body => whole_value(field::LOG_BODY, message, record.body(), keys, value),
        LogField::BodyString => match value {
            Value::String(_) => whole_value(field::LOG_BODY, message, record.body(), &[], value),
            other => Err(mismatch("string", &other)),
        },
        LogField::Attributes => attributes(field::LOG_ATTRIBUTES, message, keys, value),
        LogField::DroppedAttributesCount => {
            let held = record.dropped_attributes_count().into();
            let new = unsigned(int(&value)?);
            number(field::LOG_DROPPED_ATTRIBUTES, message, held, new)
        }
        LogField::Flags => {
            let new = unsigned(int(&value)?);
            number(field::LOG_FLAGS, message, record.flags().into(), new)
        }
        LogField::TraceId => match value {
            Value::TraceId(id) => bytes(field::LOG_TRACE_ID, message, &record.trace_id().0, &id),
            other => Err(mismatch("trace id", &other)),
        },
        LogField::TraceIdString => bytes(
            field::LOG_TRACE_ID,
            message,
            &record.trace_id().0,
            &id::<16>(&value)?,
        ),
        LogField::SpanId => match value {
            Value::SpanId(id) => bytes(field::LOG_SPAN_ID, message, &record.span_id().0, &id),
            other => Err(mismatch("span id", &other)),
        },
        LogField::SpanIdString => bytes(
            field::LOG_SPAN_ID,
            message,
            &record.span_id().0,
            &id::<8>(&value)?,
        ),
        LogField::EventName => text(field::LOG_EVENT_NAME, message, record.event_name(), &value),
    }
}
