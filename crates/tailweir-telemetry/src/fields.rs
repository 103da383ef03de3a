//! Fields of `tracing` as attributes of OTLP.

use std::fmt::{Debug, Write};
use tailweir_otlp::{AttributeMap, EncodedValue};
use tracing::field::{Field, Visit};

/// Longest text of a value, in bytes. The rest is left out.
const TEXT_MAX: usize = 4 << 10;
/// The field that holds what an event says.
const MESSAGE: &str = "message";
/// Fields by which events of the `log` crate say where they come from, which their metadata say as well.
const OF_LOG: &str = "log.";

/// The fields of an event or a span.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// What an event says.
    pub(crate) message: String,
    pub(crate) attributes: AttributeMap,
    pub(crate) of_span: SpanFields,
}

/// What OpenTelemetry has in fields of a span's own, not among its attributes.
#[derive(Debug, Default)]
pub(crate) struct SpanFields {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// What went wrong. Empty: nothing.
    pub(crate) failure: String,
    pub(crate) traceparent: String,
    pub(crate) tracestate: String,
}

impl SpanFields {
    fn named(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "otel.name" => Some(&mut self.name),
            "otel.kind" => Some(&mut self.kind),
            "otel.status_description" => Some(&mut self.failure),
            "otel.traceparent" => Some(&mut self.traceparent),
            "otel.tracestate" => Some(&mut self.tracestate),
            _ => None,
        }
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: EncodedValue) {
        if !field.name().starts_with(OF_LOG) {
            self.attributes.put(field.name().as_bytes(), value);
        }
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        let text = cut(text);
        if field.name() == MESSAGE {
            text.clone_into(&mut self.message);
        } else if let Some(own) = self.of_span.named(field.name()) {
            text.clone_into(own);
        } else {
            self.put(field, EncodedValue::string(text.as_bytes()));
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, EncodedValue::double(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, EncodedValue::int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.put(field, EncodedValue::int(value)),
            // Integers of OTLP have a sign.
            Err(_) => self.put_text(field, &value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, EncodedValue::bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing to a string fails only where the value itself does; what it wrote before stays.
        let _ = write!(text, "{value:?}");
        self.put_text(field, &text);
    }
}

/// The first bytes of a text, as whole characters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX)]
}

#[cfg(test)]
mod tests {
    use super::{TEXT_MAX, cut};

    /// Scenario: texts below, at and above the limit, the last with a character across it.
    /// Guarantees: none is longer than the limit, and no character is cut.
    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let fits = "x".repeat(TEXT_MAX);
        assert_eq!(cut(&fits), fits);
        let across = format!("{}ü", "x".repeat(TEXT_MAX - 1));
        assert_eq!(cut(&across), &across[..TEXT_MAX - 1]);
    }
}
