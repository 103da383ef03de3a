//! The ring and the keys of real Collectors, requests taken apart, and what a successor gets.

use super::LoadBalancer;
use super::ring::Ring;
use super::routing::{Routing, Share};
use crate::{Amount, Parcel, Receipt, Settle, Settlement};
use bytes::Bytes;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tailweir_config::{DnsResolver, LoadBalancingExporter, RoutingKey};
use tailweir_core::Signal;
use tailweir_otlp::json::{from_wire, to_wire};
use tailweir_testkit::{Folder, Tally};
use tokio::time::Instant;

fn texts(list: &Json) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn wire(signal: Signal, request: &Json) -> Bytes {
    let mut out = Vec::new();
    to_wire(signal, request.to_string().as_bytes(), &mut out).unwrap();
    out.into()
}

fn routing(signal: Signal, key: RoutingKey, attributes: Vec<String>) -> Routing {
    let settings = LoadBalancingExporter {
        routing_key: key,
        routing_attributes: attributes,
        ..LoadBalancingExporter::default()
    };
    Routing::of(&settings, signal)
}

/// The keys by which a request is routed, each once, in order.
fn keys(routing: &Routing, body: &Bytes) -> Vec<String> {
    let keys = Mutex::new(Vec::new());
    routing.split(body, 7, |key| {
        let mut keys = keys.lock().unwrap();
        let key = String::from_utf8_lossy(key).into_owned();
        if !keys.contains(&key) {
            keys.push(key);
        }
        0
    });
    keys.into_inner().unwrap()
}

/// Scenario: the endpoint sets and the trace ids of the vectors; all points of the small rings.
/// Guarantees: every trace belongs to the endpoint to which the Collector sent it.
///
/// Conforms: exporter `load_balancing` | traces | the ring; `routing_key: traceID`, `service`, `attributes` with
/// `routing_attributes` | same
#[test]
fn golden_ring() {
    let folder = Folder::open("ring");
    let mut tally = Tally::default();
    let sets = folder.json_lines("sets.jsonl");
    let rings: BTreeMap<_, _> = sets
        .iter()
        .map(|set| (set["set"].to_string(), Ring::new(texts(&set["endpoints"]))))
        .collect();
    let (mut passed, mut failures) = (0, Vec::new());
    for line in folder.json_lines("trace_ids.jsonl") {
        let ring = &rings[&line["set"].to_string()];
        let id = line["trace_id"].as_str().unwrap();
        let id = u128::from_str_radix(id, 16).unwrap().to_be_bytes();
        let owner = ring
            .owner(&id)
            .map(|owner| ring.endpoints()[owner].as_str());
        if owner == line["endpoint"].as_str() {
            passed += 1;
        } else {
            failures.push(format!("{owner:?}: {line}"));
        }
    }
    tally.record("ring", "trace ids", passed, None, &failures);
    let mut points: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    for line in folder.json_lines("ring_points.jsonl") {
        let endpoint = line["endpoint"].as_str().unwrap().to_owned();
        let position = line["position"].as_u64().unwrap() as u32;
        points
            .entry(line["set"].to_string())
            .or_default()
            .push((position, endpoint));
    }
    let differs = |(set, wanted): &(&String, &Vec<(u32, String)>)| {
        let ours = rings[*set].points();
        !ours.eq(wanted
            .iter()
            .map(|(position, endpoint)| (*position, endpoint.as_str())))
    };
    let failures: Vec<_> = points
        .iter()
        .filter(differs)
        .map(|(set, _)| set.clone())
        .collect();
    tally.record(
        "ring",
        "points",
        points.len() - failures.len(),
        None,
        &failures,
    );
    golden_keys(&folder, &mut tally);
    tally.finish("ring");
}

fn golden_keys(folder: &Folder, tally: &mut Tally) {
    let (mut passed, mut failures) = (0, Vec::new());
    for line in folder.json_lines("keys.jsonl") {
        let key = match line["routing_key"].as_str().unwrap() {
            "service" => RoutingKey::Service,
            "attributes" => RoutingKey::Attributes,
            other => panic!("unknown routing key {other}"),
        };
        let routing = routing(Signal::Traces, key, texts(&line["routing_attributes"]));
        let ours = keys(&routing, &wire(Signal::Traces, &line["request"]));
        let ring = Ring::new(texts(&line["endpoints"]));
        let owner = ring
            .owner(ours[0].as_bytes())
            .map(|owner| ring.endpoints()[owner].as_str());
        if ours == [line["key"].as_str().unwrap()] && owner == line["endpoint"].as_str() {
            passed += 1;
        } else {
            failures.push(format!("{ours:?}: {line}"));
        }
    }
    tally.record("ring", "keys", passed, None, &failures);
}

fn resource() -> Json {
    json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}},
        {"key": "n", "value": {"intValue": "7"}},
        {"key": "d", "value": {"doubleValue": 2.5}},
        {"key": "t", "value": {"boolValue": true}},
        {"key": "f", "value": {"boolValue": false}},
        {"key": "b", "value": {"bytesValue": "AQI="}},
        {"key": "e", "value": {}},
        {"key": "m", "value": {"kvlistValue": {"values": [
            {"key": "z", "value": {"stringValue": "1"}},
            {"key": "a", "value": {"intValue": "2"}}]}}},
        {"key": "s", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "x"}]}}},
    ]})
}

fn metric(kind: &str, data: Json) -> Bytes {
    let mut metric = json!({"name": "http.requests", "unit": "1"});
    metric[kind] = data;
    let scope = json!({"name": "lib", "version": "1.2",
        "attributes": [{"key": "k", "value": {"stringValue": "v"}}]});
    let request = json!({"resourceMetrics": [{"resource": resource(),
        "scopeMetrics": [{"scope": scope, "metrics": [metric]}]}]});
    wire(Signal::Metrics, &request)
}

/// Scenario: resources with no attribute and with one of each type; streams of each kind of metric.
/// Guarantees: their identities are those that the Collector's own code (v0.160.0) gives them.
///
/// Conforms: exporter `load_balancing` | logs | `routing_key: resource` | same
/// Conforms: exporter `load_balancing` | metrics | `routing_key: streamID` | same
#[test]
fn identities_are_the_collectors() {
    let by_resource = routing(Signal::Logs, RoutingKey::Resource, Vec::new());
    for (resource, identity) in [
        (json!({}), "resource/88201fb960ff6465"),
        (resource(), "resource/d580b93a9f167187"),
    ] {
        let request = json!({"resourceLogs": [{"resource": resource,
            "scopeLogs": [{"logRecords": [{"severityText": "INFO"}]}]}]});
        assert_eq!(
            keys(&by_resource, &wire(Signal::Logs, &request)),
            [identity]
        );
    }
    let points = json!([{"attributes": [{"key": "method", "value": {"stringValue": "GET"}}]}]);
    let by_stream = routing(Signal::Metrics, RoutingKey::StreamId, Vec::new());
    for (kind, temporality, identity) in [
        ("gauge", 0, "stream/58d391bd1b73ebca"),
        ("sum", 2, "stream/73e34e580673c40"),
        ("histogram", 1, "stream/51bd1b77133bea4e"),
        ("exponentialHistogram", 1, "stream/4e4a49e5557fc8b7"),
        ("summary", 0, "stream/697682a158333006"),
    ] {
        let mut data = json!({"dataPoints": points});
        if temporality > 0 {
            data["aggregationTemporality"] = json!(temporality);
        }
        if kind == "sum" {
            data["isMonotonic"] = json!(true);
        }
        assert_eq!(keys(&by_stream, &metric(kind, data)), [identity], "{kind}");
    }
}

/// Scenario: a resource has a thousand records in ten scopes; they are routed by it, or by its service.
/// Guarantees: it is looked at once, however long it is, and not for each of them.
#[test]
fn a_resource_is_looked_up_once() {
    let records = vec![json!({"severityText": "INFO"}); 100];
    let scopes = vec![json!({"logRecords": records}); 10];
    let request = json!({"resourceLogs": [{"resource": resource(), "scopeLogs": scopes}]});
    let body = wire(Signal::Logs, &request);
    for key in [RoutingKey::Resource, RoutingKey::Service] {
        let asked = Mutex::new(0);
        let routing = routing(Signal::Logs, key, Vec::new());
        let shares = routing.split(&body, 7, |_| {
            *asked.lock().unwrap() += 1;
            0
        });
        assert_eq!((shares[0].items, *asked.lock().unwrap()), (1000, 1));
    }
}

fn records() -> Bytes {
    let record = |trace: &str, text: &str| {
        json!({"traceId": trace, "severityText": text, "body": {"intValue": "5"},
            "attributes": [{"key": "tenant", "value": {"stringValue": text}}]})
    };
    let shop = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let request = json!({"resourceLogs": [
        {"resource": shop, "scopeLogs": [{"logRecords": [
            record("4bf92f3577b34da6a3ce929d0e0e4736", "WARN"), record("", "INFO"),
            record("4bf92f3577b34da6a3ce929d0e0e4736", "ERROR")]}]},
        {"scopeLogs": [{"logRecords": [record("", "INFO")]}]}]});
    wire(Signal::Logs, &request)
}

/// Scenario: logs with and without a trace and a service, and metrics of two names.
/// Guarantees: each key is the Collector's; what has no trace goes by turns.
///
/// Conforms: exporter `load_balancing` | logs | `routing_key: traceID`, `service`, `attributes` | same
/// Conforms: exporter `load_balancing` | metrics | `routing_key: service`, `metric` | same
/// Conforms: exporter `load_balancing` | logs | records without a trace under `routing_key: traceID` | differs: go
/// together, request by request in turn
#[test]
fn logs_and_metrics_have_the_collectors_keys() {
    let of = |signal, key, attributes: &[&str], body: &Bytes| {
        let attributes = attributes.iter().map(|name| (*name).to_owned()).collect();
        keys(&routing(signal, key, attributes), body)
    };
    let body = records();
    let turn = String::from_utf8(7_u64.to_le_bytes().to_vec()).unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736".to_owned();
    assert_eq!(
        of(Signal::Logs, RoutingKey::Usual, &[], &body),
        ["shop", ""]
    );
    assert_eq!(
        of(Signal::Logs, RoutingKey::TraceId, &[], &body),
        [trace, turn]
    );
    let names = ["service.name", "log.severity", "log.body", "tenant", "none"];
    assert_eq!(
        of(Signal::Logs, RoutingKey::Attributes, &names, &body)[..2],
        [
            "service.name=shop|log.severity=WARN|log.body=5|tenant=WARN|none=|",
            "service.name=shop|log.severity=INFO|log.body=5|tenant=INFO|none=|"
        ]
    );
    let body = metric("gauge", json!({"dataPoints": [{"asInt": "1"}]}));
    assert_eq!(of(Signal::Metrics, RoutingKey::Usual, &[], &body), ["shop"]);
    assert_eq!(
        of(Signal::Metrics, RoutingKey::Metric, &[], &body),
        ["http.requests"]
    );
}

/// Items of the shares together, and as JSON without their order.
fn reunited(signal: Signal, shares: &[Share]) -> (u64, Json) {
    let bodies: Vec<&[u8]> = shares.iter().map(|share| &share.body[..]).collect();
    let mut text = Vec::new();
    from_wire(signal, &bodies.concat(), &mut text).unwrap();
    let items = shares.iter().map(|share| share.items).sum();
    (items, serde_json::from_slice(&text).unwrap())
}

/// Scenario: a sum with four points of two tenants, whose fields no decoder here knows.
/// Guarantees: each tenant's points leave together with all that holds for the metric, no byte of a point
/// changes, and the number of points is that of the request.
#[test]
fn a_metric_is_taken_apart_by_its_points() {
    let point = |tenant: &str, value: i64| {
        json!({"asInt": value.to_string(),
            "attributes": [{"key": "tenant", "value": {"stringValue": tenant}}]})
    };
    let points = [
        point("red", 1),
        point("blue", 2),
        point("red", 3),
        point("blue", 4),
    ];
    let data = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points});
    let body = metric("sum", data);
    let routing = routing(
        Signal::Metrics,
        RoutingKey::Attributes,
        vec!["tenant".to_owned()],
    );
    let shares = routing.split(&body, 0, |key| usize::from(key == b"tenant=red|"));
    assert_eq!(shares.len(), 2);
    for (share, values) in shares.iter().zip([["2", "4"], ["1", "3"]]) {
        assert_eq!(share.items, 2);
        let (_, request) = reunited(Signal::Metrics, std::slice::from_ref(share));
        let sum = &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["sum"];
        assert_eq!(
            (&sum["aggregationTemporality"], &sum["isMonotonic"]),
            (&json!(2), &json!(true))
        );
        let found = sum["dataPoints"].as_array().unwrap().iter();
        assert!(
            found
                .map(|point| point["asInt"].as_str().unwrap())
                .eq(values),
            "{sum}"
        );
    }
}

/// Scenario: requests of each signal are taken apart by each key, for two endpoints and for one.
/// Guarantees: together the shares have the items of the request; for one endpoint it is untouched.
///
/// Conforms: exporter `load_balancing` | traces, metrics, logs | requests that are split | better: no item is lost or
/// sent twice
#[test]
fn nothing_is_lost_or_added_by_taking_apart() {
    let trace = |id: &str| json!({"traceId": id, "spanId": "00f067aa0ba902b7", "name": id});
    let spans = json!({"resourceSpans": [{"resource": resource(), "scopeSpans": [
        {"spans": [trace("4bf92f3577b34da6a3ce929d0e0e4736"), trace("4bf92f3577b34da6a3ce929d0e0e4737"),
            trace("4bf92f3577b34da6a3ce929d0e0e4738")]}]}]});
    let requests = [
        (Signal::Traces, wire(Signal::Traces, &spans), 3),
        (Signal::Logs, records(), 4),
        (
            Signal::Metrics,
            metric(
                "gauge",
                json!({"dataPoints": [{"asInt": "1"}, {"asInt": "2"}]}),
            ),
            2,
        ),
    ];
    for (signal, body, items) in requests {
        for key in [
            RoutingKey::TraceId,
            RoutingKey::Service,
            RoutingKey::Resource,
            RoutingKey::StreamId,
        ] {
            let routing = routing(signal, key, Vec::new());
            let turns = std::cell::Cell::new(0);
            let shares = routing.split(&body, 0, |_| {
                turns.set(turns.get() + 1);
                turns.get() % 2
            });
            assert_eq!(reunited(signal, &shares).0, items, "{signal} {key:?}");
            let alone = routing.split(&body, 0, |_| 0);
            assert_eq!(alone[0].body, body);
            assert_eq!((alone.len(), alone[0].items), (1, items));
        }
    }
    let routing = routing(Signal::Traces, RoutingKey::TraceId, Vec::new());
    let body = wire(Signal::Traces, &spans);
    let shares = routing.split(&body, 0, |key| usize::from(key[15] & 1));
    let whole = [Share {
        endpoint: 0,
        body,
        items: 3,
    }];
    let spans = |request: &Json| {
        let scopes = request["resourceSpans"].as_array().unwrap().iter();
        let spans = scopes.flat_map(|scope| scope["scopeSpans"][0]["spans"].as_array().unwrap());
        let mut names: Vec<_> = spans.map(ToString::to_string).collect();
        names.sort();
        names
    };
    let (apart, together) = (
        reunited(Signal::Traces, &shares).1,
        reunited(Signal::Traces, &whole).1,
    );
    assert_eq!(spans(&apart), spans(&together));
}

/// One that has looked nothing up yet.
fn balancer() -> Arc<LoadBalancer> {
    let mut settings = LoadBalancingExporter::default();
    settings.protocol.otlp.client.tls.insecure = true;
    settings.resolver.dns = Some(DnsResolver::default());
    Arc::new(LoadBalancer::new("load_balancing", Signal::Traces, &settings, None, 1).unwrap())
}

fn parcel() -> Parcel {
    struct Unheard;
    impl Settle for Unheard {
        fn settle(&self, _: Settlement) {}
    }
    let amount = Amount { items: 1, bytes: 1 };
    let receipt = Receipt::new(Arc::new(Unheard), amount);
    Parcel::new(Signal::Traces, Bytes::from_static(b"x"), receipt)
}

/// Scenario: a balancer has handed over its homeless but for one, which it was about to place.
/// Guarantees: that one goes to the successor as well, where somebody looks for it; a balancer without a successor
/// keeps it.
#[tokio::test]
async fn a_parcel_in_hand_goes_to_the_successor() {
    let waiting = |balancer: &LoadBalancer| balancer.homeless.lock().len();
    let (old, successor) = (balancer(), balancer());
    old.homeless.lock().push_back(parcel());
    old.place_homeless();
    assert_eq!((waiting(&old), waiting(&successor)), (1, 0));
    old.hand_over(&successor, Instant::now()).await;
    old.homeless.lock().push_back(parcel());
    old.place_homeless();
    assert_eq!((waiting(&old), waiting(&successor)), (0, 2));
}

/// Scenario: the resolver answers a balancer that has handed over meanwhile.
/// Guarantees: it has no endpoints any more: what they took nobody would send.
#[tokio::test]
async fn a_late_answer_of_the_resolver_brings_no_endpoint_back() {
    let (old, successor) = (balancer(), balancer());
    let endpoints = || vec!["127.0.0.1:1".to_owned()];
    old.change(endpoints());
    assert_eq!(old.members.lock().ring().endpoints(), endpoints());
    old.hand_over(&successor, Instant::now()).await;
    old.change(endpoints());
    assert!(old.members.lock().ring().endpoints().is_empty());
}
