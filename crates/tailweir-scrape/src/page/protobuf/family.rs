//! A family: what it says of itself, and its metrics one by one, so that many small ones take no memory.

use super::message::Metric;
use crate::metadata::MetricType;
use crate::page::Entry;
use crate::page::scanner::lossy;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::collections::VecDeque;

/// Longest message of one metric, in bytes: decoded it takes a multiple of them.
const METRIC_MAX: usize = 1 << 20;

/// One family of a page.
pub(super) struct Family<'p> {
    pub(super) name: String,
    pub(super) kind: FamilyKind,
    help: String,
    unit: String,
    /// What was not read of it yet.
    rest: &'p [u8],
}

/// `io.prometheus.client.MetricType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FamilyKind {
    Counter,
    Gauge,
    Summary,
    Untyped,
    Histogram,
    GaugeHistogram,
}

/// A field of a family.
enum Field<'p> {
    Text(u32, &'p [u8]),
    Number(u32, u64),
    Other,
}

impl<'p> Family<'p> {
    /// Reads everything but the metrics.
    pub(super) fn read(content: &'p [u8]) -> Result<Self, &'static str> {
        let mut family = Self {
            name: String::new(),
            kind: FamilyKind::Counter,
            help: String::new(),
            unit: String::new(),
            rest: content,
        };
        let text = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).map(str::to_owned);
            text.map_err(|_| "a text of a family is not UTF-8")
        };
        // What has no metrics may be called as it likes.
        let is_said = family.has_metrics();
        let mut rest = content;
        while !rest.is_empty() {
            match field(&mut rest)? {
                Field::Text(1, bytes) if is_said => family.name = text(bytes)?,
                Field::Text(2, bytes) if is_said => family.help = text(bytes)?,
                Field::Text(5, bytes) => family.unit = lossy(bytes),
                Field::Number(3, number) => family.kind = FamilyKind::of(number)?,
                _ => {}
            }
        }
        if family.name.is_empty() && is_said {
            return Err("a family has no name");
        }
        Ok(family)
    }

    /// Whether there is a metric that was not read yet.
    pub(super) fn has_metrics(&self) -> bool {
        let mut rest = self.rest;
        while !rest.is_empty() {
            match field(&mut rest) {
                Ok(Field::Text(4, _)) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// What it says of itself.
    pub(super) fn entries(&self) -> VecDeque<Entry> {
        let mut entries = VecDeque::from([Entry::Help(self.name.clone(), self.help.clone())]);
        if !self.unit.is_empty() {
            entries.push_back(Entry::Unit(self.name.clone(), self.unit.clone()));
        }
        entries.push_back(Entry::Type(self.name.clone(), self.kind.metric_type()));
        entries
    }

    /// The next metric; nothing at the end.
    pub(super) fn next_metric(&mut self) -> Result<Option<Metric>, &'static str> {
        while !self.rest.is_empty() {
            if let Field::Text(4, bytes) = field(&mut self.rest)? {
                if bytes.len() > METRIC_MAX {
                    return Err("one metric is longer than a mebibyte");
                }
                let metric = Metric::decode(bytes);
                return metric.map(Some).map_err(|_| "a metric is malformed");
            }
        }
        Ok(None)
    }
}

impl FamilyKind {
    fn of(number: u64) -> Result<Self, &'static str> {
        Ok(match number {
            0 => Self::Counter,
            1 => Self::Gauge,
            2 => Self::Summary,
            3 => Self::Untyped,
            4 => Self::Histogram,
            5 => Self::GaugeHistogram,
            _ => return Err("a type that there is not"),
        })
    }

    const fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Summary => MetricType::Summary,
            Self::Untyped => MetricType::Unknown,
            Self::Histogram => MetricType::Histogram,
            Self::GaugeHistogram => MetricType::GaugeHistogram,
        }
    }
}

/// Reads the next field.
fn field<'p>(rest: &mut &'p [u8]) -> Result<Field<'p>, &'static str> {
    const BROKEN: &str = "a family is malformed";
    let (number, wire_type) = decode_key(rest).map_err(|_| BROKEN)?;
    match wire_type {
        WireType::Varint => {
            let value = decode_varint(rest).map_err(|_| BROKEN)?;
            Ok(Field::Number(number, value))
        }
        WireType::LengthDelimited => {
            let length = decode_varint(rest).map_err(|_| BROKEN)?;
            let length = usize::try_from(length).map_err(|_| BROKEN)?;
            let (content, behind) = rest.split_at_checked(length).ok_or(BROKEN)?;
            *rest = behind;
            Ok(Field::Text(number, content))
        }
        other => {
            let skipped = skip_field(other, number, rest, DecodeContext::default());
            skipped.map(|()| Field::Other).map_err(|_| BROKEN)
        }
    }
}
