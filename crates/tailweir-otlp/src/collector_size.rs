//! How many bytes the Collector would say a trace has.
//!
//! The Collector charges limits by its own encoding of what it holds, not by what arrived. It writes
//! `resource`, `scope`, `status` and the `value` of attributes even when they are empty, and ids too:
//! two bytes when there is none, which makes an absent parent cost two. Zero numbers, empty strings,
//! schema URLs and fields it does not know it does not write. Each fragment stays a `ResourceSpans` of
//! its own. Source: golden vectors, `sizes.jsonl`.

use crate::schema::{self, FIELDS_MAX, FieldType, Kind, Message};
use crate::trace::{SpanRecord, TraceView};
use crate::wire::{Fields, Payload, length_delimited_size, varint_size};

/// The size of a trace in the Collector's encoding, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectorSize {
    /// Of the whole `TracesData`: what `bytes_limiting` charges.
    pub traces_data: u64,
    /// Sum over its `ResourceSpans`: what `maximum_trace_size_bytes` is compared with.
    pub resource_spans: u64,
}

/// Measures a trace. Walks every span whole: call it only where a limit in bytes needs it.
///
/// Spans of one fragment that stand next to each other and have equal scopes count as one `ScopeSpans`.
#[must_use]
pub fn collector_size(trace: &TraceView<'_>) -> CollectorSize {
    let mut size = CollectorSize::default();
    for fragment in trace
        .spans
        .chunk_by(|left, right| left.fragment == right.fragment)
    {
        let content = fragment_size(fragment);
        size.resource_spans += content as u64;
        size.traces_data += length_delimited_size(content) as u64;
    }
    size
}

/// The content of one `ResourceSpans`.
fn fragment_size(fragment: &[SpanRecord<'_>]) -> usize {
    let resource = fragment.first().map_or(&[][..], |record| record.resource.0);
    let mut size = sub_message_size(&schema::RESOURCE, resource, 1);
    for spans in fragment.chunk_by(|left, right| left.scope == right.scope) {
        let scope = spans.first().map_or(&[][..], |record| record.scope.0);
        let mut content = sub_message_size(&schema::SCOPE, scope, 1);
        for record in spans {
            content += length_delimited_size(message_size(&schema::SPAN, record.span.0));
        }
        size += length_delimited_size(content);
    }
    size
}

/// A sub-message that is written even when it is absent, with its tag and length. The last occurrence
/// counts.
fn sub_message_size(message: &'static Message, parent: &[u8], number: u32) -> usize {
    let content = crate::wire::last_bytes(parent, number).unwrap_or_default();
    length_delimited_size(message_size(message, content))
}

/// The content of an attribute. Nearly all are encoded as the Collector would, and have their own length:
/// all but those without a key, or with an integer that could be a byte shorter.
fn attribute_size(wire: &[u8]) -> usize {
    match wire {
        [0x0a, 0, ..] | [.., 0x18, _, 0] => message_size(&schema::KEY_VALUE, wire),
        _ if schema::is_plain_attribute(wire) => wire.len(),
        _ => message_size(&schema::KEY_VALUE, wire),
    }
}

/// The content of a message: each known field as the Collector writes it.
fn message_size(message: &'static Message, wire: &[u8]) -> usize {
    let mut sizes = [0; FIELDS_MAX];
    let mut alternative = 0;
    for occurrence in Fields::new(wire) {
        let Some(field) = message.field(occurrence.number) else {
            continue;
        };
        let size = field_size(field, occurrence.payload);
        if message.is_oneof && field.explicit {
            alternative = size;
        } else if field.repeated {
            sizes[field.number as usize] += size;
        } else {
            sizes[field.number as usize] = size;
        }
    }
    let always = message
        .fields
        .iter()
        .filter(|field| field.is_always_written() && sizes[field.number as usize] == 0);
    // Tag and length zero: every such field has a number below 16.
    sizes.iter().sum::<usize>() + alternative + 2 * always.count()
}

fn field_size(field: &FieldType, payload: Payload<'_>) -> usize {
    let tag = varint_size(u64::from(field.number) << 3);
    let delimited = |length: usize| tag + varint_size(length as u64) + length;
    let is_written = field.explicit || field.repeated;
    match (field.kind, payload) {
        (Kind::Message(message), Payload::Bytes(content))
            if std::ptr::eq(message, &schema::KEY_VALUE) =>
        {
            delimited(attribute_size(content))
        }
        (Kind::Message(message), Payload::Bytes(content)) => {
            delimited(message_size(message, content))
        }
        (Kind::Id(_), Payload::Bytes(id)) if id.iter().all(|&byte| byte == 0) => delimited(0),
        (_, Payload::Bytes(content)) if is_written || !content.is_empty() => {
            delimited(content.len())
        }
        (Kind::Uint32, Payload::Varint(value)) if is_written || value as u32 != 0 => {
            tag + varint_size(u64::from(value as u32))
        }
        (Kind::Enum(_), Payload::Varint(value)) if value as i32 != 0 => {
            tag + varint_size(i64::from(value as i32) as u64)
        }
        (Kind::Bool, Payload::Varint(value)) if is_written || value != 0 => tag + 1,
        (Kind::Int64, Payload::Varint(value)) if is_written || value != 0 => {
            tag + varint_size(value)
        }
        (_, Payload::Fixed64(value)) if is_written || value != 0 => tag + 8,
        (_, Payload::Fixed32(value)) if is_written || value != 0 => tag + 4,
        _ => 0,
    }
}
