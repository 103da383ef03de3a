//! Arbitrary telemetry.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Any request of a few spans, over a handful of traces.
pub(crate) fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    vec(resource_spans(), 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn resource_spans() -> impl Strategy<Value = ResourceSpans> {
    (of(resource()), vec(scope_spans(), 0..3), schema_url()).prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        },
    )
}

fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), any::<u32>()).prop_map(|(attributes, dropped_attributes_count)| Resource {
        attributes,
        dropped_attributes_count,
        ..Default::default()
    })
}

fn scope_spans() -> impl Strategy<Value = ScopeSpans> {
    let scope = (word(), word(), attributes()).prop_map(|(name, version, attributes)| {
        InstrumentationScope {
            name,
            version,
            attributes,
            ..Default::default()
        }
    });
    (of(scope), vec(span(), 0..5), schema_url()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    })
}

fn schema_url() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("https://schema/1.0.0".to_owned())]
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (0_u8..4, any::<[u8; 8]>(), of(any::<[u8; 8]>()));
    let times = (any::<u64>(), any::<u64>());
    let status = (word(), -1..4_i32).prop_map(|(message, code)| Status { message, code });
    let nested = (vec(event(), 0..3), vec(link(), 0..2), of(status));
    let rest = (
        word(),
        word(),
        0..7_i32,
        any::<u32>(),
        attributes(),
        any::<u32>(),
    );
    (ids, times, nested, rest).prop_map(|(ids, times, nested, rest)| {
        let (trace, span_id, parent) = ids;
        let (events, links, status) = nested;
        let (trace_state, name, kind, flags, attributes, dropped) = rest;
        Span {
            trace_id: if trace == 0 {
                Vec::new()
            } else {
                vec![trace; 16]
            },
            span_id: span_id.to_vec(),
            trace_state,
            parent_span_id: parent.map(|id| id.to_vec()).unwrap_or_default(),
            flags,
            name,
            kind,
            start_time_unix_nano: times.0,
            end_time_unix_nano: times.1,
            attributes,
            dropped_attributes_count: dropped,
            events,
            dropped_events_count: dropped % 3,
            links,
            dropped_links_count: dropped % 2,
            status,
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), word(), attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (
        any::<[u8; 16]>(),
        any::<[u8; 8]>(),
        word(),
        attributes(),
        any::<u32>(),
    )
        .prop_map(|(trace_id, span_id, trace_state, attributes, flags)| Link {
            trace_id: trace_id.to_vec(),
            span_id: span_id.to_vec(),
            trace_state,
            attributes,
            dropped_attributes_count: flags / 2,
            flags,
        })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(attribute(), 0..4)
}

fn attribute() -> impl Strategy<Value = KeyValue> {
    (word(), of(value())).prop_map(|(key, value)| KeyValue {
        key,
        value,
        ..Default::default()
    })
}

/// Any value, nested a few levels deep.
pub(crate) fn value() -> impl Strategy<Value = AnyValue> {
    let scalar = prop_oneof![
        word().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (-300..300_i64).prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..6).prop_map(Value::BytesValue),
    ];
    let leaf = of(scalar).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let entry = (word(), of(inner.clone()));
        let entry = entry.prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..Default::default()
        });
        prop_oneof![
            vec(inner, 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(entry, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

/// Short text, sometimes of more than 127 bytes, where lengths take two.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-dé\"\\\\\u{1}]{0,4}",
        1 => "[a-c]{120,140}",
    ]
}

/// Edits of bytes: each changes, inserts, removes, or repeats some.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Set(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Truncate(usize),
    Repeat(usize, usize),
}

/// A few of them, at arbitrary places.
pub(crate) fn damages() -> impl Strategy<Value = Vec<Damage>> {
    vec(
        prop_oneof![
            4 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
            2 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
            2 => any::<usize>().prop_map(Damage::Remove),
            1 => any::<usize>().prop_map(Damage::Truncate),
            1 => (any::<usize>(), 1..40_usize).prop_map(|(at, n)| Damage::Repeat(at, n)),
        ],
        1..4,
    )
}

/// The bytes after those edits; places wrap around.
pub(crate) fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let place = |at: usize| at % bytes.len().max(1);
        match *damage {
            _ if bytes.is_empty() => {}
            Damage::Set(at, byte) => {
                let at = place(at);
                bytes[at] = byte;
            }
            Damage::Insert(at, byte) => bytes.insert(place(at), byte),
            Damage::Remove(at) => drop(bytes.remove(place(at))),
            Damage::Truncate(at) => bytes.truncate(place(at)),
            Damage::Repeat(at, count) => {
                let at = place(at);
                let end = (at + count).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
        }
    }
    bytes
}
