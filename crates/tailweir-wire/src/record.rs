//! Records, owner to second member.

use crate::WireError;
use crate::ids::{bounded, read_trace, read_traces, write_duration, write_trace, write_traces};
use crate::verdict::{read_verdict, read_verdicts, write_verdict, write_verdicts};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_core::TraceId;
use tailweir_placement::Epoch;
use tailweir_proto::peer::{self, message::Kind};
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::{Fragment, Index, Number, Record, Remaining};

/// Nothing for spans that are in an engine: these are never sent.
pub(crate) fn write_record(record: Record<Piece, Ruled>) -> Option<Kind> {
    Some(match record {
        Record::Open { verdicts, pins } => Kind::Open(peer::Opening {
            verdicts: write_verdicts(&verdicts),
            pins: write_pins(&pins),
        }),
        Record::Append { number, fragment } => Kind::Append(write_fragment(number, fragment)?),
        Record::Decide { trace, verdict } => Kind::Decide(write_verdict(trace, &verdict)),
        Record::Seal => Kind::Seal(peer::Nothing {}),
        Record::Absorb { from, verdicts } => Kind::Absorb(peer::Absorbing {
            from: from.0,
            verdicts: write_verdicts(&verdicts),
        }),
        Record::Close => Kind::Close(peer::Nothing {}),
        Record::Attach(index) => Kind::Attach(write_index(&index)),
        Record::Copy { number, fragment } => Kind::Copy(write_fragment(number, fragment)?),
        Record::Free(numbers) => Kind::Free(write_numbers(&numbers)),
    })
}

/// Gives kinds that are no records back.
pub(crate) fn read_record(kind: Kind) -> Result<Result<Record<Piece, Ruled>, Kind>, WireError> {
    Ok(Ok(match kind {
        Kind::Open(open) => Record::Open {
            verdicts: read_verdicts(&open.verdicts)?,
            pins: read_pins(&open.pins)?,
        },
        Kind::Append(fragment) => {
            let (number, fragment) = read_fragment(fragment)?;
            Record::Append { number, fragment }
        }
        Kind::Decide(verdict) => {
            let (trace, verdict) = read_verdict(&verdict)?;
            Record::Decide { trace, verdict }
        }
        Kind::Seal(_) => Record::Seal,
        Kind::Absorb(absorb) => Record::Absorb {
            from: Epoch(absorb.from),
            verdicts: read_verdicts(&absorb.verdicts)?,
        },
        Kind::Close(_) => Record::Close,
        Kind::Attach(index) => Record::Attach(read_index(&index)?),
        Kind::Copy(fragment) => {
            let (number, fragment) = read_fragment(fragment)?;
            Record::Copy { number, fragment }
        }
        Kind::Free(numbers) => Record::Free(read_numbers(&numbers)?),
        other => return Ok(Err(other)),
    }))
}

fn write_fragment(number: Number, fragment: Remaining<Fragment<Piece>>) -> Option<peer::Fragment> {
    let remaining = write_duration(fragment.remaining);
    let Fragment { trace, data } = fragment.value;
    let (spans, outgoing) = match data {
        Piece::Held => return None,
        Piece::Raw(bytes) => (bytes, None),
        Piece::Marked {
            bytes,
            spans,
            span_bytes,
        } => (bytes, Some(peer::Outgoing { spans, span_bytes })),
    };
    Some(peer::Fragment {
        number: number.0,
        trace: write_trace(trace),
        spans,
        remaining,
        outgoing,
    })
}

type Numbered = (Number, Remaining<Fragment<Piece>>);

fn read_fragment(fragment: peer::Fragment) -> Result<Numbered, WireError> {
    let trace = read_trace("fragment.trace", &fragment.trace)?;
    let data = match fragment.outgoing {
        None => Piece::Raw(fragment.spans),
        Some(peer::Outgoing { spans, span_bytes }) => Piece::Marked {
            bytes: fragment.spans,
            spans,
            span_bytes,
        },
    };
    let number = read_number("fragment.number", fragment.number)?;
    let remaining = Duration::from_millis(fragment.remaining);
    let value = Fragment { trace, data };
    Ok((number, Remaining { value, remaining }))
}

/// The last number has no successor, and is never given.
pub(crate) fn read_number(field: &'static str, value: u64) -> Result<Number, WireError> {
    let limit = u64::MAX - 1;
    if value > limit {
        return Err(WireError::TooLarge {
            field,
            value,
            limit,
        });
    }
    Ok(Number(value))
}

fn write_pins(pins: &BTreeMap<TraceId, Epoch>) -> Vec<peer::Pin> {
    let pins = pins.iter();
    pins.map(|(trace, tenure)| peer::Pin {
        trace: write_trace(*trace),
        tenure: tenure.0,
    })
    .collect()
}

fn read_pins(pins: &[peer::Pin]) -> Result<BTreeMap<TraceId, Epoch>, WireError> {
    let field = "pins";
    bounded(field, pins.len())?;
    let mut read = BTreeMap::new();
    for pin in pins {
        let trace = read_trace("pin.trace", &pin.trace)?;
        if read.insert(trace, Epoch(pin.tenure)).is_some() {
            return Err(WireError::Twice { field });
        }
    }
    Ok(read)
}

fn write_index(index: &Index<Ruled>) -> peer::Index {
    peer::Index {
        opened: index.opened,
        sealed: index.sealed.as_ref().map(write_traces),
        closed: index.closed,
        traces: write_traces(&index.traces),
        verdicts: write_verdicts(&index.verdicts),
        pins: write_pins(&index.pins),
        next: index.next.0,
    }
}

fn read_index(index: &peer::Index) -> Result<Index<Ruled>, WireError> {
    let sealed = index.sealed.as_ref();
    let sealed = sealed.map(|traces: &Bytes| read_traces("index.sealed", traces));
    Ok(Index {
        opened: index.opened,
        sealed: sealed.transpose()?,
        closed: index.closed,
        traces: read_traces("index.traces", &index.traces)?,
        verdicts: read_verdicts(&index.verdicts)?,
        pins: read_pins(&index.pins)?,
        next: read_number("index.next", index.next)?,
    })
}

pub(crate) fn write_numbers(numbers: &BTreeSet<Number>) -> peer::Numbers {
    let numbers = numbers.iter().map(|number| number.0).collect();
    peer::Numbers { numbers }
}

pub(crate) fn read_numbers(numbers: &peer::Numbers) -> Result<BTreeSet<Number>, WireError> {
    bounded("numbers", numbers.numbers.len())?;
    let numbers = numbers.numbers.iter();
    numbers
        .map(|number| read_number("numbers", *number))
        .collect()
}
