//! What parts of sums say beside them.

use crate::WireError;
use crate::ids::{bounded, read_slot};
use tailweir_core::Slot;
use tailweir_proto::peer;
use tailweir_shard::{Counted, Handed, Sequence};

pub(crate) fn write_sequence(sequence: Sequence) -> peer::Sequence {
    let handed = sequence.handed.into_iter().map(|handed| peer::Handed {
        slot: handed.slot.index() as u32,
        taken: handed.taken.into_iter().map(write_counted).collect(),
        is_doubtful: handed.is_doubtful,
    });
    peer::Sequence {
        origin: sequence.origin,
        number: sequence.number,
        handed: handed.collect(),
    }
}

fn write_counted(counted: Counted) -> peer::Counted {
    peer::Counted {
        origin: counted.origin,
        number: counted.number,
    }
}

pub(crate) fn read_sequence(sequence: peer::Sequence) -> Result<Sequence, WireError> {
    let length = sequence.handed.len();
    if length > Slot::COUNT {
        return Err(WireError::TooMany {
            field: "part.sequence.handed",
            length,
            limit: Slot::COUNT,
        });
    }
    let taken = sequence.handed.iter().map(|handed| handed.taken.len());
    bounded("part.sequence.handed.taken", taken.sum())?;
    let handed = sequence.handed.into_iter().map(|handed| {
        let taken = handed.taken.into_iter().map(|counted| Counted {
            origin: counted.origin,
            number: counted.number,
        });
        Ok(Handed {
            slot: read_slot(handed.slot)?,
            taken: taken.collect(),
            is_doubtful: handed.is_doubtful,
        })
    });
    Ok(Sequence {
        origin: sequence.origin,
        number: sequence.number,
        handed: handed.collect::<Result<_, WireError>>()?,
    })
}
