//! Attributes of a message, changed where they stand.

use super::WritableField;
use crate::attribute_list::AttributeList;
use crate::changed_copy::ChangedCopy;
use crate::encoded_value::EncodedValue;
use crate::splice::Positions;
use crate::view::{AnyValue, Attributes, KeyLengths, KeyValue};
use crate::wire::{length_delimited_size, put_bytes, put_key, put_varint};
use std::ops::Range;

/// Where an attribute stands in a message.
enum Place<'m> {
    /// Here, with this content.
    Held(Range<usize>, &'m [u8]),
    /// Nowhere; a new one would stand here.
    Vacant(usize),
}

impl WritableField {
    /// The message with the attributes in this field edited; nothing when they stay. Only those whose keys
    /// have one of the lengths in `keys` are sure to be in the list: those of all keys that `edit` asks for or
    /// puts.
    #[must_use]
    pub fn edit_attributes<'m>(
        self,
        message: &'m [u8],
        keys: KeyLengths,
        edit: impl FnOnce(&mut AttributeList<'m>),
    ) -> Option<Vec<u8>> {
        let (mut list, mut copy) = (AttributeList::empty(), ChangedCopy::new(message));
        list.fill(message, self.number, keys);
        edit(&mut list);
        list.change(self.number, 0, &mut copy);
        copy.finish()
    }

    /// The value of the first attribute with this name.
    #[must_use]
    pub fn attribute<'m>(self, message: &'m [u8], key: &[u8]) -> Option<AnyValue<'m>> {
        Attributes::new(message, self.number).get(key)
    }

    /// The message with this value of the first attribute with this name, or with a new one behind the
    /// others; nothing when it is so already.
    #[must_use]
    pub fn with_attribute(
        self,
        message: &[u8],
        key: &[u8],
        value: &EncodedValue,
    ) -> Option<Vec<u8>> {
        let value = value.message();
        let (old, before) = match self.place_of(message, key) {
            Place::Held(place, content) => (place, Some(content)),
            Place::Vacant(at) => (at..at, None),
        };
        if before.is_some_and(|content| KeyValue::plain_value_of(content) == Some(value)) {
            return None;
        }
        let length = length_delimited_size(key.len()) + length_delimited_size(value.len());
        // Room for the tag and the length of the whole.
        let mut out = Vec::with_capacity(message.len() - old.len() + length + 11);
        out.extend_from_slice(&message[..old.start]);
        put_key(&mut out, self.number, 2);
        put_varint(&mut out, length as u64);
        let start = out.len();
        put_bytes(&mut out, 1, key);
        put_bytes(&mut out, 2, value);
        if before == Some(&out[start..]) {
            return None;
        }
        out.extend_from_slice(&message[old.end..]);
        Some(out)
    }

    /// The message without the first attribute with this name; nothing when there is none.
    #[must_use]
    pub fn without_attribute(self, message: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        match self.place_of(message, key) {
            Place::Held(place, _) => {
                Some([&message[..place.start], &message[place.end..]].concat())
            }
            Place::Vacant(_) => None,
        }
    }

    fn place_of<'m>(self, message: &'m [u8], key: &[u8]) -> Place<'m> {
        let mut fields = Positions::new(message);
        let (mut behind, mut vacant) = (None, None);
        loop {
            // Attributes follow each other, and nearly all are plain.
            while let Some((entry, place)) = fields.take_plain_entry(self.number) {
                if entry.key == key {
                    return Place::Held(place, entry.content);
                }
                behind = Some(place.end);
            }
            let Some((field, end)) = fields.next() else {
                return Place::Vacant(behind.or(vacant).unwrap_or(message.len()));
            };
            match field.content {
                Some(content) if field.number == self.number => {
                    if KeyValue::key_of(content) == key {
                        return Place::Held(field.start..end, content);
                    }
                    behind = Some(end);
                }
                _ if field.number > self.number => vacant = vacant.or(Some(field.start)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::EncodedValue;
    use crate::field::SPAN_ATTRIBUTES;

    /// `{a: "1"}` as a field of a span, and others.
    const A: &[u8] = b"\x4a\x08\x0a\x01a\x12\x03\x0a\x011";
    const AGAIN: &[u8] = b"\x4a\x08\x0a\x01a\x12\x03\x0a\x012";
    const BB: &[u8] = b"\x4a\x09\x0a\x02bb\x12\x03\x0a\x012";
    /// The value before the key.
    const ODD: &[u8] = b"\x4a\x08\x12\x03\x0a\x013\x0a\x01c";
    const KIND: &[u8] = b"\x30\x02";
    const STATUS: &[u8] = b"\x7a\x00";

    fn with(message: &[u8], key: &str, value: &str) -> Option<Vec<u8>> {
        let value = EncodedValue::string(value.as_bytes());
        SPAN_ATTRIBUTES.with_attribute(message, key.as_bytes(), &value)
    }

    /// Scenario: an attribute gets another value and the one that it has, one that is encoded in an odd order
    /// gets another, and one is new, behind others and where there are none.
    /// Guarantees: what is changed keeps its place, what is new stands behind the last or where its number
    /// belongs, what is the same is no change, and the second of a name stays.
    #[test]
    fn an_attribute_is_put_where_it_stands() {
        let message = [KIND, A, BB, KIND, ODD, AGAIN, STATUS].concat();
        let two = b"\x4a\x0a\x0a\x01a\x12\x05\x0a\x03two";
        let expected = [KIND, two, BB, KIND, ODD, AGAIN, STATUS].concat();
        assert_eq!(with(&message, "a", "two"), Some(expected));
        assert_eq!(with(&message, "a", "1"), None);
        let four = b"\x4a\x08\x0a\x01c\x12\x03\x0a\x014";
        let expected = [KIND, A, BB, KIND, four, AGAIN, STATUS].concat();
        assert_eq!(with(&message, "c", "4"), Some(expected));
        let new = b"\x4a\x09\x0a\x02dd\x12\x03\x0a\x015";
        let expected = [KIND, A, BB, KIND, ODD, AGAIN, new, STATUS].concat();
        assert_eq!(with(&message, "dd", "5"), Some(expected));
        let alone = [KIND, STATUS].concat();
        assert_eq!(with(&alone, "dd", "5"), Some([KIND, new, STATUS].concat()));
    }

    /// Scenario: an attribute whose name is there twice is taken out, and one that is not there.
    /// Guarantees: the first goes, the second stays, and nothing is no change.
    #[test]
    fn the_first_of_a_name_is_taken_out() {
        let message = [BB, A, KIND, AGAIN].concat();
        let expected = [BB, KIND, AGAIN].concat();
        let without = |key: &[u8]| SPAN_ATTRIBUTES.without_attribute(&message, key);
        assert_eq!(without(b"a"), Some(expected));
        assert_eq!(without(b"x"), None);
    }
}
