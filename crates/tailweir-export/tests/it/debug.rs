//! The `debug` exporter's output.

use crate::support::{Ledger, attribute, logs, metrics, span, traces, while_running};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint,
    Metric, ResourceMetrics, ScopeMetrics, Summary, SummaryDataPoint, exemplar,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use prost::Message;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tailweir_config::{DebugExporter, Verbosity};
use tailweir_core::Signal;
use tailweir_export::{Debug, Exporter, ExporterSettings, WaterfallOptions};

/// Text that others can look at.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

async fn export(debug: Debug, signal: Signal, body: Bytes) {
    let settings = ExporterSettings::of_debug(&DebugExporter::default());
    let exporter = Exporter::new("debug", signal, Arc::new(debug), &settings);
    let ledger = Ledger::new();
    while_running(&exporter, async {
        exporter
            .accept(ledger.parcel_of(signal, 1, body))
            .await
            .unwrap();
    })
    .await;
    assert_eq!(ledger.items(), (1, 0));
}

async fn output(verbosity: Verbosity, signal: Signal, body: Bytes) -> String {
    let sink = Sink::default();
    let settings = DebugExporter {
        verbosity,
        ..DebugExporter::default()
    };
    export(
        Debug::new(&settings, WaterfallOptions::default(), sink.clone()),
        signal,
        body,
    )
    .await;
    sink.text()
}

/// Scenario: a request of each signal under verbosity `basic`.
/// Guarantees: a line each, with the Collector's words.
///
/// Conforms: exporter `debug` | traces, metrics, logs | `verbosity: basic` | same
#[tokio::test]
async fn basic_is_a_line_a_request() {
    let spans = vec![span(1, 0, "a", 0, 1), span(2, 1, "b", 0, 1)];
    for (signal, body, line) in [
        (
            Signal::Traces,
            traces([("s", spans)]),
            "Traces\t{\"resource spans\": 1, \"spans\": 2}\n",
        ),
        (
            Signal::Metrics,
            metrics(&[("cpu", 2), ("mem", 1)]),
            "Metrics\t{\"resource metrics\": 1, \"metrics\": 2, \"data points\": 3}\n",
        ),
        (
            Signal::Logs,
            logs(&["x"]),
            "Logs\t{\"resource logs\": 1, \"log records\": 1}\n",
        ),
    ] {
        assert_eq!(output(Verbosity::Basic, signal, body).await, line);
    }
}

/// Scenario: a request of each signal under verbosity `normal`.
/// Guarantees: a line for each resource, scope and item; a name cannot break out of its line.
///
/// Conforms: exporter `debug` | traces, metrics, logs | `verbosity: normal` | same
#[tokio::test]
async fn normal_is_a_line_an_item() {
    let evil = traces([("s", vec![span(1, 0, "a\n\x1b[2J", 0, 1)])]);
    let text = output(Verbosity::Normal, Signal::Traces, evil).await;
    let expected = "ResourceTraces #0 service.name=s\nScopeTraces #0 lib@1\n\
        a\\n\\u{1b}[2J 01010101010101010101010101010101 0101010101010101\n";
    assert_eq!(text, expected);
    let text = output(Verbosity::Normal, Signal::Metrics, metrics(&[("cpu", 2)])).await;
    assert!(text.ends_with("cpu{host=a} 0\ncpu{host=a} 1\n"), "{text}");
    let text = output(Verbosity::Normal, Signal::Logs, logs(&["hello"])).await;
    assert!(
        text.ends_with("ScopeLog #0 lib@1\nhello app=shop\n"),
        "{text}"
    );
}

/// Scenario: a span with an event, a link and dropped attributes, under verbosity `detailed`.
/// Guarantees: every field is there, in the Collector's form.
///
/// Conforms: exporter `debug` | traces | `verbosity: detailed` | same
#[tokio::test]
async fn detailed_shows_every_field_of_a_span() {
    let mut full = span(2, 1, "query", 0, 1);
    full.trace_state = "a=b".to_owned();
    full.dropped_events_count = 3;
    full.events = vec![Event {
        time_unix_nano: 1_700_000_000_000_000_321,
        name: "retry".to_owned(),
        ..Event::default()
    }];
    full.links = vec![Link {
        trace_id: vec![2; 16],
        span_id: vec![3; 8],
        ..Link::default()
    }];
    let text = output(
        Verbosity::Detailed,
        Signal::Traces,
        traces([("s", vec![full])]),
    )
    .await;
    let expected = "\
Traces\t{\"resource spans\": 1, \"spans\": 1}
ResourceSpans #0
Resource SchemaURL: 
Resource attributes:
     -> service.name: Str(s)
ScopeSpans #0
ScopeSpans SchemaURL: 
InstrumentationScope lib 1
Span #0
    Trace ID       : 01010101010101010101010101010101
    Parent ID      : 0101010101010101
    ID             : 0202020202020202
    Name           : query
    Kind           : Server
    TraceState     : a=b
    Start time     : 2023-11-14 22:13:20 +0000 UTC
    End time       : 2023-11-14 22:13:20.001 +0000 UTC
    Status code    : Unset
    Status message : 
Events:
SpanEvent #0
     -> Name: retry
     -> Timestamp: 2023-11-14 22:13:20.000000321 +0000 UTC
     -> DroppedAttributesCount: 0
    DroppedEventsCount: 3
Links:
SpanLink #0
     -> Trace ID: 02020202020202020202020202020202
     -> ID: 0303030303030303
     -> TraceState: 
     -> DroppedAttributesCount: 0
";
    assert_eq!(text, expected);
}

/// Scenario: a log record and a gauge under verbosity `detailed`.
/// Guarantees: their fields are there, in the Collector's form.
///
/// Conforms: exporter `debug` | metrics, logs | `verbosity: detailed` | same
#[tokio::test]
async fn detailed_shows_logs_and_metrics() {
    let text = output(Verbosity::Detailed, Signal::Logs, logs(&["hello"])).await;
    let record = "\
LogRecord #0
ObservedTimestamp: 1970-01-01 00:00:00 +0000 UTC
Timestamp: 2023-11-14 22:13:20 +0000 UTC
SeverityText: INFO
SeverityNumber: Info(9)
Body: Str(hello)
Attributes:
     -> app: Str(shop)
Trace ID: 
Span ID: 
Flags: 0
";
    assert!(text.ends_with(record), "{text}");
    let text = output(Verbosity::Detailed, Signal::Metrics, metrics(&[("cpu", 1)])).await;
    let metric = "\
Metric #0
Descriptor:
     -> Name: cpu
     -> Description: 
     -> Unit: 1
     -> DataType: Gauge
NumberDataPoints #0
Data point attributes:
     -> host: Str(a)
StartTimestamp: 1970-01-01 00:00:00 +0000 UTC
Timestamp: 2023-11-14 22:13:20 +0000 UTC
Value: 0
";
    assert!(text.ends_with(metric), "{text}");
}

/// A request of one metric.
fn metric_of(name: &str, data: Data) -> Bytes {
    let metric = Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec().into()
}

fn histogram() -> Data {
    Data::Histogram(Histogram {
        aggregation_temporality: 2,
        data_points: vec![HistogramDataPoint {
            attributes: vec![attribute("name", "with space")],
            count: 3,
            sum: Some(15.0),
            bucket_counts: vec![1, 2],
            explicit_bounds: vec![1.5],
            exemplars: vec![Exemplar {
                span_id: vec![3; 8],
                value: Some(exemplar::Value::AsDouble(9.0)),
                ..Exemplar::default()
            }],
            ..HistogramDataPoint::default()
        }],
    })
}

fn exponential_histogram() -> Data {
    let buckets = |offset| {
        Some(Buckets {
            offset,
            bucket_counts: vec![1, 1],
        })
    };
    Data::ExponentialHistogram(ExponentialHistogram {
        aggregation_temporality: 1,
        data_points: vec![ExponentialHistogramDataPoint {
            count: 5,
            scale: 1,
            zero_count: 1,
            positive: buckets(1),
            negative: buckets(-1),
            ..ExponentialHistogramDataPoint::default()
        }],
    })
}

fn summary() -> Data {
    Data::Summary(Summary {
        data_points: vec![SummaryDataPoint {
            count: 1,
            sum: 15.0,
            quantile_values: vec![ValueAtQuantile {
                quantile: 0.5,
                value: 15.0,
            }],
            ..SummaryDataPoint::default()
        }],
    })
}

/// Scenario: a histogram with an exemplar, an exponential histogram and a summary.
/// Guarantees: under both verbosities their numbers are there, in the Collector's form.
#[tokio::test]
async fn distributions_are_shown() {
    for (data, line, block) in [
        (
            histogram(),
            "m{name=with space} count=3 sum=15 le1.5=1 2\n",
            "Count: 3\nSum: 15.000000\nExplicitBounds #0: 1.500000\nBuckets #0, Count: 1\n\
             Buckets #1, Count: 2\nExemplars:\nExemplar #0\n     -> Trace ID: \n     \
             -> Span ID: 0303030303030303\n     -> Timestamp: 1970-01-01 00:00:00 +0000 UTC\n     \
             -> Value: 9.000000\n",
        ),
        (
            exponential_histogram(),
            "m{} count=5 le0.7071067811865476=1 le1=1 le1.4142135623730951=1 le2=1 zero_count0=1\n",
            "Count: 5\nBucket [-1.414214, -1.000000), Count: 1\n\
             Bucket [-1.000000, -0.707107), Count: 1\nBucket [0, 0], Count: 1\n\
             Bucket (1.414214, 2.000000], Count: 1\nBucket (2.000000, 2.828427], Count: 1\n",
        ),
        (
            summary(),
            "m{} count=1 sum=15.000000 q0.5=15\n",
            "Count: 1\nSum: 15.000000\nQuantileValue #0: Quantile 0.500000, Value 15.000000\n",
        ),
    ] {
        let body = metric_of("m", data);
        let text = output(Verbosity::Normal, Signal::Metrics, body.clone()).await;
        assert!(text.ends_with(line), "{text}");
        let text = output(Verbosity::Detailed, Signal::Metrics, body).await;
        assert!(text.ends_with(block), "{text}");
    }
}

/// Scenario: five requests in one second, of which the first and then each second one may pass.
/// Guarantees: the others are taken all the same, but not written.
///
/// Conforms: exporter `debug` | traces | `sampling_initial`, `sampling_thereafter` | same
#[tokio::test(start_paused = true)]
async fn output_is_sampled() {
    let sink = Sink::default();
    let settings = DebugExporter {
        sampling_initial: 1,
        sampling_thereafter: 2,
        ..DebugExporter::default()
    };
    let debug = Arc::new(Debug::new(
        &settings,
        WaterfallOptions::default(),
        sink.clone(),
    ));
    let queue = ExporterSettings::of_debug(&settings);
    let exporter = Exporter::new("debug", Signal::Traces, debug, &queue);
    let ledger = Ledger::new();
    while_running(&exporter, async {
        for _ in 0..5 {
            exporter.accept(ledger.parcel(1, "")).await.unwrap();
        }
    })
    .await;
    assert_eq!(ledger.items(), (5, 0));
    assert_eq!(sink.text().lines().count(), 3);
}

/// Scenario: traces and logs under the style of waterfalls.
/// Guarantees: traces are drawn, logs are counted.
///
/// Conforms: exporter `debug` | traces, logs | `verbosity: waterfall` | only here: traces are drawn, the rest is
/// counted
#[tokio::test]
async fn waterfalls_are_a_style_of_debug() {
    let sink = Sink::default();
    let settings = DebugExporter {
        verbosity: Verbosity::Waterfall,
        ..DebugExporter::default()
    };
    let debug = || Debug::new(&settings, WaterfallOptions::default(), sink.clone());
    export(
        debug(),
        Signal::Traces,
        traces([("shop", vec![span(1, 0, "GET /", 0, 1)])]),
    )
    .await;
    export(debug(), Signal::Logs, logs(&["x"])).await;
    let text = sink.text();
    assert!(text.contains("shop GET / ━"), "{text}");
    assert!(text.ends_with("\"log records\": 1}\n"), "{text}");
}
