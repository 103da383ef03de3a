//! The one file that knows bincode: how what the controllers store, and say to each other, is written.
//!
//! `[version][record]`. The records are structures of openraft and [`Change`](crate::change::Change)s, which do not say
//! what they are; so the version goes up when one of them changes, and variants are only ever appended.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of the form. A reader takes no other.
pub(crate) const VERSION: u8 = 2;
/// Most bytes that one record may claim. Without a limit, nine hostile bytes could ask for all memory.
pub(crate) const RECORD_BYTES_MAX: usize = 16 << 20;

/// Bytes that are no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    /// Written by another version, or not a record at all.
    #[error("the record has {}; this program reads version {VERSION}", version(*.found))]
    Version {
        /// The first byte, if there is one.
        found: Option<u8>,
    },
    /// The form is right and the content is not.
    #[error("the record of {bytes} bytes cannot be read: {reason}")]
    Content { bytes: usize, reason: String },
    /// There is more than one record, which no writer does.
    #[error("{bytes} bytes follow the record")]
    Trailing { bytes: usize },
    /// The value is beyond the limit.
    #[error("the value cannot be written within {RECORD_BYTES_MAX} bytes: {0}")]
    TooLarge(String),
}

fn version(found: Option<u8>) -> String {
    found.map_or_else(
        || "no version".to_owned(),
        |found| format!("version {found}"),
    )
}

fn form() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_little_endian()
        .with_variable_int_encoding()
        .with_limit::<RECORD_BYTES_MAX>()
}

/// A value as a record.
///
/// # Errors
/// When it takes more than [`RECORD_BYTES_MAX`].
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Malformed> {
    let mut record = vec![VERSION];
    let written = bincode::serde::encode_into_std_write(value, &mut record, form());
    written.map_err(|error| Malformed::TooLarge(error.to_string()))?;
    if record.len() > RECORD_BYTES_MAX {
        return Err(Malformed::TooLarge(format!("it takes {}", record.len())));
    }
    Ok(record)
}

/// The value of a record.
///
/// # Errors
/// When it has another version, claims more than [`RECORD_BYTES_MAX`], or anything follows it.
pub(crate) fn decode<T: DeserializeOwned>(record: &[u8]) -> Result<T, Malformed> {
    let found = record.first().copied();
    let Some((&VERSION, body)) = record.split_first() else {
        return Err(Malformed::Version { found });
    };
    let (value, taken) =
        bincode::serde::decode_from_slice(body, form()).map_err(|error| Malformed::Content {
            bytes: body.len(),
            reason: error.to_string(),
        })?;
    match body.len() - taken {
        0 => Ok(value),
        bytes => Err(Malformed::Trailing { bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, VERSION, decode, encode};

    /// Scenario: a value goes there and back; then its record has another version, something behind it, too little, and
    /// a claim of far too much.
    /// Guarantees: only the record itself is read; nothing panics or takes memory.
    #[test]
    fn a_record_is_read_as_a_whole_or_not_at_all() {
        let value = (7_u64, "text".to_owned());
        let record = encode(&value).unwrap();
        assert_eq!(decode::<(u64, String)>(&record).unwrap(), value);
        let read = |bytes: &[u8]| decode::<(u64, String)>(bytes).unwrap_err();
        let mut other = record.clone();
        other[0] = 9;
        assert!(matches!(
            read(&other),
            Malformed::Version { found: Some(9) }
        ));
        assert!(matches!(read(&[]), Malformed::Version { found: None }));
        let longer = [&record[..], &[0]].concat();
        assert!(matches!(read(&longer), Malformed::Trailing { bytes: 1 }));
        let shorter = &record[..record.len() - 1];
        assert!(matches!(read(shorter), Malformed::Content { .. }));
        let claim = [VERSION, 7, 253, 0, 0, 0, 0, 0, 1, 0, 0];
        assert!(matches!(read(&claim), Malformed::Content { .. }));
    }
}
