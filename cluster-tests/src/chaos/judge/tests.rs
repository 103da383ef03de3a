//! The checker sees each kind of violation, and nothing where there is none.

use crate::chaos::event::{
    Decision, Event, Fault, FaultKind, Hit, Ledger, Memory, Milestone, Millis, ReceivedSpan,
    Recovery, Refused, Requirement, Returned, Run, SentSpan, SpanKey, Trace, TraceKey,
};
use crate::chaos::judge;
use crate::chaos::verdict::{Invariant, Outcome, Verdicts};

const WAIT: Millis = 5_000;
/// Traces of [`calm`]: every second one is to be kept, its deciding span comes last.
const TRACES: u128 = 40;
const SPANS: u64 = 3;
/// A kill of the owner at this time.
const STRUCK: Millis = 3_000;

fn key(trace: u128, span: u64) -> SpanKey {
    SpanKey {
        trace: TraceKey(trace),
        span,
    }
}

fn sent_at(trace: u128, span: u64) -> Millis {
    100 * trace as Millis + 700 * span
}

fn is_kept(trace: u128) -> bool {
    trace.is_multiple_of(2)
}

fn hash(trace: u128, span: u64) -> u64 {
    1_000 * trace as u64 + span
}

fn received(at: Millis, trace: u128, span: u64) -> Event {
    Event::Received(ReceivedSpan {
        at,
        key: key(trace, span),
        hash: hash(trace, span),
    })
}

/// A run without a flaw: an owner was killed in the middle, and everything is as it should be.
fn calm() -> Vec<Event> {
    let mut events = vec![Event::Run(Run {
        scenario: "kill-owner".into(),
        decision_wait: WAIT,
        requires: vec![Requirement {
            kind: FaultKind::Kill,
            hit: Hit::Owner,
        }],
        ..Run::default()
    })];
    for trace in 1..=TRACES {
        events.push(Event::Trace(Trace {
            at: sent_at(trace, 0),
            trace: TraceKey(trace),
            spans: SPANS as usize,
            in_share: false,
            in_later_share: false,
        }));
        for span in 0..SPANS {
            events.push(Event::Span(SentSpan {
                key: key(trace, span),
                sent: sent_at(trace, span),
                acknowledged: Some(sent_at(trace, span) + 20),
                attempts: 1,
                gateway: 0,
                hash: hash(trace, span),
                decides: is_kept(trace) && span == SPANS - 1,
            }));
            if is_kept(trace) {
                events.push(received(sent_at(trace, 0) + WAIT + 100, trace, span));
            }
        }
        events.push(Event::Decision(Decision {
            node: "sampler-0".into(),
            trace: TraceKey(trace),
            kept: is_kept(trace),
            tenure: format!("{trace}@7"),
            view: 1,
        }));
    }
    events.push(Event::Fault(Fault {
        kind: FaultKind::Kill,
        nodes: vec!["sampler-0".into()],
        hits: vec![Hit::Owner],
        struck: STRUCK,
        healed: STRUCK + 500,
        worked: true,
        evidence: "signal 9".into(),
    }));
    events.push(Event::Ledger(Ledger {
        node: "sampler-1".into(),
        complete: true,
        acknowledged: TRACES as u64 * SPANS,
        came: 120,
        went: 120,
        ..Ledger::default()
    }));
    events.push(Event::Memory(Memory {
        node: "sampler-1".into(),
        bytes: 1,
        limit: 2,
    }));
    events.push(Event::Recovery(Recovery {
        milestone: Milestone::Whole,
        took: Some(10),
        bound: 15_000,
    }));
    events
}

fn judged(events: &[Event]) -> Verdicts {
    judge(events).expect("the history says what was run")
}

/// Bends the flawless history, and wants this invariant, alone, to be named with these words.
fn check(invariant: Invariant, words: &str, bend: impl Fn(&mut Vec<Event>)) {
    let mut events = calm();
    bend(&mut events);
    let verdicts = judged(&events);
    let broken: Vec<_> = verdicts.broken().map(|check| check.invariant).collect();
    assert_eq!(broken, [invariant], "{verdicts:#?}");
    let found = verdicts
        .broken()
        .next()
        .map(|check| check.violations[0].what.clone());
    let found = found.unwrap_or_default();
    assert!(found.contains(words), "{found:?} does not say {words:?}");
    let is_invalid = verdicts.outcome == Outcome::Invalid;
    assert_eq!(is_invalid, invariant == Invariant::Covered);
    assert_ne!(verdicts.outcome, Outcome::Passed);
}

/// Changes the only event of its kind, or the first that `pick` knows.
fn change<T>(
    events: &mut [Event],
    pick: impl Fn(&mut Event) -> Option<&mut T>,
    to: impl Fn(&mut T),
) {
    let found = events.iter_mut().find_map(pick);
    to(found.expect("there is one"));
}

fn fault(event: &mut Event) -> Option<&mut Fault> {
    match event {
        Event::Fault(fault) => Some(fault),
        _ => None,
    }
}

fn ledger(event: &mut Event) -> Option<&mut Ledger> {
    match event {
        Event::Ledger(ledger) => Some(ledger),
        _ => None,
    }
}

fn sent(event: &mut Event) -> Option<&mut SentSpan> {
    match event {
        Event::Span(sent) => Some(sent),
        _ => None,
    }
}

fn came(event: &mut Event) -> Option<&mut ReceivedSpan> {
    match event {
        Event::Received(received) => Some(received),
        _ => None,
    }
}

fn is_received(event: &Event, trace: u128) -> bool {
    matches!(event, Event::Received(it) if it.key.trace == TraceKey(trace))
}

/// Scenario: a run in which everything is right.
/// Guarantees: nothing is called broken, everything was looked at, and the figures are those of the run.
#[test]
fn a_flawless_run_passes() {
    let verdicts = judged(&calm());
    assert_eq!(verdicts.outcome, Outcome::Passed, "{verdicts:#?}");
    let skipped: Vec<_> = verdicts
        .checks
        .iter()
        .filter(|check| !check.evaluated)
        .collect();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    let figures = verdicts.figures;
    assert_eq!((figures.traces_to_keep, figures.traces_to_drop), (20, 20));
    assert_eq!(
        (figures.acknowledged_spans, figures.received_spans),
        (120, 60)
    );
}

/// Scenario: a kept trace does not come at all; one span of another does not come.
/// Guarantees: lost spans, a wrong verdict and a split trace are named, with what happened around them.
#[test]
fn lost_and_split_traces_are_seen() {
    let mut events = calm();
    events.retain(|event| !is_received(event, 2));
    let verdicts = judged(&events);
    let broken: Vec<_> = verdicts.broken().map(|check| check.invariant).collect();
    assert_eq!(broken, [Invariant::Delivered, Invariant::Right]);
    let first = &verdicts.checks[0].violations[0];
    assert_eq!(first.trace, Some(TraceKey(2)));
    assert!(first.what.contains("lost span"), "{}", first.what);
    assert!(
        first
            .timeline
            .iter()
            .any(|line| line.contains("Kill of sampler-0 begins"))
    );
    assert!(
        first
            .timeline
            .iter()
            .any(|line| line.contains("is acknowledged"))
    );

    let mut events = calm();
    let split = received(sent_at(4, 0) + WAIT + 100, 4, 1);
    events.retain(|event| *event != split);
    let verdicts = judged(&events);
    let broken: Vec<_> = verdicts.broken().map(|check| check.invariant).collect();
    assert_eq!(broken, [Invariant::Delivered, Invariant::Whole]);
    let whole = &verdicts.checks[1].violations[0];
    assert!(whole.what.contains("split trace: 1 of 3"), "{}", whole.what);
}

/// Scenario: a dropped trace comes.
/// Guarantees: the wrong verdict is named.
#[test]
fn a_wrong_verdict_is_seen() {
    check(Invariant::Right, "to be dropped, but it came", |events| {
        events.extend((0..SPANS).map(|span| received(9_000, 1, span)));
    });
}

/// Scenario: what decides a trace is acknowledged after the time of its decision; the trace is kept, or dropped.
/// Guarantees: either is right, but not half of it.
#[test]
fn a_late_decider_may_go_either_way() {
    let mut events = calm();
    let last = key(2, SPANS - 1);
    for event in &mut events {
        match event {
            Event::Span(sent) if sent.key == last => {
                sent.acknowledged = Some(sent_at(2, 0) + WAIT);
            }
            _ => {}
        }
    }
    assert_eq!(judged(&events).outcome, Outcome::Passed);
    events.retain(|event| !is_received(event, 2));
    assert_eq!(judged(&events).outcome, Outcome::Passed);
    events.push(received(9_000, 2, 0));
    assert_eq!(judged(&events).outcome, Outcome::Failed);
}

/// Scenario: a span comes twice: long after the failure; right after it.
/// Guarantees: the first is named, the second is excused.
#[test]
fn a_duplicate_is_seen_unless_a_failure_excuses_it() {
    check(Invariant::Once, "duplicate", |events| {
        events.push(received(60_000, 2, 0));
    });
    let mut events = calm();
    events.push(received(STRUCK + 4_000, 2, 0));
    let verdicts = judged(&events);
    assert_eq!(verdicts.outcome, Outcome::Passed);
    assert_eq!(verdicts.figures.duplicate_spans, 1);
    // A planned restart excuses nothing.
    check(Invariant::Covered, "no Kill hit Owner", |events| {
        change(events, fault, |it| it.kind = FaultKind::Restart);
    });
}

/// Scenario: a span comes with other content; one comes that nobody sent.
/// Guarantees: both are named.
#[test]
fn changed_and_invented_spans_are_seen() {
    check(Invariant::Unchanged, "changed content", |events| {
        change(events, came, |it| it.hash += 1);
    });
    check(Invariant::Unchanged, "never sent", |events| {
        events.push(received(9_000, 77, 0));
    });
}

/// Scenario: two members decide a trace differently; two decide in one view.
/// Guarantees: both are named.
#[test]
fn two_verdicts_and_two_owners_are_seen() {
    let decision = |node: &str, kept, view| {
        Event::Decision(Decision {
            node: node.into(),
            trace: TraceKey(2),
            kept,
            tenure: "2@7".into(),
            view,
        })
    };
    check(Invariant::OneVerdict, "several verdicts", |events| {
        events.push(decision("sampler-1", false, 2));
    });
    check(
        Invariant::OneOwner,
        "several owners of tenure 2@7",
        |events| {
            events.push(decision("sampler-1", true, 1));
        },
    );
}

/// Scenario: a member's books have a hole; it counts a loss; it holds something for ever; it is too large.
/// Guarantees: each is named.
#[test]
fn books_that_do_not_balance_are_seen() {
    check(Invariant::Balanced, "unbalanced ledger", |events| {
        change(events, ledger, |it| it.went -= 1);
    });
    check(Invariant::Balanced, "unbalanced ledger", |events| {
        change(events, ledger, |it| it.imbalance = 3);
    });
    check(Invariant::Balanced, "counts 1 spans as lost", |events| {
        change(events, ledger, |it| it.lost = 1);
    });
    check(Invariant::Balanced, "still holds 2 spans", |events| {
        change(events, ledger, |it| (it.held, it.went) = (2, it.went - 2));
    });
    check(Invariant::Balanced, "clients heard it of 120", |events| {
        change(events, ledger, |it| it.acknowledged = 119);
    });
    check(Invariant::Balanced, "bytes of memory", |events| {
        events.push(Event::Memory(Memory {
            node: "sampler-1".into(),
            bytes: 3,
            limit: 2,
        }));
    });
}

/// Scenario: the cluster heals too late, or never; a write is never accepted; nobody is served for a time.
/// Guarantees: each is named.
#[test]
fn a_cluster_that_does_not_recover_is_seen() {
    let whole = |took| {
        Event::Recovery(Recovery {
            milestone: Milestone::Whole,
            took,
            bound: 15_000,
        })
    };
    check(Invariant::Recovers, "more than 15000", |events| {
        events.push(whole(Some(15_001)));
    });
    check(Invariant::Recovers, "was not reached", |events| {
        events.push(whole(None));
    });
    check(Invariant::Recovers, "was given up", |events| {
        change(events, sent, |it| it.acknowledged = None);
    });
    check(Invariant::Recovers, "nobody was acknowledged", |events| {
        let late = events.iter_mut().filter_map(sent).last().expect("spans");
        late.acknowledged = Some(late.sent + 20_000);
    });
}

/// Scenario: the fault did not fire, hit something else, did not work, or struck when there was no traffic.
/// Guarantees: the run is invalid, and it says why.
#[test]
fn a_run_without_its_fault_is_invalid() {
    check(Invariant::Covered, "no Kill hit Owner", |events| {
        events.retain(|event| !matches!(event, Event::Fault(_)));
    });
    check(Invariant::Covered, "no Kill hit Owner", |events| {
        change(events, fault, |it| it.hits = vec![Hit::Replica]);
    });
    check(Invariant::Covered, "exit code 0", |events| {
        change(events, fault, |it| {
            it.worked = false;
            it.evidence = "exit code 0".into();
        });
    });
    check(
        Invariant::Covered,
        "nothing was acknowledged before",
        |events| {
            change(events, fault, |it| {
                (it.struck, it.healed) = (50_000, 50_100);
            });
        },
    );
    check(Invariant::Covered, "too little traffic", |events| {
        events.retain(|event| match event {
            Event::Trace(it) => it.trace.0 > 30,
            Event::Span(it) => it.key.trace.0 > 30,
            Event::Received(it) => it.key.trace.0 > 30,
            Event::Ledger(_) => false,
            _ => true,
        });
        change(events, fault, |it| (it.struck, it.healed) = (4_000, 4_500));
    });
}

/// Scenario: a planned change during which a request is refused.
/// Guarantees: it is named, and is nobody's business where nothing was planned.
#[test]
fn a_refusal_counts_only_where_all_was_planned() {
    let refused = Event::Refused(Refused {
        at: 3_000,
        gateway: 1,
        code: "Unavailable".into(),
        message: "no room".into(),
        spans: 4,
        answered: true,
    });
    let mut events = calm();
    events.push(refused.clone());
    assert_eq!(judged(&events).outcome, Outcome::Passed);
    check(
        Invariant::RefusesNothing,
        "4 spans were refused",
        |events| {
            events.push(refused.clone());
            if let Event::Run(run) = &mut events[0] {
                run.refuses_nothing = true;
            }
        },
    );
}

/// Scenario: a planned change during which a connection gives a request back unsent.
/// Guarantees: nobody refused it; it is counted.
#[test]
fn a_request_that_was_not_sent_was_not_refused() {
    let mut events = calm();
    events.push(Event::Returned(Returned {
        at: 3_000,
        gateway: 1,
        spans: 4,
    }));
    if let Event::Run(run) = &mut events[0] {
        run.refuses_nothing = true;
    }
    let verdicts = judged(&events);
    assert_eq!(verdicts.outcome, Outcome::Passed);
    assert_eq!(verdicts.figures.returned_attempts, 1);
}

/// Scenario: a control that must lose spans: it does; it does not; it breaks something else.
/// Guarantees: only the first passes.
#[test]
fn a_control_passes_when_exactly_that_breaks() {
    let control = |bend: &dyn Fn(&mut Vec<Event>)| {
        let mut events = calm();
        if let Event::Run(run) = &mut events[0] {
            run.breaks = vec![Invariant::Delivered, Invariant::Right];
        }
        bend(&mut events);
        judged(&events).outcome
    };
    let lose = |events: &mut Vec<Event>| events.retain(|event| !is_received(event, 2));
    assert_eq!(control(&lose), Outcome::Passed);
    assert_eq!(control(&|_| {}), Outcome::Failed);
    let lose_and_repeat = |events: &mut Vec<Event>| {
        lose(events);
        events.push(received(60_000, 4, 0));
    };
    assert_eq!(control(&lose_and_repeat), Outcome::Failed);
}

/// Scenario: a disaster that may lose spans: it does; it does not; it brings one twice.
/// Guarantees: the last alone fails.
#[test]
fn a_disaster_breaks_what_it_may_and_nothing_else() {
    let disaster = |bend: &dyn Fn(&mut Vec<Event>)| {
        let mut events = calm();
        if let Event::Run(run) = &mut events[0] {
            run.may_break = vec![Invariant::Delivered, Invariant::Right];
        }
        bend(&mut events);
        judged(&events).outcome
    };
    let lose = |events: &mut Vec<Event>| events.retain(|event| !is_received(event, 2));
    assert_eq!(disaster(&lose), Outcome::Passed);
    assert_eq!(disaster(&|_| {}), Outcome::Passed);
    let repeat = |events: &mut Vec<Event>| events.push(received(60_000, 4, 0));
    assert_eq!(disaster(&repeat), Outcome::Failed);
}

/// Scenario: a history is written as lines and read again.
/// Guarantees: it says the same.
#[test]
fn a_history_survives_its_file() {
    for event in calm() {
        let line = serde_json::to_string(&event).expect("a line");
        let read: Event = serde_json::from_str(&line).expect("an event");
        assert_eq!(read, event);
    }
}
