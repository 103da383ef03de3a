//! Attributes that can be put into any message.

use crate::encoded_value::{EncodedValue, encode_attribute};
use crate::view::{AnyValue, Attributes, Messages};
use crate::wire::put_bytes;
use smallvec::SmallVec;
use std::collections::HashSet;

/// Field of a list of key-value pairs.
pub(super) const ENTRY: u32 = 1;

/// Up to so many names are compared one by one, which is faster than to hash them.
const COMPARED_MAX: usize = 16;

/// Attributes in their encoded form. Each name occurs once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeSet(Vec<u8>);

impl AttributeSet {
    /// The same attributes as there, in their order; of each name the first.
    #[must_use]
    pub fn of(attributes: Attributes<'_>) -> Self {
        let mut set = Self::default();
        let mut names = Names::default();
        for entry in attributes {
            if names.is_new(entry.key) {
                let entry = encode_attribute(entry.key, &entry.value.encoded());
                put_bytes(&mut set.0, ENTRY, &entry);
            }
        }
        set
    }

    /// The content of a list in which no name occurs twice.
    pub(super) fn of_unique(content: Vec<u8>) -> Self {
        Self(content)
    }

    /// Adds an attribute, or gives the one of this name another value.
    pub fn put(&mut self, key: &[u8], value: &EncodedValue) {
        let entry = encode_attribute(key, value);
        if self.view().get(key).is_none() {
            put_bytes(&mut self.0, ENTRY, &entry);
            return;
        }
        let mut changed = Vec::with_capacity(self.0.len() + entry.len());
        for before in Messages::new(&self.0, ENTRY) {
            let same = crate::view::KeyValue::new(before).key == key;
            put_bytes(&mut changed, ENTRY, if same { &entry } else { before });
        }
        self.0 = changed;
    }

    /// How they read.
    #[must_use]
    pub fn view(&self) -> Attributes<'_> {
        Attributes::new(&self.0, ENTRY)
    }

    /// How many bytes they take.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// Writes them as field `number` of a message.
    pub(super) fn write(&self, number: u32, out: &mut Vec<u8>) {
        for entry in Messages::new(&self.0, ENTRY) {
            put_bytes(out, number, entry);
        }
    }
}

/// Names that were seen. Whoever sends them may send very many.
#[derive(Debug, Default)]
struct Names<'a> {
    few: SmallVec<[&'a [u8]; COMPARED_MAX]>,
    /// All of them, once they are more than a few.
    many: HashSet<&'a [u8]>,
}

impl<'a> Names<'a> {
    /// Whether it is seen for the first time.
    fn is_new(&mut self, name: &'a [u8]) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(name);
        }
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < COMPARED_MAX {
            self.few.push(name);
        } else {
            self.many.extend(self.few.iter().copied());
            self.many.insert(name);
        }
        true
    }
}

impl AnyValue<'_> {
    /// The value in its own message, ready to be put elsewhere.
    #[must_use]
    pub fn encoded(self) -> EncodedValue {
        match self {
            Self::Empty => EncodedValue::empty(),
            Self::String(text) => EncodedValue::string(text),
            Self::Bool(value) => EncodedValue::bool(value),
            Self::Int(value) => EncodedValue::int(value),
            Self::Double(value) => EncodedValue::double(value),
            Self::Bytes(bytes) => EncodedValue::bytes(bytes),
            Self::Array(list) => {
                let elements: Vec<_> = list.iter().map(AnyValue::encoded).collect();
                EncodedValue::array(&elements)
            }
            Self::Map(map) => {
                EncodedValue::map(map.iter().map(|entry| (entry.key, entry.value.encoded())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AttributeSet, COMPARED_MAX, ENTRY};
    use crate::encoded_value::encode_attribute;
    use crate::view::Attributes;
    use crate::wire::put_bytes;
    use crate::{AnyValue, EncodedValue};
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

    /// What a set of attributes is: of each name the first, looked for among all that were taken before.
    fn model(attributes: Attributes<'_>) -> AttributeSet {
        let mut set = AttributeSet::default();
        for entry in attributes {
            if set.view().get(entry.key).is_none() {
                set.put(entry.key, &entry.value.encoded());
            }
        }
        set
    }

    /// The field of a message that holds these attributes, names that occur again among them.
    fn list<'k>(entries: impl IntoIterator<Item = (&'k [u8], EncodedValue)>) -> Vec<u8> {
        let mut list = Vec::new();
        for (key, value) in entries {
            put_bytes(&mut list, ENTRY, &encode_attribute(key, &value));
        }
        list
    }

    fn value() -> impl Strategy<Value = EncodedValue> {
        prop_oneof![
            Just(EncodedValue::empty()),
            any::<bool>().prop_map(EncodedValue::bool),
            any::<i64>().prop_map(EncodedValue::int),
            "[a-c]{0,200}".prop_map(|text| EncodedValue::string(text.as_bytes())),
        ]
    }

    proptest! {
        /// Scenario: up to a hundred attributes with names of which many occur again, empty ones among them.
        /// Guarantees: the set is what comparing every name with all before it gives, byte for byte.
        #[test]
        fn the_first_of_each_name_stays(
            entries in prop::collection::vec(("[a-f]{0,2}", value()), 0..100)
        ) {
            let entries = entries.iter();
            let list = list(entries.map(|(key, value)| (key.as_bytes(), value.clone())));
            let attributes = Attributes::new(&list, ENTRY);
            assert_eq!(AttributeSet::of(attributes), model(attributes));
        }

        /// Scenario: any bytes as a list of attributes.
        /// Guarantees: what can be read of it becomes the same set as by comparing every name.
        #[test]
        fn any_bytes_become_the_same_set(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let attributes = Attributes::new(&bytes, ENTRY);
            assert_eq!(AttributeSet::of(attributes), model(attributes));
        }
    }

    /// Scenario: as many names as are compared one by one, one less and one more, then all of them again.
    /// Guarantees: each is there once, with its first value and in its place, whichever way it is looked for.
    #[test]
    fn names_are_found_among_few_and_among_many() {
        for count in [COMPARED_MAX - 1, COMPARED_MAX, COMPARED_MAX + 1, 1000] {
            let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
            let round = |value: i64| {
                let names = names.iter();
                names.map(move |name| (name.as_bytes(), EncodedValue::int(value)))
            };
            let twice = list(round(1).chain(round(2)));
            let set = AttributeSet::of(Attributes::new(&twice, ENTRY));
            assert_eq!(set, AttributeSet(list(round(1))), "{count} names");
        }
    }

    /// Scenario: a hundred thousand names, each once, and one that ends them all a second time. To compare each with all
    /// before it would be five thousand million comparisons; only that cost has changed, so this shows that nothing else has.
    /// Guarantees: all are there, in their order, and the second of the last name is not.
    #[test]
    fn very_many_names_stay_as_they_are() {
        let names: Vec<_> = (0..100_000)
            .map(|number| format!("name.{number}"))
            .collect();
        let all = list(
            names
                .iter()
                .map(|name| (name.as_bytes(), EncodedValue::empty())),
        );
        let mut again = all.clone();
        again.extend(list([(&b"name.99999"[..], EncodedValue::int(7))]));
        assert_eq!(
            AttributeSet::of(Attributes::new(&again, ENTRY)),
            AttributeSet(all)
        );
    }

    /// Scenario: two attributes are put, the first of them again with another value.
    /// Guarantees: it has the new value and its old place, and the other is untouched.
    #[test]
    fn each_name_occurs_once() {
        let mut set = AttributeSet::default();
        set.put(b"a", &EncodedValue::int(1));
        set.put(b"b", &EncodedValue::bool(true));
        set.put(b"a", &EncodedValue::string(b"long enough"));
        let entries: Vec<_> = set
            .view()
            .iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        assert_eq!(
            entries,
            [
                (&b"a"[..], AnyValue::String(b"long enough")),
                (&b"b"[..], AnyValue::Bool(true))
            ]
        );
        assert_eq!(AttributeSet::of(set.view()), set);
    }

    /// Scenario: a nested value is encoded again.
    /// Guarantees: it reads the same.
    #[test]
    fn values_survive_their_encoding() {
        let inner = EncodedValue::map([(&b"k"[..], EncodedValue::double(1.5))]);
        let value =
            EncodedValue::array(&[inner, EncodedValue::empty(), EncodedValue::bytes(b"\x00")]);
        assert_eq!(value.view().encoded(), value);
    }
}
