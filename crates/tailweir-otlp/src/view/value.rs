//! Attributes and their values.

use crate::wire::{Fields, Payload, Reader};

/// Values nested deeper than this are absent, so that whoever walks a value may recurse.
const NESTING_MAX: u8 = 64;

const STRING: u32 = 1;
const BOOL: u32 = 2;
const INT: u32 = 3;
const DOUBLE: u32 = 4;
const ARRAY: u32 = 5;
const MAP: u32 = 6;
const BYTES: u32 = 7;

/// An attribute's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AnyValue<'a> {
    /// There is no value.
    Empty,
    /// Text, as the client sent it; it should be UTF-8.
    String(&'a [u8]),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Opaque bytes.
    Bytes(&'a [u8]),
    /// A list.
    Array(ArrayView<'a>),
    /// A map.
    Map(Attributes<'a>),
}

impl<'a> AnyValue<'a> {
    /// The value in the content of an `AnyValue` message.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self::Empty.merged(message, 0)
    }

    /// What is left when `message` is read on top of `self`: the last alternative that is present.
    #[inline]
    fn merged(self, message: &'a [u8], depth: u8) -> Self {
        match message {
            // What nearly all values are: one short scalar and nothing else.
            [0x0a, length, text @ ..] if *length < 0x80 && usize::from(*length) == text.len() => {
                Self::String(text)
            }
            [0x10, flag] if *flag < 0x80 => Self::Bool(*flag != 0),
            [0x18, number] if *number < 0x80 => Self::Int(i64::from(*number)),
            [0x18, low, high] if *low >= 0x80 && *high < 0x80 => {
                Self::Int(i64::from(*low & 0x7f) | i64::from(*high) << 7)
            }
            _ => self.merged_slowly(message, depth),
        }
    }

    fn merged_slowly(self, message: &'a [u8], depth: u8) -> Self {
        let mut value = self;
        for field in Fields::new(message) {
            value = match (field.number, field.payload) {
                (STRING, Payload::Bytes(bytes)) => Self::String(bytes),
                (BOOL, Payload::Varint(number)) => Self::Bool(number != 0),
                (INT, Payload::Varint(number)) => Self::Int(number as i64),
                (DOUBLE, Payload::Fixed64(bits)) => Self::Double(f64::from_bits(bits)),
                (ARRAY, Payload::Bytes(bytes)) => Self::Array(ArrayView {
                    message: bytes,
                    depth,
                }),
                (MAP, Payload::Bytes(bytes)) => Self::Map(Attributes {
                    depth,
                    ..Attributes::new(bytes, 1)
                }),
                (BYTES, Payload::Bytes(bytes)) => Self::Bytes(bytes),
                _ => value,
            };
        }
        value
    }

    /// The text, when it is a string.
    #[must_use]
    pub fn as_string(self) -> Option<&'a [u8]> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The elements of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArrayView<'a> {
    message: &'a [u8],
    depth: u8,
}

impl<'a> ArrayView<'a> {
    /// Each element in order. None when the list lies more than 64 levels deep.
    pub fn iter(self) -> impl Iterator<Item = AnyValue<'a>> + Clone {
        let message = if self.depth < NESTING_MAX {
            self.message
        } else {
            &[]
        };
        super::Messages::new(message, 1)
            .map(move |element| AnyValue::Empty.merged(element, self.depth + 1))
    }

    /// How many elements there are; walks them.
    #[must_use]
    pub fn count(self) -> usize {
        self.iter().count()
    }
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyValue<'a> {
    /// Its name. Names may occur twice; the first one counts.
    pub key: &'a [u8],
    /// Its value.
    pub value: AnyValue<'a>,
}

impl<'a> KeyValue<'a> {
    /// The attribute in the content of a `KeyValue` message.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self::at_depth(message, 0)
    }

    /// The name alone.
    #[inline]
    pub(crate) fn key_of(message: &'a [u8]) -> &'a [u8] {
        match split_short(message) {
            Some((key, _)) => key,
            None => Self::new(message).key,
        }
    }

    /// The value's message, when it is in one piece, as nearly all are.
    #[inline]
    pub(crate) fn plain_value_of(message: &'a [u8]) -> Option<&'a [u8]> {
        split_short(message).map(|(_, value)| value)
    }

    #[inline]
    fn at_depth(message: &'a [u8], depth: u8) -> Self {
        match split_short(message) {
            Some((key, value)) => Self {
                key,
                value: AnyValue::Empty.merged(value, depth),
            },
            None => Self::at_depth_slowly(message, depth),
        }
    }

    fn at_depth_slowly(message: &'a [u8], depth: u8) -> Self {
        let mut entry = Self {
            key: &[],
            value: AnyValue::Empty,
        };
        for field in Fields::new(message) {
            match (field.number, field.payload) {
                (1, Payload::Bytes(key)) => entry.key = key,
                (2, Payload::Bytes(value)) => entry.value = entry.value.merged(value, depth),
                _ => {}
            }
        }
        entry
    }
}

/// Key and value of an attribute that is encoded as nearly all are: both present, in this order, the
/// lengths of one byte each.
#[inline(always)]
fn split_short(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x0a, key_length, rest @ ..] = message else {
        return None;
    };
    let (key, rest) = rest.split_at_checked(usize::from(*key_length))?;
    let [0x12, length, value @ ..] = rest else {
        return None;
    };
    let are_short = (*key_length | *length) < 0x80;
    (are_short && usize::from(*length) == value.len()).then_some((key, value))
}

/// A list of attributes: those of a message, or a map value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attributes<'a> {
    message: &'a [u8],
    /// Number of the sub-message that holds the list, 0 when `message` itself does.
    within: u32,
    number: u32,
    depth: u8,
}

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const EMPTY: Self = Attributes {
        message: &[],
        within: 0,
        number: 1,
        depth: 0,
    };

    /// The attributes in field `number` of a message.
    pub(crate) const fn new(message: &'a [u8], number: u32) -> Self {
        Self {
            message,
            within: 0,
            number,
            depth: 0,
        }
    }

    /// The attributes in field `number` of the sub-message `within`. When the sub-message occurs more
    /// than once its occurrences are one, as protobuf has it.
    pub(crate) const fn within(message: &'a [u8], within: u32, number: u32) -> Self {
        Self {
            message,
            within,
            number,
            depth: 0,
        }
    }

    /// Each attribute in order. None when the map lies more than 64 levels deep.
    #[inline]
    #[must_use]
    pub fn iter(self) -> AttributesIter<'a> {
        let message = if self.depth < NESTING_MAX {
            self.message
        } else {
            &[]
        };
        let (outer, inner): (&[u8], &[u8]) = match self.within {
            0 => (&[], message),
            _ => (message, &[]),
        };
        AttributesIter {
            outer: Reader::new(outer),
            inner: Reader::new(inner),
            within: self.within,
            number: self.number,
            depth: self.depth.saturating_add(1),
        }
    }

    /// The attributes whose keys have one of these lengths, in order. The others are passed over without
    /// being looked into, so that a walk for a few keys costs little more than finding where each
    /// attribute ends.
    #[inline]
    pub fn with_key_lengths(self, lengths: KeyLengths) -> impl Iterator<Item = KeyValue<'a>> {
        let mut attributes = self.iter();
        std::iter::from_fn(move || {
            loop {
                let number = attributes.number;
                let is_other = |key| !lengths.has(key);
                attributes.inner.pass_over_entries(number, is_other);
                let message = attributes.next_message()?;
                if split_short(message).is_some_and(|(key, _)| !lengths.has(key.len())) {
                    continue;
                }
                let entry = KeyValue::at_depth(message, attributes.depth);
                if lengths.has(entry.key.len()) {
                    return Some(entry);
                }
            }
        })
    }

    /// The value of the first attribute with this name.
    #[must_use]
    pub fn get(self, key: &[u8]) -> Option<AnyValue<'a>> {
        let mut attributes = self.iter();
        loop {
            let number = attributes.number;
            let is_other = |length| length != key.len();
            attributes.inner.pass_over_entries(number, is_other);
            let message = attributes.next_message()?;
            if KeyValue::key_of(message) == key {
                return Some(KeyValue::at_depth(message, attributes.depth).value);
            }
        }
    }

    /// How many there are; walks them.
    #[must_use]
    pub fn count(self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

impl<'a> IntoIterator for Attributes<'a> {
    type Item = KeyValue<'a>;
    type IntoIter = AttributesIter<'a>;

    fn into_iter(self) -> AttributesIter<'a> {
        self.iter()
    }
}

/// Walks a list of attributes.
#[derive(Debug, Clone)]
pub struct AttributesIter<'a> {
    outer: Reader<'a>,
    inner: Reader<'a>,
    within: u32,
    number: u32,
    depth: u8,
}

impl<'a> AttributesIter<'a> {
    /// The content of the next `KeyValue` message.
    #[inline]
    fn next_message(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(message) = self.inner.next_delimited(self.number) {
                return Some(message);
            }
            self.inner = Reader::new(self.outer.next_delimited(self.within)?);
        }
    }
}

impl<'a> Iterator for AttributesIter<'a> {
    type Item = KeyValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<KeyValue<'a>> {
        let message = self.next_message()?;
        Some(KeyValue::at_depth(message, self.depth))
    }
}

/// Lengths that keys may have, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyLengths(u64);

impl KeyLengths {
    /// Lengths from here on are one.
    const LONG: usize = u64::BITS as usize - 1;

    /// No length.
    pub(crate) const NONE: Self = Self(0);

    /// Any length.
    pub const ALL: Self = Self(u64::MAX);

    /// The lengths of these keys.
    pub fn of<'k>(keys: impl IntoIterator<Item = &'k [u8]>) -> Self {
        let bits = keys.into_iter().map(|key| 1 << key.len().min(Self::LONG));
        Self(bits.fold(0, |all, bit: u64| all | bit))
    }

    /// Has this length too.
    #[inline]
    pub(crate) fn add(&mut self, length: usize) {
        self.0 |= 1 << length.min(Self::LONG);
    }

    #[inline]
    pub(crate) fn has(self, length: usize) -> bool {
        self.0 >> length.min(Self::LONG) & 1 != 0
    }
}
