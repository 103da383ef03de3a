//! Reads captured traces: OTLP JSON lines or OTLP protobuf, plain or packed with gzip or Zstandard.
//!
//! What a file holds is told by its first bytes, not by its name. Protobuf is one request, requests
//! each preceded by four bytes of length (as the Collector's file exporter writes them), or requests
//! each preceded by a varint of length. Requests with four bytes of length may be packed with Zstandard each, and be
//! JSON then, too.

use anyhow::{Context, bail};
use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::Read;
use std::path::Path;
use tailweir_core::Signal;
use tailweir_otlp::{Scan, ScanLimits, json};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The requests of a file, in protobuf, in order.
///
/// # Errors
/// When the file cannot be read or a request in it cannot; names the line or the number of the
/// request.
pub(crate) fn read_requests(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let read = || {
        let bytes = fs::read(path)?;
        requests(&unpack(bytes)?)
    };
    read().with_context(|| format!("{} cannot be read as OTLP traces", path.display()))
}

fn unpack(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if bytes.starts_with(&ZSTD_MAGIC) {
        return unpack_zstd(&bytes);
    }
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut unpacked)
        .context("its gzip packing is damaged")?;
    Ok(unpacked)
}

fn unpack_zstd(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    zstd::decode_all(bytes).context("its packing by Zstandard is damaged")
}

/// The requests in the bytes of an unpacked file.
///
/// # Errors
/// As [`read_requests`].
pub(crate) fn requests(bytes: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let text = bytes.trim_ascii_start();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if text.starts_with(b"{") {
        return json_requests(bytes);
    }
    if is_request(bytes) {
        return Ok(vec![bytes.to_vec()]);
    }
    if let Some(packed) =
        split_fixed(bytes).filter(|it| it.iter().all(|it| it.starts_with(&ZSTD_MAGIC)))
    {
        return packed_requests(&packed);
    }
    for split in [split_fixed, split_varint] {
        if let Some(requests) = split(bytes).filter(|it| it.iter().all(|it| is_request(it))) {
            return Ok(requests.into_iter().map(<[u8]>::to_vec).collect());
        }
    }
    bail!("it is neither JSON lines nor an OTLP request in protobuf, alone or with length prefixes")
}

/// Requests that are packed one by one.
fn packed_requests(packed: &[&[u8]]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for (index, record) in packed.iter().enumerate() {
        let read = || requests(&unpack_zstd(record)?);
        all.extend(read().with_context(|| format!("record {}", index + 1))?);
    }
    Ok(all)
}

/// JSON values one after another; usually one a line, but a value may also span lines.
fn json_requests(bytes: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut requests = Vec::new();
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Skipped>();
    let mut start = 0;
    while let Some(value) = values.next() {
        let line = || 1 + bytes[..start].iter().filter(|&&byte| byte == b'\n').count();
        value.with_context(|| format!("after line {}", line()))?;
        let end = values.byte_offset();
        let mut request = Vec::new();
        json::to_wire(Signal::Traces, bytes[start..end].trim_ascii(), &mut request)
            .with_context(|| format!("request that starts at line {}", line()))?;
        requests.push(request);
        let rest = &bytes[end..];
        start = end + (rest.len() - rest.trim_ascii_start().len());
    }
    Ok(requests)
}

/// A JSON value of which only the end is wanted.
struct Skipped;

impl<'de> serde::Deserialize<'de> for Skipped {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

fn is_request(bytes: &[u8]) -> bool {
    !bytes.is_empty() && Scan::traces(bytes, &ScanLimits::default(), &mut Scan::new()).is_ok()
}

fn split_fixed(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    split(bytes, |bytes| {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*length) as usize, rest))
    })
}

fn split_varint(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    split(bytes, |bytes| {
        let mut length = 0_usize;
        for (index, byte) in bytes.iter().take(5).enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Some((length, &bytes[index + 1..]));
            }
        }
        None
    })
}

/// Cuts the bytes at their length prefixes; nothing when a prefix points past the end.
fn split(
    mut bytes: &[u8],
    prefix: impl for<'a> Fn(&'a [u8]) -> Option<(usize, &'a [u8])>,
) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = prefix(bytes)?;
        let (part, rest) = rest.split_at_checked(length)?;
        parts.push(part);
        bytes = rest;
    }
    Some(parts)
}
