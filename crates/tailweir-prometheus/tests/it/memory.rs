//! Memory of a page: what takes some is counted, and what finds none is refused.

use crate::support::{accept, store, text};
use serde_json::{Value, json};
use tailweir_core::Moment;
use tailweir_prometheus::{Store, Trouble};

const NOW: Moment = Moment::ZERO;

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A request of one service, whose resource says something about its host.
fn request(service: &str, host: &str, metrics: Value) -> String {
    let resource = json!({"attributes": [
        attribute("service.name", service), attribute("service.instance.id", "i"),
        attribute("host", host)]});
    let scopes = json!([{"metrics": metrics}]);
    json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": scopes}]}).to_string()
}

/// A gauge with a point for each label. With flag 1 its streams end.
fn gauge(name: &str, description: &str, labels: &[&str], flags: u32) -> Value {
    let point = |label: &&str| {
        json!({"attributes": [attribute("k", label)], "timeUnixNano": "1700000010000000000",
            "asInt": "1", "flags": flags})
    };
    let points: Vec<Value> = labels.iter().map(point).collect();
    json!({"name": name, "description": description, "gauge": {"dataPoints": points}})
}

fn histogram(name: &str, buckets: usize) -> Value {
    let bounds: Vec<f64> = (0..buckets).map(|n| n as f64).collect();
    json!({"name": name, "histogram": {"aggregationTemporality": 2, "dataPoints": [{
        "timeUnixNano": "1700000010000000000", "count": "0", "explicitBounds": bounds}]}})
}

/// What a store takes after these metrics of a service.
fn after(store: &mut Store, service: &str, host: &str, metrics: Value) -> usize {
    let outcome = accept(store, &request(service, host, metrics), NOW);
    assert_eq!(outcome.rejected, 0, "{:?}", outcome.notices);
    store.memory()
}

/// Scenario: a target's resource gets a long attribute and loses it again; other targets and families, with long attributes,
/// names and help texts, come and go; a family changes its name with its unit and back.
/// Guarantees: memory follows their bytes up and down, to where it began.
#[test]
fn memory_follows_targets_and_families() {
    let mut store = store("without_scope_info: true");
    let long = "x".repeat(5000);
    let is_long = |grown: usize| (4900..5600).contains(&grown);
    let one = |flags| json!([gauge("g", "", &["a"], flags)]);
    let first = after(&mut store, "shop", "h1", one(0));

    let changed = after(&mut store, "shop", &long, one(0));
    assert!(is_long(changed - first), "{first}, {changed}");
    assert_eq!(after(&mut store, "shop", "h1", one(0)), first);

    let another = after(&mut store, "bank", &long, one(0));
    assert!(is_long(another - first - 200), "{first}, {another}");
    assert_eq!(after(&mut store, "bank", &long, one(1)), first);

    let helped = |flags| json!([gauge("helped", &long, &["a", "b"], flags)]);
    let with_help = after(&mut store, "shop", "h1", helped(0));
    assert!(with_help - first > 5000, "{first}, {with_help}");
    assert_eq!(after(&mut store, "shop", "h1", helped(1)), first);

    let named = |flags| json!([gauge(&long, "", &["a"], flags)]);
    let with_name = after(&mut store, "shop", "h1", named(0));
    assert!(with_name - first > 2 * 5000, "{first}, {with_name}");
    assert_eq!(after(&mut store, "shop", "h1", named(1)), first);

    let mut in_seconds = one(0);
    in_seconds[0]["unit"] = json!("s");
    let moved = after(&mut store, "shop", "h1", in_seconds);
    assert_eq!(moved, first + 2 * "_seconds".len());
    assert_eq!(after(&mut store, "shop", "h1", one(0)), first);

    assert_eq!(after(&mut store, "shop", "h1", one(1)), 0);
    assert_eq!(store.series(), 0);
}

/// Scenario: beside a target that is shown comes one whose resource does not fit into the memory of the page, with several
/// points; then one that fits.
/// Guarantees: each point of it is refused and counted, its metrics are named once, nothing of it is kept; the other two are
/// shown.
#[test]
fn a_target_without_room_is_refused() {
    let mut store = store("max_series: 8");
    let one = || json!([gauge("g", "", &["a"], 0)]);
    let before = after(&mut store, "shop", "h1", one());

    let large = request(
        "hostile",
        &"x".repeat(100_000),
        json!([gauge("g", "", &["a", "b"], 0), gauge("f", "", &["a"], 0)]),
    );
    for notices in [2, 0] {
        let outcome = accept(&mut store, &large, NOW);
        assert_eq!((outcome.rejected, outcome.notices.len()), (3, notices));
        assert_eq!((store.series(), store.memory()), (1, before));
    }
    assert_eq!(store.troubles(Trouble::SeriesLimit), 6);

    after(&mut store, "bank", "h2", one());
    let page = text(&mut store, NOW);
    assert!(page.contains("target_info{host=\"h1\"") && page.contains("target_info{host=\"h2\""));
    assert!(!page.contains("hostile"));
}

/// Scenario: the resource of a target that is shown grows beyond the memory of the page, with a series more, and then
/// changes to one that fits.
/// Guarantees: its points are taken, also that of the new series; it is shown as it was, which is counted and named once;
/// then it is shown as it is.
#[test]
fn a_target_that_grows_beyond_the_room_is_shown_as_it_was() {
    let mut store = store("max_series: 8");
    after(&mut store, "shop", "h1", json!([gauge("g", "", &["a"], 0)]));
    let both = || json!([gauge("g", "", &["a", "b"], 0)]);
    let large = request("shop", &"x".repeat(100_000), both());
    for (requests, notices) in [(1, 1), (2, 0)] {
        let outcome = accept(&mut store, &large, NOW);
        assert_eq!((outcome.rejected, outcome.notices.len()), (0, notices));
        assert_eq!(store.troubles(Trouble::SeriesLimit), requests);
    }
    assert_eq!(store.series(), 2);
    assert!(text(&mut store, NOW).contains("target_info{host=\"h1\""));

    after(&mut store, "shop", "h2", both());
    let page = text(&mut store, NOW);
    assert!(page.contains("target_info{host=\"h2\"") && !page.contains("h1"));
}

/// Scenario: metrics whose name or help text does not fit into the memory of the page, with several points, and a series
/// that is shown and gets such a name with its next point.
/// Guarantees: new series are refused, counted, named once and not kept; the one that was there is kept, and shown again as
/// soon as its name fits.
#[test]
fn a_family_without_room_is_refused() {
    let mut store = store("max_series: 8");
    let one = || json!([gauge("g", "", &["a"], 0)]);
    let before = after(&mut store, "shop", "h1", one());
    let long = "x".repeat(100_000);
    for (name, help) in [("helped", &*long), (&*long, "")] {
        let metrics = json!([gauge(name, help, &["a", "b", "c"], 0)]);
        let outcome = accept(&mut store, &request("shop", "h1", metrics), NOW);
        assert_eq!((outcome.rejected, outcome.notices.len()), (3, 1));
        assert_eq!((store.series(), store.memory()), (1, before));
    }

    let mut in_long = one();
    in_long[0]["unit"] = json!(long);
    let outcome = accept(&mut store, &request("shop", "h1", in_long), NOW);
    assert_eq!((outcome.rejected, store.series()), (1, 1));
    assert_eq!(store.troubles(Trouble::SeriesLimit), 7);
    assert_eq!(after(&mut store, "shop", "h1", one()), before);
    assert!(text(&mut store, NOW).contains("\ng{"));
}

/// Scenario: a histogram that is shown comes with so many buckets that the page has no memory for them, and then with few.
/// Guarantees: it is refused and forgotten, while the others stay; then it is shown again.
#[test]
fn a_series_that_grows_beyond_the_room_is_forgotten() {
    let mut store = store("max_series: 8");
    let others = after(&mut store, "shop", "h1", json!([gauge("g", "", &["a"], 0)]));
    let both = after(&mut store, "shop", "h1", json!([histogram("h", 3)]));
    let large = request("shop", "h1", json!([histogram("h", 10_000)]));
    let outcome = accept(&mut store, &large, NOW);
    assert_eq!(
        (outcome.rejected, outcome.notices[0].trouble),
        (1, Trouble::SeriesLimit)
    );
    assert_eq!((store.series(), store.memory()), (1, others));
    assert_eq!(
        after(&mut store, "shop", "h1", json!([histogram("h", 3)])),
        both
    );
}
