//! What makes a resource or a stream of data points the same as another, as one text.
//!
//! The Collector's own: two tiers that are moved one after the other must agree about it.

use tailweir_otlp::{
    AnyValue, Attributes, DataPoint, MetricData, MetricView, ResourceFields, ScopeFields,
};
use xxhash_rust::xxh64::xxh64;

/// The identity of a resource: that of its attributes.
pub(super) fn of_resource(resource: ResourceFields<'_>) -> String {
    format!("resource/{:x}", resource_hash(resource).0)
}

/// Streams that have a resource in common, and a scope and a metric once they are given. These may be long, so they are read once
/// for all of their data points.
#[derive(Clone, Copy)]
pub(super) struct Streams(Fnv);

impl Streams {
    pub(super) fn of_resource(resource: ResourceFields<'_>) -> Self {
        Self(resource_hash(resource))
    }

    pub(super) fn of_scope(mut self, scope: ScopeFields<'_>) -> Self {
        let scope = scope.scope();
        self.0.write(scope.name());
        self.0.write(scope.version());
        self.0.write(&digest(scope.attributes()));
        self
    }

    pub(super) fn of_metric(mut self, metric: MetricView<'_>) -> Self {
        self.0.write(metric.name());
        self.0.write(metric.unit());
        self.0.write(&kind(metric.data()));
        self
    }

    /// The identity of the one that a data point belongs to.
    pub(super) fn identity(mut self, point: DataPoint<'_>) -> String {
        self.0.write(&digest(point.attributes()));
        format!("stream/{:x}", self.0.0)
    }
}

fn resource_hash(resource: ResourceFields<'_>) -> Fnv {
    let mut hash = Fnv::default();
    hash.write(&digest(resource.resource().attributes()));
    hash
}

/// Kind of metric, whether it only grows, and what time its points cover.
fn kind(data: MetricData<'_>) -> [u8; 3] {
    let temporality = |number: i32| number as u8;
    match data {
        MetricData::Empty => [0, 0, 0],
        MetricData::Gauge(_) => [1, 0, 0],
        MetricData::Sum(points) => [
            2,
            u8::from(points.is_monotonic()),
            temporality(points.temporality().number()),
        ],
        MetricData::Histogram(points) => [3, 1, temporality(points.temporality().number())],
        MetricData::ExponentialHistogram(points) => {
            [4, 1, temporality(points.temporality().number())]
        }
        MetricData::Summary(_) => [5, 0, 0],
    }
}

/// FNV-1a of 64 bits.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// A digest of attributes that does not depend on their order; zeros for none.
fn digest(attributes: Attributes<'_>) -> [u8; 16] {
    if attributes.is_empty() {
        return [0; 16];
    }
    let mut text = Vec::new();
    write_map(attributes, &mut text);
    let first = xxh64(&text, 0);
    text.push(0xf3);
    let second = xxh64(&text, 0);
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&first.to_le_bytes());
    digest[8..].copy_from_slice(&second.to_le_bytes());
    digest
}

fn write_map(attributes: Attributes<'_>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = attributes.iter().collect();
    entries.sort_by_key(|entry| entry.key);
    for entry in entries {
        out.push(0xf4);
        out.extend_from_slice(entry.key);
        write_value(entry.value, out);
    }
}

/// Views bound how deep values are nested.
fn write_value(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => out.push(0xf5),
        AnyValue::Bytes(bytes) => {
            out.push(0xf6);
            out.extend_from_slice(bytes);
        }
        AnyValue::String(text) => {
            out.push(0xf7);
            out.extend_from_slice(text);
        }
        AnyValue::Bool(true) => out.push(0xf8),
        AnyValue::Bool(false) => out.push(0xf9),
        AnyValue::Int(number) => {
            out.push(0xfa);
            out.extend_from_slice(&number.to_le_bytes());
        }
        AnyValue::Double(number) => {
            out.push(0xfb);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        AnyValue::Map(entries) => {
            out.push(0xfc);
            write_map(entries, out);
            out.push(0xfd);
        }
        AnyValue::Array(items) => {
            out.push(0xfe);
            for item in items.iter() {
                write_value(item, out);
            }
            out.push(0xff);
        }
    }
}
