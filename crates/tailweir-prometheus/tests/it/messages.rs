//! `io.prometheus.client` as the golden vectors show it: decoded by another library, as JSON.

use prost::Message;
use serde_json::{Map, Value, json};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Family {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<Pair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Counter>,
    #[prost(message, optional, tag = "4")]
    summary: Option<Summary>,
    #[prost(int64, optional, tag = "6")]
    timestamp_ms: Option<i64>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Gauge {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Counter {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
    #[prost(message, optional, tag = "2")]
    exemplar: Option<Exemplar>,
    #[prost(message, optional, tag = "3")]
    created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    quantile: Vec<Quantile>,
    #[prost(message, optional, tag = "4")]
    created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Quantile {
    #[prost(double, optional, tag = "1")]
    quantile: Option<f64>,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "9")]
    negative_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "10")]
    negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    created: Option<Timestamp>,
    #[prost(message, repeated, tag = "16")]
    exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<Pair>,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Every family of a page.
pub(crate) fn families(mut page: &[u8]) -> Vec<Family> {
    let mut found = Vec::new();
    while !page.is_empty() {
        found.push(Family::decode_length_delimited(&mut page).expect("a whole message"));
    }
    found
}

impl Family {
    /// In proto3 JSON; times as nanoseconds.
    pub(crate) fn to_json(&self) -> Value {
        const KINDS: [&str; 5] = ["COUNTER", "GAUGE", "SUMMARY", "UNTYPED", "HISTOGRAM"];
        let kind = self.kind.map(|kind| KINDS[kind as usize]);
        object([
            ("name", json!(self.name)),
            ("help", json!(self.help)),
            ("type", json!(kind)),
            ("metric", list(&self.metric, Metric::to_json)),
        ])
    }
}

impl Metric {
    fn to_json(&self) -> Value {
        let value = |value: Option<f64>| object([("value", double(value))]);
        object([
            ("label", list(&self.label, Pair::to_json)),
            (
                "gauge",
                option(self.gauge.as_ref(), |gauge| value(gauge.value)),
            ),
            ("counter", option(self.counter.as_ref(), Counter::to_json)),
            ("summary", option(self.summary.as_ref(), Summary::to_json)),
            (
                "histogram",
                option(self.histogram.as_ref(), Histogram::to_json),
            ),
            (
                "timestampMs",
                json!(self.timestamp_ms.map(|time| time.to_string())),
            ),
        ])
    }
}

impl Pair {
    fn to_json(&self) -> Value {
        object([("name", json!(self.name)), ("value", json!(self.value))])
    }
}

impl Counter {
    fn to_json(&self) -> Value {
        object([
            ("value", double(self.value)),
            (
                "exemplar",
                option(self.exemplar.as_ref(), Exemplar::to_json),
            ),
            ("createdTimestamp", time(self.created.as_ref())),
        ])
    }
}

impl Summary {
    fn to_json(&self) -> Value {
        let quantile = |quantile: &Quantile| {
            object([
                ("quantile", double(quantile.quantile)),
                ("value", double(quantile.value)),
            ])
        };
        object([
            ("sampleCount", count(self.count)),
            ("sampleSum", double(self.sum)),
            ("quantile", list(&self.quantile, quantile)),
            ("createdTimestamp", time(self.created.as_ref())),
        ])
    }
}

impl Histogram {
    fn to_json(&self) -> Value {
        let bucket = |bucket: &Bucket| {
            object([
                ("cumulativeCount", count(bucket.count)),
                ("upperBound", double(bucket.bound)),
                (
                    "exemplar",
                    option(bucket.exemplar.as_ref(), Exemplar::to_json),
                ),
            ])
        };
        let span = |span: &Span| {
            object([
                ("offset", json!(span.offset)),
                ("length", json!(span.length)),
            ])
        };
        let deltas = |deltas: &[i64]| list(deltas, |delta| json!(delta.to_string()));
        object([
            ("sampleCount", count(self.count)),
            ("sampleSum", double(self.sum)),
            ("bucket", list(&self.bucket, bucket)),
            ("schema", json!(self.schema)),
            ("zeroThreshold", double(self.zero_threshold)),
            ("zeroCount", count(self.zero_count)),
            ("negativeSpan", list(&self.negative_span, span)),
            ("negativeDelta", deltas(&self.negative_delta)),
            ("positiveSpan", list(&self.positive_span, span)),
            ("positiveDelta", deltas(&self.positive_delta)),
            ("createdTimestamp", time(self.created.as_ref())),
            ("exemplars", list(&self.exemplars, Exemplar::to_json)),
        ])
    }
}

impl Exemplar {
    fn to_json(&self) -> Value {
        object([
            ("label", list(&self.label, Pair::to_json)),
            ("value", double(self.value)),
            ("timestamp", time(self.timestamp.as_ref())),
        ])
    }
}

/// What is absent or empty is left out.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let is_there = |value: &Value| !value.is_null() && *value != json!([]);
    let present = fields.into_iter().filter(|(_, value)| is_there(value));
    let fields: Map<_, _> = present
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Value::Object(fields)
}

fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    items.iter().map(one).collect()
}

fn option<T>(value: Option<T>, one: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, one)
}

fn count(value: Option<u64>) -> Value {
    json!(value.map(|value| value.to_string()))
}

fn double(value: Option<f64>) -> Value {
    match value {
        Some(value) if value.is_nan() => json!("NaN"),
        Some(f64::INFINITY) => json!("Infinity"),
        Some(f64::NEG_INFINITY) => json!("-Infinity"),
        value => json!(value),
    }
}

/// Days from the civil calendar would be needed for RFC 3339; the vectors' times are turned into
/// seconds instead.
fn time(timestamp: Option<&Timestamp>) -> Value {
    json!(timestamp.map(|timestamp| format!("{}.{:09}", timestamp.seconds, timestamp.nanos)))
}
