//! The line of a record: JSON, logfmt, or its body alone.

use super::labels::Labels;
use super::logfmt::{self, Pairs};
use std::collections::BTreeMap;
use tailweir_otlp::{AnyValue, Attributes, LogRecordView, ScopeFields};
use tailweir_ottl::format_float;

/// Writes a record as its hint wants it. A format that is none is JSON: the record is not lost for it.
pub(super) fn line(
    labels: &Labels<'_>,
    record: LogRecordView<'_>,
    scope: ScopeFields<'_>,
) -> Vec<u8> {
    match labels.format().as_str() {
        "raw" => text(record.body()).into_bytes(),
        "logfmt" => logfmt_line(labels, record, scope),
        _ => json_line(labels, record, scope).into_bytes(),
    }
}

/// `{"body":...,"traceid":...}`, what is empty left out.
fn json_line(labels: &Labels<'_>, record: LogRecordView<'_>, scope: ScopeFields<'_>) -> String {
    let mut fields = Vec::new();
    if record.body() != AnyValue::Empty {
        fields.push(("body", json(record.body())));
    }
    if record.trace_id().0 != [0; 16] {
        fields.push(("traceid", json_text(&record.trace_id().to_string())));
    }
    if record.span_id().0 != [0; 8] {
        fields.push(("spanid", json_text(&record.span_id().to_string())));
    }
    if !record.severity_text().is_empty() {
        fields.push(("severity", json(AnyValue::String(record.severity_text()))));
    }
    if record.flags() != 0 {
        fields.push(("flags", record.flags().to_string()));
    }
    let mut attributes = members(labels.record, |name| !labels.is_taken(name));
    if let Some(level) = labels.level.filter(|_| !labels.is_taken(b"level")) {
        attributes.insert(b"level".to_vec(), json_text(level));
    }
    let resource = members(labels.resource, |name| !labels.is_taken(name));
    fields.extend(object(&attributes).map(|json| ("attributes", json)));
    fields.extend(object(&resource).map(|json| ("resources", json)));
    let scope = scope.scope();
    if !scope.name().is_empty() {
        let mut inner = vec![("name", json(AnyValue::String(scope.name())))];
        if !scope.version().is_empty() {
            inner.push(("version", json(AnyValue::String(scope.version()))));
        }
        let attributes = members(scope.attributes(), |_| true);
        inner.extend(object(&attributes).map(|json| ("attributes", json)));
        fields.push(("instrumentation_scope", braces(&inner)));
    }
    braces(&fields)
}

/// By key, in order of the bytes; the last of equal ones counts, as in a Go map.
fn members(attributes: Attributes<'_>, keeps: impl Fn(&[u8]) -> bool) -> BTreeMap<Vec<u8>, String> {
    let kept = attributes.iter().filter(|entry| keeps(entry.key));
    kept.map(|entry| (entry.key.to_vec(), json(entry.value)))
        .collect()
}

fn object(members: &BTreeMap<Vec<u8>, String>) -> Option<String> {
    let member =
        |(key, value): (&Vec<u8>, &String)| format!("{}:{value}", json(AnyValue::String(key)));
    let members: Vec<_> = members.iter().map(member).collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
}

fn braces(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// As Go writes JSON. What JSON does not have, such as not-a-number, is text: the record is not lost for it.
fn json(value: AnyValue<'_>) -> String {
    let value = tailweir_paths::value_of(value);
    value
        .to_json()
        .unwrap_or_else(|| json_text(&value.to_text()))
}

fn json_text(text: &str) -> String {
    let value = tailweir_paths::value_of(AnyValue::String(text.as_bytes()));
    value.to_json().unwrap_or_default()
}

fn text(value: AnyValue<'_>) -> String {
    tailweir_paths::value_of(value).to_text()
}

fn logfmt_line(labels: &Labels<'_>, record: LogRecordView<'_>, scope: ScopeFields<'_>) -> Vec<u8> {
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
    if record.trace_id().0 != [0; 16] {
        put("traceID", record.trace_id().to_string().into());
    }
    if record.span_id().0 != [0; 8] {
        put("spanID", record.span_id().to_string().into());
    }
    if !record.severity_text().is_empty() {
        put("severity", record.severity_text().to_vec());
    }
    if record.flags() != 0 {
        put("flags", record.flags().to_string().into());
    }
    let rest = |attributes: Attributes<'_>, prefix: &str, pairs: &mut Pairs| {
        for entry in attributes
            .iter()
            .filter(|entry| !labels.is_taken(entry.key))
        {
            value_pairs(&[prefix.as_bytes(), entry.key].concat(), entry.value, pairs);
        }
    };
    rest(labels.record, "attribute_", &mut pairs);
    if let Some(level) = labels.level.filter(|_| !labels.is_taken(b"level")) {
        pairs.push((b"attribute_level".to_vec(), level.into()));
    }
    rest(labels.resource, "resource_", &mut pairs);
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
        for entry in scope.attributes().iter() {
            let key = [b"instrumentation_scope_attribute_", entry.key].concat();
            value_pairs(&key, entry.value, &mut pairs);
        }
    }
    logfmt::write(&pairs)
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
