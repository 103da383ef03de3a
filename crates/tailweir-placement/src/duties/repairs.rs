//! Candidates that do not get in step are exchanged.

use crate::{Command, Epoch, Incarnation, Phase, RoutingTable, Second, Tenure, TenureId};
use std::collections::HashMap;
use std::time::Duration;
use tailweir_core::Moment;

/// How long a candidate may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tenures that are being repaired.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// Those with a candidate: its view, and since when this leader knows it.
    candidates: HashMap<TenureId, (Epoch, Moment)>,
    /// How many tenures are not whole.
    waiting: usize,
}

impl Repairs {
    /// How many tenures are not whole: they have a candidate, or wait for a member that does not answer.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn see(&mut self, table: &RoutingTable, now: Moment) {
        let before = std::mem::take(&mut self.candidates);
        let silent: Vec<Incarnation> = table
            .members()
            .filter(|(_, member)| matches!(member.phase, Phase::Down | Phase::Removed))
            .map(|(_, member)| member.incarnation)
            .collect();
        let is_waiting = |tenure: &Tenure| silent.iter().any(|&member| tenure.names(member));
        self.waiting = 0;
        for (id, tenure) in tenures(table) {
            if let Second::Candidate(_) = tenure.second {
                let known = before.get(&id).filter(|(view, _)| *view == tenure.view);
                let since = known.map_or(now, |(_, since)| *since);
                self.candidates.insert(id, (tenure.view, since));
                self.waiting += 1;
            } else if is_waiting(tenure) {
                self.waiting += 1;
            }
        }
    }

    pub(super) fn due(&mut self, now: Moment) -> Option<Command> {
        let mut slow = Vec::new();
        for (id, (view, since)) in &mut self.candidates {
            if now.since(*since) > PATIENCE {
                slow.push((*id, *view));
                // Where nobody else can be a candidate it goes on trying.
                *since = now;
            }
        }
        slow.sort_unstable();
        (!slow.is_empty()).then_some(Command::Exchange(slow))
    }
}

/// All tenures, with their names.
pub(super) fn tenures(table: &RoutingTable) -> impl Iterator<Item = (TenureId, &Tenure)> {
    let slots = (0..tailweir_core::Slot::COUNT).filter_map(tailweir_core::Slot::new);
    slots.flat_map(|slot| {
        let tenures = table.tenures(slot).map_or(&[][..], |tenures| tenures.all());
        tenures.iter().map(move |tenure| {
            let created = tenure.created;
            (TenureId { slot, created }, tenure)
        })
    })
}
