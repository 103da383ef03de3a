//! Decompresses request bodies under a limit: the limit counts what comes out, not what went in.
//!
//! The only place of this room that touches a decompressor.

use crate::admission::Permit;
use crate::refusal::Refusal;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;
use tailweir_core::ByteSize;

/// Bytes by which the permit grows while a body is decompressed.
const STEP: usize = 64 << 10;
/// Bodies that are larger than this, compressed, are decompressed off the runtime's threads.
pub(crate) const OFFLOAD: usize = 256 << 10;
/// How a framed snappy stream begins.
const SNAPPY_STREAM: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Bytes of an LZ4 frame of nothing: magic number, descriptor, end.
const LZ4_FRAME_MIN: usize = 11;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// RFC 1952, several members allowed.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 1950; both HTTP's `deflate` and `zlib`. Raw deflate is recognised.
    Zlib,
    /// Snappy, one block or framed; which, is recognised.
    Snappy,
    /// LZ4 in frames.
    Lz4,
}

impl Compression {
    /// The compression of this name in a header; case does not count. Nothing for other names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("gzip") || is("x-gzip") {
            Some(Self::Gzip)
        } else if is("zstd") {
            Some(Self::Zstd)
        } else if is("deflate") || is("zlib") {
            Some(Self::Zlib)
        } else if is("snappy") || is("x-snappy-framed") {
            Some(Self::Snappy)
        } else if is("lz4") {
            Some(Self::Lz4)
        } else {
            None
        }
    }

    /// Its name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zlib => "deflate",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
        }
    }
}

/// The limit of a receiver, and the option that sets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeLimit {
    /// Most bytes of a request, as sent and decompressed.
    pub(crate) bytes: usize,
    /// The option's name, for the message.
    pub(crate) option: &'static str,
}

impl SizeLimit {
    /// The refusal of what is over it.
    pub(crate) fn passed(self) -> Refusal {
        Refusal::TooLarge {
            limit: ByteSize(self.bytes as u64),
            option: self.option,
        }
    }
}

/// Decompresses `body` into `out`, charging the permit for what comes out.
///
/// # Errors
///
/// [`Refusal::TooLarge`] past the limit, [`Refusal::Full`] when the budget has no room for the rest,
/// [`Refusal::BadCompression`] when the bytes are damaged or cut off.
pub(crate) fn decompress(
    compression: Compression,
    body: &[u8],
    limit: SizeLimit,
    permit: &mut Permit,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if body.is_empty() {
        return Ok(());
    }
    let base = body.len() as u64;
    let mut sink = Capped {
        limit,
        permit,
        base,
        out,
    };
    match compression {
        Compression::Gzip => sink.read(compression, MultiGzDecoder::new(body)),
        Compression::Zlib if is_zlib(body) => sink.read(compression, ZlibDecoder::new(body)),
        Compression::Zlib => sink.read(compression, DeflateDecoder::new(body)),
        Compression::Zstd => {
            let decoder =
                zstd_decoder(body, limit).map_err(|error| damaged(compression, &error))?;
            sink.read(compression, decoder)
        }
        Compression::Snappy if body.starts_with(SNAPPY_STREAM) => {
            sink.read(compression, snap::read::FrameDecoder::new(body))
        }
        Compression::Snappy => sink.snappy_block(body),
        Compression::Lz4 => sink.lz4_frames(body),
    }
}

/// A decoder whose window is no larger than what may come out, so that a few bytes cannot ask for much
/// memory; RFC 8878 wants 8 MiB at least.
fn zstd_decoder(
    body: &[u8],
    limit: SizeLimit,
) -> std::io::Result<zstd::stream::read::Decoder<'static, &[u8]>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    let window = limit.bytes.next_power_of_two().ilog2();
    decoder.window_log_max(window.clamp(23, 31))?;
    Ok(decoder)
}

/// RFC 1950: compression method 8, and a header that is a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    match body {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => true,
    }
}

fn damaged(compression: Compression, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::BadCompression {
        encoding: compression.name(),
        detail: error.to_string(),
    }
}

struct Capped<'a> {
    limit: SizeLimit,
    permit: &'a mut Permit,
    base: u64,
    out: &'a mut Vec<u8>,
}

impl Capped<'_> {
    fn read(&mut self, compression: Compression, mut from: impl Read) -> Result<(), Refusal> {
        loop {
            let length = self.out.len();
            self.permit.grow_to(self.base + (length + STEP) as u64)?;
            // One byte more than the limit tells a full buffer from one that would go on.
            let room = (self.limit.bytes + 1 - length).min(STEP);
            let read = from
                .by_ref()
                .take(room as u64)
                .read_to_end(self.out)
                .map_err(|error| damaged(compression, &error))?;
            if self.out.len() > self.limit.bytes {
                return Err(self.limit.passed());
            }
            if read < room {
                return Ok(());
            }
        }
    }

    /// One frame after another. The decoder takes what ends after four bytes for nothing at all.
    fn lz4_frames(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let mut decoder = lz4_flex::frame::FrameDecoder::new(body);
        while !decoder.get_ref().is_empty() {
            if decoder.get_ref().len() < LZ4_FRAME_MIN {
                return Err(damaged(Compression::Lz4, &"the frame is cut off"));
            }
            self.read(Compression::Lz4, &mut decoder)?;
        }
        Ok(())
    }

    fn snappy_block(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let failed = |error: snap::Error| damaged(Compression::Snappy, &error);
        let length = snap::raw::decompress_len(body).map_err(failed)?;
        if length > self.limit.bytes {
            return Err(self.limit.passed());
        }
        self.permit.grow_to(self.base + length as u64)?;
        self.out.resize(length, 0);
        snap::raw::Decoder::new()
            .decompress(body, self.out)
            .map_err(failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Compression, SizeLimit, decompress};
    use crate::admission::Admission;
    use crate::refusal::{Bound, Refusal};
    use std::io::Write;
    use tailweir_core::ByteSize;

    const LIMIT: SizeLimit = SizeLimit {
        bytes: 1 << 20,
        option: "max_request_body_size",
    };

    fn compressed(content: &[u8]) -> Vec<(Compression, Vec<u8>)> {
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(content).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(content).unwrap();
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), level);
        deflate.write_all(content).unwrap();
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(content).unwrap();
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(content).unwrap();
        vec![
            (Compression::Gzip, gzip.finish().unwrap()),
            (Compression::Zlib, zlib.finish().unwrap()),
            (Compression::Zlib, deflate.finish().unwrap()),
            (Compression::Snappy, framed.into_inner().unwrap()),
            (
                Compression::Snappy,
                snap::raw::Encoder::new().compress_vec(content).unwrap(),
            ),
            (Compression::Zstd, zstd::encode_all(content, 0).unwrap()),
            (Compression::Lz4, lz4.finish().unwrap()),
        ]
    }

    fn run(compression: Compression, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let admission = Admission::new(ByteSize::mib(64));
        let mut permit = admission.take(body.len() as u64)?;
        let mut out = Vec::new();
        decompress(compression, body, LIMIT, &mut permit, &mut out).map(|()| out)
    }

    /// Scenario: bodies of several sizes, also exactly at the limit, in every compression.
    /// Guarantees: what comes out is what went in.
    ///
    /// Conforms: receiver `otlp`, `zipkin` | traces | over HTTP gzip, zstd, snappy, zlib, deflate, lz4 | same
    #[test]
    fn bodies_come_out_as_they_went_in() {
        for length in [0, 1, 100, 65_536, 300_000, LIMIT.bytes] {
            let content: Vec<u8> = (0..length).map(|n| ((n * n) >> 3) as u8).collect();
            for (compression, body) in compressed(&content) {
                let out = run(compression, &body).unwrap();
                assert!(out == content, "{compression:?} of {length}");
            }
        }
    }

    /// Scenario: a few kilobytes become one byte more than the limit.
    /// Guarantees: decompression stops there, as a final refusal that names the option.
    #[test]
    fn a_bomb_stops_at_the_limit() {
        let content = vec![0; LIMIT.bytes + 1];
        for (compression, body) in compressed(&content) {
            let refusal = run(compression, &body).unwrap_err();
            assert_eq!(refusal, LIMIT.passed(), "{compression:?}");
            assert!(!refusal.is_retryable());
        }
    }

    /// Scenario: a body that is within the limit, but the budget has no room for it.
    /// Guarantees: it is refused retryably before all of it is in memory.
    #[test]
    fn decompression_is_charged_to_the_budget() {
        let content = vec![0; LIMIT.bytes];
        let admission = Admission::new(ByteSize(2 << 20));
        let _others = admission.take(1 << 20).unwrap();
        for (compression, body) in compressed(&content) {
            let mut permit = admission.take(body.len() as u64).unwrap();
            let mut out = Vec::new();
            let refusal = decompress(compression, &body, LIMIT, &mut permit, &mut out).unwrap_err();
            assert!(
                matches!(
                    refusal,
                    Refusal::Full {
                        bound: Bound::InFlight,
                        ..
                    }
                ),
                "{compression:?}: {refusal}"
            );
        }
    }

    /// Scenario: bodies are cut off in the middle.
    /// Guarantees: each is refused as damaged; half a request is never taken for a whole one.
    #[test]
    fn a_body_that_is_cut_off_is_damaged() {
        let content: Vec<u8> = (0..300_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 3) as u8)
            .collect();
        for (compression, body) in compressed(&content) {
            for length in [4, body.len() / 2] {
                let refusal = run(compression, &body[..length]).unwrap_err();
                assert!(
                    matches!(refusal, Refusal::BadCompression { .. }),
                    "{compression:?} of {length}: {refusal}"
                );
            }
        }
    }

    /// Scenario: two LZ4 frames follow each other.
    /// Guarantees: both come out.
    #[test]
    fn lz4_frames_follow_each_other() {
        let body = compressed(b"again").pop().unwrap();
        let twice = [body.1.as_slice(), &body.1].concat();
        assert_eq!(run(Compression::Lz4, &twice).unwrap(), b"againagain");
    }
}
