//! Fields that can be written, by name: what their numbers are and how they are encoded stays here.
//!
//! Each function takes the bytes of a message and gives those of the message with one field changed. All
//! other bytes, fields that nobody knows yet included, are copied as they are.
//!
//! ```
//! use tailweir_otlp::{SpanView, field};
//!
//! let span = b"\x2a\x01x\xaa\x01\x01?";
//! let renamed = field::SPAN_NAME.with_bytes(span, b"y");
//! assert_eq!(renamed, b"\x2a\x01y\xaa\x01\x01?");
//! assert_eq!(SpanView(&renamed).name(), b"y");
//! ```

use crate::attribute_list::AttributeList;
use crate::splice::{Positions, replace, replace_one_of};
use crate::view::Messages;
use crate::wire::{put_bytes, put_key, put_varint, zigzag32};
use std::borrow::Cow;

/// A field of a message that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritableField {
    number: u32,
    encoding: Encoding,
    /// Whether it is written even when it is zero or empty.
    is_explicit: bool,
    /// The other alternatives of its `oneof`, which go when it is written.
    rivals: &'static [u32],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
    Bytes,
}

impl WritableField {
    const fn new(number: u32, encoding: Encoding) -> Self {
        Self {
            number,
            encoding,
            is_explicit: false,
            rivals: &[],
        }
    }

    const fn explicit(self) -> Self {
        Self {
            is_explicit: true,
            ..self
        }
    }

    const fn against(self, rivals: &'static [u32]) -> Self {
        Self { rivals, ..self }
    }

    /// The message with a number in this field: an integer, the bits of a float, or for a signed field the
    /// number in two's complement.
    #[must_use]
    pub fn with_number(self, message: &[u8], value: u64) -> Vec<u8> {
        self.with(message, |out| {
            if value != 0 || self.is_explicit {
                self.put_number(value, out);
            }
        })
    }

    /// The message with text, bytes or another message in this field.
    #[must_use]
    pub fn with_bytes(self, message: &[u8], content: &[u8]) -> Vec<u8> {
        self.with(message, |out| {
            if !content.is_empty() || self.is_explicit {
                put_bytes(out, self.number, content);
            }
        })
    }

    /// The message with these numbers in this field, packed.
    #[must_use]
    pub fn with_numbers(self, message: &[u8], values: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut packed = Vec::new();
        for value in values {
            match self.encoding {
                Encoding::Fixed64 => packed.extend_from_slice(&value.to_le_bytes()),
                _ => put_varint(&mut packed, value),
            }
        }
        self.with(message, |out| {
            if !packed.is_empty() {
                put_bytes(out, self.number, &packed);
            }
        })
    }

    /// The message with these messages in this field, one after the other.
    #[must_use]
    pub fn with_messages<'m>(
        self,
        message: &[u8],
        contents: impl IntoIterator<Item = &'m [u8]>,
    ) -> Vec<u8> {
        self.with(message, |out| {
            for content in contents {
                put_bytes(out, self.number, content);
            }
        })
    }

    /// The message with these attributes in this field.
    #[must_use]
    pub fn with_attributes(self, message: &[u8], list: &AttributeList<'_>) -> Vec<u8> {
        self.with(message, |out| list.write(self.number, out))
    }

    /// The message without this field.
    #[must_use]
    pub fn without(self, message: &[u8]) -> Vec<u8> {
        self.with(message, |_| {})
    }

    /// Each occurrence of this field.
    #[must_use]
    pub fn messages(self, message: &[u8]) -> Messages<'_> {
        Messages::new(message, self.number)
    }

    /// The message in this field; empty when there is none, and one when it is spread over several.
    #[must_use]
    pub fn nested(self, message: &[u8]) -> Cow<'_, [u8]> {
        let mut occurrences = self.messages(message);
        match (occurrences.next(), occurrences.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(only), None) => Cow::Borrowed(only),
            (Some(_), Some(_)) => Cow::Owned(self.messages(message).collect::<Vec<_>>().concat()),
        }
    }

    /// The attributes in this field, to be edited.
    #[must_use]
    pub fn attributes(self, message: &[u8]) -> AttributeList<'_> {
        AttributeList::new(self.messages(message))
    }

    /// The message with some of the messages in this field replaced, and others added behind the last.
    /// Those for which there is nothing new keep their bytes and their place.
    #[must_use]
    pub fn with_replaced(self, message: &[u8], new: &[Option<Vec<u8>>]) -> Vec<u8> {
        let (changed, added) = new.split_at(new.len().min(self.messages(message).count()));
        let size: usize = new.iter().flatten().map(|content| content.len() + 8).sum();
        let mut out = Vec::with_capacity(message.len() + size);
        let mut changed = changed.iter();
        let mut copied = 0;
        let mut place = message.len();
        for (field, end) in Positions::new(message) {
            if field.number != self.number || field.content.is_none() {
                continue;
            }
            if let Some(Some(content)) = changed.next() {
                out.extend_from_slice(&message[copied..field.start]);
                put_bytes(&mut out, self.number, content);
                copied = end;
            }
            place = end;
        }
        out.extend_from_slice(&message[copied..place]);
        for content in added.iter().flatten() {
            put_bytes(&mut out, self.number, content);
        }
        out.extend_from_slice(&message[place..]);
        out
    }

    fn with(self, message: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() + 32);
        if self.rivals.is_empty() {
            replace(message, self.number, &mut out, write);
        } else {
            replace_one_of(message, self.number, self.rivals, &mut out, write);
        }
        out
    }

    fn put_number(self, value: u64, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Varint => {
                put_key(out, self.number, 0);
                put_varint(out, value);
            }
            Encoding::Zigzag => {
                put_key(out, self.number, 0);
                put_varint(out, zigzag32(value as i32));
            }
            Encoding::Fixed32 => {
                put_key(out, self.number, 5);
                out.extend_from_slice(&(value as u32).to_le_bytes());
            }
            Encoding::Fixed64 => {
                put_key(out, self.number, 1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Encoding::Bytes => {}
        }
    }
}

const fn varint(number: u32) -> WritableField {
    WritableField::new(number, Encoding::Varint)
}

const fn zigzag(number: u32) -> WritableField {
    WritableField::new(number, Encoding::Zigzag)
}

const fn fixed32(number: u32) -> WritableField {
    WritableField::new(number, Encoding::Fixed32)
}

const fn fixed64(number: u32) -> WritableField {
    WritableField::new(number, Encoding::Fixed64)
}

const fn bytes(number: u32) -> WritableField {
    WritableField::new(number, Encoding::Bytes)
}

const fn message(number: u32) -> WritableField {
    bytes(number).explicit()
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident = $field:expr;)*) => {
        $($(#[doc = $doc])* pub const $name: WritableField = $field;)*
    };
}

fields! {
    /// The `ResourceSpans`, `ResourceMetrics` or `ResourceLogs` of a request.
    REQUEST_RESOURCES = message(1);
    /// The resource of a `ResourceSpans` and its kin.
    RESOURCE = message(1);
    /// The `ScopeSpans`, `ScopeMetrics` or `ScopeLogs` of a `ResourceSpans` and its kin.
    SCOPES = message(2);
    /// The scope of a `ScopeSpans` and its kin.
    SCOPE = message(1);
    /// The spans, metrics or log records of a `ScopeSpans` and its kin.
    ITEMS = message(2);
    /// The schema URL of a `ResourceSpans` or `ScopeSpans` and their kin.
    SCHEMA_URL = bytes(3);
    /// Attributes of a resource.
    RESOURCE_ATTRIBUTES = message(1);
    /// How many attributes of a resource were left out.
    RESOURCE_DROPPED_ATTRIBUTES = varint(2);
    /// Name of a scope.
    SCOPE_NAME = bytes(1);
    /// Version of a scope.
    SCOPE_VERSION = bytes(2);
    /// Attributes of a scope.
    SCOPE_ATTRIBUTES = message(3);
    /// How many attributes of a scope were left out.
    SCOPE_DROPPED_ATTRIBUTES = varint(4);
    /// Trace id of a span.
    SPAN_TRACE_ID = bytes(1);
    /// Id of a span.
    SPAN_ID = bytes(2);
    /// Tracestate of a span.
    SPAN_TRACE_STATE = bytes(3);
    /// Id of the parent of a span.
    SPAN_PARENT_ID = bytes(4);
    /// Name of a span.
    SPAN_NAME = bytes(5);
    /// Kind of a span.
    SPAN_KIND = varint(6);
    /// When a span began.
    SPAN_START = fixed64(7);
    /// When a span ended.
    SPAN_END = fixed64(8);
    /// Attributes of a span.
    SPAN_ATTRIBUTES = message(9);
    /// How many attributes of a span were left out.
    SPAN_DROPPED_ATTRIBUTES = varint(10);
    /// Events of a span.
    SPAN_EVENTS = message(11);
    /// How many events of a span were left out.
    SPAN_DROPPED_EVENTS = varint(12);
    /// Links of a span.
    SPAN_LINKS = message(13);
    /// How many links of a span were left out.
    SPAN_DROPPED_LINKS = varint(14);
    /// Status of a span.
    SPAN_STATUS = message(15);
    /// Flags of a span.
    SPAN_FLAGS = fixed32(16);
    /// Words of a status.
    STATUS_MESSAGE = bytes(2);
    /// Code of a status.
    STATUS_CODE = varint(3);
    /// When an event happened.
    EVENT_TIME = fixed64(1);
    /// Name of an event.
    EVENT_NAME = bytes(2);
    /// Attributes of an event.
    EVENT_ATTRIBUTES = message(3);
    /// How many attributes of an event were left out.
    EVENT_DROPPED_ATTRIBUTES = varint(4);
    /// When a log record happened.
    LOG_TIME = fixed64(1);
    /// Severity of a log record.
    LOG_SEVERITY_NUMBER = varint(2);
    /// Severity of a log record in words.
    LOG_SEVERITY_TEXT = bytes(3);
    /// Body of a log record.
    LOG_BODY = message(5);
    /// Attributes of a log record.
    LOG_ATTRIBUTES = message(6);
    /// How many attributes of a log record were left out.
    LOG_DROPPED_ATTRIBUTES = varint(7);
    /// Flags of a log record.
    LOG_FLAGS = fixed32(8);
    /// Trace id of a log record.
    LOG_TRACE_ID = bytes(9);
    /// Span id of a log record.
    LOG_SPAN_ID = bytes(10);
    /// When a log record was observed.
    LOG_OBSERVED_TIME = fixed64(11);
    /// Event name of a log record.
    LOG_EVENT_NAME = bytes(12);
    /// Name of a metric.
    METRIC_NAME = bytes(1);
    /// Description of a metric.
    METRIC_DESCRIPTION = bytes(2);
    /// Unit of a metric.
    METRIC_UNIT = bytes(3);
    /// Metadata of a metric.
    METRIC_METADATA = message(12);
    /// The data of a gauge.
    METRIC_GAUGE = message(5).against(&[7, 9, 10, 11]);
    /// The data of a sum.
    METRIC_SUM = message(7).against(&[5, 9, 10, 11]);
    /// The data of a histogram.
    METRIC_HISTOGRAM = message(9).against(&[5, 7, 10, 11]);
    /// The data of an exponential histogram.
    METRIC_EXPONENTIAL_HISTOGRAM = message(10).against(&[5, 7, 9, 11]);
    /// The data of a summary.
    METRIC_SUMMARY = message(11).against(&[5, 7, 9, 10]);
    /// The points of any data.
    DATA_POINTS = message(1);
    /// The temporality of sums and histograms.
    DATA_TEMPORALITY = varint(2);
    /// Whether a sum is monotonic.
    SUM_IS_MONOTONIC = varint(3);
    /// When the time of a point of any kind began.
    POINT_START = fixed64(2);
    /// When a point of any kind was measured.
    POINT_TIME = fixed64(3);
    /// Value of a number point, as float.
    NUMBER_DOUBLE = fixed64(4).explicit().against(&[6]);
    /// Value of a number point, as integer.
    NUMBER_INT = fixed64(6).explicit().against(&[4]);
    /// Exemplars of a number point.
    NUMBER_EXEMPLARS = message(5);
    /// Attributes of a number point or a point of a summary.
    NUMBER_ATTRIBUTES = message(7);
    /// Flags of a number point or a point of a summary.
    NUMBER_FLAGS = varint(8);
    /// Count of a point of a histogram of either kind, or of a summary.
    POINT_COUNT = fixed64(4);
    /// Sum of a point of a histogram of either kind.
    HISTOGRAM_SUM = fixed64(5).explicit();
    /// Buckets of a point of a histogram.
    HISTOGRAM_BUCKETS = fixed64(6);
    /// Bounds of a point of a histogram.
    HISTOGRAM_BOUNDS = fixed64(7);
    /// Exemplars of a point of a histogram.
    HISTOGRAM_EXEMPLARS = message(8);
    /// Attributes of a point of a histogram.
    HISTOGRAM_ATTRIBUTES = message(9);
    /// Flags of a point of a histogram of either kind.
    HISTOGRAM_FLAGS = varint(10);
    /// Minimum of a point of a histogram.
    HISTOGRAM_MIN = fixed64(11).explicit();
    /// Maximum of a point of a histogram.
    HISTOGRAM_MAX = fixed64(12).explicit();
    /// Attributes of a point of an exponential histogram.
    EXPONENTIAL_ATTRIBUTES = message(1);
    /// Scale of a point of an exponential histogram.
    EXPONENTIAL_SCALE = zigzag(6);
    /// Zero count of a point of an exponential histogram.
    EXPONENTIAL_ZERO_COUNT = fixed64(7);
    /// Buckets above zero of a point of an exponential histogram.
    EXPONENTIAL_POSITIVE = message(8);
    /// Buckets below zero of a point of an exponential histogram.
    EXPONENTIAL_NEGATIVE = message(9);
    /// Exemplars of a point of an exponential histogram.
    EXPONENTIAL_EXEMPLARS = message(11);
    /// Minimum of a point of an exponential histogram.
    EXPONENTIAL_MIN = fixed64(12).explicit();
    /// Maximum of a point of an exponential histogram.
    EXPONENTIAL_MAX = fixed64(13).explicit();
    /// Index of the first bucket of one side of an exponential histogram.
    BUCKETS_OFFSET = zigzag(1);
    /// Counts of one side of an exponential histogram.
    BUCKETS_COUNTS = varint(2);
    /// Sum of a point of a summary.
    SUMMARY_SUM = fixed64(5);
    /// Quantiles of a point of a summary.
    SUMMARY_QUANTILES = message(6);
    /// Value at a quantile.
    QUANTILE_VALUE = fixed64(2);
    /// Value of an exemplar, as float.
    EXEMPLAR_DOUBLE = fixed64(3).explicit().against(&[6]);
    /// Value of an exemplar, as integer.
    EXEMPLAR_INT = fixed64(6).explicit().against(&[3]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a field that is there twice, one that is missing, and one that becomes zero, beside an
    /// unknown field.
    /// Guarantees: one occurrence is left in the first place, a missing one goes where its number belongs,
    /// zero is nothing, and the unknown field stays.
    #[test]
    fn one_field_is_written_and_all_others_stay() {
        let span = b"\x2a\x01x\x30\x02\x2a\x01z\xaa\x01\x01?";
        assert_eq!(
            SPAN_NAME.with_bytes(span, b"y"),
            b"\x2a\x01y\x30\x02\xaa\x01\x01?"
        );
        let stated = SPAN_TRACE_STATE.with_bytes(span, b"a=1");
        assert_eq!(&stated[..5], b"\x1a\x03a=1");
        assert_eq!(&stated[5..], span);
        assert_eq!(
            SPAN_KIND.with_number(span, 0),
            b"\x2a\x01x\x2a\x01z\xaa\x01\x01?"
        );
    }

    /// Scenario: the value of a number point changes from integer to float, and to a float of zero.
    /// Guarantees: only one value is left, and zero is a value.
    #[test]
    fn an_alternative_takes_the_place_of_its_rivals() {
        let point = NUMBER_INT.with_number(b"", 5);
        let point = NUMBER_DOUBLE.with_number(&point, 0f64.to_bits());
        assert_eq!(point, b"\x21\0\0\0\0\0\0\0\0");
    }

    /// Scenario: of three nested messages the second changes, and a fourth is added.
    /// Guarantees: the others keep bytes and place, what stands between them too, and the new one is last.
    #[test]
    fn nested_messages_are_replaced_in_place() {
        let scope = b"\x12\x01a\x1a\x01u\x12\x81\x00b\x12\x01c\x50\x07";
        let new = [None, Some(b"BB".to_vec()), None, Some(b"d".to_vec())];
        let expected = b"\x12\x01a\x1a\x01u\x12\x02BB\x12\x01c\x12\x01d\x50\x07";
        assert_eq!(ITEMS.with_replaced(scope, &new), expected);
        assert_eq!(ITEMS.with_replaced(scope, &[]), scope);
    }
}
