//! What each processor does beyond what the golden vectors show: what it counts, what it leaves alone, and
//! what it refuses.

use crate::golden::transform;
use crate::still::still;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_core::Signal;
use tailweir_otlp::{RequestView, SpanView, count_items, json};
use tailweir_transform::{ClientContext, Count, Outcome, Request, TransformError};

pub(crate) fn wire(signal: Signal, text: &str) -> Bytes {
    let mut wire = Vec::new();
    json::to_wire(signal, text.as_bytes(), &mut wire).expect("OTLP/JSON");
    wire.into()
}

pub(crate) fn read(signal: Signal, wire: &[u8]) -> serde_json::Value {
    let mut text = Vec::new();
    json::from_wire(signal, wire, &mut text).expect("a request");
    serde_json::from_slice(&text).expect("JSON")
}

pub(crate) fn apply(block: &str, signal: Signal, body: &Bytes) -> Result<Outcome, TransformError> {
    let block = format!("processors:\n  {block}");
    transform(&block, signal).apply(Request {
        signal,
        body: body.clone(),
        client: &ClientContext::default(),
    })
}

const SPANS: &str = r#"{"resourceSpans": [
    {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
     "scopeSpans": [{"scope": {"name": "lib"}, "spans": [
        {"name": "GET /cart/7", "traceId": "00000000000000000000000000000001", "spanId": "0000000000000001",
         "attributes": [{"key": "card", "value": {"stringValue": "4111"}}],
         "events": [{"name": "retry", "attributes": [{"key": "card", "value": {"stringValue": "4111"}}]}]},
        {"name": "b", "traceId": "0000000000000000000000ffffffffff", "spanId": "0000000000000002"}]}]}]}"#;

const POINTS: &str = r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [
    {"name": "a", "gauge": {"dataPoints": [{"asInt": "1"}, {"asInt": "2"}, {"asInt": "3"}]}},
    {"name": "b", "sum": {"dataPoints": [{"asInt": "1"}]}}]}]}]}"#;

/// Scenario: processors that find nothing to do are given requests.
/// Guarantees: the same buffer comes back, with nothing dropped.
#[test]
fn what_is_left_alone_is_not_copied() {
    let body = wire(Signal::Traces, SPANS);
    for block in [
        "filter: {trace_conditions: ['span.name == \"nope\"', 'spanevent.name == \"nope\"']}",
        "redaction: {allow_all_keys: true, blocked_values: ['nope']}",
        "span: {name: {from_attributes: [nope]}}",
        "groupbyattrs: {keys: [nope]}",
    ] {
        let outcome = apply(block, Signal::Traces, &body).unwrap();
        assert_eq!(outcome.body.as_ptr(), body.as_ptr(), "{block}");
        assert_eq!((outcome.dropped, outcome.added), (0, 0), "{block}");
    }
    let marked = wire(
        Signal::Traces,
        &SPANS.replace("\"spanId\"", "\"traceState\": \"ot=th:0\", \"spanId\""),
    );
    let block = "probabilistic_sampler: {mode: proportional, sampling_percentage: 100}";
    let outcome = apply(block, Signal::Traces, &marked).unwrap();
    assert_eq!(outcome.body.as_ptr(), marked.as_ptr());
}

/// Scenario: points, a metric, a resource and everything are filtered out.
/// Guarantees: data points are what is counted, and nothing is handed on when nothing is left.
#[test]
fn a_filter_counts_data_points() {
    let body = wire(Signal::Metrics, POINTS);
    for (condition, dropped, left) in [
        ("datapoint.value_int > 1", 2, true),
        ("metric.name == \"a\"", 3, true),
        ("metric.name != \"\"", 4, false),
        ("resource.attributes[\"x\"] == nil", 4, false),
        ("scope.name == \"\"", 4, false),
    ] {
        let block = format!("filter: {{metric_conditions: ['{condition}']}}");
        let outcome = apply(&block, Signal::Metrics, &body).unwrap();
        assert_eq!(outcome.dropped, dropped, "{condition}");
        assert_eq!(!outcome.body.is_empty(), left, "{condition}");
    }
}

/// Scenario: a condition fails on every span, under each error mode.
/// Guarantees: failures are counted, or fail the request in a way that may pass.
#[test]
fn a_failed_condition_is_counted_or_fails_the_request() {
    let body = wire(Signal::Traces, SPANS);
    let block =
        |mode| format!("filter: {{error_mode: {mode}, trace_conditions: ['Len(span.kind) > 0']}}");
    for mode in ["ignore", "silent"] {
        let outcome = apply(&block(mode), Signal::Traces, &body).unwrap();
        assert_eq!(outcome.counts, [(Count::EvaluationErrors, 2)]);
        assert_eq!(outcome.dropped, 0);
    }
    let error = apply(&block("propagate"), Signal::Traces, &body).unwrap_err();
    assert!(!error.is_permanent());
    assert!(error.to_string().contains("Len(span.kind) > 0"), "{error}");
}

/// Scenario: filters with conditions that no signal, no context or no language has.
/// Guarantees: each is refused, with the setting that is at fault and what would be right.
#[test]
fn a_wrong_condition_is_told_with_its_place() {
    for (block, place, words) in [
        (
            "trace_conditions: ['name == \"x\"']",
            "trace_conditions[0].conditions[0]",
            "span, spanevent",
        ),
        (
            "trace_conditions: ['metric.name == \"x\"']",
            "trace_conditions[0].conditions[0]",
            "metric",
        ),
        (
            "log_conditions: [{context: span, conditions: ['true']}]",
            "log_conditions[0].conditions[0]",
            "resource, scope, log",
        ),
        (
            "metrics: {datapoint: ['nope == 1']}",
            "metrics.datapoint[0]",
            "nope",
        ),
        (
            "trace_conditions: ['otelcol.client.addr == \"::1\"']",
            "trace_conditions[0].conditions[0]",
            "no path that says what it is about",
        ),
        (
            "metrics: {include: {match_type: expr, expressions: ['1 + 1']}}",
            "metrics.include.expressions[0]",
            "not supported in expressions",
        ),
    ] {
        let text = format!(
            "processors: {{filter: {{{block}}}}}\nreceivers: {{nop: }}\nexporters: {{nop: }}\n\
            service: {{pipelines: {{traces: {{receivers: [nop], processors: [filter], exporters: [nop]}}}}}}"
        );
        let sources = Sources::new().config(format!("yaml:{text}"));
        let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
        let settings = loaded
            .settings
            .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
        let processor = settings.processors.values().next().unwrap();
        let errors = tailweir_transform::compile(processor, &still()).unwrap_err();
        assert_eq!(errors.0[0].path, place);
        assert!(
            errors.0[0].problem.contains(words),
            "{}",
            errors.0[0].problem
        );
    }
}

/// Scenario: one span is to be kept whatever its trace id, one must not be, and one has no trace id.
/// Guarantees: each is decided by what it says of itself, and counted under that name.
#[test]
fn chance_listens_to_priorities() {
    let span = |id: u8, rest: &str| {
        format!("{{\"traceId\": \"{id:032x}\", \"spanId\": \"0000000000000001\" {rest}}}")
    };
    let priority = |value: &str| {
        format!(", \"attributes\": [{{\"key\": \"sampling.priority\", \"value\": {value}}}]")
    };
    let spans = [
        span(1, &priority("{\"stringValue\": \"1\"}")),
        span(1, &priority("{\"intValue\": \"0\"}")),
        "{\"spanId\": \"0000000000000003\"}".to_owned(),
    ];
    let text = format!(
        "{{\"resourceSpans\": [{{\"scopeSpans\": [{{\"spans\": [{}]}}]}}]}}",
        spans.join(",")
    );
    let body = wire(Signal::Traces, &text);
    let block = "probabilistic_sampler: {mode: equalizing, sampling_percentage: 1}";
    let outcome = apply(block, Signal::Traces, &body).unwrap();
    assert_eq!(outcome.dropped, 2);
    let of = |policy: &str, sampled| Count::Sampled {
        policy: policy.into(),
        sampled,
    };
    assert_eq!(
        outcome.counts,
        [
            (of("missing_randomness", false), 1),
            (of("sampling_priority", false), 1),
            (of("sampling_priority", true), 1),
        ]
    );
    let left = RequestView(&outcome.body).resources().next().unwrap();
    let kept = left.scopes().next().unwrap().items().next().unwrap();
    assert_eq!(SpanView(kept).trace_state(), b"ot=th:0");
}

/// Scenario: spans of two requests laid end to end are grouped by an attribute that one of them has.
/// Guarantees: it moves to a resource of its own, and what belongs together stands together.
#[test]
fn items_are_put_together_by_what_they_give() {
    let body = wire(Signal::Traces, SPANS);
    let twice = Bytes::from([&body[..], &body[..]].concat());
    let outcome = apply("groupbyattrs: {keys: [card]}", Signal::Traces, &twice).unwrap();
    assert_eq!(
        outcome.counts,
        [(Count::Grouped, 2), (Count::NotGrouped, 2)]
    );
    let resources: Vec<_> = RequestView(&outcome.body).resources().collect();
    assert_eq!(resources.len(), 2);
    for (resource, has_card) in resources.iter().zip([true, false]) {
        let attributes = resource.resource().attributes();
        assert_eq!(attributes.get(b"card").is_some(), has_card);
        let scopes: Vec<_> = resource.scopes().collect();
        assert_eq!((scopes.len(), scopes[0].items().count()), (1, 2));
    }
}

/// Scenario: a resource with a large attribute has many spans, each of which would take a copy of it along.
/// Guarantees: the request is refused once it would grow too much.
#[test]
fn a_large_resource_is_not_copied_without_end() {
    let large = "x".repeat(1 << 20);
    let spans: Vec<_> = (0..80)
        .map(|n| {
            format!(
                "{{\"attributes\": [{{\"key\": \"k\", \"value\": {{\"intValue\": \"{n}\"}}}}]}}"
            )
        })
        .collect();
    let text = format!(
        "{{\"resourceSpans\": [{{\"resource\": {{\"attributes\": [{{\"key\": \"l\", \"value\": \
         {{\"stringValue\": \"{large}\"}}}}]}}, \"scopeSpans\": [{{\"spans\": [{}]}}]}}]}}",
        spans.join(",")
    );
    let body = wire(Signal::Traces, &text);
    let error = apply("groupbyattrs: {keys: [k]}", Signal::Traces, &body).unwrap_err();
    assert!(matches!(error, TransformError::Growth { .. }));
    assert!(apply("groupbyattrs: {keys: [nope]}", Signal::Traces, &body).is_ok());
}

/// Scenario: the same request is redacted twice, in spans, events, scopes and resources.
/// Guarantees: the second pass finds nothing new, and counts on top of what the first one said.
#[test]
fn redactions_behind_each_other_add_up() {
    let body = wire(Signal::Traces, SPANS);
    let block = "redaction: {allow_all_keys: true, blocked_values: ['^4[0-9]+$'], blocked_key_patterns: ['card'], summary: debug}";
    let once = apply(block, Signal::Traces, &body).unwrap().body;
    let twice = apply(block, Signal::Traces, &once).unwrap().body;
    let count = |wire: &[u8]| {
        let text = read(Signal::Traces, wire).to_string();
        assert!(!text.contains("4111"), "{text}");
        let span = &read(Signal::Traces, wire)["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        [span, &span["events"][0]].map(|holder| {
            let attributes = holder["attributes"].as_array().unwrap().clone();
            let counted = attributes
                .into_iter()
                .find(|it| it["key"] == "redaction.masked.count");
            counted.unwrap()["value"]["intValue"].clone()
        })
    };
    assert_eq!(count(&once), ["1", "1"]);
    assert_eq!(count(&twice), ["2", "2"]);
}

/// Scenario: rules whose groups stand in each other, or take no part, are applied to names.
/// Guarantees: every group becomes an attribute, and the name stays whole.
///
/// Conforms: processor `span` | traces | `to_attributes` with groups in each other, or such that took no part |
/// better: names stay whole; the Collector garbles them or crashes
#[test]
fn groups_within_groups_do_not_garble_names() {
    let body = wire(Signal::Traces, SPANS);
    let block =
        "span: {name: {to_attributes: {rules: ['^(?P<all>(?P<verb>[A-Z]+) /cart)/|(?P<none>q)']}}}";
    let outcome = apply(block, Signal::Traces, &body).unwrap();
    let spans = &read(Signal::Traces, &outcome.body)["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans[0]["name"], "{all}/7");
    let attributes = spans[0]["attributes"].to_string();
    for attribute in [
        "\"all\",\"value\":{\"stringValue\":\"GET /cart\"",
        "\"verb\",\"value\":{\"stringValue\":\"GET\"",
        "\"none\"",
    ] {
        assert!(attributes.contains(attribute), "{attributes}");
    }
    assert_eq!(spans[1]["name"], "b");
}

/// Scenario: a redaction with a key is printed for debugging.
/// Guarantees: the key is not in it.
#[test]
fn the_key_of_a_hash_is_not_printed() {
    let block = "processors:\n  redaction: {allow_all_keys: true, hash_function: hmac-sha256, hmac_key: abcdefghijklmnopqrstuvwxyzabcdefgh}";
    let printed = format!("{:?}", transform(block, Signal::Logs));
    assert!(
        printed.contains("HmacSha256") && !printed.contains("abcdef"),
        "{printed}"
    );
}

/// Scenario: names of spans and an attribute are statements, of a span that names its database and of one that does
/// not, with the sanitizer of databases by default, without names, and with statements of any span.
/// Guarantees: names lose their values unless that is switched off; an attribute of a span without a database loses
/// them only where that is asked for.
///
/// Conforms: processor `redaction` | traces | `db_sanitizer` with `sanitize_span_name`,
/// `allow_fallback_without_system` | same
#[test]
fn statements_of_databases_lose_their_values() {
    let spans = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [
        {"name": "SELECT 7", "kind": 3, "traceId": "00000000000000000000000000000001", "spanId": "0000000000000001",
         "attributes": [{"key": "db.system", "value": {"stringValue": "postgresql"}},
                        {"key": "db.statement", "value": {"stringValue": "SELECT 8"}}]},
        {"name": "SELECT 9", "kind": 3, "traceId": "00000000000000000000000000000001", "spanId": "0000000000000002",
         "attributes": [{"key": "db.statement", "value": {"stringValue": "SELECT 10"}}]}]}]}]}"#;
    let body = wire(Signal::Traces, spans);
    for (option, expected) in [
        ("", ["SELECT ?", "SELECT ?", "SELECT 9", "SELECT 10"]),
        (
            "sanitize_span_name: false, ",
            ["SELECT 7", "SELECT ?", "SELECT 9", "SELECT 10"],
        ),
        (
            "allow_fallback_without_system: true, ",
            ["SELECT ?", "SELECT ?", "SELECT 9", "SELECT ?"],
        ),
    ] {
        let block = format!(
            "redaction: {{allow_all_keys: true, summary: silent, \
             db_sanitizer: {{{option}sql: {{enabled: true, attributes: [db.statement]}}}}}}"
        );
        let outcome = apply(&block, Signal::Traces, &body).unwrap();
        let after = read(Signal::Traces, &outcome.body);
        let spans = &after["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let statement = |span: usize| {
            let attributes = spans[span]["attributes"].as_array().unwrap();
            let found = attributes.iter().find(|it| it["key"] == "db.statement");
            found.unwrap()["value"]["stringValue"].clone()
        };
        let found = [
            spans[0]["name"].clone(),
            statement(0),
            spans[1]["name"].clone(),
            statement(1),
        ];
        assert_eq!(found, expected, "{option}");
    }
}

/// Every processor, with settings that touch whatever they can.
const EVERYTHING: [&str; 6] = [
    "filter: {trace_conditions: ['span.name == \"b\"', 'spanevent.name == \"retry\"'], \
     metric_conditions: ['metric.name == \"b\"', 'datapoint.value_int == 1'], log_conditions: ['log.flags == 0']}",
    "redaction: {allow_all_keys: true, redact_all_types: true, blocked_values: ['[a-z0-9]+'], summary: debug}",
    "redaction: {allowed_keys: [a], url_sanitizer: {enabled: true}, db_sanitizer: {sql: {enabled: true}}}",
    "groupbyattrs: {keys: [card]}",
    "span: {name: {from_attributes: [card], to_attributes: {rules: ['(?P<a>[a-z]+)']}}, status: {code: Error}}",
    "probabilistic_sampler: {sampling_percentage: 50}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Scenario: requests with some bytes changed or cut off go through every processor.
    /// Guarantees: no panic, and what comes out of a sound request is sound and has the items that the
    /// outcome says.
    #[test]
    fn hostile_bytes_are_processed_or_refused(
        changes in vec((any::<Index>(), any::<u8>()), 0..4),
        end in any::<Index>(),
        is_cut in any::<bool>(),
    ) {
        for (signal, text) in [(Signal::Traces, SPANS), (Signal::Metrics, POINTS)] {
            let mut body = wire(signal, text).to_vec();
            for (at, byte) in &changes {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            if is_cut {
                body.truncate(end.index(body.len()));
            }
            let before = count_items(signal, &body).ok();
            for block in EVERYTHING {
                if signal == Signal::Metrics && (block.starts_with("span") || block.starts_with("prob")) {
                    continue;
                }
                let outcome = apply(block, signal, &body.clone().into());
                if let (Some(before), Ok(outcome)) = (before, outcome) {
                    let after = count_items(signal, &outcome.body);
                    prop_assert_eq!(after.ok(), Some(before + outcome.added - outcome.dropped), "{}", block);
                }
            }
        }
    }
}
