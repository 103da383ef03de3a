//! Metrics and logs: views, counts and JSON, held against a full decoder.

use crate::telemetry::{damaged, damages, request, value};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use prost::Message;
use tailweir_core::Signal;
use tailweir_otlp::{
    AnyValue, DataPoint, LogRecordView, MetricData, MetricView, Number, NumberPoint, RequestView,
    ResourceFields, ScanError, ScopeFields, Temporality, count_items, json,
};
use tailweir_testkit::normal_form;

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = ("[ab]", of(value()));
    vec(
        attribute.prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..Default::default()
        }),
        0..3,
    )
}

fn exemplar() -> impl Strategy<Value = Exemplar> {
    let value = of(prop_oneof![
        any::<f64>().prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt),
    ]);
    (attributes(), any::<u64>(), value, any::<[u8; 16]>()).prop_map(
        |(filtered_attributes, time_unix_nano, value, id)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id: id[..8].to_vec(),
            trace_id: id.to_vec(),
            value,
        },
    )
}

fn number_point() -> impl Strategy<Value = NumberDataPoint> {
    let value = of(prop_oneof![
        any::<f64>().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt),
    ]);
    let times = (any::<u64>(), any::<u64>());
    (attributes(), times, vec(exemplar(), 0..2), 0..2_u32, value).prop_map(
        |(attributes, times, exemplars, flags, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano: times.0,
            time_unix_nano: times.1,
            exemplars,
            flags,
            value,
        },
    )
}

fn histogram_point() -> impl Strategy<Value = HistogramDataPoint> {
    let buckets = (vec(any::<u64>(), 0..4), vec(any::<f64>(), 0..4));
    let known = (of(any::<f64>()), of(any::<f64>()), of(any::<f64>()));
    (
        attributes(),
        any::<u64>(),
        buckets,
        known,
        vec(exemplar(), 0..2),
    )
        .prop_map(
            |(attributes, count, buckets, known, exemplars)| HistogramDataPoint {
                attributes,
                start_time_unix_nano: count / 2,
                time_unix_nano: count / 3,
                count,
                sum: known.0,
                bucket_counts: buckets.0,
                explicit_bounds: buckets.1,
                exemplars,
                flags: (count % 2) as u32,
                min: known.1,
                max: known.2,
            },
        )
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let side = || {
        of((any::<i32>(), vec(any::<u64>(), 0..4))).prop_map(|side| {
            side.map(|(offset, bucket_counts)| Buckets {
                offset,
                bucket_counts,
            })
        })
    };
    let known = (
        of(any::<f64>()),
        of(any::<f64>()),
        of(any::<f64>()),
        any::<f64>(),
    );
    (
        attributes(),
        any::<u64>(),
        any::<i32>(),
        known,
        side(),
        side(),
    )
        .prop_map(|(attributes, count, scale, known, positive, negative)| {
            ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano: count / 2,
                time_unix_nano: count / 3,
                count,
                sum: known.0,
                scale,
                zero_count: count % 7,
                positive,
                negative,
                flags: (count % 2) as u32,
                exemplars: Vec::new(),
                min: known.1,
                max: known.2,
                zero_threshold: known.3,
            }
        })
}

fn summary_point() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile = (any::<f64>(), any::<f64>())
        .prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (
        attributes(),
        any::<u64>(),
        any::<f64>(),
        vec(quantile, 0..3),
    )
        .prop_map(
            |(attributes, count, sum, quantile_values)| SummaryDataPoint {
                attributes,
                start_time_unix_nano: count / 2,
                time_unix_nano: count / 3,
                count,
                sum,
                quantile_values,
                flags: (count % 2) as u32,
            },
        )
}

fn metric() -> impl Strategy<Value = Metric> {
    let temporality = 0..4_i32;
    let data = of(prop_oneof![
        vec(number_point(), 0..3).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (
            vec(number_point(), 0..3),
            temporality.clone(),
            any::<bool>()
        )
            .prop_map(
                |(data_points, aggregation_temporality, is_monotonic)| Data::Sum(Sum {
                    data_points,
                    aggregation_temporality,
                    is_monotonic,
                }),
            ),
        (vec(histogram_point(), 0..3), temporality.clone()).prop_map(
            |(data_points, aggregation_temporality)| Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            }),
        ),
        (vec(exponential_point(), 0..3), temporality).prop_map(
            |(data_points, aggregation_temporality)| Data::ExponentialHistogram(
                ExponentialHistogram {
                    data_points,
                    aggregation_temporality
                },
            ),
        ),
        vec(summary_point(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]);
    (
        "[a-c.]{0,4}",
        "[a-c ]{0,4}",
        "[a-z%]{0,2}",
        attributes(),
        data,
    )
        .prop_map(|(name, description, unit, metadata, data)| Metric {
            name,
            description,
            unit,
            metadata,
            data,
        })
}

fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope = vec(metric(), 0..3).prop_map(|metrics| ScopeMetrics {
        metrics,
        ..Default::default()
    });
    let group = vec(scope, 0..3).prop_map(|scope_metrics| ResourceMetrics {
        scope_metrics,
        ..Default::default()
    });
    vec(group, 0..2).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let times = (any::<u64>(), any::<u64>());
    let record = (
        times,
        -1..26_i32,
        of(value()),
        attributes(),
        any::<[u8; 16]>(),
        any::<u32>(),
    );
    let record =
        record.prop_map(
            |(times, severity_number, body, attributes, id, flags)| LogRecord {
                time_unix_nano: times.0,
                observed_time_unix_nano: times.1,
                severity_number,
                severity_text: severity_number.to_string(),
                body,
                attributes,
                dropped_attributes_count: flags / 2,
                flags,
                trace_id: id.to_vec(),
                span_id: id[..8].to_vec(),
                event_name: "event".to_owned(),
            },
        );
    let scope = vec(record, 0..4).prop_map(|log_records| ScopeLogs {
        log_records,
        ..Default::default()
    });
    let group = vec(scope, 0..3).prop_map(|scope_logs| ResourceLogs {
        scope_logs,
        ..Default::default()
    });
    vec(group, 0..2).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

/// The content of each item of a request.
fn items(wire: &[u8]) -> Vec<&[u8]> {
    let scopes = RequestView(wire)
        .resources()
        .flat_map(ResourceFields::scopes);
    scopes.flat_map(ScopeFields::items).collect()
}

fn bits(value: Option<f64>) -> Option<u64> {
    value.map(f64::to_bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Scenario: every field of every metric of any request is read through views.
    /// Guarantees: they say what a full decoder says, and data points are counted right.
    #[test]
    fn metric_views_say_what_a_decoder_says(request in metrics()) {
        let wire = request.encode_to_vec();
        let scopes = request.resource_metrics.iter().flat_map(|group| &group.scope_metrics);
        let expected: Vec<_> = scopes.flat_map(|scope| &scope.metrics).collect();
        let mut points = 0;
        prop_assert_eq!(items(&wire).len(), expected.len());
        for (view, metric) in items(&wire).into_iter().map(MetricView).zip(expected) {
            prop_assert_eq!(view.name(), metric.name.as_bytes());
            prop_assert_eq!(view.description(), metric.description.as_bytes());
            prop_assert_eq!(view.unit(), metric.unit.as_bytes());
            prop_assert_eq!(view.metadata().count(), metric.metadata.len());
            points += same_data(view.data(), metric.data.as_ref())?;
        }
        prop_assert_eq!(count_items(Signal::Metrics, &wire), Ok(points));
    }

    /// Scenario: every field of every log record of any request is read through views.
    /// Guarantees: they say what a full decoder says, and records are counted right.
    #[test]
    fn log_views_say_what_a_decoder_says(request in logs()) {
        let wire = request.encode_to_vec();
        let scopes = request.resource_logs.iter().flat_map(|group| &group.scope_logs);
        let expected: Vec<_> = scopes.flat_map(|scope| &scope.log_records).collect();
        prop_assert_eq!(count_items(Signal::Logs, &wire), Ok(expected.len() as u64));
        for (view, record) in items(&wire).into_iter().map(LogRecordView).zip(expected) {
            prop_assert_eq!(view.time(), record.time_unix_nano);
            prop_assert_eq!(view.observed_time(), record.observed_time_unix_nano);
            prop_assert_eq!(view.severity_number(), record.severity_number);
            prop_assert_eq!(view.severity_text(), record.severity_text.as_bytes());
            prop_assert_eq!(view.flags(), record.flags);
            prop_assert_eq!(view.dropped_attributes_count(), record.dropped_attributes_count);
            prop_assert_eq!(&view.trace_id().0[..], &record.trace_id);
            prop_assert_eq!(&view.span_id().0[..], &record.span_id);
            prop_assert_eq!(view.event_name(), record.event_name.as_bytes());
            prop_assert_eq!(view.attributes().count(), record.attributes.len());
            let body = record.body.clone().unwrap_or_default().encode_to_vec();
            prop_assert_eq!(view.body(), AnyValue::new(&body));
        }
    }

    /// Scenario: metrics and logs are written as JSON and read again.
    /// Guarantees: they are the same.
    #[test]
    fn json_holds_all_of_metrics_and_logs(metrics in metrics(), logs in logs()) {
        let requests = [
            (Signal::Metrics, metrics.encode_to_vec()),
            (Signal::Logs, logs.encode_to_vec()),
        ];
        for (signal, wire) in requests {
            let (mut text, mut again) = (Vec::new(), Vec::new());
            json::from_wire(signal, &wire, &mut text).unwrap();
            json::to_wire(signal, &text, &mut again).unwrap();
            prop_assert_eq!(normal_form(signal, &again), normal_form(signal, &wire));
        }
    }

    /// Scenario: requests of each signal are damaged, and counted.
    /// Guarantees: what a decoder takes is counted, with the exceptions of a scan, and as many.
    #[test]
    fn a_count_takes_what_a_decoder_takes(
        traces in request(),
        metrics in metrics(),
        logs in logs(),
        damages in damages(),
    ) {
        let wire = damaged(metrics.encode_to_vec(), &damages);
        agrees(count_items(Signal::Metrics, &wire), ExportMetricsServiceRequest::decode(&*wire).err())?;
        let wire = damaged(logs.encode_to_vec(), &damages);
        agrees(count_items(Signal::Logs, &wire), ExportLogsServiceRequest::decode(&*wire).err())?;
        let wire = damaged(traces.encode_to_vec(), &damages);
        agrees(count_items(Signal::Traces, &wire), ExportTraceServiceRequest::decode(&*wire).err())?;
    }
}

fn agrees(
    counted: Result<u64, ScanError>,
    refused: Option<prost::DecodeError>,
) -> Result<(), TestCaseError> {
    match (counted, refused) {
        (Ok(_), Some(error)) => {
            let error = error.to_string();
            let expected = error.contains("UTF-8") || error.contains("strindex");
            prop_assert!(expected, "the decoder alone refuses: {error}");
        }
        (Err(error), None) => {
            prop_assert!(
                error.to_string().contains("id in field"),
                "refused here alone: {error}"
            );
        }
        _ => {}
    }
    Ok(())
}

/// Compares the data of a metric, and answers how many points it has.
fn same_data(view: MetricData<'_>, data: Option<&Data>) -> Result<u64, TestCaseError> {
    let points: Vec<_> = view.points().collect();
    let (name, common) = match (view, data) {
        (MetricData::Empty, None) => ("None", None),
        (MetricData::Gauge(_), Some(Data::Gauge(_))) => ("Gauge", None),
        (MetricData::Sum(points), Some(Data::Sum(sum))) => {
            prop_assert_eq!(points.is_monotonic(), sum.is_monotonic);
            ("Sum", Some((points, sum.aggregation_temporality)))
        }
        (MetricData::Histogram(points), Some(Data::Histogram(histogram))) => (
            "Histogram",
            Some((points, histogram.aggregation_temporality)),
        ),
        (MetricData::ExponentialHistogram(points), Some(Data::ExponentialHistogram(histogram))) => {
            (
                "ExponentialHistogram",
                Some((points, histogram.aggregation_temporality)),
            )
        }
        (MetricData::Summary(_), Some(Data::Summary(_))) => ("Summary", None),
        (view, data) => return Err(TestCaseError::fail(format!("{view:?} is not {data:?}"))),
    };
    prop_assert_eq!(view.name(), name);
    if let Some((points, number)) = common {
        let expected = match number {
            1 => Temporality::Delta,
            2 => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        };
        prop_assert_eq!(points.temporality(), expected);
    }
    let expected = decoded_points(data);
    prop_assert_eq!(points.len(), expected.len());
    for (point, expected) in points.iter().zip(expected) {
        prop_assert_eq!(
            (point.start(), point.time(), point.flags()),
            expected.common()
        );
        same_point(*point, expected)?;
    }
    Ok(points.len() as u64)
}

/// A data point of any kind, decoded.
enum Decoded<'d> {
    Number(&'d NumberDataPoint),
    Histogram(&'d HistogramDataPoint),
    Exponential(&'d ExponentialHistogramDataPoint),
    Summary(&'d SummaryDataPoint),
}

impl Decoded<'_> {
    fn common(&self) -> (u64, u64, u32) {
        match self {
            Self::Number(point) => (
                point.start_time_unix_nano,
                point.time_unix_nano,
                point.flags,
            ),
            Self::Histogram(point) => (
                point.start_time_unix_nano,
                point.time_unix_nano,
                point.flags,
            ),
            Self::Exponential(point) => (
                point.start_time_unix_nano,
                point.time_unix_nano,
                point.flags,
            ),
            Self::Summary(point) => (
                point.start_time_unix_nano,
                point.time_unix_nano,
                point.flags,
            ),
        }
    }
}

fn decoded_points(data: Option<&Data>) -> Vec<Decoded<'_>> {
    match data {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(Decoded::Number).collect(),
        Some(Data::Sum(sum)) => sum.data_points.iter().map(Decoded::Number).collect(),
        Some(Data::Histogram(data)) => data.data_points.iter().map(Decoded::Histogram).collect(),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.iter().map(Decoded::Exponential).collect()
        }
        Some(Data::Summary(data)) => data.data_points.iter().map(Decoded::Summary).collect(),
    }
}

fn same_point(view: DataPoint<'_>, expected: Decoded<'_>) -> Result<(), TestCaseError> {
    match (view, expected) {
        (DataPoint::Number(view), Decoded::Number(point)) => {
            prop_assert_eq!(view.attributes().count(), point.attributes.len());
            prop_assert_eq!(view.value(), point.value.map_or(Number::Empty, number));
            same_exemplars(view, &point.exemplars)?;
        }
        (DataPoint::Histogram(view), Decoded::Histogram(point)) => {
            prop_assert_eq!(view.attributes().count(), point.attributes.len());
            prop_assert_eq!(view.count(), point.count);
            prop_assert_eq!(bits(view.sum()), bits(point.sum));
            prop_assert_eq!(bits(view.min()), bits(point.min));
            prop_assert_eq!(bits(view.max()), bits(point.max));
            prop_assert_eq!(
                &view.bucket_counts().collect::<Vec<_>>(),
                &point.bucket_counts
            );
            prop_assert_eq!(
                &view.explicit_bounds().collect::<Vec<_>>(),
                &point.explicit_bounds
            );
            prop_assert_eq!(view.exemplars().count(), point.exemplars.len());
        }
        (DataPoint::ExponentialHistogram(view), Decoded::Exponential(point)) => {
            prop_assert_eq!(view.attributes().count(), point.attributes.len());
            prop_assert_eq!((view.count(), view.scale()), (point.count, point.scale));
            prop_assert_eq!(bits(view.sum()), bits(point.sum));
            prop_assert_eq!(bits(view.min()), bits(point.min));
            prop_assert_eq!(bits(view.max()), bits(point.max));
            prop_assert_eq!(view.zero_count(), point.zero_count);
            prop_assert_eq!(view.zero_threshold(), point.zero_threshold);
            let sides = [
                (view.positive(), &point.positive),
                (view.negative(), &point.negative),
            ];
            for (side, expected) in sides {
                let expected = expected.clone().unwrap_or_default();
                prop_assert_eq!(side.offset(), expected.offset);
                prop_assert_eq!(side.counts().collect::<Vec<_>>(), expected.bucket_counts);
            }
        }
        (DataPoint::Summary(view), Decoded::Summary(point)) => {
            prop_assert_eq!(view.attributes().count(), point.attributes.len());
            prop_assert_eq!((view.count(), view.sum()), (point.count, point.sum));
            let quantiles: Vec<_> = view
                .quantiles()
                .map(|found| (found.quantile, found.value))
                .collect();
            let expected = point
                .quantile_values
                .iter()
                .map(|found| (found.quantile, found.value));
            prop_assert_eq!(quantiles, expected.collect::<Vec<_>>());
        }
        (view, _) => return Err(TestCaseError::fail(format!("{view:?} is of another kind"))),
    }
    Ok(())
}

fn number(value: number_data_point::Value) -> Number {
    match value {
        number_data_point::Value::AsDouble(value) => Number::Double(value),
        number_data_point::Value::AsInt(value) => Number::Int(value),
    }
}

fn same_exemplars(view: NumberPoint<'_>, expected: &[Exemplar]) -> Result<(), TestCaseError> {
    prop_assert_eq!(view.exemplars().count(), expected.len());
    for (view, exemplar) in view.exemplars().zip(expected) {
        prop_assert_eq!(view.time(), exemplar.time_unix_nano);
        prop_assert_eq!(&view.trace_id().0[..], &exemplar.trace_id);
        prop_assert_eq!(&view.span_id().0[..], &exemplar.span_id);
        prop_assert_eq!(
            view.filtered_attributes().count(),
            exemplar.filtered_attributes.len()
        );
        let value = match exemplar.value {
            None => Number::Empty,
            Some(exemplar::Value::AsDouble(value)) => Number::Double(value),
            Some(exemplar::Value::AsInt(value)) => Number::Int(value),
        };
        prop_assert_eq!(view.value(), value);
    }
    Ok(())
}

/// Scenario: repeated numbers that are not packed, and packed twice.
/// Guarantees: both are one list.
#[test]
fn numbers_may_be_packed_or_not() {
    let mut point = Vec::new();
    for (count, packed) in [(1_u64, false), (2, true), (3, false)] {
        point.push(if packed { 0x32 } else { 0x31 });
        if packed {
            point.push(8);
        }
        point.extend_from_slice(&count.to_le_bytes());
    }
    let view = tailweir_otlp::HistogramPoint(&point);
    assert_eq!(view.bucket_counts().collect::<Vec<_>>(), [1, 2, 3]);
}

/// Scenario: an attribute whose lists are nested 5,000 deep.
/// Guarantees: a count refuses it, and views of it end after 64, so that both may recurse.
#[test]
fn nesting_has_an_end() {
    let levels = nested(5_000);
    let record = [&b"\x2a"[..], &delimited(&levels)].concat();
    let scope = [&b"\x12"[..], &delimited(&record)].concat();
    let group = [&b"\x12"[..], &delimited(&scope)].concat();
    let request = [&b"\x0a"[..], &delimited(&group)].concat();
    assert!(count_items(Signal::Logs, &request).is_err());
    let mut depth = 0;
    let mut inner = AnyValue::new(&levels);
    while let AnyValue::Array(list) = inner {
        inner = list.iter().next().unwrap_or(AnyValue::Empty);
        depth += 1;
    }
    assert_eq!(depth, 65);
}

fn delimited(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encode_length_delimiter(content.len(), &mut out).expect("room");
    out.extend_from_slice(content);
    out
}

/// An `AnyValue` of so many lists in each other.
fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(b"\x0a\x01x".to_vec(), |value, _| {
        let list = [&b"\x0a"[..], &delimited(&value)].concat();
        [&b"\x2a"[..], &delimited(&list)].concat()
    })
}
