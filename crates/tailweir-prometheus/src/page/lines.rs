//! Pages of lines: Prometheus' text and OpenMetrics.

use super::number::{put_float, put_int, put_open_float};
use super::{Buffers, Heading, Manner, Scribe, pairs};
use crate::escaping::is_legacy_name;
use crate::exemplar::Exemplar;
use crate::labels::Labels;
use crate::naming::Kind;
use crate::negotiation::Syntax;
use crate::value::{Data, Histogram, Summary, Value, double_of};
use std::borrow::Cow;

/// Writes the lines of one family.
pub(super) struct Lines<'a> {
    heading: Heading<'a>,
    manner: Manner,
    /// The name as the scraper can read it.
    name: Cow<'a, str>,
    is_open: bool,
    has_head: bool,
    start: usize,
    out: &'a mut Vec<u8>,
}

/// The value of a line.
enum Reading {
    Float(f64),
    Count(u64),
}

/// What the lines of one series have in common.
struct Common<'b> {
    /// Labels as text, without braces.
    labels: &'b [u8],
    /// Nanoseconds of the Unix epoch.
    time: Option<i64>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        heading: Heading<'a>,
        manner: Manner,
        has_head: bool,
        out: &'a mut Vec<u8>,
    ) -> Self {
        Self {
            heading,
            manner,
            name: manner.format.escaping.apply(heading.name),
            is_open: manner.format.syntax != Syntax::Text,
            has_head,
            start: out.len(),
            out,
        }
    }

    fn head(&mut self) {
        let is_counter = self.heading.kind == Kind::Counter;
        let base = self.name.strip_suffix("_total");
        // OpenMetrics names counters without their suffix, and has none without it.
        let (name, kind) = match (self.is_open && is_counter, base) {
            (true, Some(base)) => (base, "counter"),
            (true, None) => (&*self.name, "unknown"),
            (false, _) => (&*self.name, kind_name(self.heading.kind)),
        };
        self.out.extend_from_slice(b"# HELP ");
        put_name(self.out, name);
        self.out.push(b' ');
        put_escaped(self.out, self.heading.help, self.is_open);
        self.out.extend_from_slice(b"\n# TYPE ");
        put_name(self.out, name);
        self.out.push(b' ');
        self.out.extend_from_slice(kind.as_bytes());
        self.out.push(b'\n');
    }

    /// One line; `extra` is a label behind the others.
    fn line(
        &mut self,
        suffix: &str,
        common: &Common<'_>,
        extra: Option<(&str, f64)>,
        reading: &Reading,
        exemplar: Option<&Exemplar>,
    ) {
        self.name_and_labels(suffix, common.labels, extra);
        self.out.push(b' ');
        match *reading {
            Reading::Count(count) if self.is_open => put_int_unsigned(self.out, count),
            Reading::Count(count) => put_float(self.out, count as f64),
            Reading::Float(value) => self.float(value),
        }
        if let Some(time) = common.time {
            self.out.push(b' ');
            let millis = time.div_euclid(1_000_000);
            match self.is_open {
                true => put_open_float(self.out, millis as f64 / 1000.0),
                false => put_int(self.out, millis),
            }
        }
        if let Some(exemplar) = exemplar.filter(|_| self.is_open) {
            self.exemplar(exemplar);
        }
        self.out.push(b'\n');
    }

    fn name_and_labels(&mut self, suffix: &str, labels: &[u8], extra: Option<(&str, f64)>) {
        let is_quoted = !is_legacy_name(&self.name);
        if is_quoted {
            self.out.extend_from_slice(b"{\"");
            put_escaped(self.out, &self.name, true);
            self.out.extend_from_slice(suffix.as_bytes());
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(self.name.as_bytes());
            self.out.extend_from_slice(suffix.as_bytes());
        }
        let mut separator: &[u8] = if is_quoted { b"," } else { b"{" };
        if !labels.is_empty() {
            self.out.extend_from_slice(separator);
            self.out.extend_from_slice(labels);
            separator = b",";
        }
        if let Some((name, value)) = extra {
            self.out.extend_from_slice(separator);
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            self.float(value);
            self.out.push(b'"');
        }
        if is_quoted || !labels.is_empty() || extra.is_some() {
            self.out.push(b'}');
        }
    }

    fn float(&mut self, value: f64) {
        match self.is_open {
            true => put_open_float(self.out, value),
            false => put_float(self.out, value),
        }
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        let mut separator: &[u8] = b" # {";
        for (name, value) in exemplar.labels() {
            self.out.extend_from_slice(separator);
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            self.out.extend_from_slice(value.as_bytes());
            self.out.push(b'"');
            separator = b",";
        }
        if separator != b"," {
            return;
        }
        self.out.extend_from_slice(b"} ");
        put_open_float(self.out, exemplar.value);
        self.out.push(b' ');
        put_open_float(self.out, exemplar.time as f64 / 1e9);
    }

    fn histogram(
        &mut self,
        histogram: &Histogram,
        common: &Common<'_>,
        buffers: &mut Vec<crate::value::Bucket>,
    ) {
        histogram.write_buckets(buffers);
        for bucket in &*buffers {
            let reading = Reading::Count(bucket.count);
            let extra = Some(("le", bucket.bound));
            self.line("_bucket", common, extra, &reading, bucket.exemplar.as_ref());
        }
        let has_last = buffers
            .last()
            .is_some_and(|bucket| bucket.bound == f64::INFINITY);
        self.totals(histogram.count, histogram.sum, !has_last, common);
    }

    /// The last bucket, the sum and the count.
    fn totals(&mut self, count: u64, sum: f64, with_last: bool, common: &Common<'_>) {
        let reading = Reading::Count(count);
        if with_last {
            let extra = Some(("le", f64::INFINITY));
            self.line("_bucket", common, extra, &reading, None);
        }
        self.line("_sum", common, None, &Reading::Float(sum), None);
        self.line("_count", common, None, &reading, None);
    }

    fn summary(&mut self, summary: &Summary, common: &Common<'_>) {
        for (quantile, value) in &summary.quantiles {
            let extra = Some(("quantile", *quantile));
            self.line("", common, extra, &Reading::Float(*value), None);
        }
        self.line("_sum", common, None, &Reading::Float(summary.sum), None);
        self.line("_count", common, None, &Reading::Count(summary.count), None);
    }
}

impl Scribe for Lines<'_> {
    fn series(&mut self, labels: &Labels, value: &Value, buffers: &mut Buffers) {
        if !std::mem::replace(&mut self.has_head, true) {
            self.head();
        }
        buffers.labels.clear();
        put_labels(labels, self.manner, &mut buffers.labels);
        let is_timed = self.manner.timestamps && value.is_measured();
        let common = Common {
            labels: &buffers.labels,
            time: is_timed.then_some(value.time),
        };
        match &value.data {
            Data::Number(number, exemplar) => {
                let is_counter = self.heading.kind == Kind::Counter;
                let exemplar = exemplar.as_deref().filter(|_| is_counter);
                let reading = Reading::Float(double_of(*number));
                self.line("", &common, None, &reading, exemplar);
            }
            Data::Histogram(histogram) => self.histogram(histogram, &common, &mut buffers.buckets),
            Data::Exponential(histogram) => {
                self.totals(histogram.count, histogram.sum.unwrap_or(0.0), true, &common);
            }
            Data::Summary(summary) => self.summary(summary, &common),
        }
    }

    fn written(&self) -> usize {
        self.out.len() - self.start
    }

    fn finish(self) -> bool {
        self.has_head
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Summary => "summary",
        Kind::Histogram => "histogram",
    }
}

fn put_labels(labels: &Labels, manner: Manner, out: &mut Vec<u8>) {
    if pairs::are_plain(labels, manner.format.escaping) {
        labels
            .iter()
            .for_each(|(name, value)| put_label(out, name, value));
    } else {
        for (name, value) in pairs::escaped(labels, manner) {
            put_label(out, &name, value);
        }
    }
}

fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    put_name(out, name);
    out.extend_from_slice(b"=\"");
    put_escaped(out, value, true);
    out.push(b'"');
}

/// A name, in quotes where it has characters that old names have not.
fn put_name(out: &mut Vec<u8>, name: &str) {
    if is_legacy_name(name) {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    out.push(b'"');
    put_escaped(out, name, true);
    out.push(b'"');
}

/// Text with backslashes and line feeds escaped, and double quotes where these end it.
fn put_escaped(out: &mut Vec<u8>, text: &str, with_quotes: bool) {
    let mut rest = text.as_bytes();
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (with_quotes && *byte == b'"');
    while let Some(at) = rest.iter().position(is_special) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(if rest[at] == b'\n' { b'n' } else { rest[at] });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn put_int_unsigned(out: &mut Vec<u8>, value: u64) {
    match i64::try_from(value) {
        Ok(value) => put_int(out, value),
        Err(_) => out.extend_from_slice(value.to_string().as_bytes()),
    }
}
