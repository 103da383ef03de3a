//! Data points and exemplars.

use super::{AttributeSet, nested, put_fixed64, put_fixed64_unless_zero, put_varint_unless_zero};
use crate::view::Number;
use crate::wire::{put_bytes, put_key, put_varint, zigzag32};
use tailweir_core::{SpanId, TraceId};

/// A measurement that stands for others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewExemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
    /// When it was measured, in nanoseconds of the Unix epoch.
    pub time: u64,
    /// What was measured.
    pub value: f64,
}

/// A point of a gauge or a sum.
#[derive(Debug, Clone, Copy)]
pub struct NewNumberPoint<'a> {
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// When its time began, in nanoseconds of the Unix epoch; 0: not said.
    pub start: u64,
    /// When it was measured, in nanoseconds of the Unix epoch.
    pub time: u64,
    /// Its value.
    pub value: Number,
    /// Measurements that stand for others.
    pub exemplars: &'a [NewExemplar],
}

/// A point of a histogram with explicit bounds.
#[derive(Debug, Clone, Copy)]
pub struct NewHistogramPoint<'a> {
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// When its time began, in nanoseconds of the Unix epoch; 0: not said.
    pub start: u64,
    /// When it was measured, in nanoseconds of the Unix epoch.
    pub time: u64,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Upper bounds of the buckets but the last, rising.
    pub bounds: &'a [f64],
    /// Values in each bucket, one more than bounds.
    pub buckets: &'a [u64],
    /// Measurements that stand for others.
    pub exemplars: &'a [NewExemplar],
}

/// A point of an exponential histogram whose values are not below zero.
#[derive(Debug, Clone, Copy)]
pub struct NewExponentialPoint<'a> {
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// When its time began, in nanoseconds of the Unix epoch; 0: not said.
    pub start: u64,
    /// When it was measured, in nanoseconds of the Unix epoch.
    pub time: u64,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest and the largest; nothing without values.
    pub range: Option<(f64, f64)>,
    /// Bucket `i` ends at `2^((i + 1) * 2^-scale)`.
    pub scale: i32,
    /// How many values are zero.
    pub zero_count: u64,
    /// Number of the first bucket.
    pub offset: i32,
    /// Values in each bucket.
    pub buckets: &'a [u64],
    /// Measurements that stand for others.
    pub exemplars: &'a [NewExemplar],
}

/// Writes the points of one metric.
pub struct PointsWriter<'o> {
    pub(super) out: &'o mut Vec<u8>,
}

const POINT: u32 = 1;

impl PointsWriter<'_> {
    /// Adds a point of a gauge or a sum.
    pub fn number(&mut self, point: &NewNumberPoint<'_>) {
        nested(self.out, POINT, |out| {
            point.attributes.write(7, out);
            put_times(out, point.start, point.time);
            match point.value {
                Number::Empty => {}
                Number::Double(value) => put_fixed64(out, 4, value.to_bits()),
                Number::Int(value) => put_fixed64(out, 6, value as u64),
            }
            put_exemplars(out, 5, point.exemplars);
        });
    }

    /// Adds a point of a histogram.
    pub fn histogram(&mut self, point: &NewHistogramPoint<'_>) {
        nested(self.out, POINT, |out| {
            point.attributes.write(9, out);
            put_times(out, point.start, point.time);
            put_fixed64_unless_zero(out, 4, point.count);
            put_fixed64(out, 5, point.sum.to_bits());
            put_packed(out, 6, point.buckets.iter().copied());
            put_packed(out, 7, point.bounds.iter().map(|bound| bound.to_bits()));
            put_exemplars(out, 8, point.exemplars);
        });
    }

    /// Adds a point of an exponential histogram.
    pub fn exponential(&mut self, point: &NewExponentialPoint<'_>) {
        nested(self.out, POINT, |out| {
            point.attributes.write(1, out);
            put_times(out, point.start, point.time);
            put_fixed64_unless_zero(out, 4, point.count);
            put_fixed64(out, 5, point.sum.to_bits());
            put_varint_unless_zero(out, 6, zigzag32(point.scale));
            put_fixed64_unless_zero(out, 7, point.zero_count);
            nested(out, 8, |out| {
                put_varint_unless_zero(out, 1, zigzag32(point.offset));
                put_packed_varints(out, 2, point.buckets);
            });
            put_exemplars(out, 11, point.exemplars);
            if let Some((smallest, largest)) = point.range {
                put_fixed64(out, 12, smallest.to_bits());
                put_fixed64(out, 13, largest.to_bits());
            }
        });
    }
}

pub(super) fn put_times(out: &mut Vec<u8>, start: u64, time: u64) {
    put_fixed64_unless_zero(out, 2, start);
    put_fixed64_unless_zero(out, 3, time);
}

pub(super) fn put_packed(
    out: &mut Vec<u8>,
    number: u32,
    values: impl ExactSizeIterator<Item = u64>,
) {
    if values.len() == 0 {
        return;
    }
    put_key(out, number, 2);
    put_varint(out, 8 * values.len() as u64);
    for bits in values {
        out.extend_from_slice(&bits.to_le_bytes());
    }
}

pub(super) fn put_packed_varints(out: &mut Vec<u8>, number: u32, values: &[u64]) {
    if !values.is_empty() {
        nested(out, number, |out| {
            for value in values {
                put_varint(out, *value);
            }
        });
    }
}

fn put_exemplars(out: &mut Vec<u8>, number: u32, exemplars: &[NewExemplar]) {
    for exemplar in exemplars {
        nested(out, number, |out| put_exemplar(out, exemplar));
    }
}

/// The fields of an exemplar.
pub(super) fn put_exemplar(out: &mut Vec<u8>, exemplar: &NewExemplar) {
    put_fixed64_unless_zero(out, 2, exemplar.time);
    put_fixed64(out, 3, exemplar.value.to_bits());
    if !exemplar.span_id.is_zero() {
        put_bytes(out, 4, &exemplar.span_id.0);
    }
    if !exemplar.trace_id.is_zero() {
        put_bytes(out, 5, &exemplar.trace_id.0);
    }
}
