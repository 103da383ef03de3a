//! Messages brought to one form, so that two encodings of the same telemetry compare equal.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use prost::Message as _;
use tailweir_core::Signal;

/// The request in a form in which absent and empty sub-messages, ids and doubles that are no number do
/// not differ, as text that can be compared and read.
pub(crate) fn normal(signal: Signal, wire: &[u8]) -> Result<String, prost::DecodeError> {
    Ok(match signal {
        Signal::Traces => format!("{:#?}", traces(ExportTraceServiceRequest::decode(wire)?)),
        Signal::Metrics => format!("{:#?}", metrics(ExportMetricsServiceRequest::decode(wire)?)),
        Signal::Logs => format!("{:#?}", logs(ExportLogsServiceRequest::decode(wire)?)),
    })
}

fn traces(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for group in &mut request.resource_spans {
        attributes(&mut group.resource.get_or_insert_default().attributes);
        for scope in &mut group.scope_spans {
            attributes(&mut scope.scope.get_or_insert_default().attributes);
            for span in &mut scope.spans {
                span.status.get_or_insert_default();
                id(&mut span.trace_id);
                id(&mut span.span_id);
                id(&mut span.parent_span_id);
                attributes(&mut span.attributes);
                for event in &mut span.events {
                    attributes(&mut event.attributes);
                }
                for link in &mut span.links {
                    id(&mut link.trace_id);
                    id(&mut link.span_id);
                    attributes(&mut link.attributes);
                }
            }
        }
    }
    request
}

fn logs(mut request: ExportLogsServiceRequest) -> ExportLogsServiceRequest {
    for group in &mut request.resource_logs {
        attributes(&mut group.resource.get_or_insert_default().attributes);
        for scope in &mut group.scope_logs {
            attributes(&mut scope.scope.get_or_insert_default().attributes);
            for record in &mut scope.log_records {
                value(record.body.get_or_insert_default());
                id(&mut record.trace_id);
                id(&mut record.span_id);
                attributes(&mut record.attributes);
            }
        }
    }
    request
}

fn metrics(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    for group in &mut request.resource_metrics {
        attributes(&mut group.resource.get_or_insert_default().attributes);
        for scope in &mut group.scope_metrics {
            attributes(&mut scope.scope.get_or_insert_default().attributes);
            scope.metrics.iter_mut().for_each(metric);
        }
    }
    request
}

fn metric(metric: &mut Metric) {
    attributes(&mut metric.metadata);
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::Sum(sum)) => sum.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::Histogram(histogram)) => histogram.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::ExponentialHistogram(histogram)) => {
            for point in &mut histogram.data_points {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
                point.positive.get_or_insert_default();
                point.negative.get_or_insert_default();
            }
        }
        Some(Data::Summary(summary)) => {
            summary
                .data_points
                .iter_mut()
                .for_each(|point| attributes(&mut point.attributes));
        }
        None => {}
    }
}

fn exemplars(exemplars: &mut [Exemplar]) {
    for exemplar in exemplars {
        id(&mut exemplar.trace_id);
        id(&mut exemplar.span_id);
        attributes(&mut exemplar.filtered_attributes);
    }
}

fn attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        value(attribute.value.get_or_insert_default());
    }
}

fn value(any: &mut AnyValue) {
    match &mut any.value {
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(value),
        Some(Value::KvlistValue(map)) => attributes(&mut map.values),
        _ => {}
    }
}

/// An id of zeros is no id.
fn id(id: &mut Vec<u8>) {
    if id.iter().all(|&byte| byte == 0) {
        id.clear();
    }
}
