//! A log record for each exception.

use super::{dimensions, exceptions, sources};
use crate::dimensions::Dimensions;
use crate::text::{kind_name, status_name, text_of};
use tailweir_config::ExceptionsConnector;
use tailweir_otlp::{
    AnyValue, AttributeSet, Attributes, EncodedValue, LogsWriter, NewLogRecord, RequestView,
    SpanEventView, SpanHead, SpanView,
};

/// The severity of an exception, as a number and in a word.
const ERROR: (u8, &[u8]) = (17, b"ERROR");

/// Writes exceptions as log records. Keeps nothing.
#[derive(Debug)]
pub struct ExceptionLogs {
    dimensions: Dimensions,
}

impl ExceptionLogs {
    /// Writes as these settings say.
    #[must_use]
    pub fn new(settings: &ExceptionsConnector) -> Self {
        Self {
            dimensions: dimensions(settings),
        }
    }

    /// Appends a request with a record for each exception of `request` to `out`, and answers how many.
    pub fn consume(&self, request: &[u8], out: &mut Vec<u8>) -> u64 {
        let mut written = 0;
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
                        for event in exceptions(span) {
                            let head = SpanHead::of(span);
                            let attributes =
                                self.attributes(service, span, &head, event, attributes);
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
                    }
                });
            }
        }
        written
    }

    fn attributes(
        &self,
        service: &[u8],
        span: SpanView<'_>,
        head: &SpanHead,
        event: SpanEventView<'_>,
        resource: Attributes<'_>,
    ) -> AttributeSet {
        let mut attributes = AttributeSet::of(span.attributes());
        for (name, text) in [
            (&b"span.name"[..], span.name()),
            (b"span.kind", kind_name(head.kind)),
            (b"status.code", status_name(head.status)),
            (b"service.name", service),
        ] {
            attributes.put(name, &EncodedValue::string(text));
        }
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
