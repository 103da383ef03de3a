//! What does not follow from the subject: the time and random ids.

use crate::coerce::hexadecimal;
use crate::expression::Outside;
use crate::{Surroundings, Value};

/// The value, from the surroundings that the options gave.
pub(crate) fn value(what: Outside, surroundings: &dyn Surroundings) -> Value<'static> {
    match what {
        Outside::Now => Value::Time(surroundings.now()),
        Outside::Uuid => Value::text(uuid(surroundings.random(), 4)),
        Outside::UuidV7 => {
            let mut bytes = surroundings.random();
            let milliseconds = surroundings.now().unix_units(1_000_000).to_be_bytes();
            bytes[..6].copy_from_slice(&milliseconds[2..]);
            Value::text(uuid(bytes, 7))
        }
    }
}

fn uuid(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hexadecimal(&bytes);
    let part = |range: std::ops::Range<usize>| &digits[range];
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::uuid;

    /// Scenario: all bits of the randomness are set.
    /// Guarantees: version and variant stand where they belong.
    #[test]
    fn a_uuid_tells_its_version() {
        assert_eq!(uuid([0xff; 16], 4), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16], 7), "00000000-0000-7000-8000-000000000000");
    }
}
