//! Values as JSON text, and back.

use crate::coerce::hexadecimal;
use crate::number::json_double;
use crate::value::{Map, Object};
use crate::{Text, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// Lists and maps are written this deep; deeper ones are cut off.
const DEPTH_MAX: usize = 128;

/// Text as it stands in JSON, with `<`, `>` and `&` escaped. Nothing for what JSON does not have, such as
/// not-a-number.
pub(crate) fn escaped(value: &Value<'_>) -> Option<String> {
    let mut writer = Writer {
        text: String::new(),
        escape_html: true,
    };
    writer.value(value, 0)?;
    Some(writer.text)
}

/// What a value of telemetry looks like as text: text itself, nothing for nil, base64 for bytes, JSON for
/// the rest.
pub(crate) fn as_text(value: &Value<'_>) -> String {
    match value {
        Value::Nil => String::new(),
        Value::String(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Bytes(bytes) => STANDARD.encode(bytes),
        Value::Double(double) => {
            json_double(*double).unwrap_or_else(|| crate::number::plain_double(*double))
        }
        other => {
            let mut writer = Writer {
                text: String::new(),
                escape_html: false,
            };
            match writer.value(other, 0) {
                Some(()) => writer.text,
                None => String::new(),
            }
        }
    }
}

struct Writer {
    text: String,
    escape_html: bool,
}

impl Writer {
    fn value(&mut self, value: &Value<'_>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match value {
            Value::Nil => self.text.push_str("null"),
            Value::Bool(value) => self.plain(value),
            Value::Int(value) => self.plain(value),
            Value::Double(value) => self.text.push_str(&json_double(*value)?),
            Value::String(text) => self.string(text),
            Value::Bytes(bytes) => self.plain(format_args!("\"{}\"", STANDARD.encode(bytes))),
            Value::Time(time) => {
                self.plain(format_args!("\"{}\"", crate::calendar::rfc3339(*time)));
            }
            Value::Duration(duration) => self.plain(duration.nanoseconds()),
            Value::TraceId(id) | Value::ProfileId(id) => {
                self.plain(format_args!("\"{}\"", hexadecimal(id)));
            }
            Value::SpanId(id) => self.plain(format_args!("\"{}\"", hexadecimal(id))),
            Value::List(list) => self.list(list.items(), depth)?,
            Value::Map(map) => self.map(map, depth)?,
            Value::Object(object) if object.kind == Object::MACHINE_INT => {
                self.plain(object.identity);
            }
            Value::Object(_) => self.text.push_str("{}"),
        }
        Some(())
    }

    fn plain(&mut self, value: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    fn list(&mut self, items: &[Value<'_>], depth: usize) -> Option<()> {
        self.text.push('[');
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.text.push(',');
            }
            self.value(item, depth + 1)?;
        }
        self.text.push(']');
        Some(())
    }

    /// Keys in order of their bytes; of equal ones the last counts, as in a Go map.
    fn map(&mut self, map: &Map<'_>, depth: usize) -> Option<()> {
        let sorted: std::collections::BTreeMap<&[u8], &Value<'_>> = map
            .entries()
            .iter()
            .map(|(key, value)| (key.as_ref(), value))
            .collect();
        self.text.push('{');
        for (number, (key, value)) in sorted.into_iter().enumerate() {
            if number > 0 {
                self.text.push(',');
            }
            self.string(key);
            self.text.push(':');
            self.value(value, depth + 1)?;
        }
        self.text.push('}');
        Some(())
    }

    fn string(&mut self, text: &[u8]) {
        self.text.push('"');
        for character in String::from_utf8_lossy(text).chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\x08' => self.text.push_str("\\b"),
                '\x0c' => self.text.push_str("\\f"),
                '<' | '>' | '&' if self.escape_html => self.unicode(character),
                '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => self.unicode(character),
                plain => self.text.push(plain),
            }
        }
        self.text.push('"');
    }

    fn unicode(&mut self, character: char) {
        self.plain(format_args!("\\u{:04x}", character as u32));
    }
}

/// Reads a JSON list or map. Numbers are doubles.
pub(crate) fn parse(text: &Text<'_>) -> Result<Value<'static>, String> {
    let lossy = String::from_utf8_lossy(text);
    let parsed: serde_json::Value =
        serde_json::from_str(&lossy).map_err(|error| error.to_string())?;
    match parsed {
        list_or_map @ (serde_json::Value::Array(_) | serde_json::Value::Object(_)) => {
            Ok(value_of(list_or_map))
        }
        _ => Err("the JSON is no list and no map".to_owned()),
    }
}

fn value_of(json: serde_json::Value) -> Value<'static> {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Double(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(value_of).collect()),
        serde_json::Value::Object(entries) => {
            let entry = |(key, value): (String, _)| (key.into_bytes().into(), value_of(value));
            Value::map(entries.into_iter().map(entry).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{as_text, escaped, parse};
    use crate::Value;

    fn map(entries: &[(&'static str, Value<'static>)]) -> Value<'static> {
        let entry =
            |(key, value): &(&'static str, Value<'static>)| (key.as_bytes().into(), value.clone());
        Value::map(entries.iter().map(entry).collect())
    }

    /// Scenario: a map with unsorted keys, markup and bytes is written both ways.
    /// Guarantees: keys are sorted; only one way escapes markup.
    #[test]
    fn markup_is_escaped_for_one_and_not_for_the_other() {
        let value = map(&[
            ("z", Value::text("<&>")),
            ("a", Value::Bytes(b"\x01\x02".as_slice().into())),
        ]);
        assert_eq!(
            escaped(&value).unwrap(),
            r#"{"a":"AQI=","z":"\u003c\u0026\u003e"}"#
        );
        assert_eq!(as_text(&value), r#"{"a":"AQI=","z":"<&>"}"#);
        assert_eq!(as_text(&Value::Double(f64::NAN)), "NaN");
        assert!(escaped(&Value::Double(f64::NAN)).is_none());
    }

    /// Scenario: JSON that is a map, a number, and cut.
    /// Guarantees: only lists and maps are taken, and numbers become doubles.
    #[test]
    fn only_lists_and_maps_are_read() {
        let parsed = parse(&br#"{"a":1}"#.as_slice().into()).unwrap();
        assert!(
            matches!(parsed, Value::Map(map) if matches!(map.get(b"a"), Some(Value::Double(1.0))))
        );
        assert!(parse(&b"7".as_slice().into()).is_err());
        assert!(parse(&b"{".as_slice().into()).is_err());
    }
}
