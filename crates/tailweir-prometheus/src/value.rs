//! The last value of a series, and how the next point changes it.

mod exponential;
mod histogram;

pub(crate) use exponential::{Exponential, Native, NativeSide};
pub(crate) use histogram::{Bucket, Histogram};

use crate::exemplar::Exemplar;
use tailweir_otlp::{DataPoint, Number, NumberPoint, SummaryPoint, Temporality};

/// A value with the time that it covers, in nanoseconds of the Unix epoch.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) start: i64,
    pub(crate) time: i64,
    pub(crate) data: Data,
}

/// What was measured.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// Of a gauge or a sum.
    Number(Number, Option<Box<Exemplar>>),
    /// Of a histogram with explicit bounds.
    Histogram(Box<Histogram>),
    /// Of an exponential histogram.
    Exponential(Box<Exponential>),
    /// Of a summary.
    Summary(Box<Summary>),
}

/// Quantiles that were computed at the source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// In order, each once.
    pub(crate) quantiles: Vec<(f64, f64)>,
}

/// What became of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is in the value.
    Taken,
    /// A newer one was there.
    Older,
    /// It overlaps what is there, so that it cannot be added.
    Overlap,
}

/// How points of a metric follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Succession {
    pub(crate) temporality: Temporality,
    /// Whether arithmetic is the Collector's, mistakes included.
    pub(crate) as_collector: bool,
}

impl Value {
    /// The time of what was not measured.
    pub(crate) const NEVER: i64 = i64::MIN;

    /// Whether it has a time.
    pub(crate) const fn is_measured(&self) -> bool {
        self.time != Self::NEVER
    }

    /// The value of a first point.
    pub(crate) fn of(point: DataPoint<'_>) -> Self {
        let data = match point {
            DataPoint::Number(number) => Data::Number(number.value(), last_exemplar(number)),
            DataPoint::Histogram(point) => Data::Histogram(Box::new(Histogram::of(point))),
            DataPoint::ExponentialHistogram(point) => {
                Data::Exponential(Box::new(Exponential::of(point)))
            }
            DataPoint::Summary(point) => Data::Summary(Box::new(Summary::of(point))),
        };
        Self {
            start: point.start() as i64,
            time: point.time() as i64,
            data,
        }
    }

    /// Takes in the next point of the same kind.
    pub(crate) fn follow(&mut self, point: DataPoint<'_>, how: Succession) -> Change {
        let (start, time) = (point.start() as i64, point.time() as i64);
        let is_delta = how.temporality == Temporality::Delta;
        let is_histogram = matches!(
            point,
            DataPoint::Histogram(_) | DataPoint::ExponentialHistogram(_)
        );
        // Histograms of changes are judged by their start alone.
        if time < self.time && !(is_delta && is_histogram) {
            return Change::Older;
        }
        if is_histogram && how.temporality == Temporality::Unspecified {
            return Change::Older;
        }
        let continues = is_delta && start == self.time;
        if is_delta && is_histogram && !continues && start <= self.time {
            return Change::Overlap;
        }
        let next = Self::of(point);
        if continues {
            self.add(next, how.as_collector);
        } else {
            *self = next;
        }
        Change::Taken
    }

    /// Adds a change that begins where this value ends.
    fn add(&mut self, next: Self, as_collector: bool) {
        let is_newer = next.time >= self.time;
        match (&mut self.data, next.data) {
            (Data::Number(value, exemplar), Data::Number(change, latest)) => {
                *value = sum(*value, change);
                *exemplar = latest;
            }
            (Data::Histogram(value), Data::Histogram(change)) => {
                value.add(*change, is_newer, as_collector);
            }
            (Data::Exponential(value), Data::Exponential(change)) => {
                value.add(*change, as_collector);
                // The Collector takes the start of whichever is older.
                if !is_newer {
                    self.start = next.start;
                }
            }
            (data, other) => {
                *data = other;
                self.start = next.start;
            }
        }
        self.time = self.time.max(next.time);
    }

    /// Bytes of memory beside the value itself.
    pub(crate) fn memory(&self) -> usize {
        match &self.data {
            Data::Number(_, exemplar) => exemplar.as_ref().map_or(0, |_| size_of::<Exemplar>()),
            Data::Histogram(histogram) => histogram.memory(),
            Data::Exponential(histogram) => histogram.memory(),
            Data::Summary(summary) => {
                size_of::<Summary>() + summary.quantiles.capacity() * size_of::<(f64, f64)>()
            }
        }
    }
}

impl Summary {
    fn of(point: SummaryPoint<'_>) -> Self {
        let mut quantiles: Vec<(f64, f64)> = Vec::new();
        for view in point.quantiles() {
            match quantiles.iter_mut().find(|(at, _)| *at == view.quantile) {
                Some((_, value)) => *value = view.value,
                None => quantiles.push((view.quantile, view.value)),
            }
        }
        quantiles.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        Self {
            count: point.count(),
            sum: point.sum(),
            quantiles,
        }
    }
}

/// A number as Prometheus has it; zero where there is none.
pub(crate) fn double_of(number: Number) -> f64 {
    match number {
        Number::Empty => 0.0,
        Number::Double(value) => value,
        Number::Int(value) => value as f64,
    }
}

fn sum(left: Number, right: Number) -> Number {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Number::Int(left.wrapping_add(right)),
        (value, Number::Empty) => value,
        _ => Number::Double(double_of(left) + double_of(right)),
    }
}

fn last_exemplar(point: NumberPoint<'_>) -> Option<Box<Exemplar>> {
    let last = point.exemplars().last()?;
    Some(Box::new(Exemplar::of(last)))
}
