//! Hashes of text.

use super::{Arguments, Body, Converter, Outcome, TARGET, converter};
use crate::Value;
use crate::coerce::hexadecimal;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

mod murmur;

pub(super) const TABLE: &[Converter] = &[
    converter("FNV", TARGET, Body::Plain(fnv)),
    converter("MD5", TARGET, Body::Plain(digest::<Md5>)),
    converter("Murmur3Hash", TARGET, Body::Plain(murmur_32)),
    converter("Murmur3Hash128", TARGET, Body::Plain(murmur_128)),
    converter("SHA1", TARGET, Body::Plain(digest::<Sha1>)),
    converter("SHA256", TARGET, Body::Plain(digest::<Sha256>)),
    converter("SHA512", TARGET, Body::Plain(digest::<Sha512>)),
    converter("XXH128", TARGET, Body::Plain(xxh_128)),
    converter("XXH3", TARGET, Body::Plain(xxh_64)),
];

fn digest<D: Digest>(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::text(hexadecimal(&D::digest(arguments.text(0)))))
}

/// FNV-1a with 64 bits, as a signed integer.
fn fnv(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = arguments.text(0).iter().fold(0xcbf2_9ce4_8422_2325, mix);
    Ok(Value::Int(hash as i64))
}

fn murmur_32(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::text(hexadecimal(
        &murmur::sum_32(&arguments.text(0)).to_le_bytes(),
    )))
}

fn murmur_128(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (low, high) = murmur::sum_128(&arguments.text(0));
    Ok(Value::text(
        hexadecimal(&low.to_le_bytes()) + &hexadecimal(&high.to_le_bytes()),
    ))
}

fn xxh_64(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::text(hexadecimal(
        &xxh3_64(&arguments.text(0)).to_be_bytes(),
    )))
}

fn xxh_128(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::text(hexadecimal(
        &xxh3_128(&arguments.text(0)).to_be_bytes(),
    )))
}
