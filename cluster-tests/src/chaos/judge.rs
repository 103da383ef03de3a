//! The checker: a history in, verdicts out. Pure, so that a test can show that it sees each kind of violation.

mod acknowledged;
mod book;
mod coverage;
mod members;
mod recovery;
mod spans;

use super::event::{Event, Run};
use super::verdict::{Check, Invariant, Outcome, Verdicts};
pub use acknowledged::{Acknowledged, acknowledged};
use anyhow::Result;
use book::Book;

/// Judges a run.
///
/// # Errors
/// When the history does not say what was run.
pub fn judge(events: &[Event]) -> Result<Verdicts> {
    let book = Book::read(events)?;
    let checks = vec![
        spans::delivered(&book),
        spans::whole(&book),
        members::one_verdict(&book),
        spans::right(&book),
        spans::once(&book),
        spans::unchanged(&book),
        members::one_owner(&book),
        members::balanced(&book),
        recovery::recovers(&book),
        coverage::covered(&book),
        recovery::refuses_nothing(&book),
    ];
    Ok(Verdicts {
        outcome: outcome(&book.run, &checks),
        run: book.run.clone(),
        figures: recovery::figures(&book),
        checks,
    })
}

/// A control passes when everything breaks that must, and nothing else but what may.
fn outcome(run: &Run, checks: &[Check]) -> Outcome {
    let is_broken = |check: &&Check| check.violated > 0;
    let broken: Vec<_> = checks
        .iter()
        .filter(is_broken)
        .map(|it| it.invariant)
        .collect();
    if broken.contains(&Invariant::Covered) {
        return Outcome::Invalid;
    }
    let may_break = |it: &Invariant| run.breaks.contains(it) || run.may_break.contains(it);
    let nothing_else = broken.iter().all(may_break);
    let all_that_must = run.breaks.iter().all(|must| broken.contains(must));
    if nothing_else && all_that_must {
        Outcome::Passed
    } else {
        Outcome::Failed
    }
}

#[cfg(test)]
mod tests;
