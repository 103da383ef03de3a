//! Series into requests of bounded size.

use super::WrittenBatch;
use super::gather::Gathered;
use super::samples::{NativeSample, Sample, Series, WrittenExemplar};
use crate::labels::put_pair;
use crate::naming::{Kind, Pairs};
use crate::value::NativeSide;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use tailweir_otlp::MessageWriter;

/// Requests of 1.0: every series with its labels; what is said about metrics in requests of its own.
pub(super) fn version_1(
    gathered: &Gathered,
    with_metadata: bool,
    bytes_max: usize,
) -> Vec<WrittenBatch> {
    let mut batches = Batches::new(bytes_max);
    let mut content = Vec::new();
    for series in &gathered.series {
        content.clear();
        let mut message = MessageWriter(&mut content);
        for (name, value) in &series.labels {
            put_pair(&mut message, 1, name, value);
        }
        put_samples(
            &mut message,
            (2, 3, 4),
            series,
            false,
            &mut |labels, message| {
                for (name, value) in labels {
                    put_pair(message, 1, name, value);
                }
            },
        );
        batches.add(1, &content, series.points);
    }
    if with_metadata {
        batches.cut();
        let families: BTreeMap<_, _> = gathered
            .metadata
            .iter()
            .map(|metadata| (metadata.family.as_str(), metadata))
            .collect();
        for (family, metadata) in families {
            content.clear();
            let mut message = MessageWriter(&mut content);
            message.uint(1, kind_number(metadata.kind));
            message.bytes(2, family.as_bytes());
            message.bytes(4, metadata.help.as_bytes());
            message.bytes(5, metadata.unit.as_bytes());
            batches.add(3, &content, 0);
        }
    }
    batches.finish()
}

/// Requests of 2.0: texts are in a table of each request.
pub(super) fn version_2(gathered: &Gathered, bytes_max: usize) -> Vec<WrittenBatch> {
    let mut batches = Batches::new(bytes_max);
    let mut symbols = Symbols::default();
    let mut content = Vec::new();
    for series in &gathered.series {
        put_series_2(gathered, series, &mut symbols, &mut content);
        if batches.is_full_with(content.len() + symbols.bytes) {
            batches.cut_with(&mut symbols);
            // Its texts are in another table now.
            put_series_2(gathered, series, &mut symbols, &mut content);
        }
        batches.add(5, &content, series.points);
    }
    batches.cut_with(&mut symbols);
    batches.finish()
}

fn put_series_2(
    gathered: &Gathered,
    series: &Series,
    symbols: &mut Symbols,
    content: &mut Vec<u8>,
) {
    content.clear();
    let mut message = MessageWriter(content);
    symbols.put(&series.labels, &mut message);
    put_samples(
        &mut message,
        (2, 4, 3),
        series,
        true,
        &mut |labels, message| {
            symbols.put(labels, message);
        },
    );
    let metadata = &gathered.metadata[series.metadata];
    let (help, unit) = (symbols.of(&metadata.help), symbols.of(&metadata.unit));
    message.message(5, |message| {
        message.uint(1, kind_number(metadata.kind));
        message.uint(3, help);
        message.uint(4, unit);
    });
}

/// Samples, exemplars and histograms in the fields of these numbers.
fn put_samples(
    message: &mut MessageWriter<'_>,
    (samples, exemplars, histograms): (u32, u32, u32),
    series: &Series,
    with_start: bool,
    put_labels: &mut impl FnMut(&Pairs, &mut MessageWriter<'_>),
) {
    let mut ordered: Vec<&Sample> = series.samples.iter().collect();
    ordered.sort_by_key(|sample| sample.time);
    for sample in ordered {
        message.message(samples, |message| {
            message.double(1, sample.value);
            message.int(2, sample.time);
            if with_start && sample.start > 0 {
                message.int(3, sample.start);
            }
        });
    }
    let mut put_exemplar = |exemplar: &WrittenExemplar, message: &mut MessageWriter<'_>| {
        message.message(exemplars, |message| {
            put_labels(&exemplar.labels, message);
            message.double(2, exemplar.value);
            message.int(3, exemplar.time);
        });
    };
    // Fields may stand in any order.
    for exemplar in &series.exemplars {
        put_exemplar(exemplar, message);
    }
    for histogram in &series.histograms {
        message.message(histograms, |message| {
            put_histogram(message, histogram, with_start);
        });
    }
}

fn put_histogram(message: &mut MessageWriter<'_>, sample: &NativeSample, with_start: bool) {
    let native = &sample.native;
    message.uint(1, sample.count);
    message.double(3, sample.sum);
    message.sint(4, i64::from(native.schema));
    message.double(5, native.zero_threshold);
    message.uint(6, native.zero_count);
    put_side(message, 8, &native.negative);
    put_side(message, 11, &native.positive);
    message.int(15, sample.time);
    if with_start && sample.start > 0 {
        message.int(17, sample.start);
    }
}

/// One span, and its deltas in the field after it.
fn put_side(message: &mut MessageWriter<'_>, number: u32, side: &NativeSide) {
    if side.len() == 0 {
        return;
    }
    message.message(number, |span| {
        span.sint(1, i64::from(side.offset));
        span.uint(2, side.len() as u64);
    });
    message.message(number + 1, |packed| {
        for delta in side.deltas() {
            packed.zigzag(delta);
        }
    });
}

const fn kind_number(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => 1,
        Kind::Gauge => 2,
        Kind::Histogram => 3,
        Kind::Summary => 5,
    }
}

/// Requests under construction.
struct Batches {
    bytes_max: usize,
    done: Vec<WrittenBatch>,
    body: Vec<u8>,
    points: u64,
}

impl Batches {
    fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            done: Vec::new(),
            body: Vec::new(),
            points: 0,
        }
    }

    /// Whether a request that has something already would be too large with this.
    fn is_full_with(&self, bytes: usize) -> bool {
        !self.body.is_empty() && self.body.len() + bytes >= self.bytes_max
    }

    fn add(&mut self, number: u32, content: &[u8], points: u64) {
        if self.is_full_with(content.len()) {
            self.cut();
        }
        MessageWriter(&mut self.body).bytes(number, content);
        self.points += points;
    }

    /// Ends the request, if there is anything in it.
    fn cut(&mut self) {
        if self.body.is_empty() {
            return;
        }
        self.done.push(WrittenBatch {
            points: std::mem::take(&mut self.points),
            body: std::mem::take(&mut self.body),
        });
    }

    /// Ends the request with its table of texts, which begins anew.
    fn cut_with(&mut self, symbols: &mut Symbols) {
        let symbols = std::mem::take(symbols);
        if !self.body.is_empty() {
            let mut message = MessageWriter(&mut self.body);
            for text in symbols.in_order() {
                message.bytes(4, text.as_bytes());
            }
        }
        self.cut();
    }

    fn finish(mut self) -> Vec<WrittenBatch> {
        self.cut();
        self.done
    }
}

/// The texts of one request by number. The empty one is the first.
struct Symbols {
    numbers: HashMap<String, u64>,
    bytes: usize,
}

impl Default for Symbols {
    fn default() -> Self {
        Self {
            numbers: HashMap::from([(String::new(), 0)]),
            bytes: 0,
        }
    }
}

impl Symbols {
    fn of(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64;
        self.numbers.insert(text.to_owned(), number);
        // Text, tag and length.
        self.bytes += text.len() + 4;
        number
    }

    /// Names and values as numbers, packed into field 1.
    fn put(&mut self, labels: &Pairs, message: &mut MessageWriter<'_>) {
        if labels.is_empty() {
            return;
        }
        message.message(1, |packed| {
            for (name, value) in labels {
                packed.varint(self.of(name));
                packed.varint(self.of(value));
            }
        });
    }

    fn in_order(&self) -> Vec<&str> {
        let mut all: Vec<_> = self.numbers.iter().collect();
        all.sort_by_key(|(_, number)| **number);
        all.into_iter().map(|(text, _)| text.as_str()).collect()
    }
}
