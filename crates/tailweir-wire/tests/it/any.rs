//! Any message.

use bytes::Bytes;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_core::{Moment, PolicyIndex, Slot, Threshold, TraceId};
use tailweir_placement::{Epoch, TenureId};
use tailweir_policy::{CarriedWeight, SubPolicyIndex};
use tailweir_shard::{Outcome, Piece, Ruled};
use tailweir_tenure::{Answer, Fragment, Index, Manifest, Message, Number, Record, Remaining};

type Any = Message<Piece, Ruled>;
type Verdicts = BTreeMap<TraceId, Remaining<Ruled>>;

pub(crate) fn message() -> impl Strategy<Value = Any> {
    let about = || (tenure(), epoch(), any::<u64>().prop_map(Moment::from_nanos));
    prop_oneof![
        (about(), record()).prop_map(|((tenure, view, asked), record)| Message::Record {
            tenure,
            view,
            asked,
            record
        }),
        (about(), answer()).prop_map(|((tenure, view, asked), answer)| Message::Answer {
            tenure,
            view,
            asked,
            answer
        }),
        tenure().prop_map(|tenure| Message::AskManifest { tenure }),
        (tenure(), traces(), verdicts()).prop_map(|(tenure, open, verdicts)| Message::Manifest {
            tenure,
            manifest: Manifest { open, verdicts }
        }),
        tenure().prop_map(|tenure| Message::AskRemainder { tenure }),
        (tenure(), verdicts())
            .prop_map(|(tenure, verdicts)| Message::Remainder { tenure, verdicts }),
        tenure().prop_map(|tenure| Message::NotYet { tenure }),
    ]
}

/// What was delivered of a trace.
pub(crate) fn delivered() -> impl Strategy<Value = Any> {
    let about = (tenure(), trace(), vec(any::<u64>(), 0..20));
    about.prop_map(|(tenure, trace, spans)| Message::Delivered {
        tenure,
        trace,
        spans,
    })
}

/// Fragments for which there was no room.
pub(crate) fn no_room() -> impl Strategy<Value = Any> {
    (tenure(), numbers()).prop_map(|(tenure, numbers)| Message::NoRoom { tenure, numbers })
}

fn record() -> impl Strategy<Value = Record<Piece, Ruled>> {
    prop_oneof![
        (verdicts(), pins()).prop_map(|(verdicts, pins)| Record::Open { verdicts, pins }),
        (number(), fragment()).prop_map(|(number, fragment)| Record::Append { number, fragment }),
        (trace(), verdict()).prop_map(|(trace, verdict)| Record::Decide { trace, verdict }),
        Just(Record::Seal),
        (epoch(), verdicts()).prop_map(|(from, verdicts)| Record::Absorb { from, verdicts }),
        Just(Record::Close),
        index().prop_map(Record::Attach),
        (number(), fragment()).prop_map(|(number, fragment)| Record::Copy { number, fragment }),
        numbers().prop_map(Record::Free),
    ]
}

fn answer() -> impl Strategy<Value = Answer<Ruled>> {
    prop_oneof![
        Just(Answer::Opened),
        number().prop_map(Answer::Appended),
        (trace(), verdict()).prop_map(|(trace, verdict)| Answer::Decided { trace, verdict }),
        (any::<bool>(), traces()).prop_map(|(opened, traces)| Answer::Sealed { opened, traces }),
        epoch().prop_map(|from| Answer::Absorbed { from }),
        Just(Answer::Closed),
        Just(Answer::Attached),
        number().prop_map(Answer::Copied),
        numbers().prop_map(Answer::Freed),
        trace().prop_map(Answer::Unknown),
        Just(Answer::NotAttached),
        epoch().prop_map(Answer::Stale),
    ]
}

fn index() -> impl Strategy<Value = Index<Ruled>> {
    let flags = (any::<bool>(), option::of(traces()), any::<bool>());
    (flags, traces(), verdicts(), pins(), number()).prop_map(
        |((opened, sealed, closed), traces, verdicts, pins, next)| Index {
            opened,
            sealed,
            closed,
            traces,
            verdicts,
            pins,
            next,
        },
    )
}

fn fragment() -> impl Strategy<Value = Remaining<Fragment<Piece>>> {
    let bytes = vec(any::<u8>(), 0..64).prop_map(Bytes::from).boxed();
    let piece = prop_oneof![
        bytes.clone().prop_map(Piece::Raw),
        (bytes, any::<u32>(), any::<u64>()).prop_map(|(bytes, spans, span_bytes)| Piece::Marked {
            bytes,
            spans,
            span_bytes
        }),
    ];
    (trace(), piece, remaining()).prop_map(|(trace, data, remaining)| Remaining {
        value: Fragment { trace, data },
        remaining,
    })
}

fn verdict() -> impl Strategy<Value = Remaining<Ruled>> {
    let threshold = (0..1u64 << 56).prop_map(|value| Threshold::new(value).unwrap());
    let outcome = prop_oneof![
        option::of(threshold).prop_map(Outcome::Sampled),
        Just(Outcome::NotSampled),
        Just(Outcome::Dropped),
    ];
    let carried = prop_oneof![
        Just(CarriedWeight::Independent),
        Just(CarriedWeight::Consistent)
    ];
    let policies = (any::<u16>(), option::of(any::<u16>()));
    (outcome, policies, carried, any::<u64>(), remaining()).prop_map(
        |(outcome, (policy, sub_policy), carried, revision, remaining)| Remaining {
            value: Ruled {
                outcome,
                policy: PolicyIndex(policy),
                sub_policy: sub_policy.map(SubPolicyIndex),
                carried,
                revision,
            },
            remaining,
        },
    )
}

fn verdicts() -> impl Strategy<Value = Verdicts> {
    btree_map(trace(), verdict(), 0..4)
}

fn pins() -> impl Strategy<Value = BTreeMap<TraceId, Epoch>> {
    btree_map(trace(), epoch(), 0..4)
}

fn traces() -> impl Strategy<Value = BTreeSet<TraceId>> {
    btree_set(trace(), 0..4)
}

fn numbers() -> impl Strategy<Value = BTreeSet<Number>> {
    btree_set(number(), 0..4)
}

fn trace() -> impl Strategy<Value = TraceId> {
    any::<[u8; 16]>().prop_map(TraceId)
}

fn number() -> impl Strategy<Value = Number> {
    (0..u64::MAX).prop_map(Number)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u64>().prop_map(Epoch)
}

/// What travels is whole milliseconds.
fn remaining() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_millis)
}

fn tenure() -> impl Strategy<Value = TenureId> {
    (0..Slot::COUNT, epoch()).prop_map(|(slot, created)| TenureId {
        slot: Slot::new(slot).unwrap(),
        created,
    })
}
