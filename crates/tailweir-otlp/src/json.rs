//! OTLP/JSON: to the wire and back.
//!
//! The reader follows the Collector's: names in camelCase or snake_case, ids in hexadecimal, 64-bit
//! integers as numbers or text, enums as numbers or full names, `null` for text, messages and lists
//! only, unknown fields stepped over, whatever stands after the document not looked at. Both directions
//! are walks over the message tables; no value tree is built.

mod decode;
mod encode;
mod number;
mod reader;

use crate::Room;
use crate::schema::{self, Message};
use crate::wire::WireError;
use tailweir_core::Signal;

/// Why text is not an OTLP/JSON request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("json: {problem} at byte {at}")]
pub struct JsonError {
    /// Where, in bytes from the start.
    pub at: usize,
    /// What.
    pub problem: &'static str,
}

/// Appends to `out` the protobuf of a request that is written in JSON.
///
/// Lists and maps may be nested 64 levels deep, and what is stepped over 10,000 levels. Text need not be UTF-8.
///
/// # Errors
/// When it is not JSON, or a field does not hold what it should. `out` is then as it was.
pub fn to_wire(signal: Signal, json: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    to_wire_within(signal, json, out, &mut |_| true)
}

/// As [`to_wire`], as far as there is room for what it takes beside the text: numbers may be four times as long on the wire, and
/// are written twice.
///
/// # Errors
/// As [`to_wire`], and when there is no room.
pub fn to_wire_within<'a>(
    signal: Signal,
    json: &[u8],
    out: &mut Vec<u8>,
    room: &'a mut Room<'a>,
) -> Result<(), JsonError> {
    decode::transcode(request(signal), json, out, room)
}

/// Appends to `out` the JSON of a request.
///
/// Fields are in the order of their numbers and absent when zero. Text that is not UTF-8 has each
/// wrong byte replaced by U+FFFD; fields that OTLP does not define are left out.
///
/// # Errors
/// When the request is malformed. `out` is then as it was.
pub fn from_wire(signal: Signal, wire: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let message = request(signal);
    message.check(wire, 0)?;
    encode::write_message(message, wire, out);
    Ok(())
}

fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &schema::TRACES_REQUEST,
        Signal::Metrics => &schema::METRICS_REQUEST,
        Signal::Logs => &schema::LOGS_REQUEST,
    }
}
