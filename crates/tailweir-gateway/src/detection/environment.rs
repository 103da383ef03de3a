//! Attributes out of a variable: `key=value,key=value`, values encoded as in a URL.

use super::{DetectionError, Found, Machine, text};

/// Most bytes of a key, and of a value.
const LENGTH_MAX: usize = 256;

/// The attributes of `OTEL_RESOURCE_ATTRIBUTES`, or else of `OTEL_RESOURCE`.
pub(super) fn detect(machine: &Machine) -> Result<Found, DetectionError> {
    for variable in ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE"] {
        let written = machine.variable(variable).unwrap_or_default().trim();
        if !written.is_empty() {
            let parsed = parse(written);
            return parsed.map_err(|problem| DetectionError::Variable { variable, problem });
        }
    }
    Ok(Found::new())
}

fn parse(mut rest: &str) -> Result<Found, String> {
    let mut found = Found::new();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("{:?} has no value", shown(rest)))?;
        let (value, next) = after.split_once(',').unwrap_or((after, ""));
        let (key, value) = (key.trim(), value.trim());
        let fits = |text: &str| text.is_ascii() && text.len() <= LENGTH_MAX;
        if key.is_empty() || !fits(key) || !fits(value) {
            return Err(format!(
                "{:?} is not ASCII, is longer than {LENGTH_MAX} bytes, or has no key",
                shown(key)
            ));
        }
        let value =
            decoded(value).ok_or_else(|| format!("{value:?} is not encoded as in a URL"))?;
        let value = text(&String::from_utf8_lossy(&value));
        match found.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => found.push((key.to_owned(), value)),
        }
        rest = next;
    }
    Ok(found)
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}
