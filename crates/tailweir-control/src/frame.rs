//! Records in files: `[length][crc32][record]`, numbers in little-endian.

use crate::codec::{self, Malformed, RECORD_BYTES_MAX};
use serde::Serialize;

/// Bytes before each record.
const HEAD: usize = 8;

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole record, and where the next one begins.
    Record { record: &'a [u8], end: usize },
    /// The file ends here.
    End,
    /// Something that is no record.
    Broken,
}

/// Writes a value as a frame behind `out`.
///
/// # Errors
/// When the value takes more than [`RECORD_BYTES_MAX`].
pub(crate) fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let record = codec::encode(value)?;
    out.extend_from_slice(&(record.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    out.extend_from_slice(&record);
    Ok(())
}

/// What stands at `at`.
pub(crate) fn read(bytes: &[u8], at: usize) -> Found<'_> {
    let rest = &bytes[at.min(bytes.len())..];
    if rest.is_empty() {
        return Found::End;
    }
    match record(rest) {
        Some(record) => Found::Record {
            record,
            end: at + HEAD + record.len(),
        },
        None => Found::Broken,
    }
}

/// Whether a whole record begins anywhere behind `at`. If so, what stands at `at` is damage: a write that a crash tore
/// leaves nothing behind it.
pub(crate) fn any_behind(bytes: &[u8], at: usize) -> bool {
    (at + 1..bytes.len()).any(|at| record(&bytes[at..]).is_some())
}

/// The record of the frame at the beginning of `bytes`, if it is whole. Of which version it is says whoever decodes it: a whole record
/// that this program cannot read must not pass for the torn end of a file.
fn record(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 || length > RECORD_BYTES_MAX {
        return None;
    }
    let record = rest.get(..length)?;
    let is_whole = crc32fast::hash(record) == u32::from_le_bytes(*checksum);
    is_whole.then_some(record)
}
