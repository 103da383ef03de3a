//! What was delivered of traces whose verdicts are in the same letter.

use crate::WireError;
use crate::ids::{read_slot, read_trace, write_trace};
use tailweir_core::TraceId;
use tailweir_placement::{Epoch, TenureId};
use tailweir_proto::peer;
use tailweir_shard::{DELIVERED_MAX, Piece, Ruled};
use tailweir_tenure::Message;

pub(crate) fn write_delivered(
    tenure: TenureId,
    trace: TraceId,
    spans: Vec<u64>,
) -> peer::Delivered {
    peer::Delivered {
        slot: tenure.slot.index() as u32,
        tenure: tenure.created.0,
        trace: write_trace(trace),
        spans,
    }
}

pub(crate) fn read_delivered(
    delivered: peer::Delivered,
) -> Result<Message<Piece, Ruled>, WireError> {
    let (field, length) = ("delivered.spans", delivered.spans.len());
    if length > DELIVERED_MAX {
        return Err(WireError::TooMany {
            field,
            length,
            limit: DELIVERED_MAX,
        });
    }
    Ok(Message::Delivered {
        tenure: TenureId {
            slot: read_slot(delivered.slot)?,
            created: Epoch(delivered.tenure),
        },
        trace: read_trace("delivered.trace", &delivered.trace)?,
        spans: delivered.spans,
    })
}
