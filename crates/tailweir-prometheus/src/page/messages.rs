//! Pages of messages: `io.prometheus.client.MetricFamily`, each with its length.

use super::{Buffers, Heading, Manner, Scribe, pairs};
use crate::exemplar::Exemplar;
use crate::labels::{Labels, put_pair};
use crate::naming::Kind;
use crate::value::{Bucket, Data, Exponential, Histogram, NativeSide, Summary, Value, double_of};
use tailweir_otlp::MessageWriter;

/// Seconds of the year 1, which the Collector writes as the beginning of native histograms without one.
const YEAR_ONE: i64 = -62_135_596_800;

/// Writes one family as one message, or, where it is larger than a piece, as several of the same name.
pub(super) struct Messages<'a> {
    heading: Heading<'a>,
    manner: Manner,
    /// `Metric` messages that are not in `out` yet.
    metrics: Vec<u8>,
    out: &'a mut Vec<u8>,
}

impl<'a> Messages<'a> {
    pub(super) fn new(heading: Heading<'a>, manner: Manner, out: &'a mut Vec<u8>) -> Self {
        Self {
            heading,
            manner,
            metrics: Vec::new(),
            out,
        }
    }

    fn value(&self, metric: &mut MessageWriter<'_>, value: &Value, buckets: &mut Vec<Bucket>) {
        let start = Some(value.start).filter(|start| *start >= 1_000_000_000);
        match &value.data {
            Data::Number(number, exemplar) => {
                let number = double_of(*number);
                match self.heading.kind {
                    Kind::Counter => metric.message(3, |counter| {
                        counter.double(1, number);
                        if let Some(exemplar) = exemplar {
                            put_exemplar(counter, 2, exemplar);
                        }
                        put_start(counter, 3, start);
                    }),
                    _ => metric.message(2, |gauge| gauge.double(1, number)),
                }
            }
            Data::Histogram(histogram) => metric.message(7, |message| {
                put_histogram(message, histogram, buckets);
                put_start(message, 15, start);
            }),
            Data::Exponential(histogram) => metric.message(7, |message| {
                self.exponential(message, histogram, start);
            }),
            Data::Summary(summary) => metric.message(4, |message| {
                put_summary(message, summary);
                put_start(message, 4, start);
            }),
        }
    }

    fn exponential(
        &self,
        message: &mut MessageWriter<'_>,
        histogram: &Exponential,
        start: Option<i64>,
    ) {
        message.uint(1, histogram.count);
        message.double(2, histogram.sum.unwrap_or(0.0));
        let Some(native) = histogram.native() else {
            put_start(message, 15, start);
            return;
        };
        message.sint(5, i64::from(native.schema));
        message.double(6, native.zero_threshold);
        message.uint(7, native.zero_count);
        put_side(message, 9, &native.negative);
        put_side(message, 12, &native.positive);
        match start {
            None if self.manner.as_collector => {
                message.message(15, |timestamp| timestamp.int(1, YEAR_ONE));
            }
            start => put_start(message, 15, start),
        }
        for exemplar in &histogram.exemplars {
            put_exemplar(message, 16, exemplar);
        }
    }
}

impl Scribe for Messages<'_> {
    fn series(&mut self, labels: &Labels, value: &Value, buffers: &mut Buffers) {
        buffers.content.clear();
        let mut metric = MessageWriter(&mut buffers.content);
        if pairs::are_plain(labels, self.manner.format.escaping) {
            metric.0.extend_from_slice(labels.as_fields());
        } else {
            for (name, value) in pairs::escaped(labels, self.manner) {
                put_pair(&mut metric, 1, &name, value);
            }
        }
        self.value(&mut metric, value, &mut buffers.buckets);
        if self.manner.timestamps && value.is_measured() {
            metric.int(6, value.time.div_euclid(1_000_000));
        }
        MessageWriter(&mut self.metrics).bytes(4, &buffers.content);
    }

    fn written(&self) -> usize {
        self.metrics.len()
    }

    fn finish(self) -> bool {
        if self.metrics.is_empty() {
            return false;
        }
        let name = self.manner.format.escaping.apply(self.heading.name);
        let mut head = Vec::new();
        let mut family = MessageWriter(&mut head);
        family.bytes(1, name.as_bytes());
        family.bytes(2, self.heading.help.as_bytes());
        family.uint(3, kind_number(self.heading.kind));
        MessageWriter(self.out).varint((head.len() + self.metrics.len()) as u64);
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(&self.metrics);
        true
    }
}

const fn kind_number(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Histogram => 4,
    }
}

fn put_start(message: &mut MessageWriter<'_>, number: u32, start: Option<i64>) {
    if let Some(start) = start {
        message.timestamp(number, start);
    }
}

fn put_exemplar(message: &mut MessageWriter<'_>, number: u32, exemplar: &Exemplar) {
    message.message(number, |message| {
        for (name, value) in exemplar.labels() {
            put_pair(message, 1, name, &value);
        }
        message.double(2, exemplar.value);
        message.timestamp(3, exemplar.time);
    });
}

fn put_histogram(
    message: &mut MessageWriter<'_>,
    histogram: &Histogram,
    buckets: &mut Vec<Bucket>,
) {
    message.uint(1, histogram.count);
    message.double(2, histogram.sum);
    histogram.write_buckets(buckets);
    for bucket in &*buckets {
        message.message(3, |message| {
            message.uint(1, bucket.count);
            message.double(2, bucket.bound);
            if let Some(exemplar) = &bucket.exemplar {
                put_exemplar(message, 3, exemplar);
            }
        });
    }
}

fn put_summary(message: &mut MessageWriter<'_>, summary: &Summary) {
    message.uint(1, summary.count);
    message.double(2, summary.sum);
    for (quantile, value) in &summary.quantiles {
        message.message(3, |message| {
            message.double(1, *quantile);
            message.double(2, *value);
        });
    }
}

/// One span and its deltas, in the field after it.
fn put_side(message: &mut MessageWriter<'_>, number: u32, side: &NativeSide) {
    if side.len() == 0 {
        return;
    }
    message.message(number, |span| {
        span.sint(1, i64::from(side.offset));
        span.uint(2, side.len() as u64);
    });
    for delta in side.deltas() {
        message.sint(number + 1, delta);
    }
}
