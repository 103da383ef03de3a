//! Messages brought to one form, so that two encodings of the same telemetry compare equal.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use prost::Message as _;
use serde_json::{Value as Json, json};
use tailweir_core::Signal;

/// The request as text that can be compared and read, in a form in which absent and empty sub-messages
/// and ids do not differ.
///
/// # Errors
/// When a decoder refuses it.
pub fn normal_form(signal: Signal, wire: &[u8]) -> Result<String, prost::DecodeError> {
    form(signal, wire, |_| {})
}

/// The same with attributes sorted by key, at every depth, as golden vectors have them.
///
/// # Errors
/// When a decoder refuses it.
pub fn sorted_form(signal: Signal, wire: &[u8]) -> Result<String, prost::DecodeError> {
    form(signal, wire, |list| {
        list.sort_by(|left, right| left.key.cmp(&right.key));
    })
}

/// OTLP JSON that is the same whatever the order of attributes, points, items, scopes and resources, and whether what is
/// empty is written. Lists of numbers keep their order.
pub fn normal_json(value: &Json) -> Json {
    match value {
        Json::Array(list) if list.iter().all(Json::is_object) => {
            let mut list: Vec<_> = list.iter().map(normal_json).collect();
            list.sort_by_key(Json::to_string);
            Json::Array(list)
        }
        Json::Object(map) => {
            let fields = map
                .iter()
                .map(|(key, value)| (key.clone(), normal_json(value)));
            let said = fields.filter(|(_, value)| *value != json!({}));
            Json::Object(said.collect())
        }
        other => other.clone(),
    }
}

/// What is done to each list of attributes once its values are filled in.
type Order = fn(&mut [KeyValue]);

fn form(signal: Signal, wire: &[u8], order: Order) -> Result<String, prost::DecodeError> {
    Ok(match signal {
        Signal::Traces => format!(
            "{:#?}",
            traces(ExportTraceServiceRequest::decode(wire)?, order)
        ),
        Signal::Metrics => {
            format!(
                "{:#?}",
                metrics(ExportMetricsServiceRequest::decode(wire)?, order)
            )
        }
        Signal::Logs => format!(
            "{:#?}",
            logs(ExportLogsServiceRequest::decode(wire)?, order)
        ),
    })
}

fn traces(mut request: ExportTraceServiceRequest, order: Order) -> ExportTraceServiceRequest {
    for group in &mut request.resource_spans {
        attributes(
            &mut group.resource.get_or_insert_default().attributes,
            order,
        );
        for scope in &mut group.scope_spans {
            attributes(&mut scope.scope.get_or_insert_default().attributes, order);
            for span in &mut scope.spans {
                span.status.get_or_insert_default();
                id(&mut span.trace_id);
                id(&mut span.span_id);
                id(&mut span.parent_span_id);
                attributes(&mut span.attributes, order);
                for event in &mut span.events {
                    attributes(&mut event.attributes, order);
                }
                for link in &mut span.links {
                    id(&mut link.trace_id);
                    id(&mut link.span_id);
                    attributes(&mut link.attributes, order);
                }
            }
        }
    }
    request
}

fn logs(mut request: ExportLogsServiceRequest, order: Order) -> ExportLogsServiceRequest {
    for group in &mut request.resource_logs {
        attributes(
            &mut group.resource.get_or_insert_default().attributes,
            order,
        );
        for scope in &mut group.scope_logs {
            attributes(&mut scope.scope.get_or_insert_default().attributes, order);
            for record in &mut scope.log_records {
                value(record.body.get_or_insert_default(), order);
                id(&mut record.trace_id);
                id(&mut record.span_id);
                attributes(&mut record.attributes, order);
            }
        }
    }
    request
}

fn metrics(mut request: ExportMetricsServiceRequest, order: Order) -> ExportMetricsServiceRequest {
    for group in &mut request.resource_metrics {
        attributes(
            &mut group.resource.get_or_insert_default().attributes,
            order,
        );
        for scope in &mut group.scope_metrics {
            attributes(&mut scope.scope.get_or_insert_default().attributes, order);
            scope
                .metrics
                .iter_mut()
                .for_each(|item| metric(item, order));
        }
    }
    request
}

fn metric(metric: &mut Metric, order: Order) {
    attributes(&mut metric.metadata, order);
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes, order);
            exemplars(&mut point.exemplars, order);
        }),
        Some(Data::Sum(sum)) => sum.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes, order);
            exemplars(&mut point.exemplars, order);
        }),
        Some(Data::Histogram(histogram)) => histogram.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes, order);
            exemplars(&mut point.exemplars, order);
        }),
        Some(Data::ExponentialHistogram(histogram)) => {
            for point in &mut histogram.data_points {
                attributes(&mut point.attributes, order);
                exemplars(&mut point.exemplars, order);
                point.positive.get_or_insert_default();
                point.negative.get_or_insert_default();
            }
        }
        Some(Data::Summary(summary)) => {
            summary
                .data_points
                .iter_mut()
                .for_each(|point| attributes(&mut point.attributes, order));
        }
        None => {}
    }
}

fn exemplars(exemplars: &mut [Exemplar], order: Order) {
    for exemplar in exemplars {
        id(&mut exemplar.trace_id);
        id(&mut exemplar.span_id);
        attributes(&mut exemplar.filtered_attributes, order);
    }
}

fn attributes(attributes: &mut [KeyValue], order: Order) {
    for attribute in &mut *attributes {
        value(attribute.value.get_or_insert_default(), order);
    }
    order(attributes);
}

fn value(any: &mut AnyValue, order: Order) {
    match &mut any.value {
        Some(Value::ArrayValue(array)) => array
            .values
            .iter_mut()
            .for_each(|element| value(element, order)),
        Some(Value::KvlistValue(map)) => attributes(&mut map.values, order),
        _ => {}
    }
}

/// An id of zeros is no id.
fn id(id: &mut Vec<u8>) {
    if id.iter().all(|&byte| byte == 0) {
        id.clear();
    }
}
