//! Which samplers live.

use super::hearing::Hearing;
use super::{Duties, Presence};
use crate::{Command, Incarnation, Phase, RoutingTable};
use std::collections::HashMap;
use std::time::Duration;
use tailweir_core::Moment;

/// Clocks may run apart by this share.
const CLOCK_ERROR: f64 = 1.01;
/// A renewal may be on its way for so long.
const TRANSIT: Duration = Duration::from_secs(1);

/// When each sampler was last heard of, by the clock of [`Hearing`].
#[derive(Debug)]
pub(super) struct Leases {
    patience: Duration,
    hearing: Hearing,
    heard: HashMap<Incarnation, Moment>,
}

impl Leases {
    /// Renewals are a third of a lease apart, so one healthy member is enough to keep the clock going; half a transit is for
    /// what delays them. When none can be heard, the one that was heard first is silent for a third before, and the clock goes
    /// on for another one and half a transit: that is less than its patience by another third and more than half a transit, in
    /// which it renews once they are heard again.
    pub(super) fn new(lease: Duration, now: Moment) -> Self {
        let reach = lease / Duties::RENEWALS + TRANSIT / 2;
        Self {
            patience: lease.mul_f64(CLOCK_ERROR) + TRANSIT,
            hearing: Hearing::new(reach, now),
            heard: HashMap::new(),
        }
    }

    /// Members that are new, or new to this leader, have a whole lease.
    pub(super) fn see(&mut self, table: &RoutingTable, now: Moment) {
        let time = self.hearing.time(now);
        let heard = std::mem::take(&mut self.heard);
        let known = |incarnation| *heard.get(&incarnation).unwrap_or(&time);
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
        let phase = table.member(member).map(|(_, member)| member.phase);
        let presence = match phase {
            None | Some(Phase::Removed) => return Presence::Unknown,
            Some(Phase::Down) => Presence::Down,
            Some(_) => Presence::Known,
        };
        let time = self.hearing.hear(now);
        self.heard.insert(member, time);
        presence
    }

    /// Those of whom nothing was heard for too long while others were. When that is everybody it is none: nobody is left to
    /// take over.
    pub(super) fn due(&mut self, table: &RoutingTable, now: Moment) -> Option<Command> {
        let time = self.hearing.time(now);
        let is_late = |incarnation: &Incarnation| {
            let heard = self.heard.get(incarnation);
            heard.is_some_and(|&heard| time.since(heard) > self.patience)
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
}
