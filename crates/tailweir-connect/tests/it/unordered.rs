//! Requests as text in which order and times are nothing: connectors count in tables and bear the
//! time of the flush.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use prost::Message as _;
use std::fmt::Debug;

/// A request of metrics.
pub(crate) fn metrics(wire: &[u8]) -> String {
    let mut request = ExportMetricsServiceRequest::decode(wire).expect("a request of metrics");
    for resource in &mut request.resource_metrics {
        attributes(&mut resource.resource.get_or_insert_default().attributes);
        for scope in &mut resource.scope_metrics {
            attributes(&mut scope.scope.get_or_insert_default().attributes);
            scope.metrics.iter_mut().for_each(metric);
            sort(&mut scope.metrics);
        }
        sort(&mut resource.scope_metrics);
    }
    sort(&mut request.resource_metrics);
    format!("{request:#?}")
}

/// A request of logs.
pub(crate) fn logs(wire: &[u8]) -> String {
    let mut request = ExportLogsServiceRequest::decode(wire).expect("a request of logs");
    for resource in &mut request.resource_logs {
        attributes(&mut resource.resource.get_or_insert_default().attributes);
        for scope in &mut resource.scope_logs {
            attributes(&mut scope.scope.get_or_insert_default().attributes);
            for record in &mut scope.log_records {
                (record.time_unix_nano, record.observed_time_unix_nano) = (0, 0);
                record.body.get_or_insert_default();
                attributes(&mut record.attributes);
            }
            sort(&mut scope.log_records);
        }
        sort(&mut resource.scope_logs);
    }
    sort(&mut request.resource_logs);
    format!("{request:#?}")
}

fn metric(metric: &mut Metric) {
    macro_rules! points {
        ($points:expr) => {{
            for point in &mut $points {
                (point.start_time_unix_nano, point.time_unix_nano) = (0, 0);
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
            }
            sort(&mut $points);
        }};
    }
    match metric.data.as_mut() {
        Some(Data::Sum(sum)) => points!(sum.data_points),
        Some(Data::Histogram(histogram)) => points!(histogram.data_points),
        Some(Data::ExponentialHistogram(histogram)) => {
            for point in &mut histogram.data_points {
                point.positive.get_or_insert_default();
                point.negative.get_or_insert_default();
            }
            points!(histogram.data_points);
        }
        _ => {}
    }
}

fn exemplars(exemplars: &mut [Exemplar]) {
    for exemplar in exemplars.iter_mut() {
        exemplar.time_unix_nano = 0;
    }
    sort(exemplars);
}

fn attributes(list: &mut [KeyValue]) {
    for attribute in list.iter_mut() {
        value(attribute.value.get_or_insert_default());
    }
    list.sort_by(|left, right| left.key.cmp(&right.key));
}

fn value(any: &mut AnyValue) {
    match &mut any.value {
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(value),
        Some(Value::KvlistValue(map)) => attributes(&mut map.values),
        _ => {}
    }
}

fn sort<T: Debug>(list: &mut [T]) {
    list.sort_by_cached_key(|item| format!("{item:?}"));
}
