//! What each kind of point becomes.

use super::gather::{Gathered, Metric, millis};
use crate::attribute::{lossy, text};
use crate::exemplar::Exemplar;
use crate::naming::Pairs;
use crate::value::{Bucket, Data, Histogram, Native, Summary, Value, double_of};
use tailweir_otlp::{DataPoint, ExemplarView, HistogramPoint};

/// Bit of a point's flags: the stream has ended.
const NO_RECORDED_VALUE: u32 = 1;
/// The value that ends a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// Most characters of the labels of an exemplar.
const EXEMPLAR_CHARACTERS_MAX: usize = 128;

/// A series and its samples.
pub(super) struct Series {
    /// In order of their names, `__name__` among them.
    pub(super) labels: Pairs,
    pub(super) samples: Vec<Sample>,
    pub(super) histograms: Vec<NativeSample>,
    pub(super) exemplars: Vec<WrittenExemplar>,
    /// Place of what is said about its metric.
    pub(super) metadata: usize,
    /// Points of OTLP that begin here.
    pub(super) points: u64,
}

impl Series {
    pub(super) fn new(labels: Pairs, metadata: usize) -> Self {
        Self {
            labels,
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            metadata,
            points: 0,
        }
    }
}

/// The times of a point, in milliseconds of the Unix epoch.
pub(super) struct Times {
    pub(super) time: i64,
    /// 0 when unknown.
    pub(super) start: i64,
    /// The stream ends here.
    pub(super) is_stale: bool,
}

/// A value at a time.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) time: i64,
    pub(super) start: i64,
}

impl Sample {
    pub(super) fn at(value: f64, times: &Times) -> Self {
        Self {
            value: if times.is_stale { STALE } else { value },
            time: times.time,
            start: times.start,
        }
    }
}

/// A native histogram at a time.
pub(super) struct NativeSample {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) native: Native,
    pub(super) time: i64,
    pub(super) start: i64,
}

/// An exemplar with its labels in order of their names.
pub(super) struct WrittenExemplar {
    pub(super) labels: Pairs,
    pub(super) value: f64,
    pub(super) time: i64,
}

impl WrittenExemplar {
    /// Trace and span, and the attributes that the point does not carry where these are short.
    pub(super) fn of(view: ExemplarView<'_>) -> Self {
        let exemplar = Exemplar::of(view);
        let ids = exemplar.labels();
        let mut labels: Pairs = ids.map(|(name, value)| (name.to_owned(), value)).collect();
        let attributes = view.filtered_attributes().into_iter();
        let more: Pairs = attributes
            .map(|entry| (lossy(entry.key).into_owned(), text(entry.value).0))
            .filter(|(name, _)| labels.iter().all(|(known, _)| known != name))
            .collect();
        let pairs = labels.iter().chain(&more);
        let characters = pairs.map(|(name, value)| name.chars().count() + value.chars().count());
        if characters.sum::<usize>() <= EXEMPLAR_CHARACTERS_MAX {
            labels.extend(more);
        }
        labels.sort();
        labels.dedup_by(|later, first| later.0 == first.0);
        Self {
            labels,
            value: exemplar.value,
            time: exemplar.time / 1_000_000,
        }
    }
}

impl Gathered {
    /// Adds the samples of a point; false where its buckets could not be written.
    pub(super) fn point(
        &mut self,
        metric: &Metric<'_>,
        labels: &Pairs,
        point: DataPoint<'_>,
    ) -> bool {
        let times = Times {
            time: millis(point.time()),
            start: millis(point.start()),
            is_stale: point.flags() & NO_RECORDED_VALUE != 0,
        };
        let data = Value::of(point).data;
        let (place, is_whole) = match (data, point) {
            (Data::Number(number, _), DataPoint::Number(view)) => {
                let place = self.series_of(metric, labels, "", None);
                let sample = Sample::at(double_of(number), &times);
                self.series[place].samples.push(sample);
                self.exemplars(place, view.exemplars());
                (place, true)
            }
            (Data::Histogram(histogram), DataPoint::Histogram(view)) => (
                self.histogram(metric, labels, &histogram, view, &times),
                true,
            ),
            (Data::Exponential(histogram), DataPoint::ExponentialHistogram(view)) => {
                let Some(native) = histogram.native_or_stale(times.is_stale) else {
                    let sum = histogram.sum.unwrap_or(0.0);
                    let place = self.totals(metric, labels, Some(sum), histogram.count, &times);
                    self.series[place].points += 1;
                    return false;
                };
                let place = self.series_of(metric, labels, "", None);
                self.series[place].histograms.push(NativeSample {
                    count: if times.is_stale { 0 } else { histogram.count },
                    sum: match times.is_stale {
                        true => STALE,
                        false => histogram.sum.unwrap_or(0.0),
                    },
                    native,
                    time: times.time,
                    start: times.start,
                });
                self.exemplars(place, view.exemplars());
                (place, true)
            }
            (Data::Summary(summary), _) => (self.summary(metric, labels, &summary, &times), true),
            _ => return true,
        };
        self.series[place].points += 1;
        is_whole
    }

    /// `_sum` where it is known, and `_count`, whose place it returns.
    fn totals(
        &mut self,
        metric: &Metric<'_>,
        labels: &Pairs,
        sum: Option<f64>,
        count: u64,
        times: &Times,
    ) -> usize {
        if let Some(sum) = sum {
            self.one(metric, labels, ("_sum", None), sum, times);
        }
        self.one(metric, labels, ("_count", None), count as f64, times)
    }

    fn one(
        &mut self,
        metric: &Metric<'_>,
        labels: &Pairs,
        (suffix, extra): (&str, Option<(&str, String)>),
        value: f64,
        times: &Times,
    ) -> usize {
        let place = self.series_of(metric, labels, suffix, extra);
        self.series[place].samples.push(Sample::at(value, times));
        place
    }

    fn histogram(
        &mut self,
        metric: &Metric<'_>,
        labels: &Pairs,
        histogram: &Histogram,
        view: HistogramPoint<'_>,
        times: &Times,
    ) -> usize {
        let place = self.totals(metric, labels, view.sum(), histogram.count, times);
        let mut buckets = Vec::new();
        histogram.write_buckets(&mut buckets);
        buckets.retain(|bucket| bucket.bound != f64::INFINITY);
        buckets.push(Bucket {
            bound: f64::INFINITY,
            count: histogram.count,
            exemplar: None,
        });
        let mut places = Vec::with_capacity(buckets.len());
        for bucket in &buckets {
            let extra = ("_bucket", Some(("le", plain(bucket.bound))));
            let place = self.one(metric, labels, extra, bucket.count as f64, times);
            places.push((bucket.bound, place));
        }
        for exemplar in view.exemplars() {
            let written = WrittenExemplar::of(exemplar);
            let holds = |(bound, _): &&(f64, usize)| *bound >= written.value;
            let found = places.iter().find(holds).or(places.last());
            if let Some((_, place)) = found {
                self.series[*place].exemplars.push(written);
            }
        }
        place
    }

    fn summary(
        &mut self,
        metric: &Metric<'_>,
        labels: &Pairs,
        summary: &Summary,
        times: &Times,
    ) -> usize {
        let place = self.totals(metric, labels, Some(summary.sum), summary.count, times);
        for (quantile, value) in &summary.quantiles {
            let extra = ("", Some(("quantile", plain(*quantile))));
            self.one(metric, labels, extra, *value, times);
        }
        place
    }
}

/// A bound as a label, without an exponent.
fn plain(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}
