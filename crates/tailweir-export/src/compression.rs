//! Packs requests.

use bytes::Bytes;
use std::io::{self, Write};
use tailweir_config::{GrpcCompression, HttpCompression};

/// A way to pack bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    /// One block, without a frame.
    Snappy,
    SnappyFramed,
    Zlib,
    Lz4,
}

impl Packing {
    /// The packing over HTTP, with the name that the header bears.
    pub(crate) fn over_http(compression: HttpCompression) -> Option<(Self, &'static str)> {
        match compression {
            HttpCompression::Gzip => Some((Self::Gzip, "gzip")),
            HttpCompression::Zstd => Some((Self::Zstd, "zstd")),
            HttpCompression::Snappy => Some((Self::Snappy, "snappy")),
            HttpCompression::SnappyFramed => Some((Self::SnappyFramed, "x-snappy-framed")),
            HttpCompression::Zlib => Some((Self::Zlib, "zlib")),
            // What HTTP calls deflate is zlib, too.
            HttpCompression::Deflate => Some((Self::Zlib, "deflate")),
            HttpCompression::Lz4 => Some((Self::Lz4, "lz4")),
            HttpCompression::None => None,
        }
    }

    /// The packing over gRPC, with the name that the header bears.
    pub(crate) fn over_grpc(compression: GrpcCompression) -> Option<(Self, &'static str)> {
        match compression {
            GrpcCompression::Gzip => Some((Self::Gzip, "gzip")),
            GrpcCompression::Zstd => Some((Self::Zstd, "zstd")),
            // gRPC's snappy is framed.
            GrpcCompression::Snappy => Some((Self::SnappyFramed, "snappy")),
            GrpcCompression::None => None,
        }
    }

    /// Appends `bytes` to `out`, packed. `level` 0 is the default of the algorithm.
    ///
    /// # Errors
    ///
    /// Of the algorithm, such as an input beyond its format's limit (4 GiB for a block of snappy).
    pub(crate) fn pack(self, bytes: &[u8], level: i64, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(out, deflate_level(level));
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
            Self::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(out, deflate_level(level));
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
            Self::Zstd => zstd::stream::copy_encode(bytes, out, zstd_level(level))?,
            Self::Snappy => {
                let packed = snap::raw::Encoder::new()
                    .compress_vec(bytes)
                    .map_err(io::Error::other)?;
                out.extend_from_slice(&packed);
            }
            Self::SnappyFramed => {
                let mut encoder = snap::write::FrameEncoder::new(out);
                encoder.write_all(bytes)?;
                encoder.flush()?;
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(out);
                encoder.write_all(bytes)?;
                encoder.finish().map_err(io::Error::other)?;
            }
        }
        Ok(())
    }

    /// [`Packing::pack`] into bytes of their own.
    pub(crate) fn packed(self, bytes: &[u8], level: i64) -> io::Result<Bytes> {
        let mut out = Vec::with_capacity(bytes.len() / 4 + 64);
        self.pack(bytes, level, &mut out)?;
        Ok(out.into())
    }
}

fn deflate_level(level: i64) -> flate2::Compression {
    match u32::try_from(level) {
        Ok(level @ 1..=9) => flate2::Compression::new(level),
        _ => flate2::Compression::default(),
    }
}

fn zstd_level(level: i64) -> i32 {
    match i32::try_from(level) {
        Ok(level @ 1..=22) => level,
        _ => zstd::DEFAULT_COMPRESSION_LEVEL,
    }
}
