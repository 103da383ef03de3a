//! What no member would write.

use bytes::Bytes;
use tailweir_core::Slot;
use tailweir_proto::peer::{self, message::Kind};
use tailweir_shard::DELIVERED_MAX;
use tailweir_wire::{MESSAGES_MAX, WireError, read_letter, read_message, read_part};

fn refused(kind: Kind) -> WireError {
    let message = peer::Message {
        kind: Some(kind),
        ..peer::Message::default()
    };
    read_message(message).unwrap_err()
}

fn verdict() -> peer::Verdict {
    peer::Verdict {
        trace: Bytes::from_static(&[1; 16]),
        ruling: peer::Ruling::Sampled.into(),
        carried: peer::CarriedWeight::Independent.into(),
        policy: Some(1),
        ..peer::Verdict::default()
    }
}

/// Scenario: a slot that there is not, and a message of no kind.
/// Guarantees: both are refused.
#[test]
fn a_message_is_about_a_slot() {
    let mut message = peer::Message {
        slot: 16_384,
        kind: Some(Kind::NotYet(peer::Nothing {})),
        ..peer::Message::default()
    };
    let error = read_message(message.clone()).unwrap_err();
    assert_eq!(error.to_string(), "slot is 16384, above 16383");
    message.slot = 16_383;
    assert!(read_message(message.clone()).is_ok());
    message.kind = None;
    assert!(read_message(message).is_err());
}

/// Scenario: ids of 15 and 17 bytes, of none, and a list that ends in the middle of one.
/// Guarantees: each is refused with its field and length.
#[test]
fn ids_have_sixteen_bytes() {
    for length in [0, 15, 17] {
        let trace = Bytes::from(vec![1; length]);
        let fragment = peer::Fragment {
            trace: trace.clone(),
            ..peer::Fragment::default()
        };
        let pin = peer::Pin {
            trace: trace.clone(),
            tenure: 1,
        };
        for (kind, field) in [
            (Kind::Append(fragment.clone()), "fragment.trace"),
            (Kind::Copy(fragment), "fragment.trace"),
            (Kind::Unknown(trace.clone()), "unknown"),
            (
                Kind::Decide(peer::Verdict { trace, ..verdict() }),
                "verdict.trace",
            ),
            (
                Kind::Open(peer::Opening {
                    pins: vec![pin],
                    ..Default::default()
                }),
                "pin.trace",
            ),
        ] {
            assert_eq!(refused(kind), WireError::Id { field, length });
        }
    }
    let (traces, length) = (Bytes::from(vec![1; 33]), 33);
    let seal = peer::Seal {
        traces: traces.clone(),
        opened: true,
    };
    let index = peer::Index {
        sealed: Some(traces.clone()),
        ..Default::default()
    };
    let manifest = peer::Manifest {
        open: traces,
        ..Default::default()
    };
    for (kind, field) in [
        (Kind::Sealed(seal), "seal.traces"),
        (Kind::Attach(index), "index.sealed"),
        (Kind::Manifest(manifest), "manifest.open"),
    ] {
        assert_eq!(refused(kind), WireError::Id { field, length });
    }
}

/// Scenario: verdicts with a ruling, weight, policy or threshold that there is not, or with none, and two on the same
/// trace.
/// Guarantees: each is refused with its field.
#[test]
fn verdicts_are_whole() {
    let decide = |change: fn(&mut peer::Verdict)| {
        let mut verdict = verdict();
        change(&mut verdict);
        refused(Kind::Decide(verdict)).to_string()
    };
    assert!(decide(|verdict| verdict.ruling = 0).contains("verdict.ruling"));
    assert!(decide(|verdict| verdict.ruling = 9).contains("verdict.ruling"));
    assert!(decide(|verdict| verdict.carried = 0).contains("verdict.carried"));
    assert!(decide(|verdict| verdict.policy = None).contains("verdict.policy"));
    assert!(decide(|verdict| verdict.policy = Some(65_536)).contains("above 65535"));
    assert!(decide(|verdict| verdict.sub_policy = Some(65_536)).contains("sub_policy"));
    assert!(decide(|verdict| verdict.threshold = Some(1 << 56)).contains("verdict.threshold"));
    let twice = vec![verdict(), verdict()];
    let remainder = peer::Verdicts { verdicts: twice };
    let field = "verdicts";
    assert_eq!(
        refused(Kind::Remainder(remainder)),
        WireError::Twice { field }
    );
}

/// Scenario: a fragment with the last number that there is, whose successor would not exist.
/// Guarantees: it is refused.
#[test]
fn numbers_have_a_successor() {
    let fragment = peer::Fragment {
        number: u64::MAX,
        trace: Bytes::from_static(&[1; 16]),
        ..peer::Fragment::default()
    };
    assert!(matches!(
        refused(Kind::Append(fragment)),
        WireError::TooLarge { .. }
    ));
    let numbers = peer::Numbers {
        numbers: vec![u64::MAX],
    };
    assert!(matches!(
        refused(Kind::Free(numbers)),
        WireError::TooLarge { .. }
    ));
}

/// Scenario: lists, letters and names that are longer than any member writes.
/// Guarantees: each is refused before anything is made of it.
#[test]
fn lists_are_bounded() {
    let too_many = 1 + (1 << 20);
    let numbers = peer::Numbers {
        numbers: vec![1; too_many],
    };
    assert!(matches!(
        refused(Kind::Freed(numbers)),
        WireError::TooMany { .. }
    ));
    let traces = Bytes::from(vec![0; 16 * too_many]);
    let seal = peer::Seal {
        traces,
        opened: true,
    };
    assert!(matches!(
        refused(Kind::Sealed(seal)),
        WireError::TooMany { .. }
    ));
    let letter = peer::Letter {
        messages: vec![peer::Message::default(); MESSAGES_MAX + 1],
        ..peer::Letter::default()
    };
    assert!(matches!(
        read_letter(letter),
        Err(WireError::TooMany { .. })
    ));
    let part = peer::Part {
        sampler: "a".repeat(1025),
        ..peer::Part::default()
    };
    assert!(matches!(read_part(part), Err(WireError::TooMany { .. })));
    let sums = |handed| peer::Part {
        sequence: Some(peer::Sequence {
            handed,
            ..peer::Sequence::default()
        }),
        ..peer::Part::default()
    };
    let too_many = sums(vec![peer::Handed::default(); Slot::COUNT + 1]);
    assert!(matches!(
        read_part(too_many),
        Err(WireError::TooMany { .. })
    ));
    let nowhere = sums(vec![peer::Handed {
        slot: Slot::COUNT as u32,
        ..peer::Handed::default()
    }]);
    assert!(matches!(
        read_part(nowhere),
        Err(WireError::TooLarge { .. })
    ));
}

/// Scenario: a letter says of a trace that more of its spans were delivered than are ever told.
/// Guarantees: it is refused.
#[test]
fn what_was_delivered_is_bounded() {
    let delivered = peer::Delivered {
        trace: Bytes::from_static(&[1; 16]),
        spans: vec![0; DELIVERED_MAX + 1],
        ..peer::Delivered::default()
    };
    let letter = peer::Letter {
        delivered: vec![delivered],
        ..peer::Letter::default()
    };
    let error = read_letter(letter).unwrap_err();
    assert!(
        error.to_string().starts_with("delivered.spans has 16385"),
        "{error}"
    );
}
