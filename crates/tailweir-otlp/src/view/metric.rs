//! Metrics and their data.

use super::point::{
    DataPoint, ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint,
};
use super::{Attributes, Messages};
use crate::field::{self, WritableField};
use crate::wire::{Fields, Payload, last_bytes, last_varint};

const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL_HISTOGRAM: u32 = 10;
const SUMMARY: u32 = 11;

/// The content of a `Metric` message.
#[derive(Debug, Clone, Copy)]
pub struct MetricView<'a>(pub &'a [u8]);

impl<'a> MetricView<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        last_bytes(self.0, 1).unwrap_or_default()
    }

    /// What it measures, in words.
    #[must_use]
    pub fn description(self) -> &'a [u8] {
        last_bytes(self.0, 2).unwrap_or_default()
    }

    /// Its unit, in UCUM.
    #[must_use]
    pub fn unit(self) -> &'a [u8] {
        last_bytes(self.0, 3).unwrap_or_default()
    }

    /// What producers wish to say about the metric itself.
    #[must_use]
    pub fn metadata(self) -> Attributes<'a> {
        Attributes::new(self.0, 12)
    }

    /// Its data points and what kind they are of.
    #[must_use]
    pub fn data(self) -> MetricData<'a> {
        let mut data = MetricData::Empty;
        for field in Fields::new(self.0) {
            if let Payload::Bytes(message) = field.payload {
                data = MetricData::new(field.number, message).unwrap_or(data);
            }
        }
        data
    }
}

/// The data of a metric, by kind.
#[derive(Debug, Clone, Copy)]
pub enum MetricData<'a> {
    /// There is none.
    Empty,
    /// Values that stand for a moment.
    Gauge(Points<'a>),
    /// Values that add up.
    Sum(Points<'a>),
    /// Distributions with explicit bounds.
    Histogram(Points<'a>),
    /// Distributions with exponential buckets.
    ExponentialHistogram(Points<'a>),
    /// Quantiles that were computed at the source.
    Summary(Points<'a>),
}

impl<'a> MetricData<'a> {
    pub(crate) fn new(number: u32, message: &'a [u8]) -> Option<Self> {
        let points = Points { message };
        Some(match number {
            GAUGE => Self::Gauge(points),
            SUM => Self::Sum(points),
            HISTOGRAM => Self::Histogram(points),
            EXPONENTIAL_HISTOGRAM => Self::ExponentialHistogram(points),
            SUMMARY => Self::Summary(points),
            _ => return None,
        })
    }

    /// Each data point, whatever its kind.
    pub fn points(self) -> impl Iterator<Item = DataPoint<'a>> + Clone {
        Messages::new(self.message(), 1).map(move |point| self.point(point))
    }

    /// A data point of this kind, from the content of its message.
    #[must_use]
    pub fn point(self, message: &'a [u8]) -> DataPoint<'a> {
        match self {
            Self::Empty | Self::Gauge(_) | Self::Sum(_) => DataPoint::Number(NumberPoint(message)),
            Self::Histogram(_) => DataPoint::Histogram(HistogramPoint(message)),
            Self::ExponentialHistogram(_) => {
                DataPoint::ExponentialHistogram(ExponentialHistogramPoint(message))
            }
            Self::Summary(_) => DataPoint::Summary(SummaryPoint(message)),
        }
    }

    /// Which kind of metric: `None`, `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram`, `Summary`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "None",
            Self::Gauge(_) => "Gauge",
            Self::Sum(_) => "Sum",
            Self::Histogram(_) => "Histogram",
            Self::ExponentialHistogram(_) => "ExponentialHistogram",
            Self::Summary(_) => "Summary",
        }
    }

    /// The field of a metric that holds data of this kind; nothing where there is none.
    #[must_use]
    pub fn field(self) -> Option<WritableField> {
        Some(match self {
            Self::Empty => return None,
            Self::Gauge(_) => field::METRIC_GAUGE,
            Self::Sum(_) => field::METRIC_SUM,
            Self::Histogram(_) => field::METRIC_HISTOGRAM,
            Self::ExponentialHistogram(_) => field::METRIC_EXPONENTIAL_HISTOGRAM,
            Self::Summary(_) => field::METRIC_SUMMARY,
        })
    }

    /// The content of the message: points and what holds for all of them.
    #[must_use]
    pub fn message(self) -> &'a [u8] {
        match self {
            Self::Empty => &[],
            Self::Gauge(points)
            | Self::Sum(points)
            | Self::Histogram(points)
            | Self::ExponentialHistogram(points)
            | Self::Summary(points) => points.message,
        }
    }
}

/// The points of a metric and what holds for all of them.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    message: &'a [u8],
}

impl Points<'_> {
    /// Whether points stand for a time since the last or since the start. Sums and histograms only.
    #[must_use]
    pub fn temporality(self) -> Temporality {
        match last_varint(self.message, 2) {
            1 => Temporality::Delta,
            2 => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }

    /// Whether values never fall. Sums only.
    #[must_use]
    pub fn is_monotonic(self) -> bool {
        last_varint(self.message, 3) != 0
    }

    /// How many points there are; walks them.
    #[must_use]
    pub fn count(self) -> usize {
        Messages::new(self.message, 1).count()
    }
}

/// What time a point covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporality {
    /// Not said, or a number that is not defined.
    Unspecified,
    /// Since the previous point.
    Delta,
    /// Since a start that is the same for many points.
    Cumulative,
}

impl Temporality {
    /// Its number on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Unspecified => 0,
            Self::Delta => 1,
            Self::Cumulative => 2,
        }
    }
}
