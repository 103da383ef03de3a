//! The spans that clients send.

use std::fmt;
use tailweir_core::TraceId;

/// One span, and the handle under which samplers hold it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Number of its trace.
    pub trace: u8,
    /// Its number in the trace.
    pub index: u8,
}

impl Span {
    pub(crate) fn trace_id(self) -> TraceId {
        trace_id(self.trace)
    }
}

pub(crate) fn trace_id(trace: u8) -> TraceId {
    TraceId([trace; TraceId::LENGTH])
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [b'X', b'Y', b'Z'];
        let letter = letters[usize::from(self.trace) % letters.len()] as char;
        write!(f, "{letter}.{}", self.index)
    }
}
