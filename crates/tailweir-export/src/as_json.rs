//! Attributes as JSON, the way Go writes it.

use std::collections::BTreeMap;
use tailweir_otlp::{AnyValue, Attributes};

/// By key, in order of the bytes; the last of equal ones counts, as in a Go map.
pub(crate) type Members = BTreeMap<Vec<u8>, String>;

/// A value. What JSON does not have, such as not-a-number, is text: the item is not lost for it.
pub(crate) fn value(value: AnyValue<'_>) -> String {
    let value = tailweir_paths::value_of(value);
    value.to_json().unwrap_or_else(|| text(&value.to_text()))
}

/// A text.
pub(crate) fn text(text: &str) -> String {
    value(AnyValue::String(text.as_bytes()))
}

/// The members that an object of these attributes has.
pub(crate) fn members(attributes: Attributes<'_>, keeps: impl Fn(&[u8]) -> bool) -> Members {
    let kept = attributes.iter().filter(|entry| keeps(entry.key));
    kept.map(|entry| (entry.key.to_vec(), value(entry.value)))
        .collect()
}

/// An object of these members.
pub(crate) fn object_of(members: &Members) -> String {
    let member =
        |(key, json): (&Vec<u8>, &String)| format!("{}:{json}", value(AnyValue::String(key)));
    let members: Vec<_> = members.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// An object of these attributes.
pub(crate) fn object(attributes: Attributes<'_>) -> String {
    object_of(&members(attributes, |_| true))
}
