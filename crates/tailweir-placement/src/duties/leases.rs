//! Which samplers live.

use super::Presence;
use crate::{Command, Incarnation, Phase, RoutingTable};
use std::collections::HashMap;
use std::time::Duration;
use tailweir_core::Moment;

/// Clocks may run apart by this share.
const CLOCK_ERROR: f64 = 1.01;
/// A renewal may be on its way for so long.
const TRANSIT: Duration = Duration::from_secs(1);
/// A leader that did not come to look for so long could not hear anybody either. That time is no member's fault.
const STALL: Duration = Duration::from_secs(2);

/// When each sampler was last heard of.
#[derive(Debug)]
pub(super) struct Leases {
    patience: Duration,
    heard: HashMap<Incarnation, Moment>,
    looked: Option<Moment>,
}

impl Leases {
    pub(super) fn new(lease: Duration) -> Self {
        Self {
            patience: lease.mul_f64(CLOCK_ERROR) + TRANSIT,
            heard: HashMap::new(),
            looked: None,
        }
    }

    /// Members that are new, or new to this leader, have a whole lease.
    pub(super) fn see(&mut self, table: &RoutingTable, now: Moment) {
        let heard = std::mem::take(&mut self.heard);
        let known = |incarnation| *heard.get(&incarnation).unwrap_or(&now);
        self.heard = table
            .members()
            .map(|(_, member)| (member.incarnation, known(member.incarnation)))
            .collect();
    }

    pub(super) fn renew(
        &mut self,
        table: &RoutingTable,
        member: Incarnation,
        now: Moment,
    ) -> Presence {
        self.look(now);
        let phase = table.member(member).map(|(_, member)| member.phase);
        match phase {
            None | Some(Phase::Removed) => return Presence::Unknown,
            Some(Phase::Down) => {
                self.heard.insert(member, now);
                return Presence::Down;
            }
            Some(_) => {}
        }
        self.heard.insert(member, now);
        Presence::Known
    }

    /// Those of whom nothing was heard for too long. When that is everybody it is none: more likely nobody could be
    /// heard, and nobody is left to take over.
    pub(super) fn due(&mut self, table: &RoutingTable, now: Moment) -> Option<Command> {
        self.look(now);
        let is_late = |incarnation: &Incarnation| {
            let heard = self.heard.get(incarnation);
            heard.is_some_and(|&heard| now.since(heard) > self.patience)
        };
        let alive: Vec<Incarnation> = table
            .members()
            .filter(|(_, member)| !matches!(member.phase, Phase::Down | Phase::Removed))
            .map(|(_, member)| member.incarnation)
            .collect();
        let late: Vec<Incarnation> = alive.iter().copied().filter(is_late).collect();
        let is_news = !late.is_empty() && late.len() < alive.len();
        is_news.then_some(Command::Expire(late))
    }

    fn look(&mut self, now: Moment) {
        let before = self.looked.replace(now).unwrap_or(now);
        let pause = now.since(before);
        if pause > STALL {
            for heard in self.heard.values_mut() {
                *heard = *heard + pause;
            }
        }
    }
}
