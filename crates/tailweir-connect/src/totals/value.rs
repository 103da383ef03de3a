//! What is added up.

use crate::histogram::Histogram;
use tailweir_otlp::{DataPoint, ExemplarView, NewExemplar, Number};

/// A number or a distribution of one series.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Of a sum.
    Count(i64),
    /// Of a histogram of either kind.
    Histogram(Box<Histogram>),
}

impl Value {
    /// That of a data point; nothing when it cannot be added up. Exponential histograms have at most `size_max` buckets.
    pub(super) fn of(point: DataPoint<'_>, size_max: usize) -> Option<Self> {
        Some(match point {
            DataPoint::Number(number) => match number.value() {
                Number::Int(value) => Self::Count(value),
                Number::Empty | Number::Double(_) => return None,
            },
            DataPoint::Histogram(point) => {
                Self::Histogram(Box::new(Histogram::of_explicit(point)?))
            }
            DataPoint::ExponentialHistogram(point) => {
                Self::Histogram(Box::new(Histogram::of_exponential(point, size_max)?))
            }
            DataPoint::Summary(_) => return None,
        })
    }

    /// Nothing of the same kind.
    pub(super) fn zero(&self) -> Self {
        match self {
            Self::Count(_) => Self::Count(0),
            Self::Histogram(histogram) => Self::Histogram(Box::new(histogram.emptied())),
        }
    }

    /// Adds another to it. One that is not alike, because the bounds of its buckets are others, takes its place.
    pub(super) fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Count(sum), Self::Count(change)) => *sum = sum.wrapping_add(change),
            (Self::Histogram(sum), Self::Histogram(change)) if sum.is_alike(&change) => {
                sum.merge(&change);
            }
            (sum, other) => *sum = other,
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Count(_) => 0,
            Self::Histogram(histogram) => histogram.memory(),
        }
    }
}

/// The exemplars of a data point that name a trace.
pub(super) fn exemplars_of(point: DataPoint<'_>) -> Vec<NewExemplar> {
    match point {
        DataPoint::Number(point) => point.exemplars().map(exemplar).collect(),
        DataPoint::Histogram(point) => point.exemplars().map(exemplar).collect(),
        DataPoint::ExponentialHistogram(point) => point.exemplars().map(exemplar).collect(),
        DataPoint::Summary(_) => Vec::new(),
    }
}

fn exemplar(view: ExemplarView<'_>) -> NewExemplar {
    NewExemplar {
        trace_id: view.trace_id(),
        span_id: view.span_id(),
        time: view.time(),
        value: match view.value() {
            Number::Empty => 0.0,
            Number::Double(value) => value,
            Number::Int(value) => value as f64,
        },
    }
}
