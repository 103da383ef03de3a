//! Messages between samplers.

use crate::WireError;
use crate::ids::{read_slot, read_trace, read_traces, write_trace, write_traces};
use crate::record::{read_number, read_numbers, read_record, write_numbers, write_record};
use crate::verdict::{read_verdicts, write_verdicts};
use crate::{read_verdict, write_verdict};
use tailweir_core::Moment;
use tailweir_placement::{Epoch, TenureId};
use tailweir_proto::peer::{self, message::Kind};
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::{Answer, Manifest, Message};

/// A message as it is sent; nothing when its spans are in an engine, whose spans are never sent, or when it is what was
/// delivered, which has a place of its own in a letter.
#[must_use]
pub fn write_message(message: Message<Piece, Ruled>) -> Option<peer::Message> {
    let tenure = message.tenure();
    let (view, asked) = match &message {
        Message::Record { view, asked, .. } | Message::Answer { view, asked, .. } => {
            (view.0, asked.nanos())
        }
        _ => (0, 0),
    };
    let nothing = peer::Nothing {};
    let kind = match message {
        Message::Record { record, .. } => write_record(record)?,
        Message::Answer { answer, .. } => write_answer(answer),
        Message::AskManifest { .. } => Kind::AskManifest(nothing),
        Message::Manifest { manifest, .. } => Kind::Manifest(peer::Manifest {
            open: write_traces(&manifest.open),
            verdicts: write_verdicts(&manifest.verdicts),
        }),
        Message::AskRemainder { .. } => Kind::AskRemainder(nothing),
        Message::Remainder { verdicts, .. } => Kind::Remainder(peer::Verdicts {
            verdicts: write_verdicts(&verdicts),
        }),
        Message::NotYet { .. } => Kind::NotYet(nothing),
        Message::Delivered { .. } | Message::NoRoom { .. } => return None,
    };
    Some(peer::Message {
        slot: tenure.slot.index() as u32,
        tenure: tenure.created.0,
        view,
        asked,
        kind: Some(kind),
    })
}

fn write_answer(answer: Answer<Ruled>) -> Kind {
    let nothing = peer::Nothing {};
    match answer {
        Answer::Opened => Kind::Opened(nothing),
        Answer::Appended(number) => Kind::Appended(number.0),
        Answer::Decided { trace, verdict } => Kind::Decided(write_verdict(trace, &verdict)),
        Answer::Sealed { opened, traces } => Kind::Sealed(peer::Seal {
            opened,
            traces: write_traces(&traces),
        }),
        Answer::Absorbed { from } => Kind::Absorbed(from.0),
        Answer::Closed => Kind::Closed(nothing),
        Answer::Attached => Kind::Attached(nothing),
        Answer::Copied(number) => Kind::Copied(number.0),
        Answer::Freed(numbers) => Kind::Freed(write_numbers(&numbers)),
        Answer::Unknown(trace) => Kind::Unknown(write_trace(trace)),
        Answer::NotAttached => Kind::NotAttached(nothing),
        Answer::Stale(epoch) => Kind::Stale(epoch.0),
    }
}

/// A message as it came.
///
/// # Errors
///
/// The first thing in it that cannot be.
pub fn read_message(message: peer::Message) -> Result<Message<Piece, Ruled>, WireError> {
    let tenure = TenureId {
        slot: read_slot(message.slot)?,
        created: Epoch(message.tenure),
    };
    let (view, asked) = (Epoch(message.view), Moment::from_nanos(message.asked));
    let field = "message.kind";
    let kind = message.kind.ok_or(WireError::Missing { field })?;
    let kind = match read_record(kind)? {
        Ok(record) => {
            return Ok(Message::Record {
                tenure,
                view,
                asked,
                record,
            });
        }
        Err(kind) => kind,
    };
    Ok(match kind {
        Kind::AskManifest(_) => Message::AskManifest { tenure },
        Kind::Manifest(manifest) => Message::Manifest {
            tenure,
            manifest: Manifest {
                open: read_traces("manifest.open", &manifest.open)?,
                verdicts: read_verdicts(&manifest.verdicts)?,
            },
        },
        Kind::AskRemainder(_) => Message::AskRemainder { tenure },
        Kind::Remainder(remainder) => Message::Remainder {
            tenure,
            verdicts: read_verdicts(&remainder.verdicts)?,
        },
        Kind::NotYet(_) => Message::NotYet { tenure },
        answer => Message::Answer {
            tenure,
            view,
            asked,
            answer: read_answer(answer)?,
        },
    })
}

fn read_answer(kind: Kind) -> Result<Answer<Ruled>, WireError> {
    Ok(match kind {
        Kind::Opened(_) => Answer::Opened,
        Kind::Appended(number) => Answer::Appended(read_number("appended", number)?),
        Kind::Decided(verdict) => {
            let (trace, verdict) = read_verdict(&verdict)?;
            Answer::Decided { trace, verdict }
        }
        Kind::Sealed(seal) => Answer::Sealed {
            opened: seal.opened,
            traces: read_traces("seal.traces", &seal.traces)?,
        },
        Kind::Absorbed(from) => Answer::Absorbed { from: Epoch(from) },
        Kind::Closed(_) => Answer::Closed,
        Kind::Attached(_) => Answer::Attached,
        Kind::Copied(number) => Answer::Copied(read_number("copied", number)?),
        Kind::Freed(numbers) => Answer::Freed(read_numbers(&numbers)?),
        Kind::Unknown(trace) => Answer::Unknown(read_trace("unknown", &trace)?),
        Kind::NotAttached(_) => Answer::NotAttached,
        Kind::Stale(epoch) => Answer::Stale(Epoch(epoch)),
        _ => {
            let field = "message.kind";
            return Err(WireError::Missing { field });
        }
    })
}
