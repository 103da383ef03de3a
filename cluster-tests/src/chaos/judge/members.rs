//! I3, I7, I8: what members say of themselves.

use super::book::Book;
use crate::chaos::event::Ledger;
use crate::chaos::verdict::{Check, Invariant, Violation};
use std::collections::{BTreeMap, BTreeSet};

const NO_LOG: &str = "not evaluated: no member wrote down its decisions";

/// I3.
pub(super) fn one_verdict(book: &Book<'_>) -> Check {
    if book.decisions.is_empty() {
        return Check::not_evaluated(Invariant::OneVerdict, NO_LOG);
    }
    let mut verdicts: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
    for decision in &book.decisions {
        let of_trace = verdicts.entry(decision.trace).or_default();
        of_trace.insert(decision.kept);
    }
    let several = verdicts.iter().filter(|(_, verdicts)| verdicts.len() > 1);
    let violations = several
        .map(|(trace, _)| book.violation(*trace, "several verdicts: kept and dropped".to_owned()));
    Check::of(
        Invariant::OneVerdict,
        verdicts.len(),
        "traces with a decision in a log",
        violations.collect(),
    )
}

/// I7.
pub(super) fn one_owner(book: &Book<'_>) -> Check {
    if book.decisions.is_empty() {
        return Check::not_evaluated(Invariant::OneOwner, NO_LOG);
    }
    let mut owners: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for decision in &book.decisions {
        let view = (&decision.tenure, decision.view);
        owners.entry(view).or_default().insert(&decision.node);
    }
    let several = owners.iter().filter(|(_, owners)| owners.len() > 1);
    let violations = several.map(|((tenure, view), owners)| {
        Violation::of(format!(
            "several owners of tenure {tenure} in view {view}: {owners:?}"
        ))
    });
    Check::of(
        Invariant::OneOwner,
        owners.len(),
        "views of tenures in which something was decided",
        violations.collect(),
    )
}

/// I8.
pub(super) fn balanced(book: &Book<'_>) -> Check {
    if book.ledgers.is_empty() {
        return Check::not_evaluated(
            Invariant::Balanced,
            "not evaluated: no member showed its books",
        );
    }
    let mut violations: Vec<Violation> = book.ledgers.iter().flat_map(|it| faults_of(it)).collect();
    violations.extend(acknowledgements(book));
    let heavy = book.memories.iter().filter(|it| it.bytes > it.limit);
    violations.extend(heavy.map(|it| {
        let what = format!(
            "{} had {} bytes of memory, more than {}",
            it.node, it.bytes, it.limit
        );
        Violation::of(what)
    }));
    Check::of(
        Invariant::Balanced,
        book.ledgers.len(),
        "members at rest",
        violations,
    )
}

fn faults_of(ledger: &Ledger) -> Vec<Violation> {
    let node = &ledger.node;
    let difference = ledger.came - ledger.went - ledger.held;
    let mut wrong = Vec::new();
    if difference != 0 || ledger.imbalance != 0 {
        wrong.push(format!(
            "unbalanced ledger: {node} took {difference} spans that are nowhere (by its own sum {})",
            ledger.imbalance
        ));
    }
    if ledger.lost != 0 {
        wrong.push(format!("{node} counts {} spans as lost", ledger.lost));
    }
    if ledger.held != 0 {
        wrong.push(format!("{node} still holds {} spans at rest", ledger.held));
    }
    wrong.into_iter().map(Violation::of).collect()
}

/// What members say they acknowledged against what clients heard; a client may have missed an answer.
fn acknowledgements(book: &Book<'_>) -> Option<Violation> {
    if !book.ledgers.iter().all(|ledger| ledger.complete) {
        return None;
    }
    let said: u64 = book.ledgers.iter().map(|ledger| ledger.acknowledged).sum();
    let heard = book
        .sent()
        .filter(|span| span.acknowledged.is_some())
        .count() as u64;
    (said < heard).then(|| {
        Violation::of(format!(
            "members count {said} spans as acknowledged, clients heard it of {heard}"
        ))
    })
}
