//! Writing through paths: what is set is read back, and nothing else changes.

use std::borrow::Cow;
use tailweir_core::Signal;
use tailweir_ottl::{Context, EvaluationError, Key, PathExpression, Subject, Time, Value};
use tailweir_paths::{ClientFacts, Draft, Path, Scene};

use crate::subjects::Request;

/// A field that no version of OTLP has.
const UNKNOWN: &[u8] = b"\xc2\x3e\x03new";

const TRACES: &[u8] = br#"{"resourceSpans":[{"schemaUrl":"r","resource":{"attributes":[{"key":"x","value":{"stringValue":"old"}}]},
    "scopeSpans":[{"schemaUrl":"s","scope":{"name":"n","version":"1"},"spans":[{
    "traceId":"01020304050607080102030405060708","spanId":"0102030405060708","parentSpanId":"0102030405060709",
    "traceState":"a=1,b=2","name":"old","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":"2",
    "attributes":[{"key":"x","value":{"stringValue":"old"}},{"key":"l","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}],
    "events":[{"name":"old","timeUnixNano":"1"}],"links":[{"traceId":"01020304050607080102030405060708"}],
    "status":{"code":1,"message":"old"}}]}]}]}"#;

const LOGS: &[u8] = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","severityNumber":9,
    "body":{"kvlistValue":{"values":[{"key":"x","value":{"stringValue":"old"}}]}},"eventName":"old"}]}]}]}"#;

/// A metric of the kind that the text describes.
fn metrics(kind: &str) -> Vec<u8> {
    let metric = format!(r#"{{"name":"old","unit":"1",{kind}}}"#);
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#).into_bytes()
}

const SUM: &str = r#""sum":{"aggregationTemporality":2,"dataPoints":[{"asInt":"1","attributes":[{"key":"x","value":{"intValue":"1"}}]}]}"#;
const HISTOGRAM: &str = r#""histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"2","sum":1,"bucketCounts":["1","1"],"explicitBounds":[1],"exemplars":[{"asInt":"1"}]}]}"#;
const EXPONENTIAL: &str = r#""exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":"2","scale":1,"positive":{"offset":1,"bucketCounts":["1"]},"negative":{"offset":2,"bucketCounts":["1"]}}]}"#;
const SUMMARY: &str = r#""summary":{"dataPoints":[{"count":"2","sum":1,"quantileValues":[{"quantile":0.5,"value":1}]}]}"#;

/// The first item of a request as a draft, with a field that is unknown in every message of it.
fn with_draft(
    scene: Scene,
    signal: Signal,
    json: &[u8],
    client: &ClientFacts,
    then: impl FnOnce(&mut Draft<'_>),
) {
    let request = Request::new(signal, json);
    let item = request.item();
    let grown = |bytes: &[u8]| Cow::Owned([bytes, UNKNOWN].concat());
    let mut draft = Draft::new(scene, client, 1 << 20);
    draft.resource = grown(item.resource.0);
    draft.scope = grown(item.scope.0);
    draft.whole = grown(item.message);
    match scene {
        Scene::SpanEvent => {
            let span = tailweir_otlp::SpanView(item.message);
            draft.parts = span.events().map(|event| grown(event.0)).collect();
        }
        Scene::DataPoint => {
            let data = tailweir_otlp::MetricView(item.message).data();
            draft.parts = data.points().map(|point| grown(point.message())).collect();
        }
        _ => {}
    }
    then(&mut draft);
}

/// A path with keys, as `attributes["x"][0]` would be in a statement.
fn path(scene: Scene, text: &'static str) -> (Path, Vec<Key<'static>>) {
    let (names, keys) = text.split_once('[').unwrap_or((text, ""));
    let keys: Vec<_> = keys
        .split('[')
        .filter(|key| !key.is_empty())
        .map(|key| {
            let key = key.trim_end_matches(']');
            match key.parse() {
                Ok(index) => Key::Index(index),
                Err(_) => Key::Name(Cow::Borrowed(key.as_bytes())),
            }
        })
        .collect();
    let expression = PathExpression {
        segments: names.split('.').collect(),
        keys: keys.len(),
    };
    (scene.resolve(&expression).expect(text), keys)
}

fn set(
    draft: &mut Draft<'_>,
    text: &'static str,
    value: Value<'_>,
) -> Result<bool, EvaluationError> {
    let (path, keys) = path(draft.scene, text);
    match draft.change(&path, &keys, value)? {
        Some(change) => draft.apply(change).map(|()| true),
        None => Ok(false),
    }
}

fn read(draft: &Draft<'_>, text: &'static str) -> String {
    let (path, keys) = path(draft.scene, text);
    format!("{:?}", draft.value(&path, &keys).expect(text).into_owned())
}

fn time(nanoseconds: u64) -> Value<'static> {
    Value::Time(Time::from_unix_nanoseconds(nanoseconds))
}

/// What is in all messages of a draft, for comparing.
fn bytes(draft: &Draft<'_>) -> Vec<Vec<u8>> {
    let all = [&draft.resource, &draft.scope, &draft.whole];
    let parts = draft.parts.iter();
    all.into_iter()
        .chain(parts)
        .map(|part| part.to_vec())
        .collect()
}

/// Sets each path, reads it back, and sets it again, which changes nothing. A value of another kind is refused
/// or passed over, and changes nothing either. Fields that are unknown stay.
fn check_all(
    scene: Scene,
    signal: Signal,
    json: &[u8],
    cases: Vec<(&'static str, Value<'static>)>,
) {
    let client = ClientFacts::default();
    for (text, value) in cases {
        with_draft(scene, signal, json, &client, |draft| {
            let before = bytes(draft);
            // An entry of a map takes any value, and is empty with one that it cannot hold.
            if !text.contains('[') {
                let duration = Value::Duration(tailweir_ottl::Duration::default());
                let _ = set(draft, text, duration);
                assert_eq!(bytes(draft), before, "{text} takes anything");
            }
            assert_eq!(set(draft, text, value.clone()), Ok(true), "{text}");
            assert_eq!(read(draft, text), format!("{value:?}"), "{text}");
            let after = bytes(draft);
            for message in &after {
                let kept = message
                    .windows(UNKNOWN.len())
                    .any(|window| window == UNKNOWN);
                assert!(kept, "{text} loses what it does not know");
            }
            let again = set(draft, text, value).expect(text);
            assert!(!again || text.starts_with("cache"), "{text} is set again");
            assert_eq!(bytes(draft), after, "{text}");
        });
    }
}

fn texts(pairs: &[&'static str]) -> Value<'static> {
    let entry = |pair: &[&'static str]| (Cow::Borrowed(pair[0].as_bytes()), Value::text(pair[1]));
    Value::map(pairs.chunks(2).map(entry).collect())
}

fn plain(items: Vec<Value<'static>>) -> Value<'static> {
    Value::List(tailweir_ottl::List::new(
        items,
        tailweir_ottl::Origin::Plain,
    ))
}

/// Scenario: every path of a span, its scope and its resource is set.
/// Guarantees: it reads as what it was set to, and everything else keeps its bytes.
#[test]
fn spans_are_written() {
    check_all(
        Scene::Span,
        Signal::Traces,
        TRACES,
        vec![
            ("trace_id", Value::TraceId([9; 16])),
            ("trace_id.string", Value::text("0a".repeat(16))),
            ("span_id", Value::SpanId([9; 8])),
            ("span_id.string", Value::text("0a".repeat(8))),
            ("parent_span_id", Value::SpanId([9; 8])),
            ("parent_span_id", Value::SpanId([0; 8])),
            ("parent_span_id.string", Value::text("0a".repeat(8))),
            ("trace_state", Value::text("c=3")),
            ("trace_state[b]", Value::text("3")),
            ("trace_state[c]", Value::text("3")),
            ("name", Value::text("new")),
            ("name", Value::text("")),
            ("kind", Value::Int(3)),
            ("kind.string", Value::text("Consumer")),
            ("kind.deprecated_string", Value::text("SPAN_KIND_CLIENT")),
            ("start_time", time(7)),
            ("start_time_unix_nano", Value::Int(7)),
            ("end_time", time(7)),
            ("end_time_unix_nano", Value::Int(7)),
            ("attributes", texts(&["x", "old", "y", "new"])),
            ("attributes", texts(&[])),
            ("attributes[x]", Value::Int(7)),
            ("attributes[y]", Value::Double(0.5)),
            ("attributes[y][z]", Value::Bytes(b"\xff".to_vec().into())),
            ("attributes[l][0]", Value::Bool(true)),
            ("dropped_attributes_count", Value::Int(7)),
            ("dropped_events_count", Value::Int(7)),
            ("dropped_links_count", Value::Int(7)),
            ("flags", Value::Int(7)),
            ("status.code", Value::Int(2)),
            ("status.message", Value::text("new")),
            ("resource.attributes[x]", Value::text("new")),
            ("resource.dropped_attributes_count", Value::Int(7)),
            ("resource.schema_url", Value::text("new")),
            ("scope.name", Value::text("new")),
            ("scope.version", Value::text("new")),
            ("scope.attributes[x]", Value::text("new")),
            ("scope.dropped_attributes_count", Value::Int(7)),
            ("scope.schema_url", Value::text("new")),
            ("cache[k]", Value::text("new")),
            ("cache", texts(&["k", "v"])),
        ],
    );
}

/// Scenario: every path of an event is set.
/// Guarantees: as for spans; the span around it can be set as well.
#[test]
fn events_are_written() {
    check_all(
        Scene::SpanEvent,
        Signal::Traces,
        TRACES,
        vec![
            ("name", Value::text("new")),
            ("time", time(7)),
            ("time_unix_nano", Value::Int(7)),
            ("attributes[x]", Value::text("new")),
            ("dropped_attributes_count", Value::Int(7)),
            ("span.name", Value::text("new")),
            ("span.status.code", Value::Int(2)),
        ],
    );
}

/// Scenario: every path of a log record is set.
/// Guarantees: as for spans.
#[test]
fn log_records_are_written() {
    check_all(
        Scene::Log,
        Signal::Logs,
        LOGS,
        vec![
            ("time", time(7)),
            ("time_unix_nano", Value::Int(7)),
            ("observed_time", time(7)),
            ("observed_time_unix_nano", Value::Int(7)),
            ("severity_number", Value::Int(17)),
            ("severity_text", Value::text("new")),
            ("body", Value::text("new")),
            ("body", texts(&["y", "new"])),
            ("body[x]", Value::text("new")),
            ("body[y][z]", Value::Int(7)),
            ("body.string", Value::text("new")),
            ("attributes", texts(&["x", "new"])),
            ("attributes[x]", Value::text("new")),
            ("dropped_attributes_count", Value::Int(7)),
            ("flags", Value::Int(1)),
            ("trace_id", Value::TraceId([9; 16])),
            ("trace_id.string", Value::text("0a".repeat(16))),
            ("span_id", Value::SpanId([9; 8])),
            ("span_id.string", Value::text("0a".repeat(8))),
            ("event_name", Value::text("new")),
        ],
    );
}

/// Scenario: every path of metrics is set.
/// Guarantees: as for spans; what a kind of metric has not is passed over.
#[test]
fn metrics_are_written() {
    check_all(
        Scene::Metric,
        Signal::Metrics,
        &metrics(SUM),
        vec![
            ("name", Value::text("new")),
            ("description", Value::text("new")),
            ("unit", Value::text("new")),
            ("aggregation_temporality", Value::Int(1)),
            ("is_monotonic", Value::Bool(true)),
            ("metadata[x]", Value::text("new")),
        ],
    );
    let client = ClientFacts::default();
    with_draft(
        Scene::Metric,
        Signal::Metrics,
        &metrics(SUMMARY),
        &client,
        |draft| {
            assert_eq!(
                set(draft, "aggregation_temporality", Value::Int(1)),
                Ok(false)
            );
            assert_eq!(set(draft, "is_monotonic", Value::Bool(true)), Ok(false));
            assert_eq!(set(draft, "type", Value::Int(1)), Ok(false));
        },
    );
}

/// Scenario: every path of the points of each kind of metric is set.
/// Guarantees: as for spans.
#[test]
fn data_points_are_written() {
    let all = || {
        vec![
            ("attributes[x]", Value::text("new")),
            ("attributes", texts(&["y", "new"])),
            ("start_time", time(7)),
            ("start_time_unix_nano", Value::Int(7)),
            ("time", time(7)),
            ("time_unix_nano", Value::Int(7)),
            ("flags", Value::Int(1)),
            ("metric.name", Value::text("new")),
            ("metric.unit", Value::text("new")),
        ]
    };
    let check = |kind, mut cases: Vec<_>| {
        cases.extend(all());
        check_all(Scene::DataPoint, Signal::Metrics, &metrics(kind), cases);
    };
    check(
        SUM,
        vec![
            ("value_int", Value::Int(7)),
            ("value_double", Value::Double(0.5)),
        ],
    );
    check(
        HISTOGRAM,
        vec![
            ("count", Value::Int(7)),
            ("sum", Value::Double(0.5)),
            ("bucket_counts", plain(vec![Value::Int(3), Value::Int(4)])),
            ("explicit_bounds", plain(vec![Value::Double(7.0)])),
        ],
    );
    check(
        EXPONENTIAL,
        vec![
            ("count", Value::Int(7)),
            ("sum", Value::Double(0.5)),
            ("scale", Value::Int(-1)),
            ("zero_count", Value::Int(7)),
            ("positive.offset", Value::Int(-7)),
            ("positive.bucket_counts", plain(vec![Value::Int(3)])),
            ("negative.offset", Value::Int(7)),
            ("negative.bucket_counts", plain(vec![Value::Int(3)])),
        ],
    );
    check(
        SUMMARY,
        vec![("count", Value::Int(7)), ("sum", Value::Double(0.5))],
    );
}

/// Scenario: paths that are only read, and values that no field can hold.
/// Guarantees: they are refused or passed over, and nothing changes.
#[test]
fn what_cannot_be_written_is_left_alone() {
    let client = ClientFacts::default();
    with_draft(Scene::Span, Signal::Traces, TRACES, &client, |draft| {
        let before = bytes(draft);
        for (text, value) in [
            ("trace_id.string", Value::text("xy")),
            ("span_id.string", Value::text("0g".repeat(8))),
            ("kind.string", Value::text("None")),
            ("attributes[0]", Value::text("new")),
            ("attributes[x][y]", Value::text("new")),
            ("attributes[l][1]", Value::text("new")),
            ("attributes[new][-1]", Value::text("new")),
            ("cache[0]", Value::text("new")),
        ] {
            assert!(set(draft, text, value).is_err(), "{text}");
        }
        for (text, value) in [
            ("trace_state", Value::text("a=1,b=2")),
            ("trace_state[b]", Value::text("1,c=2")),
            ("trace_state[b c]", Value::text("1")),
            ("attributes", Value::text("new")),
            ("attributes[x]", Value::Nil),
        ] {
            assert_eq!(set(draft, text, value), Ok(false), "{text}");
        }
        assert_eq!(bytes(draft), before);
    });
}

/// Scenario: statements write more than there is room for.
/// Guarantees: what does not fit is refused, is not made, and is told.
#[test]
fn a_draft_grows_as_far_as_it_may() {
    let client = ClientFacts::default();
    with_draft(Scene::Span, Signal::Traces, TRACES, &client, |draft| {
        draft.room = 10;
        assert_eq!(set(draft, "name", Value::text("12345678")), Ok(true));
        assert!(!draft.is_full);
        let before = bytes(draft);
        assert!(set(draft, "name", Value::text("x".repeat(20))).is_err());
        assert!(set(draft, "cache[k]", Value::text("x".repeat(20))).is_err());
        assert!(draft.is_full);
        assert_eq!(bytes(draft), before);
        assert_eq!(set(draft, "name", Value::text("1")), Ok(true));
    });
}
