//! Requests of every signal, for the benchmarks of components: 256 records each, over two resources with
//! two scopes each, as those of [`crate::workload`].

use crate::workload::{
    SPANS, START, instrumentation, integer, resource, rounds, text, trace_number,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    Sum,
};
use prost::Message;
use tailweir_core::Signal;

/// Spans, log records or data points of one request.
pub(crate) const RECORDS: usize = SPANS;
/// Requests of each signal: more than what they hold would fit a processor's nearest cache.
const REQUESTS: usize = 16;
/// Scopes of a request, over both resources.
const SCOPES: usize = 4;
const SECOND: u64 = 1_000_000_000;
const CUMULATIVE: i32 = 2;

/// The requests of a signal, encoded.
pub(crate) fn requests(signal: Signal) -> Vec<Vec<u8>> {
    match signal {
        Signal::Traces => traces(),
        Signal::Metrics => (0..REQUESTS).map(metrics).collect(),
        Signal::Logs => (0..REQUESTS).map(logs).collect(),
    }
}

fn traces() -> Vec<Vec<u8>> {
    let rounds = rounds(REQUESTS / crate::workload::REQUESTS);
    let numbered = rounds.iter().enumerate();
    numbered
        .flat_map(|(number, round)| {
            let ids = std::array::from_fn(|trace| trace_number(number, trace));
            round.iter().map(move |template| template.with_ids(&ids))
        })
        .collect()
}

fn logs(request: usize) -> Vec<u8> {
    let scope = |service: usize, scope: usize| ScopeLogs {
        scope: Some(instrumentation(scope)),
        log_records: (0..RECORDS / SCOPES)
            .map(|record| log_record(request, service * 2 + scope, record))
            .collect(),
        ..Default::default()
    };
    let resource = |service| ResourceLogs {
        resource: Some(resource(service)),
        scope_logs: (0..2).map(|number| scope(service, number)).collect(),
        ..Default::default()
    };
    let resource_logs = (0..2).map(resource).collect();
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// One record in twenty is an error.
fn log_record(request: usize, scope: usize, record: usize) -> LogRecord {
    let is_error = record % 20 == 7;
    let time = START + (request * RECORDS + record) as u64 * SECOND / 1000;
    let trace = trace_number(request, record % 64);
    let body = format!("order {record} of customer 8731652 was taken in 3 ms, 4 items, status 200");
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 1_000_000,
        severity_number: if is_error { 17 } else { 9 },
        severity_text: if is_error { "ERROR" } else { "INFO" }.into(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(body)),
        }),
        attributes: vec![
            text("http.request.method", "GET"),
            text("url.path", "/api/v1/orders/8731652/items"),
            text("http.route", "/api/v1/orders/{id}/items"),
            integer(
                "http.response.status_code",
                if is_error { 503 } else { 200 },
            ),
            text("client.address", "10.0.17.221"),
            text("code.namespace", "com.example.shop.orders.OrderService"),
            integer("thread.id", 40 + record as i64 % 16),
            text("thread.name", "http-nio-8443-exec-17"),
        ],
        flags: 1,
        trace_id: trace.to_vec(),
        span_id: [1, 2, 3, 4, 5, 6, scope as u8, record as u8].to_vec(),
        ..Default::default()
    }
}

fn metrics(request: usize) -> Vec<u8> {
    let scope = |service: usize, scope: usize| ScopeMetrics {
        scope: Some(instrumentation(scope)),
        metrics: three_metrics(request, service * 2 + scope),
        ..Default::default()
    };
    let resource = |service| ResourceMetrics {
        resource: Some(resource(service)),
        scope_metrics: (0..2).map(|number| scope(service, number)).collect(),
        ..Default::default()
    };
    let resource_metrics = (0..2).map(resource).collect();
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// A counter of 32 points, a gauge of 16 and a histogram of 16. Each request is a later reading of the
/// same streams.
fn three_metrics(request: usize, scope: usize) -> Vec<Metric> {
    let share = RECORDS / SCOPES;
    let time = START + request as u64 * SECOND;
    let numbers = |count: usize| {
        let point = |stream| number_point(time, request, stream);
        (0..count).map(point).collect::<Vec<_>>()
    };
    let sum = Sum {
        data_points: numbers(share / 2),
        aggregation_temporality: CUMULATIVE,
        is_monotonic: true,
    };
    let gauge = Gauge {
        data_points: numbers(share / 4),
    };
    let histogram = Histogram {
        data_points: (0..share / 4)
            .map(|stream| histogram_point(time, request, stream))
            .collect(),
        aggregation_temporality: CUMULATIVE,
    };
    vec![
        metric(
            &format!("shop.orders.taken.{scope}"),
            "{order}",
            Data::Sum(sum),
        ),
        metric(
            &format!("shop.queue.length.{scope}"),
            "{order}",
            Data::Gauge(gauge),
        ),
        metric(
            &format!("http.server.request.duration.{scope}"),
            "s",
            Data::Histogram(histogram),
        ),
    ]
}

/// Requests that together make so many series, a hundred to a counter.
pub(crate) fn series(count: usize) -> Vec<Vec<u8>> {
    let counter = |number: usize| {
        let points = (0..100).map(|stream| number_point(START, number, stream));
        let sum = Sum {
            data_points: points.collect(),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        };
        metric(
            &format!("shop.orders.taken.{number}"),
            "{order}",
            Data::Sum(sum),
        )
    };
    let numbers: Vec<usize> = (0..count.div_ceil(100)).collect();
    let requests = numbers.chunks(20).map(|numbers| {
        let scope = ScopeMetrics {
            scope: Some(instrumentation(0)),
            metrics: numbers.iter().copied().map(counter).collect(),
            ..Default::default()
        };
        let resource = ResourceMetrics {
            resource: Some(resource(0)),
            scope_metrics: vec![scope],
            ..Default::default()
        };
        let resource_metrics = vec![resource];
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    });
    requests.collect()
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: "What the server has done since it was started.".into(),
        unit: unit.into(),
        data: Some(data),
        ..Default::default()
    }
}

/// Six attributes, of which one tells the streams of a metric apart.
fn stream_attributes(stream: usize) -> Vec<KeyValue> {
    vec![
        text("http.request.method", "GET"),
        text(
            "http.route",
            &format!("/api/v1/orders/{{id}}/items/{stream}"),
        ),
        integer("http.response.status_code", 200),
        text("url.scheme", "https"),
        text("server.address", "orders.shop.svc.cluster.local"),
        text("client.address", "10.0.17.221"),
    ]
}

fn number_point(time: u64, request: usize, stream: usize) -> NumberDataPoint {
    NumberDataPoint {
        attributes: stream_attributes(stream),
        start_time_unix_nano: START - 3_600 * SECOND,
        time_unix_nano: time,
        value: Some(Number::AsInt((request * 100 + stream) as i64)),
        ..Default::default()
    }
}

fn histogram_point(time: u64, request: usize, stream: usize) -> HistogramDataPoint {
    let counts: Vec<u64> = (0..15)
        .map(|bucket| (request + 1) as u64 * bucket)
        .collect();
    HistogramDataPoint {
        attributes: stream_attributes(stream),
        start_time_unix_nano: START - 3_600 * SECOND,
        time_unix_nano: time,
        count: counts.iter().sum(),
        sum: Some(request as f64 * 12.5),
        bucket_counts: counts,
        explicit_bounds: vec![
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        ],
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{RECORDS, requests};
    use tailweir_core::Signal;
    use tailweir_otlp::count_items;

    /// Scenario: the requests of each signal are made.
    /// Guarantees: each is sound and has as many records as it is counted with.
    #[test]
    fn every_request_has_its_records() {
        for signal in Signal::ALL {
            for request in requests(signal) {
                assert_eq!(count_items(signal, &request).unwrap(), RECORDS as u64);
            }
        }
    }
}
