//! Writing protobuf: what pages and requests of remote write need.

/// A message under construction.
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, number: u32, wire_type: u8) {
        self.varint(u64::from(number) << 3 | u64::from(wire_type));
    }

    pub(crate) fn uint(&mut self, number: u32, value: u64) {
        self.key(number, 0);
        self.varint(value);
    }

    pub(crate) fn int(&mut self, number: u32, value: i64) {
        self.uint(number, value as u64);
    }

    pub(crate) fn sint(&mut self, number: u32, value: i64) {
        self.uint(number, zigzag(value));
    }

    pub(crate) fn double(&mut self, number: u32, value: f64) {
        self.key(number, 1);
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, number: u32, content: &[u8]) {
        self.key(number, 2);
        self.varint(content.len() as u64);
        self.0.extend_from_slice(content);
    }

    /// A message inside this one, written by `fill`.
    pub(crate) fn message(&mut self, number: u32, fill: impl FnOnce(&mut Writer<'_>)) {
        self.key(number, 2);
        self.delimited(fill);
    }

    /// Length and content of what `fill` writes.
    pub(crate) fn delimited(&mut self, fill: impl FnOnce(&mut Writer<'_>)) {
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
        Writer(&mut prefix).varint(length as u64);
        self.0.splice(start..=start, prefix);
    }

    /// `google.protobuf.Timestamp`, from nanoseconds of the Unix epoch.
    pub(crate) fn timestamp(&mut self, number: u32, nanos: i64) {
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

/// The form of a signed number in which small ones are short.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// A varint at the start of `bytes` that this room wrote, and what follows it.
pub(crate) fn split_varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at).min(63);
        if byte & 0x80 == 0 {
            return Some((value as usize, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Writer, split_varint, zigzag};

    /// Scenario: messages of zero, few and many bytes inside another.
    /// Guarantees: each has its length in front, however long that is.
    #[test]
    fn messages_have_their_length_in_front() {
        for size in [0, 1, 127, 128, 20_000] {
            let mut out = Vec::new();
            Writer(&mut out).message(1, |message| message.0.resize(message.0.len() + size, 7));
            assert_eq!(out[0], 0x0a);
            let (length, content) = split_varint(&out[1..]).unwrap();
            assert_eq!((length, content.len()), (size, size));
        }
        assert_eq!(
            [zigzag(0), zigzag(-1), zigzag(1), zigzag(i64::MIN)],
            [0, 1, 2, u64::MAX]
        );
    }
}
