//! Trace and span ids: fixed bytes, printed as lower-case hexadecimal.

use std::fmt;
use std::str::FromStr;

/// Text that is not an id of the wanted length in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of {want} hexadecimal digits")]
pub struct ParseIdError {
    text: String,
    want: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Length on the wire, in bytes.
            pub const LENGTH: usize = $bytes;

            /// The id in these bytes, or nothing when there are more or fewer than [`Self::LENGTH`].
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Whether every byte is zero, which OTLP calls invalid.
            #[must_use]
            pub fn is_zero(self) -> bool {
                self.0 == [0; $bytes]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self).ok_or_else(|| ParseIdError {
                    text: text.chars().take(64).collect(),
                    want: 2 * $bytes,
                })
            }
        }
    };
}

id!(
    /// Names a trace: 16 bytes, chosen by the client, not trusted to be random.
    TraceId,
    16
);
id!(
    /// Names a span within its trace: 8 bytes.
    SpanId,
    8
);

/// Reads exactly `2 * N` hexadecimal digits of either case.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{SpanId, TraceId};
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any id is printed and read again.
        /// Guarantees: the same id comes back, whatever the case of the digits.
        #[test]
        fn an_id_survives_being_printed(bytes: [u8; 16]) {
            let id = TraceId(bytes);
            prop_assert_eq!(id.to_string().parse::<TraceId>().unwrap(), id);
            prop_assert_eq!(id.to_string().to_uppercase().parse::<TraceId>().unwrap(), id);
        }
    }

    /// Scenario: text of the wrong length, or with a sign or a foreign letter, is read as an id.
    /// Guarantees: it is refused, and the error says what was wanted.
    #[test]
    fn only_exact_hexadecimal_is_an_id() {
        for text in [
            "",
            "00",
            "+123456789abcdef",
            "00000000000000zz",
            "é23456789abcdef",
        ] {
            let error = text.parse::<SpanId>().unwrap_err().to_string();
            assert!(error.contains("16 hexadecimal digits"), "{error}");
        }
    }
}
