//! Log bodies.

use super::{Fate, Redaction, Summary, text_of};
use tailweir_otlp::{AnyValue, EncodedValue};
use tailweir_paths::value_of;

impl Redaction {
    /// The body as it is to be; nothing when it stays. What was done goes to the summary.
    pub(super) fn body(&self, body: AnyValue<'_>, summary: &mut Summary) -> Option<EncodedValue> {
        match body {
            AnyValue::Map(_) | AnyValue::Array(_) => self.part("", body, summary),
            _ => {
                let value = value_of(body).to_text().into_bytes();
                // Nobody is told of an allowed body, as in the Collector.
                if self.allowed_values.is_match(&value) {
                    return None;
                }
                let masked = self.mask.body(&value).filter(|masked| *masked != value)?;
                summary.masked.push("body".to_owned());
                Some(EncodedValue::string(&masked))
            }
        }
    }

    /// A part of a body, which stands at `path`.
    fn part(&self, path: &str, value: AnyValue<'_>, summary: &mut Summary) -> Option<EncodedValue> {
        match value {
            AnyValue::Map(map) => {
                let mut is_changed = false;
                let mut removed = Vec::new();
                let mut entries = Vec::new();
                for entry in map.iter() {
                    let key = text_of(entry.key);
                    let place = if path.is_empty() {
                        key
                    } else {
                        format!("{path}.{key}")
                    };
                    match self.entry(entry.key, &place, entry.value, summary) {
                        Entry::Removed => removed.push(place),
                        Entry::Same => entries.push((entry.key, encoded(entry.value))),
                        Entry::New(value) => {
                            is_changed = true;
                            entries.push((entry.key, value));
                        }
                    }
                }
                is_changed |= !removed.is_empty();
                summary.redacted.append(&mut removed);
                is_changed.then(|| EncodedValue::map(entries))
            }
            AnyValue::Array(list) => {
                let mut is_changed = false;
                let mut elements = Vec::new();
                for (index, element) in list.iter().enumerate() {
                    let place = if path.is_empty() {
                        format!("[{index}]")
                    } else {
                        format!("{path}.[{index}]")
                    };
                    let edited = self.part(&place, element, summary);
                    is_changed |= edited.is_some();
                    elements.push(edited.unwrap_or_else(|| encoded(element)));
                }
                is_changed.then(|| EncodedValue::array(&elements))
            }
            _ => {
                let text = value_of(value).to_text().into_bytes();
                if self.allowed_values.is_match(&text) {
                    summary.allowed.push(path.to_owned());
                    return None;
                }
                let masked = self.mask.body(&text).filter(|masked| *masked != text)?;
                summary.masked.push(path.to_owned());
                Some(EncodedValue::string(&masked))
            }
        }
    }

    fn entry(&self, key: &[u8], place: &str, value: AnyValue<'_>, summary: &mut Summary) -> Entry {
        match self.fate(key) {
            Fate::Ignored => {
                summary.ignored.push(place.to_owned());
                Entry::Same
            }
            Fate::Removed => Entry::Removed,
            Fate::Kept if self.blocked_key_patterns.is_match(key) => {
                summary.masked.push(place.to_owned());
                let text = value.as_string().unwrap_or_default();
                Entry::New(EncodedValue::string(&self.mask.whole(text)))
            }
            Fate::Kept => self
                .part(place, value, summary)
                .map_or(Entry::Same, Entry::New),
        }
    }
}

/// What becomes of an entry of a map.
enum Entry {
    Same,
    Removed,
    New(EncodedValue),
}

/// A value written anew.
fn encoded(value: AnyValue<'_>) -> EncodedValue {
    match value {
        AnyValue::Empty => EncodedValue::empty(),
        AnyValue::String(text) => EncodedValue::string(text),
        AnyValue::Bool(flag) => EncodedValue::bool(flag),
        AnyValue::Int(number) => EncodedValue::int(number),
        AnyValue::Double(number) => EncodedValue::double(number),
        AnyValue::Bytes(bytes) => EncodedValue::bytes(bytes),
        AnyValue::Array(list) => EncodedValue::array(&list.iter().map(encoded).collect::<Vec<_>>()),
        AnyValue::Map(map) => {
            EncodedValue::map(map.iter().map(|entry| (entry.key, encoded(entry.value))))
        }
    }
}
