//! What edits do not change.

use crate::golden::transform;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use prost::Message;
use tailweir_config::{Action, AttributeAction, AttributesProcessor, Literal, ResourceProcessor};
use tailweir_core::Signal;
use tailweir_transform::{ClientContext, Edits, Request, Transform};

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let value = prop_oneof![
        "[a-c]{0,3}".prop_map(Value::StringValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<bool>().prop_map(Value::BoolValue),
    ];
    let attribute = ("[a-d]", of(value)).prop_map(|(key, value)| KeyValue {
        key,
        value: Some(AnyValue { value }),
        ..Default::default()
    });
    vec(attribute, 0..4)
}

fn span() -> impl Strategy<Value = Span> {
    (
        any::<[u8; 16]>(),
        "[a-z]{0,130}",
        attributes(),
        any::<u32>(),
    )
        .prop_map(|(trace_id, name, attributes, flags)| Span {
            trace_id: trace_id.to_vec(),
            span_id: trace_id[..8].to_vec(),
            name,
            attributes,
            flags,
            ..Default::default()
        })
}

fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = (of("[a-z]{0,3}"), vec(span(), 0..4), "[a-z]{0,3}").prop_map(
        |(name, spans, schema_url)| ScopeSpans {
            scope: name.map(|name| InstrumentationScope {
                name,
                ..Default::default()
            }),
            spans,
            schema_url,
        },
    );
    let group = (of(attributes()), vec(scope, 0..3), "[a-z]{0,3}").prop_map(
        |(attributes, scope_spans, schema_url)| ResourceSpans {
            resource: attributes.map(|attributes| Resource {
                attributes,
                ..Default::default()
            }),
            scope_spans,
            schema_url,
        },
    );
    vec(group, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// One of the actions whose effect is easily said again.
fn action() -> impl Strategy<Value = AttributeAction> {
    let word = prop_oneof![
        Just(Action::Insert),
        Just(Action::Update),
        Just(Action::Upsert),
        Just(Action::Delete),
    ];
    (word, "[a-e]", 0..100_i64).prop_map(|(action, key, number)| AttributeAction {
        key,
        action,
        value: (action != Action::Delete).then_some(Literal::Integer(number)),
        ..Default::default()
    })
}

/// The same, said again for decoded attributes.
fn model(actions: &[AttributeAction], attributes: &mut Vec<KeyValue>) {
    for action in actions {
        let at = attributes
            .iter()
            .position(|attribute| attribute.key == action.key);
        let value = action.value.as_ref().map(|literal| match literal {
            Literal::Integer(number) => AnyValue {
                value: Some(Value::IntValue(*number)),
            },
            other => panic!("{other:?} is no integer"),
        });
        match (action.action, at) {
            (Action::Update | Action::Upsert, Some(at)) => attributes[at].value = value,
            (Action::Insert | Action::Upsert, None) => attributes.push(KeyValue {
                key: action.key.clone(),
                value,
                ..Default::default()
            }),
            (Action::Delete, Some(at)) => drop(attributes.remove(at)),
            _ => {}
        }
    }
}

fn apply(edits: &Edits, signal: Signal, wire: Vec<u8>) -> Bytes {
    let outcome = edits.apply(Request {
        signal,
        body: wire.into(),
        client: &ClientContext::default(),
    });
    outcome.expect("a small request").body
}

/// An unknown field behind each message of these levels, which a decoder would forget.
fn with_unknown_fields(request: &ExportTraceServiceRequest) -> Vec<u8> {
    const UNKNOWN: &[u8] = b"\xfa\x01\x02??";
    let field = |out: &mut Vec<u8>, number: u8, content: &[u8]| {
        out.push(number << 3 | 2);
        prost::encode_length_delimiter(content.len(), out).expect("room");
        out.extend_from_slice(content);
    };
    let mut wire = Vec::new();
    for group in &request.resource_spans {
        let own = ResourceSpans {
            scope_spans: Vec::new(),
            ..group.clone()
        };
        let mut content = own.encode_to_vec();
        for scope in &group.scope_spans {
            let mut inner = ScopeSpans {
                spans: Vec::new(),
                ..scope.clone()
            }
            .encode_to_vec();
            for span in &scope.spans {
                field(&mut inner, 2, &[&span.encode_to_vec(), UNKNOWN].concat());
            }
            inner.extend_from_slice(UNKNOWN);
            field(&mut content, 2, &inner);
        }
        content.extend_from_slice(UNKNOWN);
        field(&mut wire, 1, &content);
    }
    wire.extend_from_slice(UNKNOWN);
    wire
}

proptest! {
    /// Scenario: any actions edit the spans of any request whose messages hold unknown fields.
    /// Guarantees: the attributes are what a model over decoded messages makes of them, and every byte
    /// that belongs to nothing that changed is the same, unknown fields included.
    #[test]
    fn only_attributes_of_spans_change(mut request in request(), actions in vec(action(), 1..4)) {
        let processor = AttributesProcessor { actions: actions.clone(), ..Default::default() };
        let edits = Edits::attributes(&processor).unwrap();
        let after = apply(&edits, Signal::Traces, with_unknown_fields(&request));
        for group in &mut request.resource_spans {
            for span in group.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans) {
                model(&actions, &mut span.attributes);
            }
        }
        prop_assert_eq!(after, with_unknown_fields(&request));
    }

    /// Scenario: any actions edit the resources of any request whose messages hold unknown fields.
    /// Guarantees: resources are what a model makes of them, absent ones are made where there is
    /// something to put into them, and nothing else changes.
    #[test]
    fn only_resources_change(mut request in request(), actions in vec(action(), 1..4)) {
        let edits = Edits::resource(&ResourceProcessor { attributes: actions.clone() }).unwrap();
        let after = apply(&edits, Signal::Traces, with_unknown_fields(&request));
        for group in &mut request.resource_spans {
            let mut resource = group.resource.clone().unwrap_or_default();
            model(&actions, &mut resource.attributes);
            if group.resource.is_some() || !resource.attributes.is_empty() {
                group.resource = Some(resource);
            }
        }
        prop_assert_eq!(
            ExportTraceServiceRequest::decode(after.clone()).unwrap(),
            request.clone()
        );
        let decoded_again = with_unknown_fields(&request);
        prop_assert_eq!(after.len(), decoded_again.len(), "unknown fields are kept");
    }

    /// Scenario: metrics of each kind, and logs, have their items edited.
    /// Guarantees: points and records get what a model makes of them, exemplars and the rest stay.
    #[test]
    fn points_and_records_change_alike(list in attributes(), actions in vec(action(), 1..4)) {
        let processor = AttributesProcessor { actions: actions.clone(), ..Default::default() };
        let edits = Edits::attributes(&processor).unwrap();
        let mut expected = list.clone();
        model(&actions, &mut expected);
        for kind in 0..5 {
            let after = apply(&edits, Signal::Metrics, metrics(kind, &list).encode_to_vec());
            prop_assert_eq!(after, metrics(kind, &expected).encode_to_vec());
        }
        let after = apply(&edits, Signal::Logs, logs(&list).encode_to_vec());
        prop_assert_eq!(after, logs(&expected).encode_to_vec());
    }

    /// Scenario: any bytes at all are edited, as each signal.
    /// Guarantees: no panic, and what cannot be read is kept.
    #[test]
    fn any_bytes_can_be_edited(bytes: Vec<u8>, actions in vec(action(), 1..4)) {
        let processor = AttributesProcessor { actions: actions.clone(), ..Default::default() };
        let items = Edits::attributes(&processor).unwrap();
        let resources = Edits::resource(&ResourceProcessor { attributes: actions }).unwrap();
        for signal in Signal::ALL {
            let after = apply(&items, signal, bytes.clone());
            let _ = apply(&resources, signal, after.to_vec());
        }
    }
}

/// Processors that have nothing to do in the requests below, with each signal that they can have. `groupbyattrs` is not one of
/// them: it gathers equal resources whatever its keys are.
const NOTHING_TO_DO: [(&str, &[Signal]); 7] = [
    (
        "attributes: {actions: [{key: nope, action: delete}, {key: nope, value: 1, action: update}]}",
        &Signal::ALL,
    ),
    (
        "resource: {attributes: [{key: nope, action: delete}, {key: nope, from_attribute: none, action: insert}]}",
        &Signal::ALL,
    ),
    (
        "redaction: {allow_all_keys: true, blocked_values: ['no such value']}",
        &Signal::ALL,
    ),
    (
        "filter: {trace_conditions: ['span.name == \"no such name\"'], metric_conditions: ['metric.name == \"no such name\"'], \
         log_conditions: ['log.severity_text == \"no such text\"']}",
        &Signal::ALL,
    ),
    (
        "transform: {trace_statements: ['set(span.name, span.name)'], metric_statements: ['set(metric.unit, metric.unit)'], \
         log_statements: ['set(log.severity_text, log.severity_text)']}",
        &Signal::ALL,
    ),
    ("span: {name: {from_attributes: [nope]}}", &[Signal::Traces]),
    (
        "metrics_transform: {transforms: [{include: no such name, action: update, new_name: x}, \
         {include: ., match_type: regexp, action: update, operations: [{action: update_label, label: nope, new_label: x}]}]}",
        &[Signal::Metrics],
    ),
];

proptest! {
    /// Scenario: any requests of each signal, whose messages hold unknown fields, go through any processors in any order that have
    /// nothing to do.
    /// Guarantees: the very same buffer comes out. Resources and scopes without an item are left out here: a filter takes them
    /// away.
    ///
    /// Conforms: processor `attributes`, `resource`, `filter`, `redaction`, `groupbyattrs` | traces, metrics, logs |
    /// a request that does not change | better: leaves in the very buffer in which it came
    #[test]
    fn a_pipeline_with_nothing_to_do_is_the_identity(
        mut request in request(),
        list in attributes(),
        kind in 0..5_u8,
        steps in vec(0..NOTHING_TO_DO.len(), 1..6),
    ) {
        request.resource_spans.retain_mut(|group| {
            group.scope_spans.retain(|scope| !scope.spans.is_empty());
            !group.scope_spans.is_empty()
        });
        prop_assume!(!request.resource_spans.is_empty());
        let unknown = b"\xfa\x01\x02??";
        let requests = [
            (Signal::Traces, with_unknown_fields(&request)),
            (Signal::Metrics, [&metrics(kind, &list).encode_to_vec(), &unknown[..]].concat()),
            (Signal::Logs, [&logs(&list).encode_to_vec(), &unknown[..]].concat()),
        ];
        for (signal, wire) in requests {
            let before = Bytes::from(wire);
            let mut body = before.clone();
            for (block, signals) in steps.iter().map(|step| NOTHING_TO_DO[*step]) {
                if signals.contains(&signal) {
                    let outcome = transform(&format!("processors:\n  {block}"), signal).apply(Request {
                        signal,
                        body,
                        client: &ClientContext::default(),
                    });
                    body = outcome.expect("a small request").body;
                    prop_assert_eq!(&body, &before, "{}", block);
                }
            }
            prop_assert_eq!(body.as_ptr(), before.as_ptr());
        }
    }
}

fn metrics(
    kind: u8,
    attributes: &[KeyValue],
) -> opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest {
    use opentelemetry_proto::tonic::metrics::v1::*;
    let attributes = attributes.to_vec();
    let number = NumberDataPoint {
        attributes: attributes.clone(),
        exemplars: vec![Exemplar::default()],
        flags: 1,
        ..Default::default()
    };
    let data = match kind {
        0 => Data::Gauge(Gauge {
            data_points: vec![number],
        }),
        1 => Data::Sum(Sum {
            data_points: vec![number],
            is_monotonic: true,
            ..Default::default()
        }),
        2 => Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint {
                attributes,
                bucket_counts: vec![1, 2],
                ..Default::default()
            }],
            aggregation_temporality: 2,
        }),
        3 => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![ExponentialHistogramDataPoint {
                attributes,
                scale: -3,
                ..Default::default()
            }],
            aggregation_temporality: 1,
        }),
        _ => Data::Summary(Summary {
            data_points: vec![SummaryDataPoint {
                attributes,
                count: 3,
                ..Default::default()
            }],
        }),
    };
    let metric = Metric {
        name: "m".to_owned(),
        unit: "1".to_owned(),
        data: Some(data),
        ..Default::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![metric],
        ..Default::default()
    };
    let group = ResourceMetrics {
        scope_metrics: vec![scope],
        ..Default::default()
    };
    opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest {
        resource_metrics: vec![group],
    }
}

fn logs(
    attributes: &[KeyValue],
) -> opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest {
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    let record = LogRecord {
        attributes: attributes.to_vec(),
        body: Some(AnyValue {
            value: Some(Value::StringValue("b".to_owned())),
        }),
        trace_id: vec![1; 16],
        ..Default::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record],
        ..Default::default()
    };
    let group = ResourceLogs {
        scope_logs: vec![scope],
        ..Default::default()
    };
    opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest {
        resource_logs: vec![group],
    }
}
