//! The line of a record: JSON, logfmt, or its body alone.

use super::labels::{Labels, text};
use super::logfmt::{self, Pairs};
use super::metadata::Metadata;
use crate::as_json;
use tailweir_otlp::{AnyValue, Attributes, LogRecordView, ScopeFields};
use tailweir_ottl::format_float;

/// Writes a record as its hint wants it. A format that is none is JSON: the record is not lost for it.
pub(super) fn line(
    labels: &Labels<'_>,
    metadata: &Metadata<'_>,
    record: LogRecordView<'_>,
    scope: ScopeFields<'_>,
) -> Vec<u8> {
    match labels.format().as_str() {
        "raw" => text(record.body()).into_bytes(),
        "logfmt" => logfmt_line(labels, metadata, record, scope),
        _ => json_line(labels, metadata, record, scope).into_bytes(),
    }
}

/// `{"body":...,"traceid":...}`, what is empty left out.
fn json_line(
    labels: &Labels<'_>,
    metadata: &Metadata<'_>,
    record: LogRecordView<'_>,
    scope: ScopeFields<'_>,
) -> String {
    let mut fields = Vec::new();
    if record.body() != AnyValue::Empty {
        fields.push(("body", as_json::value(record.body())));
    }
    if record.trace_id().0 != [0; 16] && !metadata.has_trace_context() {
        fields.push(("traceid", as_json::text(&record.trace_id().to_string())));
    }
    if record.span_id().0 != [0; 8] && !metadata.has_trace_context() {
        fields.push(("spanid", as_json::text(&record.span_id().to_string())));
    }
    if !record.severity_text().is_empty() {
        fields.push((
            "severity",
            as_json::value(AnyValue::String(record.severity_text())),
        ));
    }
    if record.flags() != 0 {
        fields.push(("flags", record.flags().to_string()));
    }
    let mut attributes = as_json::members(labels.record, |name| {
        !labels.is_taken(name) && !metadata.has(name)
    });
    if let Some(level) = labels.level.filter(|_| !labels.is_taken(b"level")) {
        attributes.insert(b"level".to_vec(), as_json::text(level));
    }
    let resource = as_json::members(labels.resource, |name| {
        !labels.is_taken(name) && !metadata.has_of_resource(name)
    });
    fields.extend(object(&attributes).map(|json| ("attributes", json)));
    fields.extend(object(&resource).map(|json| ("resources", json)));
    let scope = scope.scope();
    if !scope.name().is_empty() {
        let mut inner = vec![("name", as_json::value(AnyValue::String(scope.name())))];
        if !scope.version().is_empty() {
            inner.push(("version", as_json::value(AnyValue::String(scope.version()))));
        }
        let attributes = as_json::members(scope.attributes(), |_| true);
        inner.extend(object(&attributes).map(|json| ("attributes", json)));
        fields.push(("instrumentation_scope", braces(&inner)));
    }
    braces(&fields)
}

fn object(members: &as_json::Members) -> Option<String> {
    (!members.is_empty()).then(|| as_json::object_of(members))
}

fn braces(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn logfmt_line(
    labels: &Labels<'_>,
    metadata: &Metadata<'_>,
    record: LogRecordView<'_>,
    scope: ScopeFields<'_>,
) -> Vec<u8> {
    let (mut pairs, replaces) = body_pairs(record.body());
    let mut put = |key: &str, value: Vec<u8>| {
        let known = pairs
            .iter_mut()
            .find(|(known, _)| replaces && known == key.as_bytes());
        match known {
            Some((_, known)) => *known = value,
            None => pairs.push((key.into(), value)),
        }
    };
    if record.trace_id().0 != [0; 16] && !metadata.has_trace_context() {
        put("traceID", record.trace_id().to_string().into());
    }
    if record.span_id().0 != [0; 8] && !metadata.has_trace_context() {
        put("spanID", record.span_id().to_string().into());
    }
    if !record.severity_text().is_empty() {
        put("severity", record.severity_text().to_vec());
    }
    if record.flags() != 0 {
        put("flags", record.flags().to_string().into());
    }
    let is_here = |key: &[u8]| !labels.is_taken(key) && !metadata.has(key);
    attribute_pairs("attribute_", labels.record, is_here, &mut pairs);
    if let Some(level) = labels.level.filter(|_| !labels.is_taken(b"level")) {
        pairs.push((b"attribute_level".to_vec(), level.into()));
    }
    let is_here = |key: &[u8]| !labels.is_taken(key) && !metadata.has_of_resource(key);
    attribute_pairs("resource_", labels.resource, is_here, &mut pairs);
    let scope = scope.scope();
    if !scope.name().is_empty() {
        pairs.push((
            b"instrumentation_scope_name".to_vec(),
            scope.name().to_vec(),
        ));
        if !scope.version().is_empty() {
            pairs.push((
                b"instrumentation_scope_version".to_vec(),
                scope.version().to_vec(),
            ));
        }
        let prefix = "instrumentation_scope_attribute_";
        attribute_pairs(prefix, scope.attributes(), |_| true, &mut pairs);
    }
    logfmt::write(&pairs)
}

/// Pairs for the attributes that are here.
fn attribute_pairs(
    prefix: &str,
    attributes: Attributes<'_>,
    is_here: impl Fn(&[u8]) -> bool,
    pairs: &mut Pairs,
) {
    for entry in attributes.iter().filter(|entry| is_here(entry.key)) {
        value_pairs(&[prefix.as_bytes(), entry.key].concat(), entry.value, pairs);
    }
}

/// The pairs of a body, and whether fields of the record replace those of the same name.
fn body_pairs(body: AnyValue<'_>) -> (Pairs, bool) {
    let mut pairs = Pairs::new();
    match body {
        AnyValue::String(text) => match logfmt::read(text) {
            Some(pairs) => return (pairs, false),
            None => pairs.push((b"msg".to_vec(), text.to_vec())),
        },
        AnyValue::Map(_) => value_pairs(b"", body, &mut pairs),
        AnyValue::Array(_) => value_pairs(b"body", body, &mut pairs),
        other => value_pairs(b"msg", other, &mut pairs),
    }
    (pairs, true)
}

/// A pair for a scalar, pairs with longer keys for lists and maps. Views bound the depth.
fn value_pairs(key: &[u8], value: AnyValue<'_>, pairs: &mut Pairs) {
    let below = |name: &[u8]| match key {
        b"" => name.to_vec(),
        key => [key, b"_", name].concat(),
    };
    match value {
        AnyValue::Empty => {}
        AnyValue::Map(entries) => {
            for entry in entries.iter() {
                value_pairs(&below(entry.key), entry.value, pairs);
            }
        }
        AnyValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                value_pairs(&below(index.to_string().as_bytes()), item, pairs);
            }
        }
        AnyValue::String(text) | AnyValue::Bytes(text) => pairs.push((key.to_vec(), text.to_vec())),
        AnyValue::Bool(flag) => pairs.push((key.to_vec(), flag.to_string().into())),
        AnyValue::Int(number) => pairs.push((key.to_vec(), number.to_string().into())),
        AnyValue::Double(number) => pairs.push((key.to_vec(), format_float(number).into())),
    }
}
