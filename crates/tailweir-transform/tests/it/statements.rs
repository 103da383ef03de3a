//! The `transform` processor: what it changes, what it leaves alone, and where it ends.

use crate::still::still;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use tailweir_config::{OttlErrorMode, StatementGroup, StatementGroups, TransformProcessor};
use tailweir_core::Signal;
use tailweir_otlp::{AnyValue, EncodedValue, MetricView, RequestView, SpanView, field, json};
use tailweir_testkit::{Folder, request, span, span_id, trace_id};
use tailweir_transform::{
    ClientContext, Count, Outcome, Request, Statements, Transform, TransformError,
};

fn group(statements: &[&str]) -> StatementGroup {
    StatementGroup {
        statements: statements.iter().map(|&text| text.to_owned()).collect(),
        ..StatementGroup::default()
    }
}

fn groups(groups: Vec<StatementGroup>) -> StatementGroups {
    StatementGroups {
        groups,
        are_plain: false,
    }
}

fn processor(signal: Signal, of: Vec<StatementGroup>) -> TransformProcessor {
    let mut settings = TransformProcessor::default();
    let list = match signal {
        Signal::Traces => &mut settings.trace_statements,
        Signal::Metrics => &mut settings.metric_statements,
        Signal::Logs => &mut settings.log_statements,
    };
    *list = groups(of);
    settings
}

fn compile(settings: &TransformProcessor) -> Statements {
    Statements::new(settings, &still()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn apply(
    statements: &Statements,
    signal: Signal,
    body: impl Into<Bytes>,
) -> Result<Outcome, TransformError> {
    statements.apply(Request {
        signal,
        body: body.into(),
        client: &ClientContext::default(),
    })
}

/// What plain statements make of a request.
fn changed(signal: Signal, statements: &[&str], body: &[u8]) -> Bytes {
    let statements = compile(&processor(signal, vec![group(statements)]));
    let outcome = apply(&statements, signal, body.to_vec()).expect("a request that can be changed");
    assert_eq!(outcome.counts, [], "no statement fails");
    outcome.body
}

fn wire(signal: Signal, text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    json::to_wire(signal, text.as_bytes(), &mut wire).expect("OTLP/JSON");
    wire
}

fn as_json(signal: Signal, wire: &[u8]) -> serde_json::Value {
    let mut text = Vec::new();
    json::from_wire(signal, wire, &mut text).expect("OTLP");
    serde_json::from_slice(&text).expect("JSON")
}

/// Scenario: of three spans one is renamed; each has a field that nobody knows.
/// Guarantees: the others keep every byte, and the changed one keeps what nobody knows.
///
/// Conforms: processor `transform` | traces | what is not changed, and fields that nobody knows | better: keep their
/// bytes
#[test]
fn untouched_spans_and_unknown_fields_keep_their_bytes() {
    let spans: Vec<Vec<u8>> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            let mut span = vec![0xfa, 0x07, 2, b'h', b'i'];
            span.extend(field::SPAN_NAME.with_bytes(&[], name.as_bytes()));
            span
        })
        .collect();
    let scope = field::ITEMS.with_messages(&[], spans.iter().map(Vec::as_slice));
    let resource = field::SCOPES.with_bytes(&[], &scope);
    let body = field::REQUEST_RESOURCES.with_bytes(&[], &resource);
    let after = changed(
        Signal::Traces,
        &[r#"set(span.name, "renamed") where span.name == "b""#],
        &body,
    );
    let resource = RequestView(&after).resources().next().unwrap();
    let after: Vec<_> = resource.scopes().next().unwrap().items().collect();
    assert_eq!((after[0], after[2]), (&spans[0][..], &spans[2][..]));
    assert_eq!(after[1], field::SPAN_NAME.with_bytes(&spans[1], b"renamed"));
}

/// Scenario: an attribute is an odd message: value before key, and a field that nobody knows. All
/// attributes are gone over, and another one is removed.
/// Guarantees: it keeps its bytes.
#[test]
fn an_attribute_that_stays_keeps_its_bytes() {
    let odd = b"\x12\x02\x18\x05\x0a\x01a\x52\x01?";
    let other = b"\x0a\x01b\x12\x02\x18\x06";
    let span = field::SPAN_ATTRIBUTES.with_messages(&[], [&odd[..], &other[..]]);
    let scope = field::ITEMS.with_bytes(&[], &span);
    let body = field::REQUEST_RESOURCES.with_bytes(&[], &field::SCOPES.with_bytes(&[], &scope));
    let after = changed(
        Signal::Traces,
        &[r#"keep_keys(span.attributes, ["a"])"#],
        &body,
    );
    let resource = RequestView(&after).resources().next().unwrap();
    let span = resource.scopes().next().unwrap().items().next().unwrap();
    assert_eq!(span, field::SPAN_ATTRIBUTES.with_messages(&[], [&odd[..]]));
}

/// Scenario: a statement about events changes the span and the resource; the next event and the next span
/// read it.
/// Guarantees: what was written is what is read, in the order of the request.
#[test]
fn a_statement_sees_what_others_wrote() {
    let event = |name: &str| (name.to_owned(), Vec::new());
    let spans = (1..=2).map(|id| {
        let events = [event("x"), event("y")];
        events.into_iter().fold(
            span(trace_id(1), id).named("s"),
            |span, (name, attributes)| span.event(&name, attributes),
        )
    });
    let body = request().service("shop").spans(spans).bytes();
    let after = changed(
        Signal::Traces,
        &[
            r#"set(resource.attributes["seen"], Concat([resource.attributes["seen"], spanevent.name], ""))"#,
            r#"set(span.name, Concat([span.name, spanevent.name], ""))"#,
            r#"set(spanevent.attributes["of"], span.name)"#,
        ],
        &body,
    );
    let document = as_json(Signal::Traces, &after);
    let group = &document["resourceSpans"][0];
    let attributes = group["resource"]["attributes"].as_array().unwrap();
    let seen = attributes
        .iter()
        .find(|entry| entry["key"] == "seen")
        .unwrap();
    assert_eq!(seen["value"]["stringValue"], "<nil>xyxy");
    for span in group["scopeSpans"][0]["spans"].as_array().unwrap() {
        assert_eq!(span["name"], "sxy");
        let of = &span["events"][0]["attributes"][0]["value"]["stringValue"];
        assert_eq!(of, "sx");
    }
}

/// Scenario: groups that remember something, each for itself and together.
/// Guarantees: without `shared_cache` every span begins with nothing; with it the next span and the next
/// group of the same context know.
#[test]
fn a_cache_is_shared_where_that_is_asked_for() {
    let body = request()
        .spans((1..=2).map(|id| span(trace_id(1), id)))
        .bytes();
    let names = |shared_cache| {
        let remember = r#"set(span.cache["n"], Concat([span.cache["n"], "x"], ""))"#;
        let mut first = group(&[remember]);
        let mut second =
            group(&[r#"set(span.name, span.cache["n"]) where span.cache["n"] != nil"#]);
        first.shared_cache = shared_cache;
        second.shared_cache = shared_cache;
        let statements = compile(&processor(Signal::Traces, vec![first, second]));
        let after = apply(&statements, Signal::Traces, body.clone())
            .unwrap()
            .body;
        let document = as_json(Signal::Traces, &after);
        document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"].clone()
    };
    assert_eq!(names(false), "operation");
    assert_eq!(names(true), "<nil>xx");
}

/// Scenario: between two groups that share what they remember stands one of the same context that does not, and remembers
/// something under the same name.
/// Guarantees: it neither sees what they share nor takes it from them.
#[test]
fn a_group_with_a_cache_of_its_own_leaves_the_shared_one() {
    let body = request().span(span(trace_id(1), 1)).bytes();
    let mut first = group(&[r#"set(span.cache["n"], "shared")"#]);
    let between = group(&[
        r#"set(span.attributes["seen"], true) where span.cache["n"] != nil"#,
        r#"set(span.cache["n"], "own")"#,
    ]);
    let mut last = group(&[r#"set(span.name, span.cache["n"])"#]);
    first.shared_cache = true;
    last.shared_cache = true;
    let statements = compile(&processor(Signal::Traces, vec![first, between, last]));
    let outcome = apply(&statements, Signal::Traces, body).unwrap();
    let expected = request().span(span(trace_id(1), 1).named("shared")).bytes();
    assert_eq!(
        as_json(Signal::Traces, &outcome.body),
        as_json(Signal::Traces, &expected)
    );
}

/// Scenario: the second of three statements fails, in each error mode.
/// Guarantees: it is passed over and counted, or the request fails for a reason that may pass.
#[test]
fn a_failure_is_passed_over_or_propagated() {
    let body = request().span(span(trace_id(1), 1).named("x")).bytes();
    let run = |error_mode| {
        let mut settings = processor(
            Signal::Traces,
            vec![group(&[
                r#"set(span.attributes["a"], 1)"#,
                r#"set(span.attributes["b"], Int(span.name))"#,
                r#"set(span.attributes["c"], 3)"#,
            ])],
        );
        settings.error_mode = error_mode;
        apply(&compile(&settings), Signal::Traces, body.clone())
    };
    for mode in [OttlErrorMode::Ignore, OttlErrorMode::Silent] {
        let outcome = run(mode).unwrap();
        assert_eq!(outcome.counts, [(Count::EvaluationErrors, 1)]);
        let resource = RequestView(&outcome.body).resources().next().unwrap();
        let span = SpanView(resource.scopes().next().unwrap().items().next().unwrap());
        let held = [b"a", b"b", b"c"].map(|key| span.attributes().get(key));
        assert_eq!(held, [Some(AnyValue::Int(1)), None, Some(AnyValue::Int(3))]);
    }
    let error = run(OttlErrorMode::Propagate).unwrap_err();
    assert!(
        !error.is_permanent() && error.to_string().contains("Int"),
        "{error}"
    );
}

/// Scenario: statements without a context, whose paths, editors and symbols tell it, or do not.
/// Guarantees: the innermost context is taken, or one within it that has all; else the group is refused.
#[test]
fn the_context_is_told_by_the_statements() {
    let is_refused = |signal, statements: &[&str]| {
        Statements::new(&processor(signal, vec![group(statements)]), &still()).is_err()
    };
    let metrics = [
        &[r#"set(metric.description, "x") where datapoint.flags == FLAG_NONE"#][..],
        &[r#"merge_histogram_buckets(0.5) where metric.name == "x""#],
        &[r#"convert_sum_to_gauge() where metric.name == "x""#],
        &[r#"set(scope.name, "x") where resource.attributes["a"] == 1"#],
    ];
    for statements in metrics {
        assert!(!is_refused(Signal::Metrics, statements), "{statements:?}");
    }
    for statements in [
        // Neither context has both editors.
        &[r#"convert_sum_to_gauge() where datapoint.flags == 0"#][..],
        &[r#"set(span.name, "x")"#],
        &[r#"set(name, "x")"#],
        // A name that is the scope's in the contexts within it alone.
        &[r#"set(resource.attributes["a"], instrumentation_scope.name)"#],
        &["convert_sum_to_gauge()"],
        &[r#"set(metric.name, "x") where metric.type == SPAN_KIND_SERVER"#],
    ] {
        assert!(is_refused(Signal::Metrics, statements), "{statements:?}");
    }
    assert!(is_refused(Signal::Logs, &[r#"set(span.name, "x")"#]));
}

/// Scenario: mistakes of each kind, in plain statements and in groups.
/// Guarantees: each is told with the option where it stands.
#[test]
fn mistakes_are_told_with_their_place() {
    let mut plain = processor(
        Signal::Traces,
        vec![group(&[
            r#"set(span.name, "x")"#,
            r#"set(span.nothing, 1)"#,
            r#"sett(span.name, "x")"#,
        ])],
    );
    plain.trace_statements.are_plain = true;
    let paths = |settings: &TransformProcessor| {
        let errors = Statements::new(settings, &still()).unwrap_err();
        errors
            .0
            .into_iter()
            .map(|error| error.path)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths(&plain),
        ["trace_statements[1]", "trace_statements[2]"]
    );
    let mut wrong = group(&["set(name)", "sett(name, 1)", "set(name, 1"]);
    wrong.context = "span".to_owned();
    wrong.conditions = vec!["kind ==".to_owned()];
    let mut foreign = group(&["set(body, 1)"]);
    foreign.context = "log".to_owned();
    let settings = processor(Signal::Traces, vec![wrong, foreign]);
    assert_eq!(
        paths(&settings),
        [
            "trace_statements[0].statements[0]",
            "trace_statements[0].statements[1]",
            "trace_statements[0].statements[2]",
            "trace_statements[0].conditions[0]",
            "trace_statements[1].context",
        ]
    );
}

const METRICS: &str = r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [
    {"name": "h", "unit": "s", "histogram": {"aggregationTemporality": 1, "dataPoints": [
        {"count": "14", "sum": 9, "explicitBounds": [0.1, 0.5, 1], "bucketCounts": ["5", "8", "0", "1"]}]}},
    {"name": "s", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
        {"asInt": "3", "attributes": [{"key": "a", "value": {"stringValue": "x"}}]},
        {"asDouble": 4.5, "attributes": [{"key": "a", "value": {"stringValue": "y"}}]}]}}
]}]}]}"#;

fn metrics_of(body: &[u8]) -> serde_json::Value {
    as_json(Signal::Metrics, body)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].clone()
}

/// Scenario: editors of metrics on a histogram and a sum.
/// Guarantees: each does its work, points that are added or become one are counted, and other metrics
/// stay.
#[test]
fn metrics_are_converted_extracted_and_aggregated() {
    let body = wire(Signal::Metrics, METRICS);
    let run = |statement: &str| {
        let statements = compile(&processor(Signal::Metrics, vec![group(&[statement])]));
        let outcome = apply(&statements, Signal::Metrics, body.clone()).unwrap();
        assert_eq!(outcome.counts, [], "{statement}");
        (metrics_of(&outcome.body), outcome.added, outcome.dropped)
    };
    let (metrics, added, dropped) =
        run(r#"extract_percentile_metric(50.0) where metric.name == "h""#);
    assert_eq!((added, dropped), (1, 0));
    assert_eq!(metrics[2]["name"], "h_p50");
    assert_eq!(metrics[2]["gauge"]["dataPoints"][0]["asDouble"], 0.2);
    let (metrics, added, dropped) =
        run(r#"aggregate_on_attributes("sum", []) where metric.name == "s""#);
    assert_eq!((added, dropped), (0, 1));
    assert_eq!(metrics[1]["sum"]["dataPoints"][0]["asInt"], "3");
    let (metrics, ..) =
        run(r#"aggregate_on_attribute_value("max", "a", ["y"], "x") where metric.name == "s""#);
    assert_eq!(metrics[1]["sum"]["dataPoints"].as_array().unwrap().len(), 1);
    assert_eq!(metrics[1]["sum"]["dataPoints"][0]["asInt"], "4");
    let (metrics, ..) = run(r#"merge_histogram_buckets(0.5) where metric.name == "h""#);
    let point = &metrics[0]["histogram"]["dataPoints"][0];
    assert_eq!(point["explicitBounds"], serde_json::json!([0.1, 1.0]));
    assert_eq!(point["bucketCounts"], serde_json::json!(["5", "8", "1"]));
    let (metrics, ..) =
        run(r#"merge_histogram_buckets(2, method="limit_buckets") where metric.name == "h""#);
    let point = &metrics[0]["histogram"]["dataPoints"][0];
    assert_eq!(point["explicitBounds"], serde_json::json!([0.5]));
    assert_eq!(point["bucketCounts"], serde_json::json!(["13", "1"]));
}

/// Scenario: every metric is copied, copies too.
/// Guarantees: it ends, and the request is refused because it would grow too much.
///
/// Conforms: processor `transform` | metrics | a request that statements make grow without end | better: refused once
/// it is 64 MiB longer
#[test]
fn copies_of_copies_end() {
    let body = wire(Signal::Metrics, METRICS);
    let statements = compile(&processor(
        Signal::Metrics,
        vec![group(&[r#"copy_metric() where metric.name != """#])],
    ));
    let error = apply(&statements, Signal::Metrics, body).unwrap_err();
    assert!(matches!(error, TransformError::Growth { .. }), "{error}");
}

/// Scenario: a text doubles with every statement, and a cache puts itself into itself.
/// Guarantees: it ends, with a refusal or with what is there.
#[test]
fn what_doubles_ends() {
    let body = request()
        .span(span(trace_id(1), 1).named("0123456789"))
        .bytes();
    let doubled = [r#"set(span.name, Concat([span.name, span.name], ""))"#; 30];
    let nested = [r#"set(span.cache["a"], span.cache)"#; 100];
    let spread = [r#"set(span.cache["a"], [span.cache, span.cache])"#; 60];
    for (texts, is_refused) in [(&doubled[..], true), (&nested, false), (&spread, true)] {
        let statements = compile(&processor(Signal::Traces, vec![group(texts)]));
        let outcome = apply(&statements, Signal::Traces, body.clone());
        assert_eq!(outcome.is_err(), is_refused, "{}", texts[0]);
    }
}

/// Statements of every scene and editor, whatever they do.
const EVERYTHING: [(Signal, &str); 40] = [
    (
        Signal::Traces,
        r#"set(resource.attributes["a"]["b"], span.name)"#,
    ),
    (
        Signal::Traces,
        r#"set(resource.schema_url, "u") where span.kind == 0"#,
    ),
    (Signal::Traces, r#"set(scope.name, span.trace_state["a"])"#),
    (Signal::Traces, r#"set(span.trace_state["a"], "1")"#),
    (Signal::Traces, r#"set(span.status.code, 2)"#),
    (Signal::Traces, r#"set(span.attributes, span.attributes)"#),
    (Signal::Traces, r#"set(span.attributes["a"][3], 1)"#),
    (Signal::Traces, r#"clear(span.events)"#),
    (
        Signal::Traces,
        r#"flatten(span.attributes, resolveConflicts=true)"#,
    ),
    (Signal::Traces, r#"limit(span.attributes, 1, [])"#),
    (Signal::Traces, r#"truncate_all(span.attributes, 2)"#),
    (Signal::Traces, r#"stringify_all(span.attributes)"#),
    (
        Signal::Traces,
        r#"replace_all_patterns(span.attributes, "key", "(.)", "$1$1", SHA1)"#,
    ),
    (
        Signal::Traces,
        r#"replace_all_patterns(span.attributes, "value", "", "$0-")"#,
    ),
    (
        Signal::Traces,
        r#"replace_all_matches(span.attributes, "*", "x")"#,
    ),
    (
        Signal::Traces,
        r#"replace_pattern(span.name, ".", span.name, ToUpperCase, "%s")"#,
    ),
    (
        Signal::Traces,
        r#"merge_maps(resource.attributes, span.attributes, "upsert")"#,
    ),
    (
        Signal::Traces,
        r#"append(span.attributes["a"], span.attributes)"#,
    ),
    (
        Signal::Traces,
        r#"set_semconv_span_name("1.37.0", "was") where span.kind != 0"#,
    ),
    (
        Signal::Traces,
        r#"set(spanevent.attributes["a"], span.start_time_unix_nano)"#,
    ),
    (Signal::Traces, r#"set(span.name, spanevent.name)"#),
    (Signal::Logs, r#"set(log.body["a"][0], log.severity_text)"#),
    (Signal::Logs, r#"set(log.body, log.attributes)"#),
    (Signal::Logs, r#"delete_index(log.body, 0)"#),
    (
        Signal::Logs,
        r#"set(log.trace_id.string, "0102030405060708090a0b0c0d0e0f10")"#,
    ),
    (
        Signal::Metrics,
        r#"set(metric.name, Concat(["x", metric.unit], ""))"#,
    ),
    (Signal::Metrics, r#"set(metric.is_monotonic, true)"#),
    (
        Signal::Metrics,
        r#"set(metric.description, "x") where datapoint.flags == 0"#,
    ),
    (
        Signal::Metrics,
        r#"set(datapoint.value_double, datapoint.value_double * 2.0)"#,
    ),
    (
        Signal::Metrics,
        r#"set(datapoint.positive, datapoint.negative)"#,
    ),
    (
        Signal::Metrics,
        r#"set(datapoint.bucket_counts, datapoint.positive.bucket_counts)"#,
    ),
    (
        Signal::Metrics,
        r#"convert_gauge_to_sum("delta", true) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"extract_sum_metric(true) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"extract_percentile_metric(99.0) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"scale_metric(0.5, "u") where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"aggregate_on_attributes("median", ["a"]) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"convert_exponential_histogram_to_histogram("random", [0.0, 1.0]) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"convert_summary_count_val_to_sum("delta", true) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"merge_histogram_buckets(1.0) where metric.name != "x""#,
    ),
    (
        Signal::Metrics,
        r#"convert_summary_quantile_val_to_gauge() where metric.name != "x""#,
    ),
];

/// A statement with `where false` added to what it asks.
fn never(statement: &str) -> String {
    match statement.split_once(" where ") {
        Some((editor, condition)) => format!("{editor} where ({condition}) and false"),
        None => format!("{statement} where false"),
    }
}

/// Scenario: every request of the golden vectors meets statements whose `where` is false, or that set what
/// is there already.
/// Guarantees: the very same buffer comes back.
#[test]
fn statements_that_change_nothing_are_the_identity() {
    let folder = Folder::open("processors");
    let idle = [
        (Signal::Traces, "set(span.name, span.name)"),
        (Signal::Traces, "set(spanevent.time, spanevent.time)"),
        (Signal::Metrics, "set(datapoint.time, datapoint.time)"),
        (Signal::Metrics, "set(metric.unit, metric.unit)"),
        (Signal::Logs, "set(log.observed_time, log.observed_time)"),
        (Signal::Logs, "set(log.body, log.body)"),
    ];
    let never: Vec<_> = EVERYTHING
        .iter()
        .map(|(signal, text)| (*signal, never(text)))
        .collect();
    let texts = never
        .iter()
        .map(|(signal, text)| (*signal, text.as_str()))
        .chain(idle);
    let compiled: Vec<_> = texts
        .map(|(signal, text)| (signal, compile(&processor(signal, vec![group(&[text])]))))
        .collect();
    let mut requests = 0;
    for suite in folder
        .suites("suite.json")
        .iter()
        .filter(|it| it.starts_with("transform/"))
    {
        let description = folder.json(&format!("{suite}/suite.json"));
        for input in folder.json_lines(&format!("{suite}/input.jsonl")) {
            for (signal, statements) in &compiled {
                if description["signal"] != signal.name() {
                    continue;
                }
                requests += 1;
                let body = Bytes::from(wire(*signal, &input.to_string()));
                let after = apply(statements, *signal, body.clone()).unwrap().body;
                assert_eq!(after.as_ptr(), body.as_ptr(), "{suite} {statements:?}");
            }
        }
    }
    assert!(requests > 1000, "only {requests}");
}

/// A message whose fields make some sense: nested, with numbers that are in use.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = vec(any::<u8>(), 0..12);
    leaf.prop_recursive(6, 64, 6, |inner| {
        vec((1_u8..16, inner, any::<[u8; 8]>(), 0_u8..4), 0..6).prop_map(|fields| {
            let mut out = Vec::new();
            for (number, content, bits, wire_type) in fields {
                match wire_type {
                    0 => out.extend_from_slice(&[number << 3, bits[0] & 0x7f]),
                    1 => {
                        out.push(number << 3 | 1);
                        out.extend_from_slice(&bits);
                    }
                    _ => {
                        let short = &content[..content.len().min(127)];
                        out.extend_from_slice(&[number << 3 | 2, short.len() as u8]);
                        out.extend_from_slice(short);
                    }
                }
            }
            out
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Scenario: bytes that may or may not be a request meet statements of every kind.
    /// Guarantees: no panic, an end, and the same answer twice.
    #[test]
    fn any_bytes_are_gone_over(inner in message(), at in 0..EVERYTHING.len(), deep in any::<bool>()) {
        let (signal, text) = EVERYTHING[at];
        let body = if deep {
            let scope = field::ITEMS.with_bytes(&[], &inner);
            let resource = field::SCOPES.with_bytes(&[], &scope);
            field::REQUEST_RESOURCES.with_bytes(&[], &resource)
        } else {
            inner
        };
        let statements = compile(&processor(signal, vec![group(&[text])]));
        let first = apply(&statements, signal, body.clone());
        prop_assert_eq!(first, apply(&statements, signal, body));
    }
}

/// Scenario: a span without a parent gets one, a root's id is set to zero, and a trace id changes.
/// Guarantees: the ids are there, and a root writes no parent.
#[test]
fn ids_are_written() {
    let body = request().span(span(trace_id(1), 1).child_of(2)).bytes();
    let after = changed(
        Signal::Traces,
        &[
            "set(span.parent_span_id, SpanID(0x0000000000000000))",
            "set(span.trace_id, TraceID(0x0102030405060708090a0b0c0d0e0f10))",
        ],
        &body,
    );
    let resource = RequestView(&after).resources().next().unwrap();
    let span = SpanView(resource.scopes().next().unwrap().items().next().unwrap());
    assert!(field::SPAN_PARENT_ID.messages(span.0).next().is_none());
    assert_eq!(
        span.trace_id().to_string(),
        "0102030405060708090a0b0c0d0e0f10"
    );
    assert_eq!(span.span_id(), span_id(1));
}

/// Scenario: times and ids are asked of the surroundings.
/// Guarantees: they are what the surroundings say.
#[test]
fn the_surroundings_are_asked() {
    let body = request().span(span(trace_id(1), 1)).bytes();
    let after = changed(
        Signal::Traces,
        &[
            "set(span.end_time, Now())",
            r#"set(span.attributes["id"], UUID())"#,
        ],
        &body,
    );
    let resource = RequestView(&after).resources().next().unwrap();
    let span = SpanView(resource.scopes().next().unwrap().items().next().unwrap());
    assert_eq!(span.end(), 1_700_000_000_000_000_000);
    let id = EncodedValue::string(b"07070707-0707-4707-8707-070707070707");
    assert_eq!(span.attributes().get(b"id"), Some(id.view()));
}

/// Scenario: a metric holds data of two kinds, of which the last counts, and its points change.
/// Guarantees: the points of the last kind change, and nothing is lost of them.
#[test]
fn of_two_kinds_of_data_the_last_is_changed() {
    let point = field::NUMBER_INT.with_number(&[], 5);
    let data = field::DATA_POINTS.with_bytes(&[], &point);
    let mut metric = vec![0x2a, 0x02, 0x0a, 0x00];
    metric.extend(field::METRIC_SUM.with_bytes(&[], &data));
    let scope = field::ITEMS.with_bytes(&[], &metric);
    let body = field::REQUEST_RESOURCES.with_bytes(&[], &field::SCOPES.with_bytes(&[], &scope));
    let after = changed(Signal::Metrics, &["set(datapoint.value_int, 6)"], &body);
    let resource = RequestView(&after).resources().next().unwrap();
    let metric = MetricView(resource.scopes().next().unwrap().items().next().unwrap());
    let points: Vec<_> = metric
        .data()
        .points()
        .map(|point| point.message().to_vec())
        .collect();
    assert_eq!(points, [field::NUMBER_INT.with_number(&[], 6)]);
}
