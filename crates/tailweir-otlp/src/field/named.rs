//! The fields, by name.

use super::{Encoding, WritableField};

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
    /// Who sent a `ResourceSpans` or its kin, as [`with_sender`](crate::with_sender) notes it: a field of
    /// Tailweir's own, which stands in no request that leaves it.
    RESOURCE_SENDER = bytes(500_001);
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
    /// Width of the zero bucket of a point of an exponential histogram.
    EXPONENTIAL_ZERO_THRESHOLD = fixed64(14);
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
