//! What stops how many configurations, and how many run.

use super::documents::Found;
use super::verdict::{Reason, Verdict};
use std::collections::BTreeMap;
use std::fmt;

/// Counts over all configurations of a folder.
#[derive(Debug, Default)]
pub(super) struct Table {
    stops: BTreeMap<Reason, Stops>,
    whole: usize,
    warned: usize,
    stopped: usize,
    /// Configurations that name variables or files that are not here.
    incomplete: usize,
    /// Files without a configuration.
    others: usize,
    /// Files with a document that could not be read.
    unreadable: usize,
}

/// How many configurations a reason stops.
#[derive(Debug, Default)]
struct Stops {
    all: usize,
    /// Those that nothing else stops: they would run.
    alone: usize,
}

impl Table {
    /// Counts a file.
    pub(super) fn note(&mut self, found: &Found) {
        if found.problem.is_some() {
            self.unreadable += 1;
        } else if found.configurations.is_empty() {
            self.others += 1;
        }
    }

    /// Counts a configuration.
    pub(super) fn add(&mut self, verdict: &Verdict) {
        match (verdict.reasons.is_empty(), verdict.warnings) {
            (true, 0) => self.whole += 1,
            (true, _) => self.warned += 1,
            (false, _) => self.stopped += 1,
        }
        self.incomplete += usize::from(verdict.unset + verdict.absent_files > 0);
        for reason in verdict.reasons.keys() {
            let stops = self.stops.entry(reason.clone()).or_default();
            stops.all += 1;
            stops.alone += usize::from(verdict.reasons.len() == 1);
        }
    }

    /// Whether any was found.
    pub(super) fn has_configurations(&self) -> bool {
        self.whole + self.warned + self.stopped > 0
    }
}

impl fmt::Display for Table {
    /// The reasons that stop most come first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<_> = self.stops.iter().collect();
        rows.sort_by_key(|(_, stops)| std::cmp::Reverse((stops.all, stops.alone)));
        if !rows.is_empty() {
            writeln!(f, "stops  alone  what")?;
        }
        for (reason, stops) in rows {
            writeln!(f, "{:>5}  {:>5}  {reason}", stops.all, stops.alone)?;
        }
        let run = self.whole + self.warned;
        let all = run + self.stopped;
        writeln!(
            f,
            "{run} of {all} configurations run whole ({} of them with warnings), {} do not",
            self.warned, self.stopped
        )?;
        writeln!(
            f,
            "{} name variables or files that are not here; what is refused only for that stops none",
            self.incomplete
        )?;
        writeln!(
            f,
            "{} more files hold no configuration, {} could not be read in full",
            self.others, self.unreadable
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::coverage::verdict::{Reason, Verdict};

    fn stopped(kinds: &[&str]) -> Verdict {
        let reasons = kinds.iter().map(|kind| {
            // However often it is there, it stops the configuration once.
            (Reason::Component((*kind).to_owned()), 3)
        });
        Verdict {
            reasons: reasons.collect(),
            ..Verdict::default()
        }
    }

    /// Scenario: one configuration is whole, one has warnings and an unset variable, one is stopped by two types,
    /// one by one of them.
    /// Guarantees: types are counted by configurations, those that stop most first, and the totals are right.
    #[test]
    fn reasons_are_counted_by_configurations() {
        let mut table = Table::default();
        table.add(&Verdict::default());
        table.add(&Verdict {
            warnings: 2,
            unset: 1,
            ..Verdict::default()
        });
        table.add(&stopped(&["a", "b"]));
        table.add(&stopped(&["b"]));
        let text = table.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "stops  alone  what",
                "    2      1  component: b",
                "    1      0  component: a",
                "2 of 4 configurations run whole (1 of them with warnings), 2 do not",
            ]
        );
        assert!(lines[4].starts_with("1 name variables"));
    }
}
