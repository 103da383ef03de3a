//! Requests of OTLP.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn resource(service: &str) -> Option<Resource> {
    Some(Resource {
        attributes: vec![attribute("service.name", service)],
        ..Resource::default()
    })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "lib".to_owned(),
        version: "1".to_owned(),
        ..InstrumentationScope::default()
    })
}

/// A span of trace 1; ids are numbers, parent 0 is none; times in milliseconds.
pub(crate) fn span(id: u8, parent: u8, name: &str, start: u64, end: u64) -> Span {
    let span_id = |id: u8| if id == 0 { Vec::new() } else { vec![id; 8] };
    Span {
        trace_id: vec![1; 16],
        span_id: span_id(id),
        parent_span_id: span_id(parent),
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000 + start * 1_000_000,
        end_time_unix_nano: 1_700_000_000_000_000_000 + end * 1_000_000,
        ..Span::default()
    }
}

/// A request of these services with their spans.
pub(crate) fn traces(services: impl IntoIterator<Item = (&'static str, Vec<Span>)>) -> Bytes {
    let resource_spans = services.into_iter().map(|(service, spans)| ResourceSpans {
        resource: resource(service),
        scope_spans: vec![ScopeSpans {
            scope: scope(),
            spans,
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    });
    let request = ExportTraceServiceRequest {
        resource_spans: resource_spans.collect(),
    };
    request.encode_to_vec().into()
}

/// A request of records with these bodies.
pub(crate) fn logs(bodies: &[&str]) -> Bytes {
    let record = |body: &&str| LogRecord {
        time_unix_nano: 1_700_000_000_000_000_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue((*body).to_owned())),
        }),
        attributes: vec![attribute("app", "shop")],
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource("shop"),
            scope_logs: vec![ScopeLogs {
                scope: scope(),
                log_records: bodies.iter().map(record).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    };
    request.encode_to_vec().into()
}

/// A request of gauges, each with so many points.
pub(crate) fn metrics(gauges: &[(&str, usize)]) -> Bytes {
    let point = |value: usize| NumberDataPoint {
        attributes: vec![attribute("host", "a")],
        time_unix_nano: 1_700_000_000_000_000_000,
        value: Some(number_data_point::Value::AsInt(value as i64)),
        ..NumberDataPoint::default()
    };
    let gauge = |&(name, points): &(&str, usize)| Metric {
        name: name.to_owned(),
        unit: "1".to_owned(),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: (0..points).map(point).collect(),
        })),
        ..Metric::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource("shop"),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics: gauges.iter().map(gauge).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    };
    request.encode_to_vec().into()
}
