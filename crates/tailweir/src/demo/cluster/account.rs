//! What clients were told beside what the backend has. Pure.

use crate::demo::client::SpanKey;
use std::collections::{BTreeMap, HashSet};

/// Acknowledged spans and spans at the backend.
#[derive(Debug, Default)]
pub(super) struct Account {
    acknowledged: BTreeMap<Vec<u8>, HashSet<Vec<u8>>>,
    arrived: BTreeMap<Vec<u8>, HashSet<Vec<u8>>>,
    repeated: u64,
}

/// Numbers of traces and of their acknowledged spans, by what the backend has of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// All.
    pub(super) whole: (u64, u64),
    /// Nothing.
    pub(super) absent: (u64, u64),
    /// Some; the spans are those that it does not have.
    pub(super) broken: (u64, u64),
}

impl Account {
    /// A client was told that this span is safe.
    pub(super) fn acknowledged(&mut self, (trace, span): SpanKey) {
        self.acknowledged.entry(trace).or_default().insert(span);
    }

    /// The backend has this span.
    pub(super) fn arrived(&mut self, (trace, span): SpanKey) {
        let is_new = self.arrived.entry(trace).or_default().insert(span);
        self.repeated += u64::from(!is_new);
    }

    /// Traces of which a span was acknowledged.
    pub(super) fn traces(&self) -> u64 {
        self.acknowledged.len() as u64
    }

    /// Spans that were acknowledged.
    pub(super) fn spans(&self) -> u64 {
        let traces = self.acknowledged.values();
        traces.map(|spans| spans.len() as u64).sum()
    }

    /// Spans that the backend got again.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Compares both sides, trace by trace.
    pub(super) fn judge(&self) -> Found {
        let mut found = Found::default();
        for (trace, spans) in &self.acknowledged {
            let arrived = self.arrived.get(trace);
            let has = |span: &&Vec<u8>| arrived.is_some_and(|arrived| arrived.contains(*span));
            let missing = spans.iter().filter(|span| !has(span)).count() as u64;
            let all = spans.len() as u64;
            let (kind, spans) = match missing {
                0 => (&mut found.whole, all),
                missing if missing == all && arrived.is_none() => (&mut found.absent, all),
                missing => (&mut found.broken, missing),
            };
            kind.0 += 1;
            kind.1 += spans;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Found};

    fn key(trace: u8, span: u8) -> (Vec<u8>, Vec<u8>) {
        (vec![trace], vec![span])
    }

    /// Scenario: one trace is at the backend whole and one span of it twice, one not at all, of one a span is missing.
    /// Guarantees: each is found as what it is, and only acknowledged spans count as missing.
    #[test]
    fn a_trace_in_pieces_is_found() {
        let mut account = Account::default();
        for (trace, span) in [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2)] {
            account.acknowledged(key(trace, span));
        }
        for (trace, span) in [(1, 1), (1, 2), (1, 2), (3, 1), (3, 9)] {
            account.arrived(key(trace, span));
        }
        let expected = Found {
            whole: (1, 2),
            absent: (1, 1),
            broken: (1, 1),
        };
        assert_eq!(account.judge(), expected);
        assert_eq!((account.traces(), account.spans()), (3, 5));
        assert_eq!(account.repeated(), 1);
    }
}
