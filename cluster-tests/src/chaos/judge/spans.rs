//! I1, I2, I4, I5, I6: what was sent against what came.

use super::book::{Book, Oracle, SpanRecord, TraceRecord};
use crate::chaos::event::{Millis, TraceKey};
use crate::chaos::verdict::{Check, Invariant};

/// A failed sampler's exports in flight, and what its successor does not know to be delivered, are this old at most.
const IN_FLIGHT: Millis = 3_000;
/// A successor has exported again what it had to by this time after the fault is over.
const CATCH_UP: Millis = 15_000;

/// I1. A trace that the policies keep whatever happened, and each of its acknowledged spans.
pub(super) fn delivered(book: &Book<'_>) -> Check {
    let kept = book
        .traces
        .iter()
        .filter(|(_, trace)| book.oracle(trace) == Oracle::Keep);
    let acknowledged: Vec<_> = kept
        .flat_map(|(key, trace)| trace.spans.iter().map(move |(id, span)| (*key, *id, span)))
        .filter(|(_, _, span)| span.acknowledged().is_some())
        .collect();
    let lost = acknowledged
        .iter()
        .filter(|(_, _, span)| span.received.is_empty());
    let violations = lost.map(|(key, id, _)| {
        book.violation(
            *key,
            format!("lost span {id:016x}: acknowledged, not at the backend"),
        )
    });
    Check::of(
        Invariant::Delivered,
        acknowledged.len(),
        "acknowledged spans of traces to keep",
        violations.collect(),
    )
}

/// I2.
pub(super) fn whole(book: &Book<'_>) -> Check {
    let violations = book.traces.iter().filter_map(|(key, trace)| {
        let acknowledged = || {
            trace
                .spans
                .values()
                .filter(|it| it.acknowledged().is_some())
        };
        let is_kept = trace.spans.values().any(|span| !span.received.is_empty());
        let missing = acknowledged()
            .filter(|span| span.received.is_empty())
            .count();
        (is_kept && missing > 0).then(|| {
            let all = acknowledged().count();
            book.violation(
                *key,
                format!("split trace: {missing} of {all} acknowledged spans are missing"),
            )
        })
    });
    Check::of(
        Invariant::Whole,
        book.traces.len(),
        "traces",
        violations.collect(),
    )
}

/// I4.
pub(super) fn right(book: &Book<'_>) -> Check {
    let mut checked = 0;
    let mut violations = Vec::new();
    for (key, trace) in &book.traces {
        let is_kept = trace.spans.values().any(|span| !span.received.is_empty());
        let is_acknowledged = trace.spans.values().any(|it| it.acknowledged().is_some());
        let what = match book.oracle(trace) {
            Oracle::Keep if is_acknowledged && !is_kept => "to be kept, but nothing came",
            Oracle::Drop if is_kept => "to be dropped, but it came",
            Oracle::Either => continue,
            Oracle::Keep | Oracle::Drop => {
                checked += 1;
                continue;
            }
        };
        checked += 1;
        violations.push(book.violation(*key, format!("wrong verdict: {what}")));
    }
    Check::of(
        Invariant::Right,
        checked,
        "traces whose verdict is certain",
        violations,
    )
}

/// I5.
pub(super) fn once(book: &Book<'_>) -> Check {
    let mut received = 0;
    let mut violations = Vec::new();
    for (key, id, span) in all(book) {
        received += usize::from(!span.received.is_empty());
        let [first, .., last] = span.received.as_slice() else {
            continue;
        };
        if !is_excused(book, first.at, last.at) {
            let times = span.received.len();
            let what =
                format!("duplicate: span {id:016x} came {times} times, away from any failure");
            violations.push(book.violation(key, what));
        }
    }
    Check::of(
        Invariant::Once,
        received,
        "spans at the backend",
        violations,
    )
}

fn is_excused(book: &Book<'_>, first: Millis, last: Millis) -> bool {
    let mut faults = book.faults.iter().filter(|fault| fault.kind.may_repeat());
    faults.any(|fault| first + IN_FLIGHT >= fault.struck && last <= fault.healed + CATCH_UP)
}

/// I6.
pub(super) fn unchanged(book: &Book<'_>) -> Check {
    let mut received = 0;
    let mut violations = Vec::new();
    for (key, id, span) in all(book).filter(|(_, _, span)| !span.received.is_empty()) {
        received += span.received.len();
        match span.sent {
            // A request that the run's end cut short has no outcome.
            None if is_planned(book, key) => {}
            None => violations.push(book.violation(key, format!("span {id:016x} was never sent"))),
            Some(sent) => {
                let changed = span.received.iter().filter(|it| it.hash != sent.hash);
                violations.extend(changed.map(|it| {
                    let at = it.at;
                    book.violation(key, format!("changed content: span {id:016x} at {at} ms"))
                }));
            }
        }
    }
    Check::of(
        Invariant::Unchanged,
        received,
        "spans as they came",
        violations,
    )
}

fn is_planned(book: &Book<'_>, key: TraceKey) -> bool {
    let trace: Option<&TraceRecord<'_>> = book.traces.get(&key);
    trace.is_some_and(|trace| {
        let sent = trace
            .spans
            .values()
            .filter(|span| span.sent.is_some())
            .count();
        trace.planned.is_some_and(|planned| sent < planned.spans)
    })
}

fn all<'b, 'a>(book: &'b Book<'a>) -> impl Iterator<Item = (TraceKey, u64, &'b SpanRecord<'a>)> {
    book.traces
        .iter()
        .flat_map(|(key, trace)| trace.spans.iter().map(|(id, span)| (*key, *id, span)))
}
