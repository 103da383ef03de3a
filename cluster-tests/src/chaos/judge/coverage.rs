//! I10: whether the faults struck, and struck traffic.

use super::book::{Book, Oracle};
use crate::chaos::event::{Fault, Millis};
use crate::chaos::verdict::{Check, Invariant, Violation};

/// Traffic flows when something was acknowledged this long before the fault.
const FLOWING: Millis = 2_000;
/// The fewest traces of either verdict that make a run.
const TRACES_MIN: usize = 10;

/// I10.
pub(super) fn covered(book: &Book<'_>) -> Check {
    let mut violations = Vec::new();
    for needed in &book.run.requires {
        let hits = |fault: &&&Fault| fault.kind == needed.kind && fault.hits.contains(&needed.hit);
        let (kind, hit) = (needed.kind, needed.hit);
        let mut of_kind = book.faults.iter().filter(hits).peekable();
        if of_kind.peek().is_none() {
            let what = format!("fault not fired: no {kind:?} hit {hit:?}");
            violations.push(Violation::of(what));
        } else if let Some(why) = of_kind.map(|fault| flaw(book, fault)).min().flatten() {
            let what = format!("fault not fired: {kind:?} of {hit:?}: {why}");
            violations.push(Violation::of(what));
        }
    }
    let chance = book.faults.iter().filter(|fault| !fault.worked);
    violations.extend(chance.map(|fault| {
        let (kind, evidence) = (fault.kind, &fault.evidence);
        Violation::of(format!(
            "{kind:?} of {:?} did not work: {evidence}",
            fault.nodes
        ))
    }));
    violations.extend(thin_traffic(book));
    let checked = book.run.requires.len().max(book.faults.len());
    Check::of(Invariant::Covered, checked, "faults", violations)
}

/// Why a fault does not count; nothing when it does.
fn flaw(book: &Book<'_>, fault: &Fault) -> Option<String> {
    if !fault.worked {
        return Some(fault.evidence.clone());
    }
    let since = fault.struck.saturating_sub(FLOWING);
    let acknowledged = |at: &Millis| (since..=fault.struck).contains(at);
    if !book
        .sent()
        .filter_map(|span| span.acknowledged)
        .any(|at| acknowledged(&at))
    {
        return Some("nothing was acknowledged before it".to_owned());
    }
    let during = |at: Millis| at >= fault.struck && at <= fault.healed.max(fault.struck + FLOWING);
    if !book.sent().any(|span| during(span.sent)) {
        return Some("nothing was sent while it lasted".to_owned());
    }
    let is_open = |sent: &[Millis]| {
        sent.iter().any(|at| *at < fault.struck) && sent.iter().any(|at| *at > fault.struck)
    };
    let mut open = book.traces.values().filter(|trace| {
        let sent: Vec<_> = trace
            .spans
            .values()
            .filter_map(|it| Some(it.sent?.sent))
            .collect();
        is_open(&sent)
    });
    if open.next().is_none() {
        return Some("no trace was open when it struck".to_owned());
    }
    None
}

fn thin_traffic(book: &Book<'_>) -> Option<Violation> {
    let of = |oracle| {
        let traces = book.traces.values();
        traces.filter(|trace| book.oracle(trace) == oracle).count()
    };
    let (kept, dropped) = (of(Oracle::Keep), of(Oracle::Drop));
    (kept < TRACES_MIN || dropped < TRACES_MIN).then(|| {
        Violation::of(format!(
            "too little traffic: {kept} traces to keep and {dropped} to drop are certain"
        ))
    })
}
