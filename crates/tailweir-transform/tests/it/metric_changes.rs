//! What `metrics_transform` does beyond what the Collector's answers show: what it does not lose, and what it counts.

use crate::processors::{apply, read, wire};
use serde_json::{Value, json};
use tailweir_core::Signal;
use tailweir_transform::{Count, TransformError};

/// What becomes of these metrics, and how much could not be done.
fn changed(transforms: &str, metrics: &Value) -> (Value, Vec<(Count, u64)>) {
    let request = json!({"resourceMetrics": [{"schemaUrl": "r", "scopeMetrics": [{"schemaUrl": "s", "metrics": metrics}]}]});
    let body = wire(Signal::Metrics, &request.to_string());
    let block = format!("metrics_transform: {{transforms: [{transforms}]}}");
    let outcome = apply(&block, Signal::Metrics, &body).expect("a small request");
    let after = read(Signal::Metrics, &outcome.body);
    (after["resourceMetrics"].clone(), outcome.counts)
}

fn gauge(name: &str, points: Value) -> Value {
    json!({"name": name, "gauge": {"dataPoints": points}})
}

fn point(label: &str, value: i64) -> Value {
    json!({"attributes": [{"key": "l", "value": {"stringValue": label}}], "asInt": value.to_string()})
}

/// The names of metrics of the first scope of a resource, and how many points each has.
fn names(resource: &Value) -> Vec<(String, usize)> {
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array();
    let points = |metric: &Value| metric["gauge"]["dataPoints"].as_array().map_or(0, Vec::len);
    let name = |metric: &Value| metric["name"].as_str().unwrap_or_default().to_owned();
    let metrics = metrics.into_iter().flatten();
    metrics
        .map(|metric| (name(metric), points(metric)))
        .collect()
}

/// Scenario: of a metric with two points one is selected, and combined or grouped.
/// Guarantees: the other stays where it was, and the resource that is made keeps schema URLs.
///
/// Conforms: processor `metrics_transform` | metrics | points that `experimental_match_labels` does not select |
/// better: stay where they were when the others are combined or grouped
#[test]
fn points_that_are_not_selected_stay() {
    let metrics = json!([gauge("a", json!([point("x", 1), point("y", 2)]))]);
    let selected = "include: a, experimental_match_labels: {l: x}";
    let combine = format!("{{{selected}, action: combine, new_name: b, aggregation_type: sum}}");
    let (resources, _) = changed(&combine, &metrics);
    let both = [("a".to_owned(), 1), ("b".to_owned(), 1)];
    assert_eq!(names(&resources[0]), both);
    let group = format!("{{{selected}, action: group, group_resource_labels: {{k: v}}}}");
    let (resources, _) = changed(&group, &metrics);
    let one = [("a".to_owned(), 1)];
    assert_eq!(
        (names(&resources[0]), names(&resources[1])),
        (one.to_vec(), one.to_vec())
    );
    let key = &resources[1]["resource"]["attributes"][0]["key"];
    assert_eq!(
        (key, &resources[1]["schemaUrl"]),
        (&json!("k"), &json!("r"))
    );
    assert_eq!(resources[1]["scopeMetrics"][0]["schemaUrl"], "s");
}

/// Scenario: an integer and a float have the same labels, and become one.
/// Guarantees: it is the sum of both.
#[test]
fn floats_among_integers_count() {
    let metrics = json!([gauge("a", json!([{"asInt": "1"}, {"asDouble": 2.5}]))]);
    let sum = "{include: a, action: update, operations: [{action: aggregate_labels, label_set: [], aggregation_type: sum}]}";
    let (resources, _) = changed(sum, &metrics);
    let points = &resources[0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"];
    assert_eq!(points.as_array().map(Vec::len), Some(1));
    assert_eq!(points[0]["asDouble"], 3.5);
}

/// Scenario: a label is renamed to what it is called, and one that has a neighbour is renamed with a new value.
/// Guarantees: the first stays, and the value of the second follows from its own, not from the neighbour's.
#[test]
fn a_label_that_is_renamed_keeps_its_value() {
    let attributes = json!([{"key": "l", "value": {"stringValue": "x"}}, {"key": "m", "value": {"stringValue": "y"}}]);
    let metrics = json!([gauge(
        "a",
        json!([{"attributes": attributes, "asInt": "1"}])
    )]);
    let same = "{include: a, action: update, operations: [{action: update_label, label: l, new_label: l}]}";
    let (resources, _) = changed(same, &metrics);
    let labels = |resources: &Value| {
        let point = &resources[0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"][0];
        let labels = point["attributes"].as_array().unwrap().iter();
        let mut labels: Vec<_> = labels
            .map(|label| {
                format!("{}={}", label["key"], label["value"]["stringValue"]).replace('"', "")
            })
            .collect();
        labels.sort();
        labels
    };
    assert_eq!(labels(&resources), ["l=x", "m=y"]);
    let renamed = "{include: a, action: update, operations: [{action: update_label, label: l, new_label: n, \
                   value_actions: [{value: x, new_value: own}, {value: y, new_value: neighbour}]}]}";
    assert_eq!(labels(&changed(renamed, &metrics).0), ["m=y", "n=own"]);
}

/// Scenario: a group of the pattern takes no part in the match, where names become labels.
/// Guarantees: it gives no label.
#[test]
fn a_group_that_takes_no_part_gives_no_label() {
    let metrics = json!([gauge("ac", json!([{"asInt": "1"}]))]);
    let combine = "{include: '^(a)(b)?(?P<c>c)$$', match_type: regexp, action: combine, new_name: n, aggregation_type: sum}";
    let (resources, _) = changed(combine, &metrics);
    let point = &resources[0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"][0];
    let labels = point["attributes"].as_array().unwrap().iter();
    let keys: Vec<_> = labels.map(|label| label["key"].clone()).collect();
    assert_eq!(keys, ["$1", "c"]);
}

/// Scenario: a gauge and a sum are to be combined, labels of a summary aggregated, and a histogram turned round.
/// Guarantees: all stay as they are, and each is counted.
///
/// Conforms: processor `metrics_transform` | metrics | metrics that cannot be combined, operations on summaries |
/// better: left undone as there, and counted
#[test]
fn what_cannot_be_done_is_counted() {
    let metrics = json!([
        gauge("g", json!([{"asInt": "1"}])),
        {"name": "s", "sum": {"dataPoints": [{"asInt": "1"}]}},
        {"name": "q", "summary": {"dataPoints": [{"count": "1"}]}},
        {"name": "h", "histogram": {"dataPoints": [{"count": "1", "bucketCounts": ["1", "0"], "explicitBounds": [1]}]}},
    ]);
    let all = "{include: '^[gs]$$', match_type: regexp, action: combine, new_name: n, aggregation_type: sum}, \
               {include: q, action: update, operations: [{action: aggregate_labels, aggregation_type: sum}]}, \
               {include: h, action: update, operations: [{action: experimental_scale_value, experimental_scale: -1}]}";
    let (resources, counts) = changed(all, &metrics);
    let (same, _) = changed("{include: nope, action: update}", &metrics);
    assert_eq!(resources, same);
    assert_eq!(counts, [(Count::EvaluationErrors, 3)]);
}

/// Scenario: a metric with points is copied and lost by its label, in one request.
/// Guarantees: points that come and go are counted, and an empty metric that was empty before stays.
#[test]
fn points_that_come_and_go_are_counted() {
    let metrics = json!([{"name": "a", "gauge": {"dataPoints": [point("x", 1), point("y", 2)]}}, {"name": "e", "gauge": {}}]);
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]});
    let body = wire(Signal::Metrics, &request.to_string());
    let block = "metrics_transform: {transforms: [{include: '[ae]', match_type: regexp, action: update, operations: \
                 [{action: delete_label_value, label: l, label_value: x}]}]}";
    let outcome = apply(block, Signal::Metrics, &body).unwrap();
    assert_eq!((outcome.added, outcome.dropped), (0, 1));
    let left = &read(Signal::Metrics, &outcome.body)["resourceMetrics"][0];
    assert_eq!(names(left), [("a".to_owned(), 1), ("e".to_owned(), 0)]);
    let block = "metrics_transform: {transforms: [{include: a, action: insert, new_name: b}]}";
    let outcome = apply(block, Signal::Metrics, &body).unwrap();
    assert_eq!((outcome.added, outcome.dropped), (2, 0));
}

/// Scenario: each of many copies is copied again, and a long name becomes a label of many points.
/// Guarantees: the request is refused once it would grow too much.
#[test]
fn copies_of_copies_come_to_an_end() {
    let points: Vec<_> = (0..1000).map(|n| point("x", n)).collect();
    let name = "n".repeat(100_000);
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [gauge(&name, json!(points))]}]}]});
    let body = wire(Signal::Metrics, &request.to_string());
    let copy = "{include: n, match_type: regexp, action: insert, new_name: nn}, ".repeat(40);
    let label = "{include: '^(n+)$$', match_type: regexp, action: combine, new_name: nn, aggregation_type: sum}";
    for transforms in [copy.as_str(), label] {
        let block = format!("metrics_transform: {{transforms: [{transforms}]}}");
        let error = apply(&block, Signal::Metrics, &body).unwrap_err();
        assert!(matches!(error, TransformError::Growth { .. }), "{error}");
    }
}
