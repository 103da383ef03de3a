//! Writing fields of spans.

use super::write::{
    Written, attributes, bytes, enumerated, id, int, is_emptied, list, mismatch, moment, nested,
    number, text, unsigned,
};
use crate::span::{KINDS, SpanField};
use tailweir_otlp::{SpanView, TraceState, field};
use tailweir_ottl::{EvaluationError, Key, Value};

/// Members that a tracestate may have.
const MEMBERS_MAX: usize = 32;

/// `has_parts` says that statements are about the events, which therefore are not in the message.
pub(super) fn set(
    message: &[u8],
    path: SpanField,
    has_parts: bool,
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let span = SpanView(message);
    match path {
        SpanField::TraceId | SpanField::TraceIdString => set_trace_id(span, path, &value),
        SpanField::SpanId
        | SpanField::SpanIdString
        | SpanField::ParentSpanId
        | SpanField::ParentSpanIdString => set_span_id(span, path, &value),
        SpanField::TraceState => set_trace_state(span, keys, &value),
        SpanField::Name => text(field::SPAN_NAME, message, span.name(), &value),
        SpanField::Kind | SpanField::KindString | SpanField::KindDeprecatedString => {
            let new = enumerated(kind(path, &value)?);
            number(
                field::SPAN_KIND,
                message,
                enumerated(span.kind().into()),
                new,
            )
        }
        SpanField::StartTime => number(field::SPAN_START, message, span.start(), moment(&value)?),
        SpanField::StartTimeUnixNano => number(
            field::SPAN_START,
            message,
            span.start(),
            int(&value)? as u64,
        ),
        SpanField::EndTime => number(field::SPAN_END, message, span.end(), moment(&value)?),
        SpanField::EndTimeUnixNano => {
            number(field::SPAN_END, message, span.end(), int(&value)? as u64)
        }
        SpanField::Attributes => attributes(field::SPAN_ATTRIBUTES, message, keys, value),
        SpanField::Events if has_parts => Err(EvaluationError::Unavailable(
            "the events cannot be replaced by a statement about one of them",
        )),
        SpanField::Events => list(field::SPAN_EVENTS, message, "list of events", &value),
        SpanField::Links => list(field::SPAN_LINKS, message, "list of links", &value),
        SpanField::DroppedAttributesCount
        | SpanField::DroppedEventsCount
        | SpanField::DroppedLinksCount
        | SpanField::Flags => set_count(span, path, &value),
        SpanField::Status | SpanField::StatusCode | SpanField::StatusMessage => {
            set_status(span, path, &value)
        }
        SpanField::IsRoot => Err(EvaluationError::Unavailable(
            "whether a span is a root cannot be changed",
        )),
    }
}

fn set_trace_id(span: SpanView<'_>, path: SpanField, value: &Value<'_>) -> Written {
    let new = match (path, value) {
        (SpanField::TraceIdString, value) => id::<16>(value)?,
        (_, Value::TraceId(id)) => *id,
        (_, other) => return Err(mismatch("trace id", other)),
    };
    bytes(field::SPAN_TRACE_ID, span.0, &span.trace_id().0, &new)
}

fn set_span_id(span: SpanView<'_>, path: SpanField, value: &Value<'_>) -> Written {
    let is_text = matches!(
        path,
        SpanField::SpanIdString | SpanField::ParentSpanIdString
    );
    let new = match value {
        value if is_text => id::<8>(value)?,
        Value::SpanId(id) => *id,
        other => return Err(mismatch("span id", other)),
    };
    match path {
        SpanField::SpanId | SpanField::SpanIdString => {
            bytes(field::SPAN_ID, span.0, &span.span_id().0, &new)
        }
        // A root has no parent, and writes none.
        _ if new == [0; 8] => bytes(field::SPAN_PARENT_ID, span.0, parent(span), &[]),
        _ => bytes(field::SPAN_PARENT_ID, span.0, parent(span), &new),
    }
}

/// The bytes of the parent's id as they are, none for a root that writes none.
fn parent(span: SpanView<'_>) -> &[u8] {
    field::SPAN_PARENT_ID
        .messages(span.0)
        .last()
        .unwrap_or_default()
}

/// All of the tracestate, or one member, which then comes first. A tracestate or member that breaks the
/// rules of W3C is left as it is.
fn set_trace_state(span: SpanView<'_>, keys: &[Key<'_>], value: &Value<'_>) -> Written {
    let Value::String(new) = value else {
        return Err(mismatch("string", value));
    };
    let Some(key) = keys.first() else {
        return bytes(field::SPAN_TRACE_STATE, span.0, span.trace_state(), new);
    };
    let key = key.name()?;
    let member = [key, b"=", new].concat();
    let is_member =
        TraceState::parse(&member).is_ok_and(|state| state.get(key) == Some(new.as_ref()));
    let Ok(state) = TraceState::parse(span.trace_state()) else {
        return Ok(None);
    };
    if !is_member {
        return Ok(None);
    }
    let mut written = member;
    for (other, held) in state
        .iter()
        .filter(|(other, _)| *other != key)
        .take(MEMBERS_MAX - 1)
    {
        for piece in [b",", other, b"=", held] {
            written.extend_from_slice(piece);
        }
    }
    bytes(
        field::SPAN_TRACE_STATE,
        span.0,
        span.trace_state(),
        &written,
    )
}

fn kind(path: SpanField, value: &Value<'_>) -> Result<i64, EvaluationError> {
    if path == SpanField::Kind {
        return int(value);
    }
    let Value::String(name) = value else {
        return Err(mismatch("string", value));
    };
    let is_it = |names: &(&str, &str)| {
        let known = if path == SpanField::KindString {
            names.0
        } else {
            names.1
        };
        known.as_bytes() == name.as_ref()
    };
    match KINDS.iter().position(is_it) {
        Some(kind) => Ok(kind as i64),
        None => Err(EvaluationError::Unavailable(
            "there is no such kind of span",
        )),
    }
}

fn set_count(span: SpanView<'_>, path: SpanField, value: &Value<'_>) -> Written {
    let new = unsigned(int(value)?);
    let (target, held) = match path {
        SpanField::DroppedAttributesCount => (
            field::SPAN_DROPPED_ATTRIBUTES,
            span.dropped_attributes_count(),
        ),
        SpanField::DroppedEventsCount => (field::SPAN_DROPPED_EVENTS, span.dropped_events_count()),
        SpanField::DroppedLinksCount => (field::SPAN_DROPPED_LINKS, span.dropped_links_count()),
        _ => (field::SPAN_FLAGS, span.flags()),
    };
    number(target, span.0, held.into(), new)
}

fn set_status(span: SpanView<'_>, path: SpanField, value: &Value<'_>) -> Written {
    let held = span.status();
    match (path, value) {
        (SpanField::Status, Value::Object(object)) if object.kind == "status" => {
            let has_one = is_emptied(object) && (held.code != 0 || !held.message.is_empty());
            Ok(has_one.then(|| field::SPAN_STATUS.with_bytes(span.0, &[])))
        }
        (SpanField::Status, other) => Err(mismatch("status", other)),
        (SpanField::StatusCode, value) => nested(field::SPAN_STATUS, span.0, |status| {
            let new = enumerated(int(value)?);
            number(
                field::STATUS_CODE,
                status,
                enumerated(held.code.into()),
                new,
            )
        }),
        (_, value) => nested(field::SPAN_STATUS, span.0, |status| {
            text(field::STATUS_MESSAGE, status, held.message, value)
        }),
    }
}
