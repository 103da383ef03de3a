//! Hashes in place of values.

use crate::hexadecimal::hexadecimal;
use sha2::{Digest, Sha256};
use tailweir_otlp::{AnyValue, EncodedValue};

/// SHA-256 of a value in lower-case hexadecimal: of the bytes of text, of one byte for a boolean, of eight
/// for a number, lowest first. Lists, maps, bytes and no value become empty text.
pub(super) fn hash(value: AnyValue<'_>) -> EncodedValue {
    let digest = match value {
        AnyValue::String(text) => Sha256::digest(text),
        AnyValue::Bool(value) => Sha256::digest([u8::from(value)]),
        AnyValue::Int(value) => Sha256::digest(value.to_le_bytes()),
        AnyValue::Double(value) => Sha256::digest(value.to_le_bytes()),
        _ => return EncodedValue::string(b""),
    };
    EncodedValue::string(&hexadecimal(&digest))
}

#[cfg(test)]
mod tests {
    use super::hash;
    use tailweir_otlp::AnyValue;

    /// Scenario: text whose hash everyone knows is hashed.
    /// Guarantees: it is SHA-256, in lower case.
    #[test]
    fn text_becomes_its_sha_256() {
        let hashed = hash(AnyValue::String(b"abc"));
        let expected = b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashed.view(), AnyValue::String(expected));
    }
}
