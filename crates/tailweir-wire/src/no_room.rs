//! Fragments for which a second member has no memory.

use crate::WireError;
use crate::ids::read_slot;
use crate::record::{read_numbers, write_numbers};
use std::collections::BTreeSet;
use tailweir_placement::{Epoch, TenureId};
use tailweir_proto::peer;
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::{Message, Number};

pub(crate) fn write_no_room(tenure: TenureId, numbers: &BTreeSet<Number>) -> peer::NoRoom {
    peer::NoRoom {
        slot: tenure.slot.index() as u32,
        tenure: tenure.created.0,
        numbers: Some(write_numbers(numbers)),
    }
}

pub(crate) fn read_no_room(no_room: peer::NoRoom) -> Result<Message<Piece, Ruled>, WireError> {
    Ok(Message::NoRoom {
        tenure: TenureId {
            slot: read_slot(no_room.slot)?,
            created: Epoch(no_room.tenure),
        },
        numbers: read_numbers(&no_room.numbers.unwrap_or_default())?,
    })
}
