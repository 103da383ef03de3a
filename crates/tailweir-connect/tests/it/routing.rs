//! What `routing` sends where.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, number_data_point::Value,
};
use prost::Message as _;
use std::sync::Arc;
use tailweir_config::{Connector, EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_connect::{ConnectError, Routed, Routing};
use tailweir_core::Signal;
use tailweir_ottl::{Dialect, Surroundings, Time};
use tailweir_testkit::{request, span, trace_id};
use tailweir_transform::ClientContext;

/// A world in which nothing happens.
#[derive(Debug)]
struct Nothing;

impl Surroundings for Nothing {
    fn now(&self) -> Time {
        Time::from_unix_nanoseconds(0)
    }

    fn random(&self) -> [u8; 16] {
        [0; 16]
    }
}

fn try_routing(signal: &str, block: &str) -> Result<Routing, ConnectError> {
    let fed = ["a", "b", "c"]
        .map(|name| format!("    {signal}/{name}: {{receivers: [routing], exporters: [nop]}}\n"));
    let yaml = format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nconnectors:\n  routing: {block}\nservice:\n  \
         pipelines:\n    {signal}/in: {{receivers: [nop], exporters: [routing]}}\n{}",
        fed.concat()
    );
    let sources = Sources::new().config(format!("yaml:{yaml}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}\n{yaml}", loaded.diagnostics));
    let dialect = Dialect {
        lambdas: settings.lambdas,
        surroundings: Arc::new(Nothing),
    };
    match settings.connectors.into_values().next() {
        Some(Connector::Routing(settings)) => Routing::new(&settings, &dialect),
        other => panic!("{other:?} is no routing"),
    }
}

fn routing(signal: &str, block: &str) -> Routing {
    try_routing(signal, block).unwrap_or_else(|error| panic!("{error}"))
}

/// The name of the first pipeline of each target, and the names of the spans that go there.
fn spans(routing: &Routing, routed: &Routed) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<_> = routed
        .portions
        .iter()
        .map(|portion| {
            let request = ExportTraceServiceRequest::decode(portion.body.clone()).unwrap();
            let scopes = request
                .resource_spans
                .into_iter()
                .flat_map(|it| it.scope_spans);
            let names: Vec<_> = scopes.flat_map(|it| it.spans).map(|it| it.name).collect();
            assert_eq!(names.len() as u64, portion.items);
            (routing.targets()[portion.target][0].name.clone(), names)
        })
        .collect();
    all.sort();
    all
}

fn named(pairs: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    pairs
        .iter()
        .map(|(target, names)| ((*target).to_owned(), texts(names)))
        .collect()
}

/// Two services of two spans each.
fn traces() -> Bytes {
    let spans = |names: [&'static str; 2]| names.map(|name| span(trace_id(1), 1).named(name));
    request()
        .service("shop")
        .spans(spans(["s1", "s2"]))
        .service("cart")
        .spans(spans(["c1", "c2"]))
        .bytes()
        .into()
}

fn route(routing: &Routing, client: &ClientContext) -> Routed {
    routing.route(Signal::Traces, &traces(), client).unwrap()
}

/// Scenario: a route by resource, one by span, and default pipelines.
/// Guarantees: each span goes to the first that matches it, the rest to the default.
///
/// Conforms: connector `routing` | traces | `default_pipelines`, `table` with `condition`, `context` | same
#[test]
fn the_first_route_that_matches_takes() {
    let routing = routing(
        "traces",
        "{default_pipelines: [traces/c], table: [
          {condition: 'attributes[\"service.name\"] == \"shop\"', pipelines: [traces/a]},
          {context: span, condition: 'name == \"c1\" or name == \"s1\"', pipelines: [traces/b]}]}",
    );
    let routed = route(&routing, &ClientContext::default());
    let wanted = named(&[("a", &["s1", "s2"]), ("b", &["c1"]), ("c", &["c2"])]);
    assert_eq!((spans(&routing, &routed), routed.unrouted), (wanted, 0));
}

/// Scenario: a route that copies, before one that takes the same; nothing takes the rest.
/// Guarantees: copies reach both, and the rest is told.
///
/// Conforms: connector `routing` | traces | `statement`, `action: copy` | same
/// Conforms: connector `routing` | traces | no route and no `default_pipelines` | better: left out as there, and in
/// the books as `not_routed`
#[test]
fn what_is_copied_goes_on() {
    let routing = routing(
        "traces",
        "{table: [
          {statement: 'route() where resource.attributes[\"service.name\"] == \"shop\"', action: copy, pipelines: [traces/a]},
          {condition: 'span.name == \"s1\"', pipelines: [traces/b, traces/a]}]}",
    );
    let routed = route(&routing, &ClientContext::default());
    let wanted = named(&[("a", &["s1", "s2"]), ("b", &["s1"])]);
    assert_eq!((spans(&routing, &routed), routed.unrouted), (wanted, 3));
}

/// Scenario: conditions about headers, in the old form and the new.
/// Guarantees: the whole request goes as they say, in the buffer in which it came.
///
/// Conforms: connector `routing` | traces | conditions about headers, in both forms | same
#[test]
fn headers_route_whole_requests() {
    for condition in [
        "{context: request, condition: 'request[\"X-Tenant\"] == \"acme\"'",
        "{condition: 'otelcol.client.metadata[\"x-tenant\"][0] == \"acme\"'",
    ] {
        let table = format!(
            "{{default_pipelines: [traces/b], table: [{condition}, pipelines: [traces/a]}}]}}"
        );
        let routing = routing("traces", &table);
        let metadata = vec![("x-tenant".to_owned(), vec!["acme".to_owned()])];
        let acme = ClientContext {
            metadata,
            ..ClientContext::default()
        };
        for (client, target) in [(acme, "a"), (ClientContext::default(), "b")] {
            let body = traces();
            let routed = routing.route(Signal::Traces, &body, &client).unwrap();
            assert_eq!(routing.targets()[routed.portions[0].target][0].name, target);
            assert_eq!(routed.portions[0].body.as_ptr(), body.as_ptr());
        }
    }
}

/// Scenario: a condition fails on every span, with either error mode.
/// Guarantees: it does not match, or nothing is routed.
///
/// Conforms: connector `routing` | traces | `error_mode` | same
#[test]
fn a_condition_that_fails_does_not_match_or_stops_all() {
    let table = "default_pipelines: [traces/a], table: [
        {context: span, condition: 'Substring(name, 10, 5) == \"x\"', pipelines: [traces/b]}]";
    let lenient = routing("traces", &format!("{{{table}}}"));
    let routed = route(&lenient, &ClientContext::default());
    assert_eq!(spans(&lenient, &routed)[0].0, "a");
    let strict = routing("traces", &format!("{{error_mode: propagate, {table}}}"));
    let failed = strict.route(Signal::Traces, &traces(), &ClientContext::default());
    assert!(failed.is_err());
}

/// Scenario: a route of data points matches one of the two points of a metric.
/// Guarantees: the metric is taken apart, each part with its name and all of its own.
///
/// Conforms: connector `routing` | metrics | conditions about data points | same
#[test]
fn data_points_are_routed_one_by_one() {
    let point = |value| NumberDataPoint {
        value: Some(Value::AsInt(value)),
        ..NumberDataPoint::default()
    };
    let metric = Metric {
        name: "m".to_owned(),
        data: Some(Data::Gauge(Gauge {
            data_points: vec![point(1), point(2)],
        })),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let sent = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    };
    let routing = routing(
        "metrics",
        "{default_pipelines: [metrics/b], table: [
          {condition: 'datapoint.value_int == 2', pipelines: [metrics/a]}]}",
    );
    let body = Bytes::from(sent.encode_to_vec());
    let routed = routing
        .route(Signal::Metrics, &body, &ClientContext::default())
        .unwrap();
    let mut found: Vec<_> = routed
        .portions
        .iter()
        .map(|portion| {
            let request = ExportMetricsServiceRequest::decode(portion.body.clone()).unwrap();
            let metric = request.resource_metrics[0].scope_metrics[0].metrics[0].clone();
            let Some(Data::Gauge(gauge)) = metric.data else {
                panic!("no gauge");
            };
            assert_eq!((metric.name.as_str(), portion.items), ("m", 1));
            let name = routing.targets()[portion.target][0].name.clone();
            (name, gauge.data_points[0].value)
        })
        .collect();
    found.sort_by(|left, right| left.0.cmp(&right.0));
    let wanted = [
        ("a".to_owned(), Some(Value::AsInt(2))),
        ("b".to_owned(), Some(Value::AsInt(1))),
    ];
    assert_eq!(found, wanted);
}

/// Scenario: a route of log records matches one of two.
/// Guarantees: each record goes where it belongs, and nowhere else.
///
/// Conforms: connector `routing` | logs | conditions about log records | same
#[test]
fn log_records_are_routed_one_by_one() {
    let record = |severity: &str| LogRecord {
        severity_text: severity.to_owned(),
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record("INFO"), record("ERROR")],
        ..ScopeLogs::default()
    };
    let sent = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![scope],
            ..ResourceLogs::default()
        }],
    };
    let routing = routing(
        "logs",
        "{default_pipelines: [logs/b], table: [
          {context: log, condition: 'severity_text == \"ERROR\"', pipelines: [logs/a]}]}",
    );
    let body = Bytes::from(sent.encode_to_vec());
    let routed = routing
        .route(Signal::Logs, &body, &ClientContext::default())
        .unwrap();
    let mut found: Vec<_> = routed
        .portions
        .iter()
        .map(|portion| {
            let request = ExportLogsServiceRequest::decode(portion.body.clone()).unwrap();
            let records = &request.resource_logs[0].scope_logs[0].log_records;
            assert_eq!((records.len(), portion.items), (1, 1));
            let name = routing.targets()[portion.target][0].name.clone();
            (name, records[0].severity_text.clone())
        })
        .collect();
    found.sort();
    let wanted = [("a", "ERROR"), ("b", "INFO")];
    assert_eq!(
        found,
        wanted.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

/// Scenario: two routes ask the same and name different pipelines.
/// Guarantees: the first counts, as with the Collector.
///
/// Conforms: connector `routing` | traces | two routes that ask the same | same
#[test]
fn of_equal_routes_the_first_counts() {
    let routing = routing(
        "traces",
        "{table: [
          {context: resource, condition: 'true', pipelines: [traces/a]},
          {statement: 'route() where true', pipelines: [traces/b]}]}",
    );
    let routed = route(&routing, &ClientContext::default());
    assert_eq!(spans(&routing, &routed).len(), 1);
    assert_eq!(routing.targets().len(), 1);
}

/// Scenario: statements that edit, and conditions that are none.
/// Guarantees: they are refused, with the place in the table.
///
/// Conforms: connector `routing` | traces | a statement with an editor | not offered: edit with a processor of the
/// pipeline
#[test]
fn what_is_no_route_is_refused() {
    for (route, option) in [
        (
            "statement: 'delete_key(attributes, \"a\") where true'",
            "table::0::statement",
        ),
        (
            "context: request, condition: 'request == 1'",
            "table::0::condition",
        ),
        (
            "context: span, condition: 'nam == 1'",
            "table::0::condition",
        ),
    ] {
        let block = format!("{{table: [{{{route}, pipelines: [traces/a]}}]}}");
        let error = try_routing("traces", &block).unwrap_err();
        assert_eq!(error.option(), option, "{error}");
    }
}
