//! What a replica stores, and what it refuses.

use crate::network::{A, B, C, Keep, Network, Sent, at, tenure, trace};
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::{Epoch, Second};
use tailweir_tenure::{Answer, Effect, Message, Received, Record, Remaining};

fn record(view: u64, record: Record<&'static str, Keep>) -> Sent {
    Message::Record {
        tenure: tenure(1),
        view: Epoch(view),
        asked: Moment::ZERO,
        record,
    }
}

fn answer(network: &Network) -> &Answer<Keep> {
    match &network.sent.last().unwrap().2 {
        Message::Answer { answer, .. } => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// Scenario: the slot moves on, and the old pair goes on with its tenure.
/// Guarantees: an epoch that changes nothing about the tenure stops neither of them.
#[test]
fn an_unrelated_epoch_stops_nobody() {
    let mut network = Network::open();
    network.begin(C, B);
    network.learn(B);
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    assert!(network.acknowledged(A, number));
}

/// Scenario: records of an older and of a newer view reach a replica.
/// Guarantees: the older is refused as stale; the newer waits for the table.
#[test]
fn only_records_of_the_same_view_are_stored() {
    let mut network = Network::open();
    let ahead = record(2, Record::Seal);
    assert_eq!(network.inject(A, B, ahead.clone()), Received::Behind(ahead));
    network.repair(B, Second::Candidate(C));
    network.learn(B);
    network.inject(A, B, record(1, Record::Seal));
    assert_eq!(answer(&network), &Answer::Stale(Epoch(2)));
}

/// Scenario: an owner that was replaced without knowing it proposes a verdict.
/// Guarantees: it is told that its view is old, and neither exports nor discards.
#[test]
fn a_replaced_owner_acts_on_nothing() {
    let mut network = Network::open();
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.repair(B, Second::Candidate(C));
    network.learn(B);
    network.decide(A, 1, trace(1), true);
    network.settle();
    assert_eq!(answer(&network), &Answer::Stale(Epoch(2)));
    assert!(!network.did(A, |effect| matches!(
        effect,
        Effect::Export { .. } | Effect::Decided { .. }
    )));
}

/// Scenario: a verdict was stored and its answer was lost; the replica is promoted.
/// Guarantees: the stored verdict stands, and what it keeps is exported.
#[test]
fn a_stored_verdict_stands() {
    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    let verdict = Remaining {
        value: Keep(true),
        remaining: Duration::from_secs(60),
    };
    let trace = trace(1);
    network.inject(
        A,
        B,
        record(
            1,
            Record::Decide {
                trace,
                verdict: verdict.clone(),
            },
        ),
    );
    let other = Remaining {
        value: Keep(false),
        ..verdict
    };
    network.inject(
        A,
        B,
        record(
            1,
            Record::Decide {
                trace,
                verdict: other,
            },
        ),
    );
    assert_eq!(answer(&network), &Answer::Decided { trace, verdict });
    network.lose();
    network.repair(B, Second::Candidate(C));
    network.learn(B);
    assert!(network.did(
        B,
        |effect| matches!(effect, Effect::Decided { verdict, .. } if verdict.value == Keep(true))
    ));
    assert!(network.did(B, |effect| *effect
        == Effect::Export {
            tenure: tenure(1),
            number
        }));
}

/// Scenario: a verdict comes for a trace of which the replica has nothing.
/// Guarantees: it is refused, because another tenure may have the trace.
#[test]
fn a_verdict_without_a_fragment_is_refused() {
    let mut network = Network::open();
    let verdict = Remaining {
        value: Keep(true),
        remaining: Duration::ZERO,
    };
    network.inject(
        A,
        B,
        record(
            1,
            Record::Decide {
                trace: trace(7),
                verdict,
            },
        ),
    );
    assert_eq!(answer(&network), &Answer::Unknown(trace(7)));
}

/// Scenario: a fragment arrives while a verdict on its trace is under way.
/// Guarantees: it is acknowledged only with the verdict, which has not seen it.
#[test]
fn no_span_is_acknowledged_behind_the_back_of_a_verdict() {
    let mut network = Network::open();
    network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.decide(A, 1, trace(1), true);
    let late = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.inject(
        B,
        A,
        Message::Answer {
            tenure: tenure(1),
            view: Epoch(1),
            asked: Moment::ZERO,
            answer: Answer::Appended(late),
        },
    );
    assert!(!network.acknowledged(A, late));
    network.settle();
    assert!(network.acknowledged(A, late));
}

/// Scenario: everything that is under way is lost, and the owner says it again, twice.
/// Guarantees: nothing is stuck, and what is stored twice is there once.
#[test]
fn what_is_lost_is_said_again() {
    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.lose();
    for _ in 0..2 {
        network.run(A, |node, now, out| node.remind(now, out));
    }
    network.settle();
    assert!(network.acknowledged(A, number));
    assert_eq!(network.node(B).fragments(tenure(1)).count(), 1);
    network.begin(C, B);
    network.learn_all();
    network.lose();
    network.settle_again();
    network.settle_again();
    assert!(network.offer(C, 2, trace(2), at(9)).is_ok());
}

/// Scenario: a moved tenure has decided and delivered everything.
/// Guarantees: it is closed, its verdicts are taken over, and the controllers are asked to clear it into the tenure that
/// has them; a late span then follows the verdict there.
#[test]
fn a_finished_tenure_is_closed_absorbed_and_cleared() {
    let mut network = Network::open();
    let number = network.offer(A, 1, trace(1), at(9)).unwrap();
    network.settle();
    network.begin(C, B);
    network.learn_all();
    network.settle_again();
    network.decide(A, 1, trace(1), true);
    network.settle_again();
    let clear = |effect: &_| {
        *effect
            == Effect::Clear {
                tenure: tenure(1),
                into: Epoch(2),
            }
    };
    assert!(!network.did(C, clear), "the kept span is not delivered");
    network.deliver(A, 1, number);
    network.settle_again();
    assert!(network.did(C, clear));
    assert!(network.offer(C, 2, trace(1), at(9)).is_ok());
}
