//! Ids, numbers and lists of them.

use crate::WireError;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_core::{Slot, TraceId};

/// Most elements of a list: the traces of one slot, of which a member with a full window has a few hundred.
pub(crate) const LIST_MAX: usize = 1 << 20;

const ID_BYTES: usize = 16;

pub(crate) fn write_trace(trace: TraceId) -> Bytes {
    Bytes::copy_from_slice(&trace.0)
}

pub(crate) fn read_trace(field: &'static str, bytes: &[u8]) -> Result<TraceId, WireError> {
    let length = bytes.len();
    TraceId::from_slice(bytes).ok_or(WireError::Id { field, length })
}

/// Ids one after the other.
pub(crate) fn write_traces(traces: &BTreeSet<TraceId>) -> Bytes {
    let mut bytes = Vec::with_capacity(traces.len() * ID_BYTES);
    for trace in traces {
        bytes.extend_from_slice(&trace.0);
    }
    bytes.into()
}

pub(crate) fn read_traces(
    field: &'static str,
    bytes: &[u8],
) -> Result<BTreeSet<TraceId>, WireError> {
    let length = bytes.len();
    if !length.is_multiple_of(ID_BYTES) {
        return Err(WireError::Id { field, length });
    }
    bounded(field, length / ID_BYTES)?;
    let ids = bytes.chunks_exact(ID_BYTES);
    ids.map(|id| read_trace(field, id)).collect()
}

pub(crate) fn read_slot(slot: u32) -> Result<Slot, WireError> {
    Slot::new(slot as usize).ok_or(WireError::TooLarge {
        field: "slot",
        value: slot.into(),
        limit: Slot::COUNT as u64 - 1,
    })
}

pub(crate) fn bounded(field: &'static str, length: usize) -> Result<(), WireError> {
    if length <= LIST_MAX {
        return Ok(());
    }
    let limit = LIST_MAX;
    Err(WireError::TooMany {
        field,
        length,
        limit,
    })
}

/// Milliseconds, rounded up: what remains does not become nothing on the way.
pub(crate) fn write_duration(duration: Duration) -> u64 {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(u64::MAX)
}
