//! What a process counts about itself, sent: `service.telemetry.metrics.readers[].periodic`.

use crate::gateway::{Gateway, KEEP_ALL, configuration};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics};
use prost::Message;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use tailweir_testkit::{HttpSink, Posted, Received, Signal, Sink, request, span, trace_id};

const ACKNOWLEDGED: &str = "tailweir_acknowledged_items";

/// A gateway's configuration that sends its metrics ten times a second.
fn with_reader(backend: &Sink, protocol: &str, endpoint: &str, more: &str) -> String {
    let plain = "    logs:\n      encoding: json\n";
    let configuration = configuration(backend, "10ms", KEEP_ALL);
    assert!(configuration.contains(plain));
    let reader = format!(
        "    metrics:\n      readers: [{{periodic: {{interval: 100, exporter: {{otlp: \
         {{protocol: {protocol}, endpoint: '{endpoint}'}}}}}}}}]\n"
    );
    configuration.replace(plain, &format!("{plain}{reader}{more}"))
}

fn told(sink: &Sink) -> Vec<ResourceMetrics> {
    let received = sink.received().into_iter();
    let metrics = received.filter_map(|request| match request {
        Received::Metrics(metrics) => Some(metrics.resource_metrics),
        Received::Traces(_) | Received::Logs(_) => None,
    });
    metrics.flatten().collect()
}

fn metrics(told: &ResourceMetrics) -> impl Iterator<Item = &Metric> {
    told.scope_metrics.iter().flat_map(|it| &it.metrics)
}

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|it| it.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The point of acknowledged spans.
fn acknowledged(told: &ResourceMetrics) -> Option<&NumberDataPoint> {
    let metric = metrics(told).find(|it| it.name == ACKNOWLEDGED)?;
    let Some(Data::Sum(sum)) = &metric.data else {
        panic!("{metric:#?}");
    };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality, 2);
    let mut points = sum.data_points.iter();
    points.find(|it| attribute(&it.attributes, "signal") == Some("traces"))
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(Number::AsDouble(number)) => number,
        other => panic!("{other:?}"),
    }
}

fn send(gateway: &Gateway, number: u64) {
    gateway.send(request().service("cart").span(span(trace_id(number), 1)));
}

fn stop(gateway: Gateway) {
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success(), "{lines:#?}");
}

/// Scenario: a process that sends its metrics over gRPC takes three traces, one after the other, and ends.
/// Guarantees: what arrives has the metrics of the page, as what they are there; sums count from one start, never
/// back; the resource says who it is.
#[test]
fn the_metrics_of_the_page_arrive_as_otlp() {
    let (backend, own) = (Sink::start(), Sink::start());
    let more = "    resource: {service.name: edge}\n";
    let gateway = Gateway::start(&with_reader(&backend, "grpc", &own.endpoint(), more), []);
    send(&gateway, 1);
    own.block_until("the first", |own| {
        told(own).iter().any(|it| acknowledged(it).is_some())
    });
    send(&gateway, 2);
    send(&gateway, 3);
    own.block_until("all of them", |own| {
        told(own)
            .iter()
            .filter_map(acknowledged)
            .any(|it| number(it) == 3.0)
    });
    let page = gateway.ask("/metrics").body;
    stop(gateway);

    let told = told(&own);
    for about in &told {
        let resource = about.resource.as_ref().unwrap();
        let text = |name| attribute(&resource.attributes, name);
        assert_eq!(text("service.name"), Some("edge"));
        assert_eq!(text("telemetry.sdk.name"), Some("tailweir"));
        assert_eq!(text("service.instance.id").unwrap().len(), 36);
    }
    let points: Vec<_> = told.iter().filter_map(acknowledged).collect();
    assert_eq!(number(points.last().unwrap()), 3.0);
    let starts: BTreeSet<_> = points.iter().map(|it| it.start_time_unix_nano).collect();
    assert!(starts.len() == 1 && !starts.contains(&0), "{starts:?}");
    for pair in points.windows(2) {
        let [one, next] = [pair[0], pair[1]];
        assert!(one.start_time_unix_nano < one.time_unix_nano);
        assert!(one.time_unix_nano < next.time_unix_nano);
        assert!(number(one) <= number(next));
    }
    let last = told.last().unwrap();
    let of_last = |name: &str| metrics(last).find(|it| it.name == name).unwrap();
    assert_eq!(of_last(ACKNOWLEDGED).unit, "{items}");
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        let mut words = line.split(' ').skip(2);
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        let is_that = matches!(
            (kind, &of_last(name).data),
            ("counter", Some(Data::Sum(_)))
                | ("gauge", Some(Data::Gauge(_)))
                | ("histogram", Some(Data::Histogram(_)))
                | ("summary", Some(Data::Summary(_)))
        );
        assert!(is_that, "{line}: {:#?}", of_last(name));
    }
}

/// Scenario: metrics are sent over HTTP, to a server that says its path.
/// Guarantees: they are posted there as protobuf.
#[test]
fn own_metrics_go_over_http_too() {
    let (backend, own) = (Sink::start(), HttpSink::start());
    let endpoint = own.url("/custom/metrics");
    let gateway = Gateway::start(&with_reader(&backend, "http/protobuf", &endpoint, ""), []);
    send(&gateway, 1);
    let count = |posted: &Posted| {
        let request = ExportMetricsServiceRequest::decode(posted.body.as_slice()).unwrap();
        acknowledged(&request.resource_metrics[0]).map(number)
    };
    gateway.until("posted metrics", |_| {
        own.posted().iter().any(|posted| count(posted) == Some(1.0))
    });
    stop(gateway);
    for posted in own.posted() {
        assert_eq!(posted.path, "/custom/metrics");
        let kind = posted.header("content-type");
        assert_eq!(kind, Some("application/x-protobuf"));
    }
}

/// Scenario: a process sends its metrics to its own receiver, whose pipeline leads to a backend, while spans about its
/// requests are told.
/// Guarantees: the metrics arrive as anybody's do; about their way through the process no span is told.
#[test]
fn own_metrics_sent_to_itself_are_not_told_again() {
    let (backend, own) = (Sink::start(), Sink::start());
    let address = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let traces = format!(
        "    traces:\n      processors: [{{simple: {{exporter: {{otlp: {{protocol: grpc, endpoint: '{}'}}}}}}}}]\n",
        own.endpoint()
    );
    let endpoint = format!("http://{address}");
    let configuration = with_reader(&backend, "grpc", &endpoint, &traces)
        .replacen("127.0.0.1:0", &address.to_string(), 1)
        .replace(
            "  pipelines:\n",
            "  pipelines:\n    metrics:\n      receivers: [otlp]\n      exporters: [otlp]\n",
        );
    let gateway = Gateway::start(&configuration, []);
    send(&gateway, 1);
    backend.block_until("metrics", |sink| {
        told(sink).iter().any(|it| acknowledged(it).is_some())
    });
    stop(gateway);
    let names: Vec<_> = own.spans().into_iter().map(|span| span.name).collect();
    assert!(
        names.iter().any(|name| name.contains("TraceDataReceived")),
        "{names:?}"
    );
    let about_metrics = |name: &&String| name.contains("Metrics") || name.ends_with("/metrics");
    assert_eq!(names.iter().find(about_metrics), None);
}

/// Scenario: whoever takes own metrics refuses them.
/// Guarantees: traces go their way, what was given up is counted, and the process ends in time.
#[test]
fn own_metrics_that_nobody_takes_are_counted() {
    let (backend, own) = (Sink::start(), Sink::start());
    own.answer_always(tailweir_testkit::Answer::Refuse(
        tonic::Code::InvalidArgument,
    ));
    let gateway = Gateway::start(&with_reader(&backend, "grpc", &own.endpoint(), ""), []);
    send(&gateway, 1);
    backend.block_until("trace", |sink| sink.spans().len() == 1);
    let failed = "tailweir_own_telemetry_failed_items{signal=\"metrics\"}";
    gateway.until("counted points", |_| {
        let page = gateway.ask("/metrics").body;
        let line = page.lines().find(|line| line.starts_with(failed));
        line.is_some_and(|line| !line.ends_with(" 0"))
    });
    stop(gateway);
}
