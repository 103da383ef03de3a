//! What is written is read again.

use crate::any;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_proto::peer;
use tailweir_shard::{Answer, Counted, Fate, Handed, Piece, Redirect, Refusal, Sequence};
use tailweir_tenure::{Fragment, Message, Number, Record, Remaining};
use tailweir_wire::{
    Part, Roll, Said, WireError, read_letter, read_message, read_part, read_said, write_letters,
    write_message, write_part, write_said,
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: any messages, written into letters of any size, through bytes.
    /// Guarantees: they are read as they were, in their order, but that what was delivered, and then what there was no
    /// room for, comes before the messages of its letter; no letter is larger than it says.
    #[test]
    fn letters_are_read_as_written(
        messages in vec(prop_oneof![any::message(), any::delivered(), any::no_room()], 0..8),
        size in prop_oneof![Just(0), Just(1000), Just(1 << 20)],
    ) {
        let letters = write_letters("traces/tail_sampling", messages.clone(), size);
        if size == 0 {
            prop_assert_eq!(letters.len(), messages.len());
        }
        let (mut read, mut written) = (Vec::new(), messages.as_slice());
        for (letter, said) in letters {
            let length = letter.messages.len() + letter.delivered.len() + letter.no_room.len();
            prop_assert!(length == 1 || said <= size + 116);
            let bytes = letter.encode_to_vec();
            prop_assert!(bytes.len() <= said, "{} is more than {said}", bytes.len());
            let letter = read_letter(peer::Letter::decode(&*bytes).unwrap()).unwrap();
            prop_assert_eq!(&letter.sampler, "traces/tail_sampling");
            let (mut expected, rest) = (written[..length].to_vec(), &written[length..]);
            expected.sort_by_key(|message| match message {
                Message::Delivered { .. } => 0,
                Message::NoRoom { .. } => 1,
                _ => 2,
            });
            prop_assert_eq!(&letter.messages, &expected);
            read.extend(letter.messages);
            written = rest;
        }
        prop_assert_eq!(read.len(), messages.len());
    }

    /// Scenario: any bytes as a letter and as a part.
    /// Guarantees: no panic; what is taken is the same when it is written and read again.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(letter) = peer::Letter::decode(&*bytes)
            && let Ok(letter) = read_letter(letter)
        {
            let again = write_letters(&letter.sampler, letter.messages.clone(), usize::MAX);
            let again = again.into_iter().map(|(again, _)| read_letter(again));
            let all = again.flat_map(|again| again.unwrap().messages);
            prop_assert_eq!(all.collect::<Vec<_>>(), letter.messages);
        }
        if let Ok(part) = peer::Part::decode(&*bytes)
            && let Ok(part) = read_part(part)
        {
            prop_assert_eq!(read_part(write_part(part.clone())), Ok(part));
        }
    }
}

/// Scenario: parts with and without a tenure, and one with more patience than there is.
/// Guarantees: they are read as they were; patience ends after a minute.
#[test]
fn parts_are_read_as_written() {
    let mut part = Part {
        id: 7,
        sampler: "traces/tail_sampling".to_owned(),
        epoch: Epoch(3),
        tenure: Some(Epoch(2)),
        spans: Bytes::from_static(b"spans"),
        patience: Duration::from_millis(1500),
        handed_on: Some(Epoch(1)),
        sequence: Some(Sequence {
            origin: u64::MAX,
            number: 3,
            handed: vec![Handed {
                slot: Slot::new(16_383).unwrap(),
                taken: vec![Counted {
                    origin: 1,
                    number: 2,
                }],
                is_doubtful: true,
            }],
        }),
    };
    assert_eq!(read_part(write_part(part.clone())), Ok(part.clone()));
    (part.tenure, part.handed_on, part.sequence) = (None, None, None);
    part.patience = Duration::from_secs(100);
    let read = read_part(write_part(part.clone())).unwrap();
    assert_eq!((read.tenure, read.handed_on), (None, None));
    assert_eq!(read.patience.as_secs(), 60);
    let mut forged = write_part(part);
    forged.patience = u32::MAX;
    assert_eq!(read_part(forged).unwrap().patience.as_secs(), 60);
}

/// Scenario: everything that can be said about a part.
/// Guarantees: it is read as it was; a shard that is full is said to be so, whatever was full in it.
#[test]
fn answers_are_read_as_written() {
    let trace = TraceId([3; 16]);
    let slot = Slot::of(trace, 9);
    let created = Epoch(4);
    let redirect = |pinned| Redirect {
        trace,
        epoch: Epoch(5),
        pinned,
    };
    let pinned = Some((TenureId { slot, created }, Incarnation(8)));
    let refused = |refusal| Said::Answered(Answer::Refused(refusal));
    for said in [
        Said::Answered(Answer::Taken(Vec::new())),
        Said::Answered(Answer::Taken(vec![redirect(None), redirect(pinned)])),
        Said::Roll(None),
        Said::Roll(Some(Roll {
            roster: 7,
            count: 3,
            sharers: vec![1, 2],
            is_settled: true,
        })),
        Said::Told(vec![Fate::Kept, Fate::Unknown, Fate::NotKept]),
        refused(Refusal::NotOpen),
        refused(Refusal::NoSecondCopy),
        refused(Refusal::Behind(Epoch(6))),
        refused(Refusal::Unconfirmed),
        Said::Full {
            retry_after: Duration::from_secs(1),
        },
        Said::TooLarge {
            limit: ByteSize(1 << 40),
        },
        Said::UnknownSampler,
        Said::Malformed,
        Said::Stopping,
    ] {
        assert_eq!(read_said(&write_said(1, said.clone()), 9), Ok((1, said)));
    }
    let traces = tailweir_sampler::Refusal::Traces {
        held: 1,
        new: 1,
        limit: 1,
    };
    let too_large = tailweir_sampler::Refusal::TooLarge {
        needed: ByteSize(2),
        budget: ByteSize(1),
    };
    let read = |refusal| read_said(&write_said(1, refused(Refusal::Full(refusal))), 9);
    let retry_after = Duration::ZERO;
    assert_eq!(read(traces), Ok((1, Said::Full { retry_after })));
    let limit = ByteSize(1);
    assert_eq!(read(too_large), Ok((1, Said::TooLarge { limit })));
    let unspecified = peer::PartAnswer {
        refusal: Some(peer::Refusal::default()),
        ..peer::PartAnswer::default()
    };
    let field = "refusal.reason";
    assert_eq!(
        read_said(&unspecified, 9),
        Err(WireError::Missing { field })
    );
}

/// Scenario: a fragment whose spans are in an engine, between two other messages.
/// Guarantees: it is not sent, and the others are.
#[test]
fn spans_in_an_engine_are_not_sent() {
    let tenure = TenureId {
        slot: Slot::new(1).unwrap(),
        created: Epoch(1),
    };
    let held = Message::Record {
        tenure,
        view: Epoch(1),
        asked: Moment::ZERO,
        record: Record::Append {
            number: Number(0),
            fragment: Remaining {
                value: Fragment {
                    trace: TraceId([1; 16]),
                    data: Piece::Held,
                },
                remaining: Duration::ZERO,
            },
        },
    };
    assert_eq!(write_message(held.clone()), None);
    let (ask, not_yet) = (Message::AskManifest { tenure }, Message::NotYet { tenure });
    let letters = write_letters("a", vec![ask.clone(), held, not_yet.clone()], 1 << 20);
    let [(letter, _)] = <[_; 1]>::try_from(letters).unwrap();
    assert_eq!(read_letter(letter).unwrap().messages, [ask, not_yet]);
}

/// Scenario: a life of less than a millisecond.
/// Guarantees: it does not end on the way.
#[test]
fn what_remains_does_not_become_nothing() {
    let tenure = TenureId {
        slot: Slot::new(1).unwrap(),
        created: Epoch(1),
    };
    let message = |remaining| Message::Record {
        tenure,
        view: Epoch(1),
        asked: Moment::ZERO,
        record: Record::Append {
            number: Number(0),
            fragment: Remaining {
                value: Fragment {
                    trace: TraceId([1; 16]),
                    data: Piece::Raw(Bytes::new()),
                },
                remaining,
            },
        },
    };
    let read = read_message(write_message(message(Duration::from_nanos(1))).unwrap());
    assert_eq!(read, Ok(message(Duration::from_millis(1))));
}
