//! A log record for each exception.

use super::{dimensions, exceptions, sources};
use crate::dimensions::Dimensions;
use crate::text::{kind_name, status_name, text_of};
use tailweir_config::ExceptionsConnector;
use tailweir_otlp::{
    AnyValue, AttributeSet, Attributes, EncodedValue, LogScopeWriter, LogsWriter, NewLogRecord,
    RequestView, SpanEventView, SpanHead, SpanView,
};

/// The severity of an exception, as a number and in a word.
const ERROR: (u8, &[u8]) = (17, b"ERROR");
/// Bytes that the log records of one request may take together. Each bears all attributes of its span, so that
/// a span of many attributes and many exceptions stands for far more than was sent.
const BYTES_MAX: usize = 64 << 20;

/// Writes exceptions as log records. Keeps nothing of them.
#[derive(Debug)]
pub struct ExceptionLogs {
    dimensions: Dimensions,
    /// Exceptions that found no room.
    left_out: u64,
}

impl ExceptionLogs {
    /// Writes as these settings say.
    #[must_use]
    pub fn new(settings: &ExceptionsConnector) -> Self {
        Self {
            dimensions: dimensions(settings),
            left_out: 0,
        }
    }

    /// Appends a request with a record for each exception of `request` to `out`, and answers how many. Once 64 MiB are
    /// written the other exceptions of the request are left out, and counted.
    pub fn consume(&mut self, request: &[u8], out: &mut Vec<u8>) -> u64 {
        let mut room = Room(Some(BYTES_MAX));
        let (mut written, mut left_out) = (0, 0);
        let mut logs = LogsWriter::new(out);
        for resource in RequestView(request).resources() {
            let attributes = resource.resource().attributes();
            let Some(service) = attributes.get(b"service.name") else {
                continue;
            };
            let service = service.as_string().unwrap_or_default();
            for scope in resource.scopes() {
                logs.scope(scope, |mut records| {
                    for span in scope.items().map(SpanView) {
                        let found = exceptions(span).count() as u64;
                        if found == 0 {
                            continue;
                        }
                        let told = self.span(service, span, attributes, &mut room, &mut records);
                        written += told;
                        left_out += found - told;
                    }
                });
            }
        }
        self.left_out += left_out;
        written
    }

    /// Exceptions that were left out of the records, for want of room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Writes the exceptions of a span, until there is no room. Answers how many.
    fn span(
        &self,
        service: &[u8],
        span: SpanView<'_>,
        resource: Attributes<'_>,
        room: &mut Room,
        records: &mut LogScopeWriter<'_>,
    ) -> u64 {
        if room.is_over() {
            return 0;
        }
        let head = SpanHead::of(span);
        let common = common(service, span, &head);
        let mut written = 0;
        for event in exceptions(span) {
            let attributes = self.attributes(&common, span, event, resource);
            if !room.take(attributes.length()) {
                break;
            }
            records.record(&NewLogRecord {
                time: event.time(),
                observed_time: 0,
                severity_number: ERROR.0,
                severity_text: ERROR.1,
                body: AnyValue::Empty,
                attributes: &attributes,
                trace_id: head.trace_id,
                span_id: head.span_id,
                flags: 0,
            });
            written += 1;
        }
        written
    }

    fn attributes(
        &self,
        common: &AttributeSet,
        span: SpanView<'_>,
        event: SpanEventView<'_>,
        resource: Attributes<'_>,
    ) -> AttributeSet {
        let mut attributes = common.clone();
        let sources = sources(span, event, resource);
        self.dimensions.each(&sources, |name, value| {
            // What is no text is empty text here, as it is for the Collector.
            let text = value.as_string().unwrap_or_default();
            attributes.put(name, &EncodedValue::string(text));
        });
        let trace = event.attributes().get(b"exception.stacktrace");
        let trace = trace.map(text_of).unwrap_or_default();
        attributes.put(b"exception.stacktrace", &EncodedValue::string(&trace));
        attributes
    }
}

/// The attributes that all exceptions of a span have.
fn common(service: &[u8], span: SpanView<'_>, head: &SpanHead) -> AttributeSet {
    let mut attributes = AttributeSet::of(span.attributes());
    for (name, text) in [
        (&b"span.name"[..], span.name()),
        (b"span.kind", kind_name(head.kind)),
        (b"status.code", status_name(head.status)),
        (b"service.name", service),
    ] {
        attributes.put(name, &EncodedValue::string(text));
    }
    attributes
}

/// How many bytes may still be written; nothing once something did not fit. After that nothing does, so that no
/// record is made in vain.
struct Room(Option<usize>);

impl Room {
    fn is_over(&self) -> bool {
        self.0.is_none()
    }

    /// Whether so many bytes fit.
    fn take(&mut self, bytes: usize) -> bool {
        self.0 = self.0.and_then(|left| left.checked_sub(bytes));
        !self.is_over()
    }
}
