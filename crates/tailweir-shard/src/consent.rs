//! What a member of a cluster reports of a slot: what all do that hold something of it there.

use std::collections::{BTreeMap, BTreeSet};
use tailweir_placement::{Report, RoutingTable};

/// Reports of a member's shards of spans and of logs, by name. A slot is in step, or a tenure closed, when it is for all of
/// them: a slot has moved only when its logs have.
#[derive(Debug)]
pub struct Consent<N> {
    said: BTreeMap<Report, BTreeSet<N>>,
}

impl<N> Default for Consent<N> {
    fn default() -> Self {
        Self {
            said: BTreeMap::new(),
        }
    }
}

impl<N: Ord> Consent<N> {
    /// One of so many says so. Whether the member does: all of them have.
    pub fn say(&mut self, of: usize, name: N, report: Report) -> bool {
        let by = self.said.entry(report).or_default();
        by.insert(name);
        by.len() >= of
    }

    /// What this one said does not count any more: it is gone, or begins anew.
    pub fn forget(&mut self, name: &N) {
        self.said.retain(|_, by| {
            by.remove(name);
            !by.is_empty()
        });
    }

    /// Forgets what is no news for the controllers any more, by a newer table.
    pub fn learn(&mut self, table: &RoutingTable) {
        self.said.retain(|report, _| is_open(report, table));
    }
}

fn is_open(report: &Report, table: &RoutingTable) -> bool {
    let row = |tenure: &tailweir_placement::TenureId| {
        table.tenures(tenure.slot)?.get(tenure.created).copied()
    };
    match report {
        Report::InSync { tenure, view } => row(tenure).is_some_and(|row| row.view == *view),
        Report::Clear { tenure, .. } => row(tenure).is_some(),
    }
}
