//! What is told: events become log records, spans of `tailweir_core::OWN_SPAN` spans.

use crate::context::SpanContext;
use crate::fields::Fields;
use crate::outlet::{Item, Outlet};
use crate::quiet_thread;
use crate::resource::encoded;
use crate::sampler::Sampler;
use crate::span::{OpenSpan, unix_nanos};
use std::collections::BTreeMap;
use tailweir_config::Literal;
use tailweir_core::{OWN_QUIET, OWN_SPAN};
use tailweir_otlp::{AnyValue, EncodedValue, NewLogRecord};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// The instrumentation scope of spans.
const SCOPE: &str = "tailweir";

/// Sees what is logged and traced. Goes beside what writes the log; which events it sees is for a filter of the
/// caller to say.
#[derive(Debug, Default)]
pub struct Watcher {
    /// Where log records go.
    pub(crate) logs: Vec<Outlet>,
    /// Attributes of every log record.
    pub(crate) initial_fields: BTreeMap<String, Literal>,
    /// Absent: spans are not sent.
    pub(crate) traces: Option<Tracing>,
}

/// How spans are made.
#[derive(Debug)]
pub(crate) struct Tracing {
    pub(crate) outlets: Vec<Outlet>,
    pub(crate) sampler: Sampler,
    pub(crate) reads_traceparent: bool,
}

/// Stands at a span in which nothing is told.
#[derive(Debug)]
struct Quiet;

/// What is known of the span that something happens in.
enum Around {
    Nothing,
    Quiet,
    Span(SpanContext),
}

impl Watcher {
    /// Whether there are spans.
    #[must_use]
    pub fn makes_spans(&self) -> bool {
        self.traces.is_some()
    }

    /// Whether anything is told, so that something can have to be quiet.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.makes_spans() || !self.logs.is_empty()
    }

    fn record(&self, event: &Event<'_>, span: Option<&SpanContext>) -> Item {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for (name, value) in &self.initial_fields {
            fields.attributes.put(name.as_bytes(), encoded(value));
        }
        let metadata = event.metadata();
        let (severity_number, severity_text) = severity(*metadata.level());
        let now = unix_nanos();
        let body = EncodedValue::string(fields.message.as_bytes());
        let record = NewLogRecord {
            time: now,
            observed_time: now,
            severity_number,
            severity_text,
            body: match fields.message.as_str() {
                "" => AnyValue::Empty,
                _ => body.view(),
            },
            attributes: &fields.attributes.finish(),
            trace_id: span.map(|it| it.trace_id).unwrap_or_default(),
            span_id: span.map(|it| it.span_id).unwrap_or_default(),
            flags: span.map_or(0, SpanContext::record_flags),
        };
        Item {
            scope: metadata.target(),
            message: record.message().into(),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watcher {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let metadata = attributes.metadata();
        let around = match span.parent() {
            _ if quiet_thread::is_here() || metadata.target() == OWN_QUIET => Around::Quiet,
            Some(parent) => around(&parent),
            None => Around::Nothing,
        };
        let parent = match around {
            Around::Quiet => {
                span.extensions_mut().insert(Quiet);
                return;
            }
            Around::Span(parent) => Some(parent),
            Around::Nothing => None,
        };
        let (Some(tracing), OWN_SPAN) = (&self.traces, metadata.target()) else {
            return;
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let open = OpenSpan::begin(
            metadata.name(),
            fields,
            parent,
            tracing.reads_traceparent,
            &tracing.sampler,
        );
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            values.record(&mut open.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.logs.is_empty() || quiet_thread::is_here() {
            return;
        }
        let span = match context.event_span(event).as_ref().map(around) {
            Some(Around::Quiet) => return,
            Some(Around::Span(span)) => Some(span),
            Some(Around::Nothing) | None => None,
        };
        offer(&self.logs, self.record(event, span.as_ref()));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(tracing) = &self.traces else { return };
        let Some(span) = context.span(&id) else {
            return;
        };
        let open = span.extensions_mut().remove::<OpenSpan>();
        if let Some(open) = open.filter(|open| open.context.is_sampled) {
            let item = Item {
                scope: SCOPE,
                message: open.end().into(),
            };
            offer(&tracing.outlets, item);
        }
    }
}

fn offer(outlets: &[Outlet], item: Item) {
    for outlet in outlets {
        outlet.offer(item.clone());
    }
}

/// The nearest span that says something.
fn around<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> Around {
    for span in span.scope() {
        let extensions = span.extensions();
        if extensions.get::<Quiet>().is_some() {
            return Around::Quiet;
        }
        if let Some(open) = extensions.get::<OpenSpan>() {
            return Around::Span(open.context.clone());
        }
    }
    Around::Nothing
}

/// As OTLP numbers and the log writes it.
fn severity(level: Level) -> (u8, &'static [u8]) {
    match level {
        Level::TRACE => (1, b"trace"),
        Level::DEBUG => (5, b"debug"),
        Level::INFO => (9, b"info"),
        Level::WARN => (13, b"warn"),
        Level::ERROR => (17, b"error"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tracing, Watcher};
    use crate::outlet::Outlet;
    use crate::quiet_thread;
    use crate::sampler::Sampler;
    use std::thread;
    use tailweir_core::OWN_SPAN;
    use tracing_subscriber::layer::SubscriberExt;

    /// Scenario: a line is written and a span made on a thread that sends own telemetry, and on another thread.
    /// Guarantees: what happens on the first is told to nobody, on the second it is.
    #[test]
    fn what_sends_own_telemetry_is_not_told() {
        for is_sender in [true, false] {
            let (logs, mut records, _) = Outlet::new(4);
            let (traces, mut spans, _) = Outlet::new(4);
            let watcher = Watcher {
                logs: vec![logs],
                traces: Some(Tracing {
                    outlets: vec![traces],
                    sampler: Sampler::of(None),
                    reads_traceparent: false,
                }),
                ..Watcher::default()
            };
            let subscriber = tracing_subscriber::registry().with(watcher);
            let happens = move || {
                if is_sender {
                    quiet_thread::mark();
                }
                tracing::subscriber::with_default(subscriber, || {
                    tracing::error!("a connection failed");
                    drop(tracing::info_span!(target: OWN_SPAN, "export"));
                });
            };
            thread::spawn(happens).join().unwrap();
            assert_eq!(records.try_recv().is_ok(), !is_sender);
            assert_eq!(spans.try_recv().is_ok(), !is_sender);
        }
    }
}
