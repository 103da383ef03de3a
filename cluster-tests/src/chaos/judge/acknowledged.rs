//! What became of traces whose spans were all acknowledged: the figures that gateways are compared by.

use super::book::{Book, Oracle, TraceRecord};
use crate::chaos::event::Event;
use anyhow::Result;
use serde::{Deserialize, Serialize};

/// Traces all of whose spans were acknowledged, by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// All of them.
    pub traces: usize,
    /// Those that the policies keep, whatever happens.
    pub to_keep: usize,
    /// Those that are at the backend with every span.
    pub whole: usize,
    /// Those that are there with a part of their spans.
    pub fragments: usize,
    /// Those to keep of which nothing is there.
    pub gone: usize,
}

/// Counts them in a history.
///
/// # Errors
/// When the history does not say what was run.
pub fn acknowledged(events: &[Event]) -> Result<Acknowledged> {
    let book = Book::read(events)?;
    let mut counted = Acknowledged::default();
    for trace in book.traces.values().filter(|trace| is_in_full(trace)) {
        let there = || trace.spans.values().filter(|it| !it.received.is_empty());
        let is_to_keep = book.oracle(trace) == Oracle::Keep;
        counted.traces += 1;
        counted.to_keep += usize::from(is_to_keep);
        match there().count() {
            0 => counted.gone += usize::from(is_to_keep),
            all if all == trace.spans.len() => counted.whole += 1,
            _ => counted.fragments += 1,
        }
    }
    Ok(counted)
}

fn is_in_full(trace: &TraceRecord<'_>) -> bool {
    let acknowledged = trace
        .spans
        .values()
        .filter(|it| it.acknowledged().is_some());
    let acknowledged = acknowledged.count();
    trace
        .planned
        .is_some_and(|planned| planned.spans == acknowledged)
        && acknowledged == trace.spans.len()
}
