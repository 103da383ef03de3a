//! The series that a metric stands for: one, or those of its buckets and quantiles.

use super::family::FamilyKind;
use super::message::{
    Bucket, Histogram, LabelPair, Metric, Simple, Span, Summary, Timestamp, WrittenExemplar,
};
use crate::labels::{BUCKET, NAME, QUANTILE};
use crate::native::{Native, Run, Side};
use crate::number::in_label;
use crate::page::scanner::lossy;
use crate::page::{Exemplar, NativeWishes, Sample, SampleValue};

/// A series as the page has it.
#[derive(Default)]
pub(super) struct OneSeries {
    /// The same for the same series.
    pub(super) key: Vec<u8>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) exemplars: Vec<Exemplar>,
}

/// The series of a metric, one after the other: each bears all labels, so that together they may be much longer than
/// the metric.
pub(super) struct MetricSeries {
    labels: Vec<LabelPair>,
    time: Option<i64>,
    start: Option<i64>,
    content: Content,
    /// Whether the native histogram is still to come.
    native_first: bool,
    /// Whether others are, behind it.
    numbers: bool,
    /// How many of these came.
    next: usize,
}

enum Content {
    Number(f64, Option<WrittenExemplar>),
    Summary(Summary),
    Histogram(Box<Histogram>),
}

/// What tells a series from others of its metric, and its number.
struct Part<'m> {
    suffix: &'static str,
    label: Option<(&'static str, f64)>,
    value: f64,
    exemplars: &'m [WrittenExemplar],
}

impl MetricSeries {
    /// Those of a metric of this kind.
    pub(super) fn new(kind: FamilyKind, metric: Metric, wishes: NativeWishes) -> Self {
        let of_simple = |it: Option<Simple>| Content::Number(it.map_or(0.0, |it| it.value), None);
        let (content, start) = match kind {
            FamilyKind::Gauge => (of_simple(metric.gauge), None),
            FamilyKind::Untyped => (of_simple(metric.untyped), None),
            FamilyKind::Counter => {
                let counter = metric.counter.unwrap_or_default();
                (
                    Content::Number(counter.value, counter.exemplar),
                    counter.start,
                )
            }
            FamilyKind::Summary => {
                let mut summary = metric.summary.unwrap_or_default();
                let start = summary.start.take();
                (Content::Summary(summary), start)
            }
            FamilyKind::Histogram | FamilyKind::GaugeHistogram => {
                let mut histogram = metric.histogram.unwrap_or_default();
                let start = histogram.start.take();
                (Content::Histogram(Box::new(histogram)), start)
            }
        };
        let (native_first, numbers) = match &content {
            Content::Histogram(histogram) if wishes.native && is_native(histogram) => {
                (true, wishes.classic && !histogram.bucket.is_empty())
            }
            _ => (false, true),
        };
        let start = start.as_ref().map(Timestamp::millis);
        Self {
            labels: metric.label,
            // Nobody can say that the time is 1970.
            time: Some(metric.timestamp_ms).filter(|time| *time != 0),
            start: start.filter(|start| *start != 0),
            content,
            native_first,
            numbers,
            next: 0,
        }
    }

    /// The next one, of the family of this name; nothing at the end.
    pub(super) fn next(&mut self, name: &str) -> Result<Option<(OneSeries, Sample)>, &'static str> {
        if std::mem::take(&mut self.native_first)
            && let Content::Histogram(histogram) = &self.content
        {
            let value = SampleValue::Native(Box::new(native(histogram)?));
            let exemplars = native_exemplars(histogram);
            return Ok(Some(self.series(name.to_owned(), None, value, exemplars)));
        }
        let number = self.next;
        self.next += 1;
        let part = match &self.content {
            _ if !self.numbers => None,
            Content::Number(value, exemplar) => (number == 0).then(|| Part {
                exemplars: exemplar.as_slice(),
                ..Part::of("", *value)
            }),
            Content::Summary(summary) => summary_part(summary, number),
            Content::Histogram(histogram) => classic_part(histogram, number),
        };
        Ok(part.map(|part| {
            let value = SampleValue::Number(part.value);
            let exemplars = part.exemplars.iter().map(read_exemplar).collect();
            let name = format!("{name}{}", part.suffix);
            self.series(name, part.label, value, exemplars)
        }))
    }

    fn series(
        &self,
        name: String,
        label: Option<(&str, f64)>,
        value: SampleValue,
        exemplars: Vec<Exemplar>,
    ) -> (OneSeries, Sample) {
        let mut labels = vec![(NAME.to_owned(), name)];
        labels.extend(pairs(&self.labels));
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
        key.push(u8::from(matches!(value, SampleValue::Native(_))));
        let series = OneSeries {
            key,
            labels,
            exemplars,
        };
        let (time, start) = (self.time, self.start);
        (series, Sample { time, start, value })
    }
}

impl Part<'_> {
    fn of(suffix: &'static str, value: f64) -> Self {
        Self {
            suffix,
            label: None,
            value,
            exemplars: &[],
        }
    }
}

/// The count, the sum, and each quantile.
fn summary_part(summary: &Summary, number: usize) -> Option<Part<'_>> {
    match number {
        0 => Some(Part::of("_count", summary.count as f64)),
        1 => Some(Part::of("_sum", summary.sum)),
        _ => {
            let quantile = summary.quantile.get(number - 2)?;
            Some(Part {
                label: Some((QUANTILE, quantile.quantile)),
                ..Part::of("", quantile.value)
            })
        }
    }
}

/// The count, the sum, and each bucket up to one without an upper bound, which is made up where there is none.
fn classic_part(histogram: &Histogram, number: usize) -> Option<Part<'_>> {
    let count = either(histogram.count_float, histogram.count);
    let place = match number {
        0 => return Some(Part::of("_count", count)),
        1 => return Some(Part::of("_sum", histogram.sum)),
        _ => number - 2,
    };
    let is_last = |bucket: &Bucket| bucket.bound == f64::INFINITY;
    let before = place.checked_sub(1).map(|at| histogram.bucket.get(at));
    if before.is_some_and(|bucket| bucket.is_none_or(is_last)) {
        return None;
    }
    Some(match histogram.bucket.get(place) {
        Some(bucket) => Part {
            label: Some((BUCKET, bucket.bound)),
            exemplars: bucket.exemplar.as_slice(),
            ..Part::of("_bucket", either(bucket.count_float, bucket.count))
        },
        None => Part {
            label: Some((BUCKET, f64::INFINITY)),
            ..Part::of("_bucket", count)
        },
    })
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

#[cfg(test)]
mod tests {
    use super::MetricSeries;
    use crate::page::protobuf::family::FamilyKind;
    use crate::page::protobuf::message::{Bucket, Histogram, Metric, Quantile, Summary};
    use crate::page::{NativeWishes, SampleValue};

    /// The series of a metric: the name, the value of the last label where there is more than the name, the value.
    fn all(kind: FamilyKind, metric: Metric, wishes: NativeWishes) -> Vec<String> {
        let mut series = MetricSeries::new(kind, metric, wishes);
        let mut all = Vec::new();
        while let Some((one, sample)) = series.next("m").unwrap() {
            let labels: Vec<_> = one.labels.iter().map(|label| label.1.as_str()).collect();
            all.push(match sample.value {
                SampleValue::Number(value) => format!("{} {value}", labels.join(" ")),
                SampleValue::Native(native) => format!("{} native {}", labels[0], native.count),
            });
        }
        all
    }

    fn histogram(bounds: &[f64], zero_threshold: f64) -> Metric {
        let bucket = |bound: &f64| Bucket {
            count: 1,
            bound: *bound,
            ..Bucket::default()
        };
        let histogram = Histogram {
            count: 7,
            sum: 2.5,
            bucket: bounds.iter().map(bucket).collect(),
            zero_threshold,
            ..Histogram::default()
        };
        Metric {
            histogram: Some(histogram),
            ..Metric::default()
        }
    }

    /// Scenario: histograms without buckets, without one that has no upper bound, with one at the end and one in between;
    /// a summary with quantiles, and one that is not there.
    /// Guarantees: each has its count, its sum and its parts in order; the bucket without an upper bound is the last, and
    /// there is always one.
    #[test]
    fn parts_come_one_after_the_other() {
        let wishes = NativeWishes::default();
        let cases: [(&[f64], &[&str]); 4] = [
            (&[], &["m_bucket +Inf 7"]),
            (&[1.0], &["m_bucket 1.0 1", "m_bucket +Inf 7"]),
            (
                &[1.0, f64::INFINITY],
                &["m_bucket 1.0 1", "m_bucket +Inf 1"],
            ),
            (&[f64::INFINITY, 3.0], &["m_bucket +Inf 1"]),
        ];
        for (bounds, expected) in cases {
            let metric = histogram(bounds, 0.0);
            let found = all(FamilyKind::Histogram, metric, wishes);
            assert_eq!(found[..2], ["m_count 7", "m_sum 2.5"]);
            assert_eq!(found[2..], *expected);
        }
        let quantile = Quantile {
            quantile: 0.5,
            value: 3.0,
        };
        let summary = Summary {
            count: 2,
            sum: 6.0,
            quantile: vec![quantile],
            start: None,
        };
        let metric = Metric {
            summary: Some(summary),
            ..Metric::default()
        };
        let found = all(FamilyKind::Summary, metric, wishes);
        assert_eq!(found, ["m_count 2", "m_sum 6", "m 0.5 3"]);
        let found = all(FamilyKind::Summary, Metric::default(), wishes);
        assert_eq!(found, ["m_count 0", "m_sum 0"]);
        assert_eq!(all(FamilyKind::Gauge, Metric::default(), wishes), ["m 0"]);
    }

    /// Scenario: a native histogram with buckets, where native ones are wanted, with and without the others, or not at all.
    /// Guarantees: the native one comes first and once; the others come where they are wanted or there is nothing else.
    #[test]
    fn native_histograms_come_first() {
        let numbers = [
            "m_count 7",
            "m_sum 2.5",
            "m_bucket 1.0 1",
            "m_bucket +Inf 7",
        ];
        let found = |native: bool, classic: bool, bounds: &[f64]| {
            let wishes = NativeWishes { native, classic };
            all(FamilyKind::Histogram, histogram(bounds, 0.1), wishes)
        };
        assert_eq!(found(false, true, &[1.0]), numbers);
        assert_eq!(found(true, false, &[1.0]), ["m native 7"]);
        assert_eq!(found(true, true, &[]), ["m native 7"]);
        let both = found(true, true, &[1.0]);
        assert_eq!(both[0], "m native 7");
        assert_eq!(both[1..], numbers);
    }
}
