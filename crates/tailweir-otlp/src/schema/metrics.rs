//! Metrics and their data points.

use super::tables::{KEY_VALUE, RESOURCE, SCOPE};
use super::{Kind, Message, explicit, field, repeated};

pub(crate) static METRICS_REQUEST: Message = Message::new(&[repeated(
    1,
    "resourceMetrics",
    Kind::Message(&RESOURCE_METRICS),
)]);

static RESOURCE_METRICS: Message = Message::new(&[
    field(1, "resource", Kind::Message(&RESOURCE)),
    repeated(2, "scopeMetrics", Kind::Message(&SCOPE_METRICS)),
    field(3, "schemaUrl", Kind::String),
]);

static SCOPE_METRICS: Message = Message::new(&[
    field(1, "scope", Kind::Message(&SCOPE)),
    repeated(2, "metrics", Kind::Message(&METRIC)),
    field(3, "schemaUrl", Kind::String),
]);

static METRIC: Message = Message::with_alternatives(&[
    field(1, "name", Kind::String),
    field(2, "description", Kind::String),
    field(3, "unit", Kind::String),
    explicit(5, "gauge", Kind::Message(&GAUGE)),
    explicit(7, "sum", Kind::Message(&SUM)),
    explicit(9, "histogram", Kind::Message(&HISTOGRAM)),
    explicit(
        10,
        "exponentialHistogram",
        Kind::Message(&EXPONENTIAL_HISTOGRAM),
    ),
    explicit(11, "summary", Kind::Message(&SUMMARY)),
    repeated(12, "metadata", Kind::Message(&KEY_VALUE)),
]);

static GAUGE: Message = Message::new(&[repeated(1, "dataPoints", Kind::Message(&NUMBER_POINT))]);

static SUM: Message = Message::new(&[
    repeated(1, "dataPoints", Kind::Message(&NUMBER_POINT)),
    field(2, "aggregationTemporality", Kind::Enum(TEMPORALITIES)),
    field(3, "isMonotonic", Kind::Bool),
]);

static HISTOGRAM: Message = Message::new(&[
    repeated(1, "dataPoints", Kind::Message(&HISTOGRAM_POINT)),
    field(2, "aggregationTemporality", Kind::Enum(TEMPORALITIES)),
]);

static EXPONENTIAL_HISTOGRAM: Message = Message::new(&[
    repeated(1, "dataPoints", Kind::Message(&EXPONENTIAL_POINT)),
    field(2, "aggregationTemporality", Kind::Enum(TEMPORALITIES)),
]);

static SUMMARY: Message = Message::new(&[repeated(1, "dataPoints", Kind::Message(&SUMMARY_POINT))]);

const TEMPORALITIES: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

static NUMBER_POINT: Message = Message::with_alternatives(&[
    field(2, "startTimeUnixNano", Kind::Fixed64),
    field(3, "timeUnixNano", Kind::Fixed64),
    explicit(4, "asDouble", Kind::Double),
    repeated(5, "exemplars", Kind::Message(&EXEMPLAR)),
    explicit(6, "asInt", Kind::Sfixed64),
    repeated(7, "attributes", Kind::Message(&KEY_VALUE)),
    field(8, "flags", Kind::Uint32),
]);

static HISTOGRAM_POINT: Message = Message::new(&[
    field(2, "startTimeUnixNano", Kind::Fixed64),
    field(3, "timeUnixNano", Kind::Fixed64),
    field(4, "count", Kind::Fixed64),
    explicit(5, "sum", Kind::Double),
    repeated(6, "bucketCounts", Kind::Fixed64),
    repeated(7, "explicitBounds", Kind::Double),
    repeated(8, "exemplars", Kind::Message(&EXEMPLAR)),
    repeated(9, "attributes", Kind::Message(&KEY_VALUE)),
    field(10, "flags", Kind::Uint32),
    explicit(11, "min", Kind::Double),
    explicit(12, "max", Kind::Double),
]);

static EXPONENTIAL_POINT: Message = Message::new(&[
    repeated(1, "attributes", Kind::Message(&KEY_VALUE)),
    field(2, "startTimeUnixNano", Kind::Fixed64),
    field(3, "timeUnixNano", Kind::Fixed64),
    field(4, "count", Kind::Fixed64),
    explicit(5, "sum", Kind::Double),
    field(6, "scale", Kind::Sint32),
    field(7, "zeroCount", Kind::Fixed64),
    field(8, "positive", Kind::Message(&BUCKETS)),
    field(9, "negative", Kind::Message(&BUCKETS)),
    field(10, "flags", Kind::Uint32),
    repeated(11, "exemplars", Kind::Message(&EXEMPLAR)),
    explicit(12, "min", Kind::Double),
    explicit(13, "max", Kind::Double),
    field(14, "zeroThreshold", Kind::Double),
]);

static BUCKETS: Message = Message::new(&[
    field(1, "offset", Kind::Sint32),
    repeated(2, "bucketCounts", Kind::Uint64),
]);

static SUMMARY_POINT: Message = Message::new(&[
    field(2, "startTimeUnixNano", Kind::Fixed64),
    field(3, "timeUnixNano", Kind::Fixed64),
    field(4, "count", Kind::Fixed64),
    field(5, "sum", Kind::Double),
    repeated(6, "quantileValues", Kind::Message(&QUANTILE)),
    repeated(7, "attributes", Kind::Message(&KEY_VALUE)),
    field(8, "flags", Kind::Uint32),
]);

static QUANTILE: Message = Message::new(&[
    field(1, "quantile", Kind::Double),
    field(2, "value", Kind::Double),
]);

static EXEMPLAR: Message = Message::with_alternatives(&[
    field(2, "timeUnixNano", Kind::Fixed64),
    explicit(3, "asDouble", Kind::Double),
    field(4, "spanId", Kind::Id(8)),
    field(5, "traceId", Kind::Id(16)),
    explicit(6, "asInt", Kind::Sfixed64),
    repeated(7, "filteredAttributes", Kind::Message(&KEY_VALUE)),
]);
