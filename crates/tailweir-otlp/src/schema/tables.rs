//! Values, resources, scopes, spans and logs.

use super::{Kind, Message, explicit, field, repeated};

pub(crate) static ANY_VALUE: Message = Message::with_alternatives(&[
    explicit(1, "stringValue", Kind::String),
    explicit(2, "boolValue", Kind::Bool),
    explicit(3, "intValue", Kind::Int64),
    explicit(4, "doubleValue", Kind::Double),
    explicit(5, "arrayValue", Kind::Message(&ARRAY_VALUE)),
    explicit(6, "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
    explicit(7, "bytesValue", Kind::Bytes),
]);

static ARRAY_VALUE: Message = Message::new(&[repeated(1, "values", Kind::Message(&ANY_VALUE))]);

static KEY_VALUE_LIST: Message = Message::new(&[repeated(1, "values", Kind::Message(&KEY_VALUE))]);

pub(crate) static KEY_VALUE: Message = Message::new(&[
    field(1, "key", Kind::String),
    field(2, "value", Kind::Message(&ANY_VALUE)),
]);

static ENTITY_REF: Message = Message::new(&[
    field(1, "schemaUrl", Kind::String),
    field(2, "type", Kind::String),
    repeated(3, "idKeys", Kind::String),
    repeated(4, "descriptionKeys", Kind::String),
]);

pub(crate) static RESOURCE: Message = Message::new(&[
    repeated(1, "attributes", Kind::Message(&KEY_VALUE)),
    field(2, "droppedAttributesCount", Kind::Uint32),
    repeated(3, "entityRefs", Kind::Message(&ENTITY_REF)),
]);

pub(crate) static SCOPE: Message = Message::new(&[
    field(1, "name", Kind::String),
    field(2, "version", Kind::String),
    repeated(3, "attributes", Kind::Message(&KEY_VALUE)),
    field(4, "droppedAttributesCount", Kind::Uint32),
]);

pub(crate) static TRACES_REQUEST: Message =
    Message::new(&[repeated(1, "resourceSpans", Kind::Message(&RESOURCE_SPANS))]);

pub(crate) static RESOURCE_SPANS: Message = Message::new(&[
    field(1, "resource", Kind::Message(&RESOURCE)),
    repeated(2, "scopeSpans", Kind::Message(&SCOPE_SPANS)),
    field(3, "schemaUrl", Kind::String),
]);

pub(crate) static SCOPE_SPANS: Message = Message::new(&[
    field(1, "scope", Kind::Message(&SCOPE)),
    repeated(2, "spans", Kind::Message(&SPAN)),
    field(3, "schemaUrl", Kind::String),
]);

pub(crate) static SPAN: Message = Message::new(&[
    field(1, "traceId", Kind::Id(16)),
    field(2, "spanId", Kind::Id(8)),
    field(3, "traceState", Kind::String),
    field(4, "parentSpanId", Kind::Id(8)),
    field(5, "name", Kind::String),
    field(6, "kind", Kind::Enum(SPAN_KINDS)),
    field(7, "startTimeUnixNano", Kind::Fixed64),
    field(8, "endTimeUnixNano", Kind::Fixed64),
    repeated(9, "attributes", Kind::Message(&KEY_VALUE)),
    field(10, "droppedAttributesCount", Kind::Uint32),
    repeated(11, "events", Kind::Message(&SPAN_EVENT)),
    field(12, "droppedEventsCount", Kind::Uint32),
    repeated(13, "links", Kind::Message(&SPAN_LINK)),
    field(14, "droppedLinksCount", Kind::Uint32),
    field(15, "status", Kind::Message(&STATUS)),
    field(16, "flags", Kind::Fixed32),
]);

static SPAN_EVENT: Message = Message::new(&[
    field(1, "timeUnixNano", Kind::Fixed64),
    field(2, "name", Kind::String),
    repeated(3, "attributes", Kind::Message(&KEY_VALUE)),
    field(4, "droppedAttributesCount", Kind::Uint32),
]);

static SPAN_LINK: Message = Message::new(&[
    field(1, "traceId", Kind::Id(16)),
    field(2, "spanId", Kind::Id(8)),
    field(3, "traceState", Kind::String),
    repeated(4, "attributes", Kind::Message(&KEY_VALUE)),
    field(5, "droppedAttributesCount", Kind::Uint32),
    field(6, "flags", Kind::Fixed32),
]);

pub(crate) static STATUS: Message = Message::new(&[
    field(2, "message", Kind::String),
    field(3, "code", Kind::Enum(STATUS_CODES)),
]);

const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

pub(crate) static LOGS_REQUEST: Message =
    Message::new(&[repeated(1, "resourceLogs", Kind::Message(&RESOURCE_LOGS))]);

static RESOURCE_LOGS: Message = Message::new(&[
    field(1, "resource", Kind::Message(&RESOURCE)),
    repeated(2, "scopeLogs", Kind::Message(&SCOPE_LOGS)),
    field(3, "schemaUrl", Kind::String),
]);

static SCOPE_LOGS: Message = Message::new(&[
    field(1, "scope", Kind::Message(&SCOPE)),
    repeated(2, "logRecords", Kind::Message(&LOG_RECORD)),
    field(3, "schemaUrl", Kind::String),
]);

static LOG_RECORD: Message = Message::new(&[
    field(1, "timeUnixNano", Kind::Fixed64),
    field(2, "severityNumber", Kind::Enum(SEVERITY_NUMBERS)),
    field(3, "severityText", Kind::String),
    field(5, "body", Kind::Message(&ANY_VALUE)),
    repeated(6, "attributes", Kind::Message(&KEY_VALUE)),
    field(7, "droppedAttributesCount", Kind::Uint32),
    field(8, "flags", Kind::Fixed32),
    field(9, "traceId", Kind::Id(16)),
    field(10, "spanId", Kind::Id(8)),
    field(11, "observedTimeUnixNano", Kind::Fixed64),
    field(12, "eventName", Kind::String),
]);

const SEVERITY_NUMBERS: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];
