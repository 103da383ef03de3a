//! Base64 and character sets.

use super::{
    Arguments, Body, Converter, Failure, Literals, Outcome, Refusal, converter, optional, required,
};
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::{Text, Value};
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;

pub(super) const TABLE: &[Converter] = &[
    converter(
        "Base64Encode",
        &[
            required("target", Kind::String),
            optional("variant", Kind::String),
        ],
        Body::Plain(base64_encode),
    ),
    converter(
        "Decode",
        &[
            required("target", Kind::Any),
            required("encoding", Kind::String),
        ],
        Body::Prepared(decode),
    ),
];

const PADDED: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
    .with_decode_allow_trailing_bits(true);
const RAW: GeneralPurposeConfig = PADDED
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);

fn base64(variant: &str) -> Option<GeneralPurpose> {
    Some(match variant {
        "base64" => GeneralPurpose::new(&STANDARD, PADDED),
        "base64-raw" => GeneralPurpose::new(&STANDARD, RAW),
        "base64-url" => GeneralPurpose::new(&URL_SAFE, PADDED),
        "base64-raw-url" => GeneralPurpose::new(&URL_SAFE, RAW),
        _ => return None,
    })
}

fn base64_encode(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (text, variant) = (arguments.text(0), arguments.optional_text(1));
    let variant = variant.as_ref().map_or(Cow::Borrowed("base64"), readable);
    match base64(&variant) {
        Some(engine) => Ok(Value::text(engine.encode(&text))),
        None => Err(format!("{variant:?} is no variant of base64").into()),
    }
}

/// How bytes become text.
enum Decoder {
    Base64(Box<GeneralPurpose>),
    /// As it is.
    Nothing,
    CharacterSet(&'static encoding_rs::Encoding),
}

impl Decoder {
    fn named(name: &str) -> Option<Self> {
        if let Some(engine) = base64(name) {
            return Some(Self::Base64(Box::new(engine)));
        }
        Some(match name.to_ascii_lowercase().as_str() {
            "" | "utf-8" | "utf8" | "ascii" | "us-ascii" => Self::CharacterSet(encoding_rs::UTF_8),
            "utf-8-raw" | "utf8-raw" | "nop" => Self::Nothing,
            "utf-16" | "utf16" => Self::CharacterSet(encoding_rs::UTF_16LE),
            other => Self::CharacterSet(encoding_rs::Encoding::for_label(other.as_bytes())?),
        })
    }

    fn decode<'a>(&self, bytes: Text<'a>) -> Outcome<'a> {
        Ok(match self {
            Self::Base64(engine) => {
                // Line breaks inside are skipped, as in Go.
                let plain: Vec<u8> = bytes
                    .iter()
                    .copied()
                    .filter(|byte| !b"\r\n".contains(byte))
                    .collect();
                let decoded = engine.decode(plain).map_err(|error| error.to_string())?;
                Value::String(Cow::Owned(decoded))
            }
            Self::Nothing => Value::String(bytes),
            Self::CharacterSet(set) => {
                Value::text(set.decode_without_bom_handling(&bytes).0.into_owned())
            }
        })
    }
}

fn decode(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let unknown = |name: &str| format!("{name:?} is no known encoding");
    let fixed = match literals.text(1) {
        Some(name) => Some(Decoder::named(name).ok_or_else(|| Refusal::new(1, unknown(name)))?),
        None => None,
    };
    Ok(Box::new(move |mut arguments| {
        let (target, encoding) = (arguments.value(0), arguments.text(1));
        let bytes = match target {
            Value::String(bytes) | Value::Bytes(bytes) => bytes,
            other => {
                return Err(Failure::from(format!(
                    "a {} cannot be decoded",
                    other.kind()
                )));
            }
        };
        match &fixed {
            Some(decoder) => decoder.decode(bytes),
            None => {
                let name = readable(&encoding);
                Decoder::named(&name)
                    .ok_or_else(|| unknown(&name))?
                    .decode(bytes)
            }
        }
    }))
}
