//! Zipkin: version 1 as JSON and thrift, version 2 as JSON and protobuf.

mod encoded;
mod json_v1;
mod json_v2;
mod limited;
mod proto_v2;
mod resource_keys;
mod stream;
mod thrift_v1;
mod v1;
mod v1_status;
mod v2;

use crate::TranslateError;
use crate::translation::Translation;
use tailweir_otlp::Room;

/// The attribute of spans that do not say when they began.
const START_ABSENT: &[u8] = b"otel.zipkin.absentField.startTime";

/// How spans for Zipkin are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZipkinFormat {
    /// Version 1, JSON.
    JsonV1,
    /// Version 1, thrift.
    ThriftV1,
    /// Version 2, JSON.
    JsonV2,
    /// Version 2, protobuf.
    ProtobufV2,
}

/// A translation of spans for Zipkin.
#[derive(Debug, Clone, Copy)]
pub struct Zipkin {
    /// What comes in.
    pub format: ZipkinFormat,
    /// Whether tags that read as numbers or booleans become such.
    pub parse_string_tags: bool,
    /// The time, in nanoseconds of the Unix epoch: for spans of version 1 that say none.
    pub now: u64,
}

impl Zipkin {
    /// Appends the spans of a request to `out`, as an OTLP request.
    ///
    /// # Errors
    ///
    /// When any of the spans cannot be read; `out` is as it was then.
    pub fn to_wire(&self, request: &[u8], out: &mut Vec<u8>) -> Result<(), TranslateError> {
        self.to_wire_within(request, out, &mut |_| true)
    }

    /// As [`Self::to_wire`], as far as there is room for what it takes beside the request.
    ///
    /// # Errors
    ///
    /// As [`Self::to_wire`], and when there is no room.
    pub fn to_wire_within<'a>(
        &self,
        request: &[u8],
        out: &mut Vec<u8>,
        room: &'a mut Room<'a>,
    ) -> Result<(), TranslateError> {
        let mut traces = Translation::of(request.len(), room);
        match self.format {
            ZipkinFormat::JsonV1 => json_v1::read(request, self, &mut traces)?,
            ZipkinFormat::ThriftV1 => thrift_v1::read(request, &mut traces)?,
            ZipkinFormat::JsonV2 => json_v2::read(request, self, &mut traces)?,
            ZipkinFormat::ProtobufV2 => proto_v2::read(request, self, &mut traces)?,
        }
        traces.finish(out);
        Ok(())
    }
}

/// Microseconds as nanoseconds; what does not fit is as late as can be said.
fn nanoseconds(microseconds: u64) -> u64 {
    microseconds.saturating_mul(1000)
}
