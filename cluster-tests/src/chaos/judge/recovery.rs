//! I9 and the figures: how long clients waited.

use super::book::{Book, Oracle};
use crate::chaos::event::Millis;
use crate::chaos::verdict::{Check, Figures, Invariant, Violation};
use std::collections::BTreeSet;

/// A request that took longer was disturbed.
const DISTURBED: Millis = 1_000;
/// Somebody is acknowledged at least this often, whatever happens.
const SILENCE_MAX: Millis = 10_000;

/// I9.
pub(super) fn recovers(book: &Book<'_>) -> Check {
    let mut violations = Vec::new();
    for recovery in &book.recoveries {
        let (milestone, bound) = (recovery.milestone, recovery.bound);
        match recovery.took {
            Some(took) if took <= bound => {}
            Some(took) => violations.push(Violation::of(format!(
                "{milestone:?} took {took} ms, more than {bound}"
            ))),
            None => violations.push(Violation::of(format!(
                "{milestone:?} was not reached in {bound} ms"
            ))),
        }
    }
    let given_up = book.sent().filter(|span| span.acknowledged.is_none());
    violations.extend(given_up.map(|span| {
        let id = span.key.span;
        let what = format!(
            "span {id:016x} was given up after {} attempts",
            span.attempts
        );
        book.violation(span.key.trace, what)
    }));
    let silence = longest_silence(book);
    if silence > SILENCE_MAX {
        let what = format!("nobody was acknowledged for {silence} ms");
        violations.push(Violation::of(what));
    }
    Check::of(
        Invariant::Recovers,
        book.recoveries.len(),
        "recoveries, every write, and the time between acknowledgements",
        violations,
    )
}

/// Planned changes are not seen by clients.
pub(super) fn refuses_nothing(book: &Book<'_>) -> Check {
    if !book.run.refuses_nothing {
        let why = "not asked: something was done that nobody planned";
        return Check::not_evaluated(Invariant::RefusesNothing, why);
    }
    let violations = book.refusals.iter().map(|refused| {
        Violation::of(format!(
            "{} spans were refused at {} ms by gateway {}: {} {}",
            refused.spans, refused.at, refused.gateway, refused.code, refused.message
        ))
    });
    Check::of(
        Invariant::RefusesNothing,
        requests(book).len(),
        "requests",
        violations.collect(),
    )
}

/// Figures for the report.
pub(super) fn figures(book: &Book<'_>) -> Figures {
    let of = |oracle: Oracle| {
        let traces = book.traces.values().filter(|trace| trace.planned.is_some());
        traces.filter(|trace| book.oracle(trace) == oracle).count()
    };
    let spans = || book.traces.values().flat_map(|trace| trace.spans.values());
    let acknowledged = book
        .sent()
        .filter(|span| span.acknowledged.is_some())
        .count();
    let mut waits: Vec<Millis> = requests(book).into_iter().filter_map(disturbance).collect();
    waits.sort_unstable();
    Figures {
        traces: book
            .traces
            .values()
            .filter(|trace| trace.planned.is_some())
            .count(),
        traces_to_keep: of(Oracle::Keep),
        traces_to_drop: of(Oracle::Drop),
        acknowledged_spans: acknowledged,
        given_up_spans: book.sent().count() - acknowledged,
        received_spans: spans().filter(|span| !span.received.is_empty()).count(),
        duplicate_spans: spans()
            .map(|span| span.received.len().saturating_sub(1))
            .sum(),
        refused_attempts: book.refusals.iter().filter(|it| it.answered).count(),
        unanswered_attempts: book.refusals.iter().filter(|it| !it.answered).count(),
        returned_attempts: book.returned,
        disturbed_requests: waits.len(),
        accepted_again_p50: quantile(&waits, 50),
        accepted_again_p99: quantile(&waits, 99),
        accepted_again_max: waits.last().copied().unwrap_or_default(),
        longest_silence: longest_silence(book),
    }
}

/// A request as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    sent: Millis,
    acknowledged: Option<Millis>,
    gateway: usize,
    attempts: u32,
}

fn requests(book: &Book<'_>) -> BTreeSet<Request> {
    let requests = book.sent().map(|span| Request {
        sent: span.sent,
        acknowledged: span.acknowledged,
        gateway: span.gateway,
        attempts: span.attempts,
    });
    requests.collect()
}

/// How long a request waited, if it was disturbed.
fn disturbance(request: Request) -> Option<Millis> {
    let took = request.acknowledged?.saturating_sub(request.sent);
    (request.attempts > 1 || took > DISTURBED).then_some(took)
}

fn quantile(sorted: &[Millis], percent: usize) -> Millis {
    let index = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(index).copied().unwrap_or_default()
}

/// The longest time without an acknowledgement while something was waiting for one.
fn longest_silence(book: &Book<'_>) -> Millis {
    let mut sent: Vec<Millis> = book.sent().map(|span| span.sent).collect();
    let mut heard: Vec<Millis> = book.sent().filter_map(|span| span.acknowledged).collect();
    sent.sort_unstable();
    heard.sort_unstable();
    let mut longest = 0;
    let mut before = 0;
    for at in heard {
        let waiting = sent.partition_point(|sent| *sent < before);
        let since = sent.get(waiting).copied().unwrap_or(at);
        longest = longest.max(at.saturating_sub(since.max(before)));
        before = at;
    }
    longest
}
