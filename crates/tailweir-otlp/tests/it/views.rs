//! The views, held against a full decoder.

use crate::telemetry::{damaged, damages, request, value};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Decoded, KeyValue as DecodedAttribute};
use proptest::prelude::*;
use prost::Message;
use tailweir_core::Signal;
use tailweir_otlp::{
    AnyValue, Attributes, KeyLengths, LogRecordView, MetricView, RequestView, SpanView, TraceState,
    json, write_span_with_trace_state,
};

/// A value as a decoder would have it.
fn decoded(value: AnyValue<'_>) -> Option<Value> {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Some(match value {
        AnyValue::Empty => return None,
        AnyValue::String(bytes) => Value::StringValue(text(bytes)),
        AnyValue::Bool(value) => Value::BoolValue(value),
        AnyValue::Int(value) => Value::IntValue(value),
        AnyValue::Double(value) => Value::DoubleValue(value),
        AnyValue::Bytes(bytes) => Value::BytesValue(bytes.to_vec()),
        AnyValue::Array(array) => {
            let values = array
                .iter()
                .map(|value| Decoded {
                    value: decoded(value),
                })
                .collect();
            Value::ArrayValue(ArrayValue { values })
        }
        AnyValue::Map(map) => Value::KvlistValue(KeyValueList { values: list(map) }),
    })
}

fn list(attributes: Attributes<'_>) -> Vec<DecodedAttribute> {
    let entry = |entry: tailweir_otlp::KeyValue<'_>| DecodedAttribute {
        key: String::from_utf8(entry.key.to_vec()).expect("UTF-8"),
        value: Some(Decoded {
            value: decoded(entry.value),
        }),
        ..Default::default()
    };
    attributes.iter().map(entry).collect()
}

/// With every value present, as views have it.
fn filled(mut attributes: Vec<DecodedAttribute>) -> Vec<DecodedAttribute> {
    fn fill(value: &mut Decoded) {
        match &mut value.value {
            Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(fill),
            Some(Value::KvlistValue(map)) => {
                map.values
                    .iter_mut()
                    .for_each(|entry| fill(entry.value.get_or_insert_default()));
            }
            _ => {}
        }
    }
    attributes
        .iter_mut()
        .for_each(|entry| fill(entry.value.get_or_insert_default()));
    attributes
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Scenario: every field of every span of any request is read through views.
    /// Guarantees: they say what a full decoder says.
    #[test]
    fn views_say_what_a_decoder_says(request in request()) {
        let wire = request.encode_to_vec();
        prop_assert_eq!(RequestView(&wire).resources().count(), request.resource_spans.len());
        for (view, group) in RequestView(&wire).resources().zip(&request.resource_spans) {
            let resource = group.resource.clone().unwrap_or_default();
            prop_assert_eq!(list(view.resource().attributes()), filled(resource.attributes));
            prop_assert_eq!(view.resource().dropped_attributes_count(), resource.dropped_attributes_count);
            prop_assert_eq!(text(view.schema_url()), &group.schema_url);
            prop_assert_eq!(view.scopes().count(), group.scope_spans.len());
            for (view, scope_spans) in view.scopes().zip(&group.scope_spans) {
                let scope = scope_spans.scope.clone().unwrap_or_default();
                prop_assert_eq!(text(view.scope().name()), &scope.name);
                prop_assert_eq!(text(view.scope().version()), &scope.version);
                prop_assert_eq!(list(view.scope().attributes()), filled(scope.attributes));
                prop_assert_eq!(text(view.schema_url()), &scope_spans.schema_url);
                prop_assert_eq!(view.items().count(), scope_spans.spans.len());
                for (span, expected) in view.items().map(SpanView).zip(&scope_spans.spans) {
                    same_span(span, expected)?;
                }
            }
        }
    }

    /// Scenario: any value is looked at, alone and by its key in a list where the key occurs twice.
    /// Guarantees: it is what was written, and the first one of its key.
    #[test]
    fn a_value_is_found_by_its_key(value in value()) {
        let wire = value.encode_to_vec();
        let expected = filled(vec![DecodedAttribute { value: Some(value.clone()), ..Default::default() }]);
        prop_assert_eq!(&decoded(AnyValue::new(&wire)), &expected[0].value.as_ref().unwrap().value);
        let entry = |key: &str, value| DecodedAttribute {
            key: key.to_owned(),
            value: Some(value),
            ..Default::default()
        };
        let attributes = vec![
            entry("other", Decoded::default()),
            entry("key", value),
            entry("key", Decoded { value: Some(Value::BoolValue(true)) }),
        ];
        let span = opentelemetry_proto::tonic::trace::v1::Span { attributes, ..Default::default() };
        let wire = span.encode_to_vec();
        let found = SpanView(&wire).attributes().get(b"key").unwrap();
        prop_assert_eq!(&decoded(found), &expected[0].value.as_ref().unwrap().value);
        prop_assert!(SpanView(&wire).attributes().get(b"ke").is_none());
    }

    /// Scenario: lists of attributes, as encoders write them and damaged, are walked for keys of some
    /// lengths.
    /// Guarantees: exactly the attributes with keys of these lengths are found, in order, as a walk over
    /// all finds them; lengths from 63 on are one.
    #[test]
    fn attributes_are_found_by_the_length_of_their_keys(
        request in request(),
        damages in damages(),
        wanted in prop::collection::vec(prop_oneof![0..12_usize, 60..70_usize], 0..4),
    ) {
        let keys: Vec<_> = wanted.iter().map(|&length| vec![b'k'; length]).collect();
        let lengths = KeyLengths::of(keys.iter().map(Vec::as_slice));
        let bucket = |length: usize| length.min(63);
        let is_wanted = |entry: &tailweir_otlp::KeyValue<'_>| {
            wanted.iter().any(|&length| bucket(length) == bucket(entry.key.len()))
        };
        let wire = request.encode_to_vec();
        for wire in [damaged(wire.clone(), &damages), wire] {
            for group in RequestView(&wire).resources() {
                let spans = group.scopes().flat_map(|scope| scope.items()).map(SpanView);
                let lists = spans.map(SpanView::attributes).chain([group.resource().attributes()]);
                for list in lists {
                    let found: Vec<_> = list.with_key_lengths(lengths).map(|entry| entry.key).collect();
                    let expected: Vec<_> = list.iter().filter(is_wanted).map(|entry| entry.key).collect();
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }

    /// Scenario: damaged bytes, never scanned, are read through every view, as each signal.
    /// Guarantees: no panic and an end.
    #[test]
    fn views_are_total(request in request(), damages in damages(), noise: Vec<u8>) {
        for wire in [damaged(request.encode_to_vec(), &damages), noise] {
            for group in RequestView(&wire).resources() {
                let _ = format!("{:?}", group.resource().attributes().get(b"a"));
                for item in group.scopes().flat_map(tailweir_otlp::ScopeFields::items) {
                    let span = SpanView(item);
                    for event in span.events() {
                        event.attributes().iter().for_each(drop);
                    }
                    let _ = (span.status(), span.links().count(), TraceState::parse(span.trace_state()));
                    let _ = format!("{:?}", LogRecordView(item).body());
                    for point in MetricView(item).data().points() {
                        let _ = (point.attributes().count(), point.time(), point.flags());
                    }
                }
            }
            for signal in Signal::ALL {
                let mut out = Vec::new();
                if json::from_wire(signal, &wire, &mut out).is_ok() {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
                }
                let _ = json::to_wire(signal, &wire, &mut out);
            }
        }
    }

    /// Scenario: any request is written as JSON and read again.
    /// Guarantees: it is the same request.
    #[test]
    fn json_holds_all_of_a_request(request in request()) {
        let wire = request.encode_to_vec();
        let (mut text, mut again) = (Vec::new(), Vec::new());
        json::from_wire(Signal::Traces, &wire, &mut text).unwrap();
        json::to_wire(Signal::Traces, &text, &mut again).unwrap();
        let normal = |wire: &[u8]| tailweir_testkit::normal_form(Signal::Traces, wire).unwrap();
        prop_assert_eq!(normal(&again), normal(&wire));
    }

    /// Scenario: JSON is damaged.
    /// Guarantees: it is refused, or its wire form is sound; nothing is written when it is refused.
    #[test]
    fn damaged_json_is_refused_or_sound(request in request(), damages in damages()) {
        let (mut text, mut wire) = (Vec::new(), Vec::new());
        json::from_wire(Signal::Traces, &request.encode_to_vec(), &mut text).unwrap();
        let text = damaged(text, &damages);
        match json::to_wire(Signal::Traces, &text, &mut wire) {
            Ok(()) => prop_assert!(tailweir_otlp::count_items(Signal::Traces, &wire).is_ok()),
            Err(_) => prop_assert!(wire.is_empty()),
        }
    }

    /// Scenario: any span gets another tracestate, or none.
    /// Guarantees: that is all that differs, and nothing does when it is the same.
    #[test]
    fn a_tracestate_is_all_that_changes(request in request(), state in "[a-z=]{0,9}") {
        for span in request.resource_spans.iter().flat_map(|group| &group.scope_spans).flat_map(|scope| &scope.spans) {
            let mut wire = span.encode_to_vec();
            wire.extend_from_slice(b"\xfa\x01\x07unknown");
            let mut out = Vec::new();
            write_span_with_trace_state(SpanView(&wire), state.as_bytes(), &mut out);
            let mut expected = span.clone();
            expected.trace_state.clone_from(&state);
            let mut expected = expected.encode_to_vec();
            expected.extend_from_slice(b"\xfa\x01\x07unknown");
            prop_assert_eq!(out, expected);
        }
    }
}

fn same_span(
    view: SpanView<'_>,
    span: &opentelemetry_proto::tonic::trace::v1::Span,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(view.trace_id().0, padded(&span.trace_id));
    prop_assert_eq!(view.span_id().0, padded(&span.span_id));
    prop_assert_eq!(view.parent_span_id().0, padded(&span.parent_span_id));
    prop_assert_eq!(text(view.trace_state()), &span.trace_state);
    prop_assert_eq!(view.flags(), span.flags);
    prop_assert_eq!(text(view.name()), &span.name);
    prop_assert_eq!(view.kind(), span.kind);
    prop_assert_eq!(view.start(), span.start_time_unix_nano);
    prop_assert_eq!(view.end(), span.end_time_unix_nano);
    prop_assert_eq!(list(view.attributes()), filled(span.attributes.clone()));
    prop_assert_eq!(
        view.dropped_attributes_count(),
        span.dropped_attributes_count
    );
    prop_assert_eq!(view.dropped_events_count(), span.dropped_events_count);
    prop_assert_eq!(view.dropped_links_count(), span.dropped_links_count);
    let status = span.status.clone().unwrap_or_default();
    prop_assert_eq!(view.status().code, status.code);
    prop_assert_eq!(text(view.status().message), &status.message);
    prop_assert_eq!(view.events().count(), span.events.len());
    for (view, event) in view.events().zip(&span.events) {
        prop_assert_eq!(view.time(), event.time_unix_nano);
        prop_assert_eq!(text(view.name()), &event.name);
        prop_assert_eq!(list(view.attributes()), filled(event.attributes.clone()));
        prop_assert_eq!(
            view.dropped_attributes_count(),
            event.dropped_attributes_count
        );
    }
    prop_assert_eq!(view.links().count(), span.links.len());
    for (view, link) in view.links().zip(&span.links) {
        prop_assert_eq!(view.trace_id().0, padded(&link.trace_id));
        prop_assert_eq!(view.span_id().0, padded(&link.span_id));
        prop_assert_eq!(text(view.trace_state()), &link.trace_state);
        prop_assert_eq!(list(view.attributes()), filled(link.attributes.clone()));
        prop_assert_eq!(
            view.dropped_attributes_count(),
            link.dropped_attributes_count
        );
        prop_assert_eq!(view.flags(), link.flags);
    }
    Ok(())
}

fn padded<const N: usize>(id: &[u8]) -> [u8; N] {
    id.try_into().unwrap_or([0; N])
}
