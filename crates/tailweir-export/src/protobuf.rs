//! Writes protobuf of protocols that are not OTLP.

/// A message that is being written. Fields stand in the order in which they are put.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A length-delimited field, also when it is empty.
    pub(crate) fn bytes(mut self, number: u32, content: &[u8]) -> Self {
        self.varint_raw(u64::from(number) << 3 | 2);
        self.varint_raw(content.len() as u64);
        self.0.extend_from_slice(content);
        self
    }

    /// A length-delimited field, left out when it is empty.
    pub(crate) fn text(self, number: u32, content: &[u8]) -> Self {
        if content.is_empty() {
            return self;
        }
        self.bytes(number, content)
    }

    /// A number as a varint, left out when it is zero.
    pub(crate) fn number(mut self, number: u32, value: u64) -> Self {
        if value != 0 {
            self.varint_raw(u64::from(number) << 3);
            self.varint_raw(value);
        }
        self
    }

    /// A nested message, also when it is empty.
    pub(crate) fn message(self, number: u32, message: Self) -> Self {
        self.bytes(number, &message.0)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn varint_raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
