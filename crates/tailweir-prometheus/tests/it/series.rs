//! What becomes of streams: kept, added, moved, forgotten, refused.

use crate::support::{accept, page, store, text};
use serde_json::{Value, json};
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_prometheus::{Format, Page, Trouble};

const NOW: Moment = Moment::ZERO;

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn point(label: &str, value: i64, more: Value) -> Value {
    let mut point = json!({
        "attributes": [attribute("k", label)],
        "startTimeUnixNano": "1700000000000000000",
        "timeUnixNano": "1700000010000000000",
        "asInt": value.to_string(),
    });
    let fields = more.as_object().cloned().unwrap_or_default();
    point.as_object_mut().expect("an object").extend(fields);
    point
}

fn request(metrics: Value) -> String {
    let resource = json!({"attributes": [
        attribute("service.name", "shop"), attribute("service.instance.id", "i"),
        attribute("host", "h1")]});
    let scopes = json!([{"metrics": metrics}]);
    json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": scopes}]}).to_string()
}

fn gauge(name: &str, points: Vec<Value>) -> Value {
    json!({"name": name, "gauge": {"dataPoints": points}})
}

/// The lines with values, without their labels but `k`.
fn lines(page: &str) -> Vec<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| {
            let (name, rest) = line.split_once('{')?;
            let label = rest.split(",k=\"").nth(1)?.split('"').next()?;
            Some(format!("{name} {label} {}", line.rsplit(' ').next()?))
        })
        .collect()
}

/// Scenario: a series gets no points for longer than `metric_expiration`; another does.
/// Guarantees: it is gone from the page, and `target_info` with the last series of its target.
///
/// Conforms: exporter `prometheus` | metrics | `metric_expiration` | same
#[test]
fn silent_series_expire() {
    let mut store = store("metric_expiration: 10s, without_scope_info: true");
    accept(
        &mut store,
        &request(json!([gauge("old", vec![point("a", 1, json!({}))])])),
        NOW,
    );
    let later = NOW + Duration::from_secs(6);
    accept(
        &mut store,
        &request(json!([gauge("new", vec![point("a", 1, json!({}))])])),
        later,
    );
    let page = text(&mut store, NOW + Duration::from_secs(11));
    assert_eq!(lines(&page), ["new a 1"]);
    assert!(page.contains("target_info{host=\"h1\""));
    assert_eq!(text(&mut store, NOW + Duration::from_secs(17)), "");
    assert_eq!((store.series(), store.memory()), (0, 0));
}

/// Scenario: the points of a stream end with a marker, in the middle of a request.
/// Guarantees: that series is gone, and the points behind the marker are taken.
#[test]
fn a_marker_ends_one_series() {
    let mut store = store("");
    let first = vec![point("a", 1, json!({})), point("b", 1, json!({}))];
    accept(&mut store, &request(json!([gauge("g", first)])), NOW);
    let next = vec![point("a", 0, json!({"flags": 1})), point("b", 2, json!({}))];
    accept(&mut store, &request(json!([gauge("g", next)])), NOW);
    assert_eq!(lines(&text(&mut store, NOW)), ["g b 2"]);
}

/// Scenario: changes follow each other, with a gap, and by another source at the same time.
/// Guarantees: those that continue are added; after a gap counting begins again.
#[test]
fn changes_add_up() {
    let mut store = store("");
    let sum = |start: u64, time: u64, value: i64| {
        let times = json!({
            "startTimeUnixNano": start.to_string(), "timeUnixNano": time.to_string()});
        let points = vec![point("a", value, times)];
        request(json!([{"name": "c", "sum": {
            "dataPoints": points, "aggregationTemporality": 1, "isMonotonic": true}}]))
    };
    for (start, time, value, expected) in [
        (10, 20, 5, 5),
        (20, 30, 7, 12),
        (30, 40, 1, 13),
        (50, 60, 2, 2),
    ] {
        accept(&mut store, &sum(start, time, value), NOW);
        assert_eq!(
            lines(&text(&mut store, NOW)),
            [format!("c_total a {expected}")]
        );
    }
}

/// Scenario: the unit of a metric changes.
/// Guarantees: its series is shown under the new name alone.
#[test]
fn a_series_moves_with_its_unit() {
    let mut store = store("");
    for (unit, expected) in [("s", "g_seconds a 1"), ("ms", "g_milliseconds a 1")] {
        let mut metric = gauge("g", vec![point("a", 1, json!({}))]);
        metric["unit"] = json!(unit);
        accept(&mut store, &request(json!([metric])), NOW);
        assert_eq!(lines(&text(&mut store, NOW)), [expected]);
    }
    assert_eq!(store.series(), 1);
}

/// Scenario: two streams have one name and the same labels; later the first one ends.
/// Guarantees: one is shown, the other is refused, counted and named once, and then takes its place.
#[test]
fn of_two_streams_with_one_face_one_is_shown() {
    let mut store = store("");
    let both = request(json!([
        gauge("a.b", vec![point("x", 1, json!({}))]),
        gauge("a_b", vec![point("x", 2, json!({}))]),
    ]));
    let first = accept(&mut store, &both, NOW);
    assert_eq!((first.rejected, first.notices.len()), (1, 1));
    assert_eq!(
        (first.notices[0].trouble, &*first.notices[0].metric),
        (Trouble::SameLabels, "a_b")
    );
    let second = accept(&mut store, &both, NOW);
    assert_eq!((second.rejected, second.notices.len()), (1, 0));
    assert_eq!(store.troubles(Trouble::SameLabels), 2);
    assert_eq!(lines(&text(&mut store, NOW)), ["a_b x 1"]);
    let end = request(json!([gauge(
        "a.b",
        vec![point("x", 0, json!({"flags": 1}))]
    )]));
    accept(&mut store, &end, NOW);
    assert_eq!(
        accept(
            &mut store,
            &request(json!([gauge("a_b", vec![point("x", 3, json!({}))])])),
            NOW
        )
        .rejected,
        0
    );
    assert_eq!(lines(&text(&mut store, NOW)), ["a_b x 3"]);
}

/// Scenario: a counter has the name of a gauge that is there.
/// Guarantees: the page stays of one type, and the refusal is told.
#[test]
fn a_name_has_one_type() {
    let mut store = store("translation_strategy: UnderscoreEscapingWithoutSuffixes");
    accept(
        &mut store,
        &request(json!([gauge("x", vec![point("a", 1, json!({}))])])),
        NOW,
    );
    let sum = json!({"dataPoints": [point("b", 2, json!({}))], "aggregationTemporality": 2, "isMonotonic": true});
    let outcome = accept(
        &mut store,
        &request(json!([{"name": "x", "sum": sum}])),
        NOW,
    );
    assert_eq!(outcome.notices[0].trouble, Trouble::TypeConflict);
    assert_eq!(lines(&text(&mut store, NOW)), ["x a 1"]);
}

/// Scenario: sums of changes that may fall, and sums without temporality.
/// Guarantees: they are refused by name, under either rule.
#[test]
fn what_prometheus_has_no_type_for_is_refused() {
    for compat in ["tailweir", "collector"] {
        let mut store = store(&format!("compat: {compat}"));
        for temporality in [0, 1] {
            let sum = json!({"dataPoints": [point("a", 1, json!({}))], "aggregationTemporality": temporality});
            let outcome = accept(
                &mut store,
                &request(json!([{"name": "x", "sum": sum}])),
                NOW,
            );
            assert_eq!(outcome.rejected, 1);
        }
        assert_eq!(
            (store.series(), store.troubles(Trouble::Temporality)),
            (0, 2)
        );
    }
}

/// Scenario: between two pieces of a page series come, go and change.
/// Guarantees: each series is on the page at most once, in order; those that stay are all there.
#[test]
fn a_page_under_way_sees_changes_once() {
    let mut store = store("");
    let points = |range: std::ops::Range<i64>, flags: u32| {
        let one = |n| point(&format!("{n:05}"), n, json!({"flags": flags}));
        request(json!([gauge("g", range.map(one).collect())]))
    };
    accept(&mut store, &points(1000..4000, 0), NOW);
    let mut page = Page::new(Format::negotiate("", false), Vec::new());
    let mut out = Vec::new();
    assert!(page.write_part(&mut store, NOW, &mut out));
    assert!(out.len() < 80 << 10, "{} bytes at once", out.len());
    // Before, at and behind the place of the page.
    accept(&mut store, &points(0..1000, 0), NOW);
    accept(&mut store, &points(1000..2000, 1), NOW);
    accept(&mut store, &points(4000..5000, 0), NOW);
    while page.write_part(&mut store, NOW, &mut out) {}
    let text = String::from_utf8(out).expect("UTF-8");
    let found = lines(&text);
    assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]));
    let stays = |line: &&String| (2000..4000).contains(&line[2..7].parse().expect("a number"));
    assert_eq!(found.iter().filter(stays).count(), 2000);
    assert_eq!(text.matches("# TYPE g gauge").count(), 1);
}

/// Scenario: a large family is scraped as protobuf.
/// Guarantees: it comes in several messages of its name, with every series once.
#[test]
fn large_families_come_in_several_messages() {
    let mut store = store("");
    let points = (0..2000)
        .map(|n| point(&format!("{n:05}"), n, json!({})))
        .collect();
    accept(&mut store, &request(json!([gauge("g", points)])), NOW);
    let header = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let families = crate::messages::families(&page(&mut store, header, false, NOW));
    let of_g: Vec<_> = families
        .iter()
        .map(crate::messages::Family::to_json)
        .filter(|family| family["name"] == "g")
        .collect();
    assert!(of_g.len() > 1);
    let metrics = of_g
        .iter()
        .map(|family| family["metric"].as_array().map_or(0, Vec::len));
    assert_eq!(metrics.sum::<usize>(), 2000);
}

/// Scenario: an exponential histogram whose buckets do not make up its count.
/// Guarantees: count and sum are shown all the same, and the buckets' loss is told.
#[test]
fn a_histogram_without_proper_buckets_keeps_its_totals() {
    let mut store = store("");
    let mut histogram = point("a", 0, json!({"count": "5", "sum": 7.5, "scale": -9}));
    histogram
        .as_object_mut()
        .expect("an object")
        .remove("asInt");
    let metric = json!({"name": "e", "exponentialHistogram": {
        "dataPoints": [histogram], "aggregationTemporality": 2}});
    let outcome = accept(&mut store, &request(json!([metric])), NOW);
    assert_eq!(
        (outcome.rejected, outcome.notices[0].trouble),
        (0, Trouble::Buckets)
    );
    assert_eq!(
        lines(&text(&mut store, NOW)),
        ["e_bucket a 5", "e_sum a 7.5", "e_count a 5"]
    );
}

/// Scenario: requests that are cut, turned and empty.
/// Guarantees: no panic, and the store can be scraped in every format.
#[test]
fn damaged_requests_do_no_harm() {
    let mut wire = Vec::new();
    let histogram = json!({"name": "h", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [{
        "scale": 3, "count": "3", "positive": {"offset": 2, "bucketCounts": ["1", "2"]}}]}});
    let whole = request(json!([
        gauge("g", vec![point("a", 1, json!({}))]),
        histogram
    ]));
    tailweir_otlp::json::to_wire(tailweir_core::Signal::Metrics, whole.as_bytes(), &mut wire)
        .expect("OTLP/JSON");
    let mut store = store("max_series: 100");
    for end in 0..wire.len() {
        store.accept(&wire[..end], NOW);
        let mut turned = wire.clone();
        turned[end] = turned[end].wrapping_add(0x55);
        store.accept(&turned, NOW);
    }
    for header in [
        "",
        "text/plain;version=1.0.0;escaping=values",
        "application/openmetrics-text;version=1.0.0",
    ] {
        page(&mut store, header, true, NOW);
    }
    assert!(store.series() <= 100);
}

/// Scenario: streams of two targets are shown; then one of the targets is another's, and points of both come.
/// Guarantees: its series go at once, with its `target_info`, and do not come back: its points are refused and counted; the
/// other target goes on.
#[test]
fn a_target_of_another_is_not_shown() {
    let mut store = store("without_scope_info: true");
    let of_both = |value: i64| {
        let metrics = |label: &str| json!([gauge("g", vec![point(label, value, json!({}))])]);
        let first = request(metrics("mine"));
        let second = request(metrics("theirs")).replace("shop", "bank");
        [first, second]
    };
    for request in of_both(1) {
        accept(&mut store, &request, NOW);
    }
    assert_eq!(lines(&text(&mut store, NOW)), ["g theirs 1", "g mine 1"]);

    let mut wire = Vec::new();
    let [mine, _] = of_both(2);
    tailweir_otlp::json::to_wire(tailweir_core::Signal::Metrics, mine.as_bytes(), &mut wire)
        .expect("OTLP/JSON");
    let resource = tailweir_otlp::RequestView(&wire).resources().next();
    let key = tailweir_prometheus::target_key(resource.expect("a resource"));
    store.show_only(move |target| target == key);
    let page = text(&mut store, NOW);
    assert_eq!(lines(&page), ["g mine 1"]);
    assert!(page.contains("job=\"shop\"") && !page.contains("job=\"bank\""));

    let rejected = of_both(3).map(|request| accept(&mut store, &request, NOW).rejected);
    assert_eq!(rejected, [0, 1]);
    assert_eq!(store.troubles(Trouble::Elsewhere), 1);
    assert_eq!(lines(&text(&mut store, NOW)), ["g mine 3"]);
}
