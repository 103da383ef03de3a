//! The series that a metric stands for: one, or those of its buckets and quantiles.

use super::family::{Family, FamilyKind};
use super::message::{
    Bucket, Histogram, LabelPair, Metric, Span, Summary, Timestamp, WrittenExemplar,
};
use crate::labels::{BUCKET, NAME, QUANTILE};
use crate::native::{Native, Run, Side};
use crate::number::in_label;
use crate::page::scanner::lossy;
use crate::page::{Exemplar, NativeWishes, Sample, SampleValue};
use std::collections::VecDeque;

/// A series with its value.
#[derive(Default)]
pub(super) struct OneSeries {
    /// The same for the same series.
    pub(super) key: Vec<u8>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) sample: Option<Sample>,
    pub(super) exemplars: Vec<Exemplar>,
}

/// Series of one metric while they are collected.
struct Collected<'m> {
    name: &'m str,
    labels: &'m [LabelPair],
    time: Option<i64>,
    start: Option<i64>,
    series: VecDeque<OneSeries>,
}

/// All series of a metric.
pub(super) fn series_of(
    family: &Family<'_>,
    metric: Metric,
    wishes: NativeWishes,
) -> Result<VecDeque<OneSeries>, &'static str> {
    let start = match family.kind {
        FamilyKind::Counter => metric.counter.as_ref().and_then(|it| it.start.as_ref()),
        FamilyKind::Summary => metric.summary.as_ref().and_then(|it| it.start.as_ref()),
        FamilyKind::Histogram | FamilyKind::GaugeHistogram => {
            metric.histogram.as_ref().and_then(|it| it.start.as_ref())
        }
        FamilyKind::Gauge | FamilyKind::Untyped => None,
    };
    let mut collected = Collected {
        name: &family.name,
        labels: &metric.label,
        // Nobody can say that the time is 1970.
        time: Some(metric.timestamp_ms).filter(|time| *time != 0),
        start: start.map(Timestamp::millis).filter(|start| *start != 0),
        series: VecDeque::new(),
    };
    let of_simple = |it: &Option<super::message::Simple>| it.as_ref().map_or(0.0, |it| it.value);
    match family.kind {
        FamilyKind::Gauge => collected.put("", None, of_simple(&metric.gauge), &[]),
        FamilyKind::Untyped => collected.put("", None, of_simple(&metric.untyped), &[]),
        FamilyKind::Counter => {
            let counter = metric.counter.unwrap_or_default();
            let exemplars: Vec<_> = counter.exemplar.into_iter().collect();
            collected.put("", None, counter.value, &exemplars);
        }
        FamilyKind::Summary => collected.summary(&metric.summary.unwrap_or_default()),
        FamilyKind::Histogram | FamilyKind::GaugeHistogram => {
            collected.histogram(&metric.histogram.unwrap_or_default(), wishes)?;
        }
    }
    Ok(collected.series)
}

impl Collected<'_> {
    fn put(
        &mut self,
        suffix: &str,
        label: Option<(&str, f64)>,
        value: f64,
        exemplars: &[WrittenExemplar],
    ) {
        let exemplars = exemplars.iter().map(read_exemplar).collect();
        self.put_value(suffix, label, SampleValue::Number(value), exemplars);
    }

    fn put_value(
        &mut self,
        suffix: &str,
        label: Option<(&str, f64)>,
        value: SampleValue,
        exemplars: Vec<Exemplar>,
    ) {
        let mut labels = vec![(NAME.to_owned(), format!("{}{suffix}", self.name))];
        labels.extend(pairs(self.labels));
        if let Some((name, number)) = label {
            labels.push((name.to_owned(), in_label(number)));
        }
        let mut key = Vec::new();
        for (name, value) in &labels {
            key.extend_from_slice(name.as_bytes());
            key.push(0xff);
            key.extend_from_slice(value.as_bytes());
            key.push(0xff);
        }
        let is_native = matches!(value, SampleValue::Native(_));
        key.push(u8::from(is_native));
        self.series.push_back(OneSeries {
            key,
            labels,
            sample: Some(Sample {
                time: self.time,
                start: self.start,
                value,
            }),
            exemplars,
        });
    }

    fn summary(&mut self, summary: &Summary) {
        self.put("_count", None, summary.count as f64, &[]);
        self.put("_sum", None, summary.sum, &[]);
        for quantile in &summary.quantile {
            self.put("", Some((QUANTILE, quantile.quantile)), quantile.value, &[]);
        }
    }

    fn histogram(
        &mut self,
        histogram: &Histogram,
        wishes: NativeWishes,
    ) -> Result<(), &'static str> {
        let is_native = wishes.native && is_native(histogram);
        if is_native {
            let native = native(histogram)?;
            let exemplars = native_exemplars(histogram);
            self.put_value("", None, SampleValue::Native(Box::new(native)), exemplars);
        }
        if !is_native || (wishes.classic && !histogram.bucket.is_empty()) {
            self.classic(histogram);
        }
        Ok(())
    }

    fn classic(&mut self, histogram: &Histogram) {
        let count = either(histogram.count_float, histogram.count);
        self.put("_count", None, count, &[]);
        self.put("_sum", None, histogram.sum, &[]);
        let mut has_last = false;
        for bucket in &histogram.bucket {
            let exemplars: Vec<_> = bucket.exemplar.iter().cloned().collect();
            let value = either(bucket.count_float, bucket.count);
            self.put("_bucket", Some((BUCKET, bucket.bound)), value, &exemplars);
            has_last = bucket.bound == f64::INFINITY;
            if has_last {
                break;
            }
        }
        if !has_last {
            self.put("_bucket", Some((BUCKET, f64::INFINITY)), count, &[]);
        }
    }
}

fn either(float: f64, whole: u64) -> f64 {
    if float == 0.0 { whole as f64 } else { float }
}

fn pairs(labels: &[LabelPair]) -> impl Iterator<Item = (String, String)> {
    let labels = labels.iter();
    labels.map(|label| (label.name.clone(), label.value.clone()))
}

fn read_exemplar(exemplar: &WrittenExemplar) -> Exemplar {
    let labels = exemplar.label.iter();
    Exemplar {
        labels: labels
            .map(|pair| (lossy(&pair.name), lossy(&pair.value)))
            .collect(),
        value: exemplar.value,
        time: exemplar.timestamp.as_ref().map(Timestamp::millis),
    }
}

/// Those that say when they were measured: others could not be told apart from scrape to scrape.
fn native_exemplars(histogram: &Histogram) -> Vec<Exemplar> {
    let of_bucket = |bucket: &'_ Bucket| bucket.exemplar.clone();
    let written: Vec<_> = match histogram.exemplars.is_empty() {
        false => histogram.exemplars.clone(),
        true => histogram.bucket.iter().filter_map(of_bucket).collect(),
    };
    let dated = written.iter().filter(|it| it.timestamp.is_some());
    dated.map(read_exemplar).collect()
}

fn is_native(histogram: &Histogram) -> bool {
    !histogram.positive_span.is_empty()
        || !histogram.negative_span.is_empty()
        || histogram.zero_threshold > 0.0
        || histogram.zero_count > 0
}

fn native(histogram: &Histogram) -> Result<Native, &'static str> {
    let is_float = histogram.count_float > 0.0 || histogram.zero_count_float > 0.0;
    let side = |spans: &[Span], deltas: &[i64], counts: &[f64]| {
        let runs: Vec<_> = spans
            .iter()
            .map(|span| Run {
                gap: span.offset,
                length: span.length,
            })
            .collect();
        let counts = match is_float {
            true => counts.iter().map(|count| *count as u64).collect(),
            false => absolute(deltas)?,
        };
        Side::new(&runs, &counts)
    };
    let (positive, negative) = (
        side(
            &histogram.positive_span,
            &histogram.positive_delta,
            &histogram.positive_count,
        )?,
        side(
            &histogram.negative_span,
            &histogram.negative_delta,
            &histogram.negative_count,
        )?,
    );
    let whole = |float: f64, count: u64| if is_float { float as u64 } else { count };
    Ok(Native {
        schema: histogram.schema,
        count: whole(histogram.count_float, histogram.count),
        sum: histogram.sum,
        zero_threshold: histogram.zero_threshold,
        zero_count: whole(histogram.zero_count_float, histogram.zero_count),
        positive,
        negative,
    })
}

/// Counts out of what each differs from the one before.
fn absolute(deltas: &[i64]) -> Result<Vec<u64>, &'static str> {
    let mut count = 0_i64;
    let counts = deltas.iter().map(|delta| {
        count = count
            .checked_add(*delta)
            .ok_or("a bucket is out of range")?;
        u64::try_from(count).map_err(|_| "a bucket of a native histogram is below zero")
    });
    counts.collect()
}
