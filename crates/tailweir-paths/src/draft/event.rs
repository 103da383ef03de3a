//! Writing fields of span events.

use super::write::{Written, attributes, int, moment, number, text, unsigned};
use crate::span::EventField;
use tailweir_otlp::{SpanEventView, field};
use tailweir_ottl::{EvaluationError, Key, Value};

pub(super) fn set(message: &[u8], path: EventField, keys: &[Key<'_>], value: Value<'_>) -> Written {
    let event = SpanEventView(message);
    match path {
        EventField::Time => number(field::EVENT_TIME, message, event.time(), moment(&value)?),
        EventField::TimeUnixNano => number(
            field::EVENT_TIME,
            message,
            event.time(),
            int(&value)? as u64,
        ),
        EventField::Name => text(field::EVENT_NAME, message, event.name(), &value),
        EventField::Attributes => attributes(field::EVENT_ATTRIBUTES, message, keys, value),
        EventField::DroppedAttributesCount => {
            let held = event.dropped_attributes_count().into();
            let new = unsigned(int(&value)?);
            number(field::EVENT_DROPPED_ATTRIBUTES, message, held, new)
        }
        EventField::Index => Err(EvaluationError::Unavailable(
            "the index of an event cannot be changed",
        )),
    }
}
