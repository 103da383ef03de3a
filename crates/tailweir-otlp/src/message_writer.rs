//! Writing protobuf messages of any protocol.

use crate::wire::{put_bytes, put_key, put_varint};

/// A message under construction, at the end of a buffer. Fields stand in the order in which they are put,
/// also when they hold nothing.
///
/// ```
/// use tailweir_otlp::MessageWriter;
///
/// let mut out = Vec::new();
/// MessageWriter(&mut out).message(1, |inner| inner.uint(2, 300));
/// assert_eq!(out, [0x0a, 3, 0x10, 0xac, 2]);
/// ```
pub struct MessageWriter<'a>(pub &'a mut Vec<u8>);

impl MessageWriter<'_> {
    /// A number without a key, as in packed fields and in front of messages.
    pub fn varint(&mut self, value: u64) {
        put_varint(self.0, value);
    }

    /// The same for a signed number, in the form in which small ones are short.
    pub fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A field of type `uint32`, `uint64`, `bool` or of an enumeration.
    pub fn uint(&mut self, number: u32, value: u64) {
        put_key(self.0, number, 0);
        self.varint(value);
    }

    /// A field of type `int32` or `int64`.
    pub fn int(&mut self, number: u32, value: i64) {
        self.uint(number, value as u64);
    }

    /// A field of type `sint32` or `sint64`.
    pub fn sint(&mut self, number: u32, value: i64) {
        put_key(self.0, number, 0);
        self.zigzag(value);
    }

    /// A field of type `fixed64`.
    pub fn fixed64(&mut self, number: u32, value: u64) {
        put_key(self.0, number, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A field of type `double`.
    pub fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    /// A field of type `string` or `bytes`.
    pub fn bytes(&mut self, number: u32, content: &[u8]) {
        put_bytes(self.0, number, content);
    }

    /// The same, left out when it is empty.
    pub fn text(&mut self, number: u32, content: &[u8]) {
        if !content.is_empty() {
            self.bytes(number, content);
        }
    }

    /// A message inside this one, written by `fill`.
    pub fn message(&mut self, number: u32, fill: impl FnOnce(&mut MessageWriter<'_>)) {
        put_key(self.0, number, 2);
        self.delimited(fill);
    }

    /// Length and content of what `fill` writes.
    pub fn delimited(&mut self, fill: impl FnOnce(&mut MessageWriter<'_>)) {
        // One byte is kept for the length, which is enough for nearly all; others are moved.
        let start = self.0.len();
        self.0.push(0);
        fill(self);
        let length = self.0.len() - start - 1;
        if length < 0x80 {
            self.0[start] = length as u8;
            return;
        }
        let mut prefix = Vec::with_capacity(10);
        put_varint(&mut prefix, length as u64);
        self.0.splice(start..=start, prefix);
    }

    /// `google.protobuf.Timestamp`, from nanoseconds of the Unix epoch.
    pub fn timestamp(&mut self, number: u32, nanos: i64) {
        self.message(number, |message| {
            let seconds = nanos.div_euclid(1_000_000_000);
            if seconds != 0 {
                message.int(1, seconds);
            }
            let rest = nanos.rem_euclid(1_000_000_000);
            if rest != 0 {
                message.int(2, rest);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::MessageWriter;
    use crate::wire::Reader;

    /// Scenario: messages of zero, few and many bytes inside another.
    /// Guarantees: each has its length in front, however long that is.
    #[test]
    fn messages_have_their_length_in_front() {
        for size in [0, 1, 127, 128, 20_000] {
            let mut out = Vec::new();
            MessageWriter(&mut out).message(1, |message| message.0.resize(size + 1 + 1, 7));
            assert_eq!(out[0], 0x0a);
            let content = Reader::new(&out).next_delimited(1).unwrap();
            assert_eq!(content, vec![7; size]);
        }
    }

    /// Scenario: signed numbers from the smallest on.
    /// Guarantees: small ones are short, whatever their sign.
    #[test]
    fn small_signed_numbers_are_short() {
        let written = |value| {
            let mut out = Vec::new();
            MessageWriter(&mut out).zigzag(value);
            out
        };
        assert_eq!([written(0), written(-1), written(1)], [[0], [1], [2]]);
        assert_eq!(written(i64::MIN).len(), 10);
    }
}
