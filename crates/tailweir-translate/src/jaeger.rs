//! Jaeger: batches in protobuf and thrift.

mod process;
mod protobuf;
mod span;
mod status;
mod tags;
mod thrift;

use crate::TranslateError;
use crate::thrift::Protocol;
use crate::translation::Translation;
use tailweir_otlp::Room;

/// How spans for Jaeger are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jaeger {
    /// `jaeger.api_v2.PostSpansRequest` in protobuf.
    Protobuf,
    /// A `Batch` of `jaeger.thrift` in the binary protocol.
    Thrift,
    /// A call of `emitBatch` of `agent.thrift` in the binary protocol.
    BinaryCall,
    /// A call of `emitBatch` of `agent.thrift` in the compact protocol.
    CompactCall,
}

impl Jaeger {
    /// Appends the spans of a request to `out`, as an OTLP request.
    ///
    /// # Errors
    ///
    /// When any of the spans cannot be read; `out` is as it was then.
    pub fn to_wire(self, request: &[u8], out: &mut Vec<u8>) -> Result<(), TranslateError> {
        self.to_wire_within(request, out, &mut |_| true)
    }

    /// As [`Self::to_wire`], as far as there is room for what it takes beside the request.
    ///
    /// # Errors
    ///
    /// As [`Self::to_wire`], and when there is no room.
    pub fn to_wire_within<'a>(
        self,
        request: &[u8],
        out: &mut Vec<u8>,
        room: &'a mut Room<'a>,
    ) -> Result<(), TranslateError> {
        let mut traces = Translation::of(request.len(), room);
        match self {
            Self::Protobuf => protobuf::read(request, &mut traces)?,
            Self::Thrift => thrift::batch(request, &mut traces)?,
            Self::BinaryCall => thrift::call(Protocol::Binary, request, &mut traces)?,
            Self::CompactCall => thrift::call(Protocol::Compact, request, &mut traces)?,
        }
        traces.finish(out);
        Ok(())
    }
}
