//! Messages of protobuf, walked field by field: what repeats is read one by one, and never all in memory.

use crate::TranslateError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Hands each nested message of a message to `take`, by the number of its field; passes over all other fields.
pub(crate) fn each_message<'a>(
    mut message: &'a [u8],
    mut take: impl FnMut(u32, &'a [u8]) -> Result<(), TranslateError>,
) -> Result<(), TranslateError> {
    while !message.is_empty() {
        let (number, wire_type) = decode_key(&mut message).map_err(broken)?;
        if wire_type == WireType::LengthDelimited {
            let length = decode_varint(&mut message).map_err(broken)?;
            let length = usize::try_from(length).ok();
            let split = length.and_then(|length| message.split_at_checked(length));
            let cut_off = || TranslateError::Protobuf("a field is cut off".to_owned());
            let (content, rest) = split.ok_or_else(cut_off)?;
            message = rest;
            take(number, content)?;
        } else {
            let context = DecodeContext::default();
            skip_field(wire_type, number, &mut message, context).map_err(broken)?;
        }
    }
    Ok(())
}

/// Reads a message whole.
pub(crate) fn read<T: prost::Message + Default>(message: &[u8]) -> Result<T, TranslateError> {
    T::decode(message).map_err(broken)
}

/// An id of so many bytes.
pub(crate) fn id<const N: usize>(
    field: &'static str,
    bytes: &[u8],
    wanted: &'static str,
) -> Result<[u8; N], TranslateError> {
    bytes.try_into().map_err(|_| {
        let shown = bytes.iter().take(32);
        let text: String = shown.map(|byte| format!("{byte:02x}")).collect();
        TranslateError::id(field, &text, wanted)
    })
}

fn broken(error: prost::DecodeError) -> TranslateError {
    TranslateError::Protobuf(error.to_string())
}
