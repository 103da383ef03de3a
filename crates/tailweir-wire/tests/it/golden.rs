//! The bytes, pinned: a cluster runs members of two versions.

use bytes::Bytes;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use tailweir_core::{Moment, PolicyIndex, Slot, Threshold, TraceId};
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_policy::{CarriedWeight, SubPolicyIndex};
use tailweir_shard::{
    Answer as PartAnswer, Counted, Fate, Handed, Outcome, Piece, Redirect, Ruled, Sequence,
};
use tailweir_tenure::{Answer, Fragment, Index, Manifest, Message, Number, Record, Remaining};
use tailweir_wire::{Part, Roll, Said, write_letters, write_message, write_part, write_said};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/messages.txt");

fn remaining<T>(value: T) -> Remaining<T> {
    let remaining = Duration::from_millis(1500);
    Remaining { value, remaining }
}

fn verdict() -> Remaining<Ruled> {
    remaining(Ruled {
        outcome: Outcome::Sampled(Threshold::new(1 << 55)),
        policy: PolicyIndex(2),
        sub_policy: Some(SubPolicyIndex(1)),
        carried: CarriedWeight::Consistent,
        revision: 9,
    })
}

fn fragment(data: Piece) -> Remaining<Fragment<Piece>> {
    let trace = TraceId([7; 16]);
    remaining(Fragment { trace, data })
}

fn tenure() -> TenureId {
    TenureId {
        slot: Slot::new(300).unwrap(),
        created: Epoch(4),
    }
}

const TRACE: TraceId = TraceId([7; 16]);
const NUMBER: Number = Number(3);

fn verdicts() -> BTreeMap<TraceId, Remaining<Ruled>> {
    BTreeMap::from([(TRACE, verdict())])
}

fn pins() -> BTreeMap<TraceId, Epoch> {
    BTreeMap::from([(TRACE, Epoch(2))])
}

/// One of each kind, by name.
fn messages() -> Vec<(&'static str, Message<Piece, Ruled>)> {
    let (tenure, view, asked) = (tenure(), Epoch(5), Moment::from_nanos(6));
    let records = records().into_iter().map(|(name, record)| {
        let message = Message::Record {
            tenure,
            view,
            asked,
            record,
        };
        (name, message)
    });
    let answers = answers().into_iter().map(|(name, answer)| {
        let message = Message::Answer {
            tenure,
            view,
            asked,
            answer,
        };
        (name, message)
    });
    records.chain(answers).chain(questions(tenure)).collect()
}

fn records() -> Vec<(&'static str, Record<Piece, Ruled>)> {
    let append = Record::Append {
        number: NUMBER,
        fragment: fragment(Piece::Raw(Bytes::from_static(b"raw"))),
    };
    let copy = Record::Copy {
        number: NUMBER,
        fragment: fragment(Piece::Marked {
            bytes: Bytes::from_static(b"marked"),
            spans: 2,
            span_bytes: 90,
        }),
    };
    let attach = Record::Attach(Index {
        opened: true,
        sealed: Some(BTreeSet::new()),
        closed: true,
        traces: BTreeSet::from([TRACE]),
        verdicts: verdicts(),
        pins: pins(),
        next: Number(8),
    });
    let open = Record::Open {
        verdicts: verdicts(),
        pins: pins(),
    };
    let absorb = Record::Absorb {
        from: Epoch(2),
        verdicts: verdicts(),
    };
    let decide = Record::Decide {
        trace: TRACE,
        verdict: verdict(),
    };
    vec![
        ("open", open),
        ("append", append),
        ("decide", decide),
        ("seal", Record::Seal),
        ("absorb", absorb),
        ("close", Record::Close),
        ("attach", attach),
        ("copy", copy),
        ("free", Record::Free(BTreeSet::from([NUMBER]))),
    ]
}

fn answers() -> Vec<(&'static str, Answer<Ruled>)> {
    let decided = Answer::Decided {
        trace: TRACE,
        verdict: verdict(),
    };
    let sealed = Answer::Sealed {
        opened: true,
        traces: BTreeSet::from([TRACE]),
    };
    vec![
        ("opened", Answer::Opened),
        ("appended", Answer::Appended(NUMBER)),
        ("decided", decided),
        ("sealed", sealed),
        ("absorbed", Answer::Absorbed { from: Epoch(2) }),
        ("closed", Answer::Closed),
        ("attached", Answer::Attached),
        ("copied", Answer::Copied(NUMBER)),
        ("freed", Answer::Freed(BTreeSet::from([NUMBER]))),
        ("unknown", Answer::Unknown(TRACE)),
        ("not_attached", Answer::NotAttached),
        ("stale", Answer::Stale(Epoch(8))),
    ]
}

fn questions(tenure: TenureId) -> Vec<(&'static str, Message<Piece, Ruled>)> {
    let manifest = Manifest {
        open: BTreeSet::from([TRACE]),
        verdicts: verdicts(),
    };
    let remainder = Message::Remainder {
        tenure,
        verdicts: verdicts(),
    };
    vec![
        ("ask_manifest", Message::AskManifest { tenure }),
        ("manifest", Message::Manifest { tenure, manifest }),
        ("ask_remainder", Message::AskRemainder { tenure }),
        ("remainder", remainder),
        ("not_yet", Message::NotYet { tenure }),
    ]
}

fn parts() -> [(&'static str, Part); 4] {
    let spans = Part {
        id: 1,
        sampler: "traces/tail_sampling".to_owned(),
        epoch: Epoch(5),
        tenure: Some(Epoch(4)),
        spans: Bytes::from_static(b"spans"),
        patience: Duration::from_secs(2),
        handed_on: None,
        sequence: None,
    };
    let sums = |is_doubtful| Part {
        sampler: "connectors/span_metrics".to_owned(),
        tenure: None,
        spans: Bytes::from_static(b"sums"),
        sequence: Some(Sequence {
            origin: 9,
            number: 4,
            handed: vec![Handed {
                slot: tenure().slot,
                taken: vec![Counted {
                    origin: 8,
                    number: 3,
                }],
                is_doubtful,
            }],
        }),
        ..spans.clone()
    };
    let logs = Part {
        sampler: "logs/tail_sampling".to_owned(),
        spans: Bytes::from_static(b"logs"),
        handed_on: Some(Epoch(3)),
        ..spans.clone()
    };
    [
        ("part", spans.clone()),
        ("part of sums", sums(false)),
        ("part of sums in doubt", sums(true)),
        ("part of logs", logs),
    ]
}

/// Scenario: one message of each kind, parts of both kinds, and an answer to one.
/// Guarantees: their bytes are those of the versions before. A change here is a change of the wire.
#[test]
fn the_bytes_are_as_ever() {
    let mut lines = String::new();
    let mut line = |name: &str, bytes: Vec<u8>| {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        writeln!(lines, "{name} {hex}").unwrap();
    };
    for (name, message) in messages() {
        line(name, write_message(message).unwrap().encode_to_vec());
    }
    let delivered = Message::Delivered {
        tenure: tenure(),
        trace: TRACE,
        spans: vec![8, 9],
    };
    let letters = write_letters("traces/tail_sampling", vec![delivered], 0);
    line(
        "letter with what was delivered",
        letters[0].0.encode_to_vec(),
    );
    let no_room = Message::NoRoom {
        tenure: tenure(),
        numbers: [1, 3].map(Number).into(),
    };
    let letters = write_letters("traces/tail_sampling", vec![no_room], 0);
    line("letter without room", letters[0].0.encode_to_vec());
    for (name, part) in parts() {
        line(name, write_part(part).encode_to_vec());
    }
    let redirect = Redirect {
        trace: TraceId([7; 16]),
        epoch: Epoch(5),
        pinned: Some((tenure(), Incarnation(3))),
    };
    let said = Said::Answered(PartAnswer::Taken(vec![redirect]));
    line("taken", write_said(1, said).encode_to_vec());
    let fates = vec![Fate::Kept, Fate::Unknown, Fate::NotKept];
    line("told", write_said(1, Said::Told(fates)).encode_to_vec());
    let roll = Roll {
        roster: 7,
        count: 3,
        sharers: vec![1, 2],
        is_settled: true,
    };
    line(
        "roll",
        write_said(1, Said::Roll(Some(roll))).encode_to_vec(),
    );
    line("stopping", write_said(1, Said::Stopping).encode_to_vec());
    assert_eq!(lines, std::fs::read_to_string(FILE).unwrap());
}
