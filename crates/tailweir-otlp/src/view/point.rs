//! Data points of metrics.

use super::{Attributes, Messages};
use crate::field::{self, WritableField};
use crate::wire::{Fields, Payload, Reader, last_bytes, last_fixed64, last_varint, unzigzag32};
use tailweir_core::{SpanId, TraceId};

/// A data point of any kind.
#[derive(Debug, Clone, Copy)]
pub enum DataPoint<'a> {
    /// Of a gauge or a sum.
    Number(NumberPoint<'a>),
    /// Of a histogram with explicit bounds.
    Histogram(HistogramPoint<'a>),
    /// Of an exponential histogram.
    ExponentialHistogram(ExponentialHistogramPoint<'a>),
    /// Of a summary.
    Summary(SummaryPoint<'a>),
}

impl<'a> DataPoint<'a> {
    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        match self {
            Self::Number(point) => point.attributes(),
            Self::Histogram(point) => point.attributes(),
            Self::ExponentialHistogram(point) => point.attributes(),
            Self::Summary(point) => point.attributes(),
        }
    }

    /// The field of its message that holds its attributes.
    #[must_use]
    pub fn attributes_field(self) -> WritableField {
        match self {
            Self::Number(_) | Self::Summary(_) => field::NUMBER_ATTRIBUTES,
            Self::Histogram(_) => field::HISTOGRAM_ATTRIBUTES,
            Self::ExponentialHistogram(_) => field::EXPONENTIAL_ATTRIBUTES,
        }
    }

    /// When its time began, in nanoseconds of the Unix epoch; 0 when unknown.
    #[must_use]
    pub fn start(self) -> u64 {
        last_fixed64(self.message(), 2).unwrap_or(0)
    }

    /// When it was measured, in nanoseconds of the Unix epoch.
    #[must_use]
    pub fn time(self) -> u64 {
        last_fixed64(self.message(), 3).unwrap_or(0)
    }

    /// Its flags; bit 0 says that there is no recorded value.
    #[must_use]
    pub fn flags(self) -> u32 {
        let number = match self {
            Self::Number(_) | Self::Summary(_) => 8,
            Self::Histogram(_) | Self::ExponentialHistogram(_) => 10,
        };
        last_varint(self.message(), number) as u32
    }

    /// The content of its message.
    #[must_use]
    pub fn message(self) -> &'a [u8] {
        match self {
            Self::Number(point) => point.0,
            Self::Histogram(point) => point.0,
            Self::ExponentialHistogram(point) => point.0,
            Self::Summary(point) => point.0,
        }
    }
}

/// A value of a number point or an exemplar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// There is none.
    Empty,
    /// A floating-point number.
    Double(f64),
    /// An integer.
    Int(i64),
}

impl Number {
    fn of(message: &[u8], double: u32, int: u32) -> Self {
        let mut value = Self::Empty;
        for field in Fields::new(message) {
            if let Payload::Fixed64(bits) = field.payload {
                if field.number == double {
                    value = Self::Double(f64::from_bits(bits));
                } else if field.number == int {
                    value = Self::Int(bits as i64);
                }
            }
        }
        value
    }
}

/// The content of a `NumberDataPoint` message.
#[derive(Debug, Clone, Copy)]
pub struct NumberPoint<'a>(pub &'a [u8]);

impl<'a> NumberPoint<'a> {
    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, 7)
    }

    /// Its value.
    #[must_use]
    pub fn value(self) -> Number {
        Number::of(self.0, 4, 6)
    }

    /// Measurements that stand for others.
    pub fn exemplars(self) -> impl Iterator<Item = ExemplarView<'a>> + Clone {
        Messages::new(self.0, 5).map(ExemplarView)
    }
}

/// What the points of both kinds of histogram have in common, by the numbers of their fields.
macro_rules! histogram_point {
    ($point:ident: attributes $attributes:literal, exemplars $exemplars:literal, min $min:literal, max $max:literal) => {
        impl<'a> $point<'a> {
            /// Its attributes.
            #[must_use]
            pub fn attributes(self) -> Attributes<'a> {
                Attributes::new(self.0, $attributes)
            }

            /// How many values there were.
            #[must_use]
            pub fn count(self) -> u64 {
                last_fixed64(self.0, 4).unwrap_or(0)
            }

            /// The sum of the values, where it is known.
            #[must_use]
            pub fn sum(self) -> Option<f64> {
                last_fixed64(self.0, 5).map(f64::from_bits)
            }

            /// Measurements that stand for others.
            pub fn exemplars(self) -> impl Iterator<Item = ExemplarView<'a>> + Clone {
                Messages::new(self.0, $exemplars).map(ExemplarView)
            }

            /// The least value, where it is known.
            #[must_use]
            pub fn min(self) -> Option<f64> {
                last_fixed64(self.0, $min).map(f64::from_bits)
            }

            /// The greatest value, where it is known.
            #[must_use]
            pub fn max(self) -> Option<f64> {
                last_fixed64(self.0, $max).map(f64::from_bits)
            }
        }
    };
}

histogram_point!(HistogramPoint: attributes 9, exemplars 8, min 11, max 12);
histogram_point!(ExponentialHistogramPoint: attributes 1, exemplars 11, min 12, max 13);

/// The content of a `HistogramDataPoint` message.
#[derive(Debug, Clone, Copy)]
pub struct HistogramPoint<'a>(pub &'a [u8]);

impl<'a> HistogramPoint<'a> {
    /// How many values fell into each bucket.
    #[must_use]
    pub fn bucket_counts(self) -> Numbers<'a> {
        Numbers::fixed(self.0, 6)
    }

    /// Upper bounds of all buckets but the last, as the bits of doubles.
    pub fn explicit_bounds(self) -> impl Iterator<Item = f64> + Clone {
        Numbers::fixed(self.0, 7).map(f64::from_bits)
    }
}

/// The content of an `ExponentialHistogramDataPoint` message.
#[derive(Debug, Clone, Copy)]
pub struct ExponentialHistogramPoint<'a>(pub &'a [u8]);

impl<'a> ExponentialHistogramPoint<'a> {
    /// Buckets grow by `2^(2^-scale)`.
    #[must_use]
    pub fn scale(self) -> i32 {
        unzigzag32(last_varint(self.0, 6))
    }

    /// How many values were within the zero threshold.
    #[must_use]
    pub fn zero_count(self) -> u64 {
        last_fixed64(self.0, 7).unwrap_or(0)
    }

    /// Width of the zero bucket.
    #[must_use]
    pub fn zero_threshold(self) -> f64 {
        last_fixed64(self.0, 14).map_or(0.0, f64::from_bits)
    }

    /// Buckets above zero.
    #[must_use]
    pub fn positive(self) -> Buckets<'a> {
        Buckets(last_bytes(self.0, 8).unwrap_or_default())
    }

    /// Buckets below zero.
    #[must_use]
    pub fn negative(self) -> Buckets<'a> {
        Buckets(last_bytes(self.0, 9).unwrap_or_default())
    }
}

/// One side of an exponential histogram.
#[derive(Debug, Clone, Copy)]
pub struct Buckets<'a>(&'a [u8]);

impl<'a> Buckets<'a> {
    /// The content of the message.
    #[must_use]
    pub fn message(self) -> &'a [u8] {
        self.0
    }

    /// Index of the first bucket.
    #[must_use]
    pub fn offset(self) -> i32 {
        unzigzag32(last_varint(self.0, 1))
    }

    /// How many values fell into each bucket.
    #[must_use]
    pub fn counts(self) -> Numbers<'a> {
        Numbers::varints(self.0, 2)
    }
}

/// The content of a `SummaryDataPoint` message.
#[derive(Debug, Clone, Copy)]
pub struct SummaryPoint<'a>(pub &'a [u8]);

impl<'a> SummaryPoint<'a> {
    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, 7)
    }

    /// How many values there were.
    #[must_use]
    pub fn count(self) -> u64 {
        last_fixed64(self.0, 4).unwrap_or(0)
    }

    /// The sum of the values.
    #[must_use]
    pub fn sum(self) -> f64 {
        last_fixed64(self.0, 5).map_or(0.0, f64::from_bits)
    }

    /// The quantiles.
    pub fn quantiles(self) -> impl Iterator<Item = QuantileView> + Clone {
        Messages::new(self.0, 6).map(|message| QuantileView {
            quantile: last_fixed64(message, 1).map_or(0.0, f64::from_bits),
            value: last_fixed64(message, 2).map_or(0.0, f64::from_bits),
        })
    }
}

/// A value at a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileView {
    /// 0 to 1.
    pub quantile: f64,
    /// What it is there.
    pub value: f64,
}

/// The content of an `Exemplar` message.
#[derive(Debug, Clone, Copy)]
pub struct ExemplarView<'a>(pub &'a [u8]);

impl<'a> ExemplarView<'a> {
    /// The attributes that the point does not carry.
    #[must_use]
    pub fn filtered_attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, 7)
    }

    /// When it was measured, in nanoseconds of the Unix epoch.
    #[must_use]
    pub fn time(self) -> u64 {
        last_fixed64(self.0, 2).unwrap_or(0)
    }

    /// What was measured.
    #[must_use]
    pub fn value(self) -> Number {
        Number::of(self.0, 3, 6)
    }

    /// The span during which it was measured; zero when none.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        last_bytes(self.0, 4)
            .and_then(SpanId::from_slice)
            .unwrap_or_default()
    }

    /// The trace during which it was measured; zero when none.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        last_bytes(self.0, 5)
            .and_then(TraceId::from_slice)
            .unwrap_or_default()
    }
}

/// A repeated number, packed or not.
#[derive(Debug, Clone)]
pub struct Numbers<'a> {
    fields: Fields<'a>,
    packed: Reader<'a>,
    number: u32,
    fixed: bool,
}

impl<'a> Numbers<'a> {
    fn fixed(message: &'a [u8], number: u32) -> Self {
        Self {
            fields: Fields::new(message),
            packed: Reader::new(&[]),
            number,
            fixed: true,
        }
    }

    fn varints(message: &'a [u8], number: u32) -> Self {
        Self {
            fixed: false,
            ..Self::fixed(message, number)
        }
    }

    fn next_packed(&mut self) -> Option<u64> {
        if self.packed.rest().is_empty() {
            return None;
        }
        let value = if self.fixed {
            self.packed.fixed64()
        } else {
            self.packed.varint()
        };
        value.inspect_err(|_| self.packed = Reader::new(&[])).ok()
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            if let Some(value) = self.next_packed() {
                return Some(value);
            }
            let field = self.fields.next()?;
            match field.payload {
                _ if field.number != self.number => {}
                Payload::Bytes(packed) => self.packed = Reader::new(packed),
                Payload::Fixed64(value) if self.fixed => return Some(value),
                Payload::Varint(value) if !self.fixed => return Some(value),
                _ => {}
            }
        }
    }
}
