//! Numbers, with and without quotes.

use super::JsonError;
use super::reader::Reader;
use std::str::FromStr;

/// An integer: digits, in quotes or not. No fraction and no exponent, not even a zero one.
pub(super) fn integer<T: FromStr>(
    reader: &mut Reader<'_>,
    text: &mut Vec<u8>,
) -> Result<T, JsonError> {
    let digits = token(reader, text)?;
    let parsed = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    parsed.ok_or_else(|| reader.error("expected an integer in range"))
}

/// An integer that must not have a sign.
pub(super) fn unsigned<T: FromStr>(
    reader: &mut Reader<'_>,
    text: &mut Vec<u8>,
) -> Result<T, JsonError> {
    let digits = token(reader, text)?;
    let bare = digits.first().is_some_and(u8::is_ascii_digit);
    let parsed = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    parsed
        .filter(|_| bare)
        .ok_or_else(|| reader.error("expected an integer of zero or more in range"))
}

/// A floating-point number: digits in quotes or not, or one of the words for what is none, in quotes.
pub(super) fn double(reader: &mut Reader<'_>, text: &mut Vec<u8>) -> Result<f64, JsonError> {
    let digits = token(reader, text)?;
    let finite_form = digits.iter().any(u8::is_ascii_digit);
    let parsed = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse::<f64>().ok());
    // Too large a number is a mistake, not infinity.
    parsed
        .filter(|value| !finite_form || value.is_finite())
        .ok_or_else(|| reader.error("expected a number in range"))
}

/// An integer as an enum has it, without quotes.
pub(super) fn bare_integer(reader: &mut Reader<'_>) -> Result<i32, JsonError> {
    let digits = reader.number()?;
    let parsed = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    parsed.ok_or_else(|| reader.error("expected an integer in range"))
}

fn token<'t, 'j: 't>(
    reader: &mut Reader<'j>,
    text: &'t mut Vec<u8>,
) -> Result<&'t [u8], JsonError> {
    if reader.peek() != Some(b'"') {
        return reader.number();
    }
    text.clear();
    reader.string(text)?;
    Ok(text)
}
